"""The job of a test, in friendly names: everything may be left out but a line's kind. `made` makes a `Job` of it.

A step of a test says only what changes; `merged` lays it over the job as it was.
"""

from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field

from milepost.jobs import LineKind, Stage, TaxMode, TimeZone
from milepost.rules.fields import IsoDate, Section

Given = TypeVar("Given", bound=Section)


def _text_as(key: str, section_type: type[Section]) -> BeforeValidator:
    """A section of which one key is mostly enough may be written as that key's value alone."""

    def section(value: object) -> object:
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(section, json_schema_input_type=str | section_type | None)


class TaxGiven(Section):
    """What the job system says of a line's tax."""

    name: str | None = Field(None, description="the job system's name of it, which `taxes` of the book maps")
    rate: Decimal | None = Field(None, description="in percent")
    amount: Decimal | None = Field(None, description="the tax of the whole line")


class LineGiven(Section):
    """A line of the job."""

    kind: LineKind = Field(description="what the line stands for")
    description: str = Field("", description="the line's text")
    code: str | None = Field(None, description="the item's code")
    category: str | None = Field(None, description="the line's own category")
    section: str | None = Field(None, description="the section, bundle or cost centre it stands in")
    quantity: Decimal | None = Field(None, description="how many; hours of labour")
    unit: str | None = Field(None, description="of what the quantity is")
    price: Decimal | None = Field(None, description="for one unit, before tax")
    price_inc: Decimal | None = Field(None, description="for one unit, with tax")
    total: Decimal | None = Field(None, description="of the line, before tax")
    total_inc: Decimal | None = Field(None, description="of the line, with tax")
    cost: Decimal | None = Field(None, description="what one unit cost us")
    discount: Decimal | None = Field(None, description="the line's own discount, in percent")
    discount_amount: Decimal | None = Field(None, description="the line's own discount, in the job's currency")
    tax: Annotated[TaxGiven | None, _text_as("name", TaxGiven)] = Field(
        None, description="the job system's name of the tax; or a section: name, rate, amount"
    )
    billable: bool = Field(default=True, description="whether the job system means to bill it")
    staff: str | None = Field(None, description="who did the work")
    worked_on: IsoDate | None = Field(None, description="the day of the work")
    account_hint: str | None = Field(None, description="the account that the job system names")
    tracking_hints: dict[str, str] = Field(default_factory=dict, description="the tracking that the job system names")
    already_invoiced: Decimal | None = Field(None, description="what the job system says was invoiced of it")


class AddressGiven(Section):
    """A postal address."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""


class CustomerGiven(Section):
    """Who pays."""

    name: str = "A. Customer"
    number: str | None = None
    id: str = "customer-1"
    email: str | None = None
    tags: tuple[str, ...] = Field((), description="for `customer_tag` in the book")
    company: bool | None = Field(None, description="whether it is a company")
    currency: str | None = None
    address: AddressGiven | None = None


class SiteGiven(Section):
    """Where the work was done."""

    region: str = Field("", description="for `site_region` in the book")
    name: str = ""
    address: AddressGiven | None = None


class TotalsGiven(Section):
    """Totals as the job system states them."""

    net: Decimal | None = Field(None, description="before tax")
    tax: Decimal | None = None
    total: Decimal | None = Field(None, description="with tax")


class QuoteGiven(TotalsGiven):
    """What was quoted and agreed."""

    number: str | None = None
    accepted: IsoDate | None = Field(None, description="the day it was accepted")


class PaymentGiven(Section):
    """Money that the job system says was received."""

    amount: Decimal
    method: str | None = Field(None, description="a way of paying, as `payments: accounts` of the book has it")
    received: IsoDate | None = Field(None, description="the day")
    deposit: bool = Field(default=False, description="whether it was taken before any invoice")
    reference: str | None = None


class ClaimsGiven(Section):
    """What the job system itself says of the job's invoices."""

    percent: Decimal | None = Field(None, description="the progress made; for `{progress: platform}`")
    invoiced_to_date: Decimal | None = None
    remaining: Decimal | None = None


class PersonGiven(Section):
    """Someone to reach about the job."""

    role: str = "job"
    name: str = ""
    email: str | None = None
    phone: str | None = None


class JobGiven(Section):
    """The job as the job system tells it. In a step, only what changes; lists are given anew, `more_lines` adds to them."""

    status: str | None = Field(
        None, description="the job system's own; left out, one at which the test's stage is due (the last of the book)"
    )
    number: str = Field("1001", description="what people call the job")
    completed: IsoDate | None = Field(None, description="the day of completion; terms count from it")
    customer: Annotated[CustomerGiven | None, _text_as("name", CustomerGiven)] = Field(
        CustomerGiven(), description="a name; or a section: name, number, tags, ...; null for a job without one"
    )
    lines: tuple[LineGiven, ...] = Field((), description="the lines, in order")
    more_lines: tuple[LineGiven, ...] = Field((), description="in a step: lines that are added, as a variation")
    site: SiteGiven | None = None
    title: str = "A job"
    description: str = ""
    work_summary: str = ""
    reference: str | None = Field(None, description="the customer's order number")
    category: str | None = None
    job_type: str | None = None
    business_unit: str | None = None
    tags: tuple[str, ...] = Field((), description="for `job_tag` in the book")
    custom_fields: dict[str, str] = Field(default_factory=dict)
    currency: str | None = None
    job_total: Annotated[TotalsGiven | None, _text_as("net", TotalsGiven)] = Field(
        None, description="the total before tax that the job system states; or a section: net, tax, total"
    )
    quoted: Annotated[QuoteGiven | None, _text_as("net", QuoteGiven)] = Field(
        None, description="what was quoted before tax; or a section: net, total, number, accepted"
    )
    payments: tuple[PaymentGiven, ...] = ()
    claims: ClaimsGiven | None = None
    prices: TaxMode = Field(TaxMode.EXCLUSIVE, description="whether the job system's prices hold tax")
    stage: Stage | None = Field(None, description="left out: completed where there is a day of completion")
    timezone: TimeZone = Field("UTC", description="the job system's time zone, such as Pacific/Auckland")
    created: IsoDate | None = None
    started: IsoDate | None = None
    contacts: tuple[PersonGiven, ...] = ()
    taken_elsewhere: bool | None = Field(None, description="whether another accounting link took the job already")


def merged(before: Given, change: Given | None) -> Given:
    """The section with what a step says of it laid over: sections key by key, all else anew."""
    if change is None:
        return before
    said = {name: _laid_over(getattr(before, name), getattr(change, name)) for name in change.model_fields_set}
    after = before.model_copy(update=said)
    if isinstance(after, JobGiven) and after.more_lines:
        return after.model_copy(update={"lines": (*after.lines, *after.more_lines), "more_lines": ()})
    return after


def _laid_over(before: object, change: object) -> object:
    if isinstance(before, Section) and isinstance(change, type(before)):
        return merged(before, change)
    if isinstance(before, dict) and isinstance(change, dict):
        return before | change
    return change
