"""The normalised Job: what every platform yields and everything after it reads. Unknown is None, never 0.

Money is an optional Decimal in the job's currency; moments are aware; text carries no HTML.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A frozen value: unknown keys are refused, so that a platform cannot slip in what nobody reads.

    What was given is not repeated in pydantic's errors: it may be a customer's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy; what was worked out of the values before, as a job's fingerprint, is not that of a changed one."""
        copy = super().model_copy(update=update, deep=deep)
        if update and len(copy.__dict__) > len(type(self).model_fields):
            for name in copy.__dict__.keys() - type(self).model_fields.keys():
                del copy.__dict__[name]
        return copy


class LineKind(StrEnum):
    """What a line stands for; rules match on it first."""

    LABOUR = "labour"
    MATERIAL = "material"
    SUBCONTRACT = "subcontract"
    EXPENSE = "expense"
    FEE = "fee"
    DISCOUNT = "discount"
    TEXT = "text"


class Stage(StrEnum):
    """Where a job stands, common to all platforms; `raw_status` keeps the platform's own word."""

    QUOTE = "quote"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INVOICED = "invoiced"
    CANCELLED = "cancelled"


class TaxMode(StrEnum):
    """Whether the platform's prices hold tax; `mixed` when its lines differ."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"
    NONE = "none"
    MIXED = "mixed"


class Address(Record):
    """A postal address, line by line."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""


class Person(Record):
    """Someone to reach about the job; `role` is job, billing, site or manager."""

    role: str = "job"
    name: str = ""
    email: str | None = None
    phone: str | None = None


class Customer(Record):
    """Who pays. `external_ref` is the Xero ContactID where the platform itself stores one."""

    id: str
    name: str
    number: str | None = None
    is_company: bool | None = None
    first_name: str = ""
    last_name: str = ""
    email: str | None = None
    phones: tuple[str, ...] = ()
    tax_number: str | None = None
    company_number: str | None = None
    billing_address: Address | None = None
    terms_days: int | None = None
    currency: str | None = None
    parent_id: str | None = None
    external_ref: str | None = None
    tags: tuple[str, ...] = ()


class Site(Record):
    """Where the work was done; `region` is free for tracking (a state, a county, a branch)."""

    id: str | None = None
    name: str = ""
    region: str = ""
    address: Address | None = None


class JobDates(Record):
    """The job's moments. `completed` read in the account's time zone gives the date that terms count from."""

    created: AwareDatetime | None = None
    scheduled: AwareDatetime | None = None
    started: AwareDatetime | None = None
    completed: AwareDatetime | None = None


class LineTax(Record):
    """The platform's word for the line's tax (what `taxes` in a rule book maps), its rate in percent and amount."""

    name: str | None = None
    rate: Decimal | None = None
    amount: Decimal | None = None


class Line(Record):
    """One line of a job.

    quantity in `unit`s; unit prices and totals before (`_ex`) or with (`_inc`) tax, after the line's own discount for
    totals, before it for unit prices; `discount_rate` in percent, `discount_amount` in currency for the whole line.
    """

    id: str
    kind: LineKind
    description: str = ""
    code: str | None = None
    category: str | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    unit_price_ex: Decimal | None = None
    unit_price_inc: Decimal | None = None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    total_ex: Decimal | None = None
    total_inc: Decimal | None = None
    unit_cost: Decimal | None = None
    tax: LineTax | None = None
    billable: bool = True
    section: str | None = None
    worked_on: date | None = None
    staff: str | None = None
    account_hint: str | None = None
    tracking_hints: dict[str, str] = Field(default_factory=dict)
    already_invoiced: Decimal | None = None


class Totals(Record):
    """Totals as the platform states them; compared with ours, never copied."""

    ex: Decimal | None = None
    tax: Decimal | None = None
    inc: Decimal | None = None


class Quote(Record):
    """What was quoted and agreed."""

    number: str | None = None
    accepted_at: AwareDatetime | None = None
    totals: Totals = Totals()


class Payment(Record):
    """Money the platform says was received."""

    id: str
    amount: Decimal
    received_on: date | None = None
    method: str | None = None
    is_deposit: bool = False
    reference: str | None = None


class Claims(Record):
    """What the platform itself says was invoiced so far."""

    invoiced_to_date: Decimal | None = None
    remaining: Decimal | None = None
    percent: Decimal | None = None


def _known_zone(zone: str) -> str:
    """Refused where the job is made, so that every date can be read afterwards."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{zone}' is not an IANA time zone such as Pacific/Auckland") from error
    return zone


TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""An IANA time zone that this machine knows."""


EXPORT_MARK = "exported to accounting"
"""What a warning says that is about the platform's own mark of the export, as it may be the mark of our own invoice."""

_OURS: dict[str, Any] = {
    **dict.fromkeys(("modified_at", "web_url", "warnings", "export_processed"), True),
    "claims": {"invoiced_to_date", "remaining"},
}


class Job(Record):
    """A job as a platform tells it.

    id: the platform's key, as text; number: what people call it. account_tz: IANA name of the platform account's zone.
    export_processed: the platform says that some accounting link already took this job.
    """

    platform: str
    id: str
    number: str
    web_url: str | None = None
    modified_at: AwareDatetime | None = None
    raw_status: str
    stage: Stage
    title: str = ""
    description: str = ""
    work_summary: str = ""
    reference: str | None = None
    category: str | None = None
    job_type: str | None = None
    business_unit: str | None = None
    tags: tuple[str, ...] = ()
    customer: Customer | None = None
    contacts: tuple[Person, ...] = ()
    site: Site | None = None
    dates: JobDates = JobDates()
    account_tz: TimeZone = "UTC"
    currency: str | None = None
    tax_mode: TaxMode = TaxMode.EXCLUSIVE
    lines: tuple[Line, ...] = ()
    quote: Quote | None = None
    reported_totals: Totals = Totals()
    payments: tuple[Payment, ...] = ()
    claims: Claims | None = None
    custom_fields: dict[str, str] = Field(default_factory=dict)
    export_processed: bool | None = None
    warnings: tuple[str, ...] = ()

    @property
    def completed_on(self) -> date | None:
        """The completion date as the account's own calendar shows it."""
        return local_date(self.dates.completed, self.account_tz)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over all that can change an invoice: equal fingerprints bill alike. What we write back does not count."""
        text = self.model_dump_json(exclude=_OURS, exclude_none=True)
        return hashlib.sha256(text.encode()).hexdigest()


def local_date(moment: datetime | None, zone: str) -> date | None:
    """The calendar date of a moment in an IANA time zone."""
    if moment is None:
        return None
    try:
        return moment.astimezone(ZoneInfo(zone)).date()
    except OverflowError:  # the calendar's first or last day, which no zone can move
        return moment.date()


def job_from_json(text: str) -> Job:
    """A job as the ledger keeps it (`Job.model_dump_json()`)."""
    return Job.model_validate_json(text)
