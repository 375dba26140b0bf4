"""Gathers all parts of many jobs: the reads of a fetch, each kind of record once for all jobs."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from milepost.errors import RemoteError
from milepost.platforms.servicem8.lines import PriceList
from milepost.platforms.servicem8.normalise import AccountFacts, JobParts
from milepost.platforms.servicem8.query import Row
from milepost.platforms.servicem8.reading import Grouped, Reader, at_once
from milepost.platforms.servicem8.records import BadRecord, NamedRecord, R, StaffRecord, VendorRecord, parse
from milepost.platforms.servicem8.settings import ServiceM8Settings

_log = logging.getLogger(__name__)
_UNREAD = {
    "jobcontact": "the job's contacts (scope read_job_contacts)",
    "jobpayment": "payments (scope read_job_payments), so deposits are unknown",
    "jobactivity": "the schedule (scope read_schedule)",
    "companycontact": "the client's contacts (scope read_customer_contacts)",
    "material": "the price list (scope read_inventory), so item codes are unknown",
    "taxrate": "tax rates (scope read_tax_rates), so the lines' taxes are unknown",
    "staff": "staff (scope read_staff), so labour is known by the name patterns alone",
    "category": "job categories (scope read_job_categories)",
    "queue": "job queues (scope read_job_queues)",
    "badge": "badges (scope manage_badges)",
}
"""What a person is told when a scope is missing. Jobs, their lines and their clients are never done without."""


@dataclass(frozen=True)
class Gathered:
    """The parts of the jobs that were found, by uuid, and what is common to them; `unread`: why a part is missing."""

    parts: dict[str, JobParts]
    account: AccountFacts
    unread: dict[str, RemoteError]


async def gather(reader: Reader, settings: ServiceM8Settings, vendor: VendorRecord, jobs: Sequence[Row]) -> Gathered:
    """Read everything that belongs to the jobs."""
    children = await _children_of(reader, settings, [_ref(job, "uuid") for job in jobs])
    clients = {_ref(job, "company_uuid") for job in jobs} - {""}
    companies = await reader.records("company", clients)
    people = await _children(reader, "companycontact", "company_uuid", companies)
    materials = [row for rows in children["jobmaterial"].values() for row in rows]
    bundled = {_ref(row, "job_uuid") for row in materials if _ref(row, "job_material_bundle_uuid")}
    bundles = await reader.children("jobmaterialbundle", "job_uuid", bundled)
    parts = {
        uuid: JobParts(
            job=job,
            company=companies.get(_ref(job, "company_uuid")),
            company_contacts=people.get(_ref(job, "company_uuid"), ()),
            contacts=children["jobcontact"].get(uuid, ()),
            materials=children["jobmaterial"].get(uuid, ()),
            bundles=bundles.get(uuid, ()),
            payments=children["jobpayment"].get(uuid, ()),
            activities=children["jobactivity"].get(uuid, ()),
        )
        for job in jobs
        if (uuid := _ref(job, "uuid"))
    }
    account = await _account(reader, vendor, jobs, list(companies.values()), materials)
    return Gathered(parts, account, {uuid: error for uuid, of in parts.items() for error in _unread(reader, uuid, of)})


def _unread(reader: Reader, uuid: str, parts: JobParts) -> list[RemoteError]:
    """What could not be read of all that belongs to a job."""
    entries = (_ref(row, "material_uuid") for row in parts.materials)
    wanted = (uuid, _ref(parts.job, "company_uuid"), *entries) if reader.unread else ()
    return [reader.unread[value] for value in wanted if value in reader.unread]


async def _children_of(reader: Reader, settings: ServiceM8Settings, uuids: Sequence[str]) -> dict[str, Grouped]:
    """The jobs' children by kind and job, all kinds at once."""
    kinds = ["jobmaterial", "jobcontact", "jobpayment", *(["jobactivity"] if settings.read_activities else [])]
    found = await at_once([_children(reader, kind, "job_uuid", uuids) for kind in kinds])
    return {"jobactivity": {}, **dict(zip(kinds, found, strict=True))}


async def _children(reader: Reader, kind: str, field: str, values: Iterable[str]) -> Grouped:
    reading = reader.children(kind, field, values)
    return await reader.allowed(kind, reading, {}) if kind in _UNREAD else await reading


async def _account(
    reader: Reader,
    vendor: VendorRecord,
    jobs: Sequence[Row],
    companies: Sequence[Row],
    materials: Sequence[Row],
) -> AccountFacts:
    """What the jobs refer to; a small collection is read only where one of them does."""
    timezone, warnings = timezone_of(vendor)
    entries = {_ref(row, "material_uuid") for row in materials} - {""}
    has_badges = any(_has_badges(row) for row in (*jobs, *companies))
    tax_rates = await _whole(reader, "taxrate", needed=any(_ref(row, "tax_rate_uuid") for row in materials))
    staff = await _whole(reader, "staff", needed=bool(entries))
    labour = frozenset(person.labour_material_uuid for person in _readable(StaffRecord, staff)) - {""}
    prices = PriceList(
        materials=await reader.allowed("material", reader.records("material", entries), {}),
        tax_rates={_ref(row, "uuid"): row for row in tax_rates},
        labour=labour,
    )
    return AccountFacts(
        timezone=timezone,
        currency=vendor.currency.strip() or None,
        prices=prices,
        categories=await _names(reader, "category", needed=any(_ref(job, "category_uuid") for job in jobs)),
        queues=await _names(reader, "queue", needed=any(_ref(job, "queue_uuid") for job in jobs)),
        badges=await _names(reader, "badge", needed=has_badges),
        unread=[_UNREAD[kind] for kind in sorted(reader.forbidden)],
        warnings=warnings,
    )


def timezone_of(vendor: VendorRecord) -> tuple[str, list[str]]:
    """The account's IANA zone; UTC with a warning where it states none that is known."""
    name = vendor.timezone_name.strip()
    try:
        return ZoneInfo(name).key, []
    except (ZoneInfoNotFoundError, ValueError, OSError):
        said = f"the unknown time zone '{name}'" if name else "no time zone"
        return "UTC", [f"the ServiceM8 account states {said}: dates are read as UTC and may be a day off"]


async def _whole(reader: Reader, kind: str, *, needed: bool) -> list[Row]:
    return await reader.allowed(kind, reader.whole(kind), []) if needed else []


async def _names(reader: Reader, kind: str, *, needed: bool) -> dict[str, str]:
    named = _readable(NamedRecord, await _whole(reader, kind, needed=needed))
    return {record.uuid: record.name for record in named if record.name}


def _readable(model: type[R], rows: Iterable[Row]) -> Iterator[R]:
    """The records that are as described: a bad one of the account's own lists concerns no single job."""
    for row in rows:
        try:
            yield parse(model, row)
        except BadRecord as error:
            _log.warning("ServiceM8: %s", error)


def _ref(row: Row, field: str) -> str:
    """A reference to a record; empty where there is none."""
    value = row.get(field)
    return value if isinstance(value, str) else ""


def _has_badges(row: Row) -> bool:
    return row.get("badges") not in (None, "", "[]", [])
