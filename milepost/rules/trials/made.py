"""The job that a test gives, as the billing reads it."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from milepost.jobs import (
    Address,
    Claims,
    Customer,
    Job,
    JobDates,
    Line,
    LineTax,
    Payment,
    Person,
    Quote,
    Site,
    Stage,
    Totals,
)
from milepost.rules.trials.given import (
    AddressGiven,
    CustomerGiven,
    JobGiven,
    LineGiven,
    PaymentGiven,
    SiteGiven,
    TotalsGiven,
)

_NOON = time(12)


def job_of(given: JobGiven, status: str) -> Job:
    """The job, at its own status, else at this one."""
    quote, totals, claims = given.quoted, given.job_total or TotalsGiven(), given.claims
    return Job(
        platform="test",
        id=f"job-{given.number}",
        raw_status=given.status or status,
        stage=given.stage or (Stage.COMPLETED if given.completed else Stage.IN_PROGRESS),
        customer=_customer(given.customer) if given.customer else None,
        contacts=tuple(Person(**dict(person)) for person in given.contacts),
        site=_site(given.site) if given.site else None,
        dates=_dates(given),
        account_tz=given.timezone,
        tax_mode=given.prices,
        lines=tuple(_line(line, place) for place, line in enumerate((*given.lines, *given.more_lines), 1)),
        quote=Quote(number=quote.number, accepted_at=_noon(quote.accepted, given), totals=_totals(quote)) if quote else None,
        reported_totals=_totals(totals),
        payments=tuple(_payment(payment, place) for place, payment in enumerate(given.payments, 1)),
        claims=Claims(**dict(claims)) if claims else None,
        export_processed=given.taken_elsewhere,
        **{name: getattr(given, name) for name in SAME_NAMES},
    )


SAME_NAMES = (
    "number", "title", "description", "work_summary", "reference", "category", "job_type", "business_unit", "tags",
    "currency", "custom_fields",
)  # fmt: skip
"""Fields that a test calls as the job does."""


def _noon(day: date | None, given: JobGiven) -> datetime | None:
    return datetime.combine(day, _NOON, ZoneInfo(given.timezone)) if day else None


def _dates(given: JobGiven) -> JobDates:
    return JobDates(
        created=_noon(given.created, given), started=_noon(given.started, given), completed=_noon(given.completed, given)
    )


def _totals(given: TotalsGiven) -> Totals:
    return Totals(ex=given.net, tax=given.tax, inc=given.total)


def _address(given: AddressGiven | None) -> Address | None:
    return Address(**dict(given)) if given else None


def _customer(given: CustomerGiven) -> Customer:
    return Customer(
        id=given.id,
        name=given.name,
        number=given.number,
        email=given.email,
        tags=given.tags,
        is_company=given.company,
        currency=given.currency,
        billing_address=_address(given.address),
    )


def _site(given: SiteGiven) -> Site:
    return Site(name=given.name, region=given.region, address=_address(given.address))


def _payment(given: PaymentGiven, place: int) -> Payment:
    return Payment(
        id=f"payment-{place}",
        amount=given.amount,
        method=given.method,
        received_on=given.received,
        is_deposit=given.deposit,
        reference=given.reference,
    )


LINE_NAMES = {
    "price": "unit_price_ex",
    "price_inc": "unit_price_inc",
    "total": "total_ex",
    "cost": "unit_cost",
    "discount": "discount_rate",
}
"""What a test calls otherwise than `milepost.jobs.Line` does; all else has the same name."""


def _line(given: LineGiven, place: int) -> Line:
    said = {LINE_NAMES.get(name, name): value for name, value in given if name != "tax"}
    return Line(id=str(place), tax=LineTax(**dict(given.tax)) if given.tax else None, **said)
