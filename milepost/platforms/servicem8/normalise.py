"""ServiceM8's records of one job as the normalised Job. Pure; raises BadRecord for a record that is not as described."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from milepost.jobs import Address, Customer, Job, JobDates, LineKind, Payment, Quote, Site, Stage
from milepost.platforms.servicem8 import totals
from milepost.platforms.servicem8.lines import PriceList, Reading, read_lines, tax_mode
from milepost.platforms.servicem8.people import address_of, customer_of, people_of
from milepost.platforms.servicem8.query import Row
from milepost.platforms.servicem8.records import (
    BadRecord,
    CompanyContactRecord,
    CompanyRecord,
    JobActivityRecord,
    JobContactRecord,
    JobMaterialBundleRecord,
    JobMaterialRecord,
    JobPaymentRecord,
    JobRecord,
    R,
    key_of,
    parse,
)
from milepost.platforms.servicem8.settings import ServiceM8Settings, Status

_STAGES: dict[Status, Stage] = {
    "Quote": Stage.QUOTE,
    "Work Order": Stage.SCHEDULED,
    "Completed": Stage.COMPLETED,
    "Unsuccessful": Stage.CANCELLED,
}
_LONGEST_TITLE = 120
_SECONDS_AN_HOUR = Decimal(3600)


@dataclass(frozen=True)
class JobParts:
    """All that was read of one job."""

    job: Row
    company: Row | None = None
    company_contacts: Sequence[Row] = ()
    contacts: Sequence[Row] = ()
    materials: Sequence[Row] = ()
    bundles: Sequence[Row] = ()
    payments: Sequence[Row] = ()
    activities: Sequence[Row] = ()


@dataclass(frozen=True)
class AccountFacts:
    """What is the same for all jobs of a run. `unread` names what the credentials may not read."""

    timezone: str = "UTC"
    currency: str | None = None
    prices: PriceList = field(default_factory=PriceList)
    categories: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)
    badges: Mapping[str, str] = field(default_factory=dict)
    unread: Sequence[str] = ()
    warnings: Sequence[str] = ()


def normalise(parts: JobParts, account: AccountFacts, settings: ServiceM8Settings) -> Job:
    """The Job. Raises BadRecord."""
    job = parse(JobRecord, parts.job)
    zone = ZoneInfo(account.timezone)
    activities = _all(JobActivityRecord, parts.activities)
    contacts = _all(JobContactRecord, parts.contacts)
    payments = _all(JobPaymentRecord, parts.payments)
    reading = _reading(job, parts, account, settings)
    return Job(
        platform="servicem8",
        id=job.uuid,
        number=job.generated_job_id or job.uuid,
        web_url=_web_url(job, settings),
        modified_at=_aware(job.edit_date, zone),
        raw_status=job.status,
        stage=_stage(job, activities),
        title=_title(job, account),
        description=job.job_description.strip(),
        work_summary=job.work_done_description.strip(),
        reference=job.purchase_order_number.strip() or None,
        category=account.categories.get(job.category_uuid),
        tags=_tags(job, account),
        customer=_customer(job, parts, contacts, account),
        contacts=people_of(contacts),
        site=_site(job),
        dates=_dates(job, activities, zone),
        account_tz=account.timezone,
        currency=account.currency,
        tax_mode=tax_mode(reading.lines),
        lines=reading.lines,
        quote=_quote(job, zone),
        reported_totals=totals.reported(reading.lines, job.total_invoice_amount, includes_tax=settings.total_includes_tax),
        payments=tuple(_payment(p, p.amount) for p in payments if p.amount is not None),
        custom_fields=job.custom_fields,
        export_processed=job.payment_processed,
        warnings=tuple(_warnings(job, parts, reading, activities, payments, account, settings)),
    )


def _all(model: type[R], rows: Sequence[Row]) -> list[R]:
    """The records that are not deleted; one that two pages of a list brought counts once."""
    return [record for record in (parse(model, row) for row in _once(model, rows)) if record.active]


def _once(model: type[R], rows: Sequence[Row]) -> list[Row]:
    known: dict[str, Row] = {}
    for row in rows:
        if known.setdefault(str(row.get("uuid")), row) != row:
            raise BadRecord(f"{model.kind} {key_of(row)}", "it came twice, with different values")
    return list(known.values())


def _reading(job: JobRecord, parts: JobParts, account: AccountFacts, settings: ServiceM8Settings) -> Reading:
    materials = _all(JobMaterialRecord, parts.materials)
    bundles = _all(JobMaterialBundleRecord, parts.bundles)
    return read_lines(materials, bundles, job.total_invoice_amount, account.prices, settings)


def _aware(stamp: datetime | None, zone: ZoneInfo) -> datetime | None:
    """A stamp of the account's clocks as a moment; of an hour that comes twice a year, the first."""
    return stamp.replace(tzinfo=zone) if stamp else None


def _web_url(job: JobRecord, settings: ServiceM8Settings) -> str | None:
    if not settings.job_url:
        return None
    return settings.job_url.replace("{uuid}", job.uuid).replace("{number}", job.generated_job_id)


def _stage(job: JobRecord, activities: Sequence[JobActivityRecord]) -> Stage:
    """A work order is under way once time was recorded on it."""
    if job.status == "Work Order" and any(a.activity_was_recorded for a in activities):
        return Stage.IN_PROGRESS
    return _STAGES[job.status]


def _title(job: JobRecord, account: AccountFacts) -> str:
    lines = [line.strip() for line in job.job_description.splitlines() if line.strip()]
    named = lines[0] if lines else account.categories.get(job.category_uuid) or f"Job {job.generated_job_id}".strip()
    return named if len(named) <= _LONGEST_TITLE else named[: _LONGEST_TITLE - 1] + "…"


def _tags(job: JobRecord, account: AccountFacts) -> tuple[str, ...]:
    """The names of the job's badges, and its queue as `queue:<name>`."""
    queue = account.queues.get(job.queue_uuid)
    badges = [account.badges[uuid] for uuid in job.badges if uuid in account.badges]
    return (*badges, *([f"queue:{queue}"] if queue else []))


def _customer(
    job: JobRecord, parts: JobParts, contacts: Sequence[JobContactRecord], account: AccountFacts
) -> Customer | None:
    if parts.company is None:
        return None
    company = parse(CompanyRecord, parts.company)
    return customer_of(company, _all(CompanyContactRecord, parts.company_contacts), contacts, job, account.badges)


def _site(job: JobRecord) -> Site:
    """Where the work was done. The geo fields stand for an address only where `geo_is_valid`."""
    geocoded = Address(
        line1=f"{job.geo_number} {job.geo_street}".strip(),
        city=job.geo_city,
        region=job.geo_state,
        postcode=job.geo_postcode,
        country=job.geo_country,
    )
    is_known = job.geo_is_valid and geocoded != Address()
    return Site(region=job.geo_state.strip(), address=geocoded if is_known else address_of(job.job_address))


def _dates(job: JobRecord, activities: Sequence[JobActivityRecord], zone: ZoneInfo) -> JobDates:
    """`completed` only while the job is: a reopened job keeps its old completion date."""
    booked = [a.start_date for a in activities if a.activity_was_scheduled and a.start_date]
    recorded = [a.start_date for a in activities if a.activity_was_recorded and a.start_date]
    created = datetime.combine(job.date, time.min, zone) if job.date else None
    return JobDates(
        created=created,
        scheduled=_aware(min(booked, default=None), zone),
        started=_aware(min(recorded, default=None), zone),
        completed=_aware(job.completion_date, zone) if job.status == "Completed" else None,
    )


def _quote(job: JobRecord, zone: ZoneInfo) -> Quote | None:
    """A quoted job is accepted when it becomes a work order."""
    if not (job.quote_sent or job.quote_date):
        return None
    is_accepted = job.status in ("Work Order", "Completed")
    return Quote(accepted_at=_aware(job.work_order_date, zone) if is_accepted else None)


def _payment(payment: JobPaymentRecord, amount: Decimal) -> Payment:
    return Payment(
        id=payment.uuid,
        amount=amount,
        received_on=payment.timestamp.date() if payment.timestamp else None,
        method=payment.method.strip() or None,
        is_deposit=payment.is_deposit,
        reference=payment.note.strip() or None,
    )


def _warnings(
    job: JobRecord,
    parts: JobParts,
    reading: Reading,
    activities: Sequence[JobActivityRecord],
    payments: Sequence[JobPaymentRecord],
    account: AccountFacts,
    settings: ServiceM8Settings,
) -> list[str]:
    """What a person should know of this job, in words."""
    found = [*account.warnings, *reading.warnings]
    if job.payment_processed:
        found.append(_processed(job))
    if job.company_uuid and parts.company is None:
        found.append("the client of this job could not be found in ServiceM8: choose a client on the job")
    if any(p.amount is None for p in payments):
        found.append("a payment of this job has no amount in ServiceM8 and was left out")
    stated = job.total_invoice_amount
    differs = totals.difference(reading.lines, stated, includes_tax=settings.total_includes_tax)
    found += [text for text in (differs, _unbilled_time(reading, activities)) if text]
    return found + [f"ServiceM8 does not let these credentials read {what}" for what in account.unread]


def _processed(job: JobRecord) -> str:
    when = f" on {job.payment_processed_stamp:%Y-%m-%d %H:%M}" if job.payment_processed_stamp else ""
    return (
        f"ServiceM8 marks this job as exported to accounting{when}: unless Milepost did that, its own Xero link has"
        " already processed the job, and billing it again would double it; switch that link off"
    )


def _unbilled_time(reading: Reading, activities: Sequence[JobActivityRecord]) -> str | None:
    """Recorded time is evidence only: said where no line bills labour, never billed."""
    if any(line.kind is LineKind.LABOUR for line in reading.lines):
        return None
    spans = [a.end_date - a.start_date for a in activities if a.activity_was_recorded and a.end_date and a.start_date]
    hours = Decimal(sum(int(span.total_seconds()) for span in spans)) / _SECONDS_AN_HOUR
    return f"{hours:.2f} hours were recorded on this job, but it has no labour line" if hours > 0 else None
