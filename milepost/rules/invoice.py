"""What a rule book says of the invoice as a whole: its status, number, dates, terms, and how its lines are shown."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from milepost.rules.fields import CURRENCY, GroupText, InvoiceText, Section, two_at_most

Tracking = Annotated[dict[str, InvoiceText], two_at_most]


class Terms(Section):
    """When the invoice falls due: so many days after the job's completion, or on a day of the next month.

    A job that is not complete counts from the invoice's date."""

    days: Annotated[int, Field(ge=0, le=365)] | None = Field(
        None, description="days after the completion; 0 is the same day"
    )
    day_of_following_month: Annotated[int, Field(ge=1, le=31)] | None = Field(
        None, description="a day of the month after the completion; 31 is its last day"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "Terms":
        if (self.days is None) == (self.day_of_following_month is None):
            raise ValueError("give either 'days' or 'day_of_following_month'")
        return self


class InvoiceStatus(StrEnum):
    """The status an invoice is created with, in Xero's words."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    AUTHORISED = "AUTHORISED"


class Merge(Section):
    """Lines that are shown as one. Texts stay as they are; a rule may drop them."""

    by: Literal["section", "kind", "account", "total"] = Field(
        description="lines of one section, one kind or one account become one; `total`: all of the invoice"
    )
    description: GroupText = Field(
        "{{ group.name }}", description="template; group.name, and group.descriptions, those of its lines"
    )


class InvoiceSettings(Section):
    """What every invoice of the book has; a milestone may override single keys."""

    status: InvoiceStatus = Field(
        InvoiceStatus.DRAFT,
        description="DRAFT and SUBMITTED wait for a person in Xero; AUTHORISED is approved at once",
    )
    number: InvoiceText = Field(
        "xero", description="`xero` lets Xero number it; else a template, such as {{ job.number }}-{{ milestone.code }}"
    )
    reference: InvoiceText = Field("{{ job.number }}", description="template; the customer sees it on the invoice")
    date: Literal["completion", "today"] = Field(
        "completion", description="the invoice's date; a job that is not complete bills today"
    )
    terms: Terms = Field(Terms(days=14), description="when it falls due, counted from the completion")
    line_amounts: Literal["exclusive", "inclusive", "no_tax"] = Field(
        "exclusive", description="whether the amounts on the invoice hold tax"
    )
    currency: str = Field(
        "job", pattern=CURRENCY, description="`job`: the job's, else the organisation's base; or an ISO code such as NZD"
    )
    branding_theme: str | None = Field(None, description="the invoice design in Xero, by its name")
    email: bool = Field(default=False, description="send through Xero once authorised")
    tracking: Tracking = Field(
        default_factory=dict, description="tracking category: template for its option, for every line; two at most"
    )
    merge: Merge | None = Field(None, description="show lines as one; those of another account, tax or tracking stay apart")


class InvoiceOverride(Section):
    """The keys of `invoice` that a milestone changes."""

    status: InvoiceStatus | None = Field(None, description="instead of the book's status")
    number: InvoiceText | None = Field(None, description="instead of the book's number")
    reference: InvoiceText | None = Field(None, description="instead of the book's reference")
    date: Literal["completion", "today"] | None = Field(None, description="instead of the book's date")
    terms: Terms | None = Field(None, description="instead of the book's terms")
    branding_theme: str | None = Field(None, description="instead of the book's invoice design")
    email: bool | None = Field(None, description="instead of the book's choice to send")
    tracking: Tracking | None = Field(None, description="instead of the book's tracking")
    merge: Merge | None = Field(None, description="instead of the book's way to show lines as one")
