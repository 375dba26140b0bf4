"""The rule book as the accountant writes it: one pydantic model a section, in the order of the YAML file.

Loaded by `milepost.rules.load`, published as JSON schema by `milepost.rules.schema`, read by `milepost.billing`.
Every text is the field's own term; a template is Jinja2 over `job`, `line` and `milestone`.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, Tag, model_validator

from milepost.rules.fields import (
    CURRENCY,
    MILESTONE_CODE,
    RULE_ID,
    TEMPLATE_ROOTS,
    AccountCode,
    Globs,
    InvoiceText,
    IsoDate,
    Kinds,
    LineText,
    Statuses,
)


class Section(BaseModel):
    """A part of a rule book: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
    tracking: dict[str, InvoiceText] = Field(
        default_factory=dict, description="tracking category: template for its option, for every line"
    )


class InvoiceOverride(Section):
    """The keys of `invoice` that a milestone changes."""

    status: InvoiceStatus | None = Field(None, description="instead of the book's status")
    number: InvoiceText | None = Field(None, description="instead of the book's number")
    reference: InvoiceText | None = Field(None, description="instead of the book's reference")
    date: Literal["completion", "today"] | None = Field(None, description="instead of the book's date")
    terms: Terms | None = Field(None, description="instead of the book's terms")
    branding_theme: str | None = Field(None, description="instead of the book's invoice design")
    email: bool | None = Field(None, description="instead of the book's choice to send")
    tracking: dict[str, InvoiceText] | None = Field(None, description="instead of the book's tracking")


MatchStep = Literal["link", "contact_number", "account_number", "email", "name"]


class ContactSettings(Section):
    """How a job's customer is found among Xero's contacts."""

    match: tuple[MatchStep, ...] = Field(
        ("link", "contact_number", "account_number", "email", "name"),
        description="the steps, in the order they are tried; a customer found by none is created",
    )
    on_archived: Literal["restore", "hold"] = Field(
        "restore", description="whether an archived contact is restored, or a person is asked"
    )
    on_ambiguous: Literal["hold"] = Field("hold", description="when several contacts fit, a person is asked")


class When(Section):
    """The conditions of a rule: all that are given must hold. Texts are globs, without regard to case.

    A condition on something that a job does not say (no category, no code) does not hold.
    """

    kind: Kinds | None = Field(None, description="what the line stands for")
    code: Globs | None = Field(None, description="the item's code")
    description: Globs | None = Field(None, description="the line's description")
    category: Globs | None = Field(None, description="the line's category, else the job's")
    section: Globs | None = Field(None, description="the section, bundle or cost centre that the line stands in")
    staff: Globs | None = Field(None, description="who did the work")
    tax: Globs | None = Field(None, description="the platform's tax name")
    job_type: Globs | None = Field(None, description="the job's type")
    business_unit: Globs | None = Field(None, description="the job's business unit")
    customer: Globs | None = Field(None, description="the customer's name")
    customer_tag: Globs | None = Field(None, description="one of the customer's tags")
    site_region: Globs | None = Field(None, description="the region of the site")


class Treat(StrEnum):
    """What happens to a matched line.

    bill: it is billed. on_bill: a cost passed on to the customer (its price, else its cost). drop: it is not billed.
    spread: its amount is spread over the job's other lines in proportion. line: a discount shown as a line of its own.
    """

    BILL = "bill"
    ON_BILL = "on_bill"
    DROP = "drop"
    SPREAD = "spread"
    LINE = "line"


class Then(Section):
    """How a matched line is coded."""

    account: AccountCode | None = Field(None, description="the account's code in Xero")
    tax: str | None = Field(None, description="a Xero TaxType; else `taxes`, else the account's own")
    item: LineText | None = Field(None, description="template for the item code; empty for none")
    description: LineText | None = Field(None, description="template; else the line's own description")
    tracking: dict[str, LineText] | None = Field(
        None, description="tracking category: template for its option; wins over the invoice's"
    )
    treat: Treat = Field(Treat.BILL, description="what happens to the line")


class Rule(Section):
    """One rule of `lines`; the first whose `when` holds codes the line."""

    id: str = Field(pattern=RULE_ID, description="the rule's own name, unique in the book; reasons quote it")
    when: When = Field(When(), description="left out, the rule takes every line that no rule before it took")
    then: Then = Field(description="how the line is coded")

    @model_validator(mode="after")
    def _account_where_billed(self) -> "Rule":
        if self.then.account is None and self.then.treat not in (Treat.DROP, Treat.SPREAD):
            raise ValueError("'then' needs an 'account' unless it drops or spreads the line")
        return self


class Fallback(Section):
    """The one service line of a job that has a net price and no lines."""

    description: InvoiceText = Field("{{ job.title }}", description="template")
    account: AccountCode = Field(description="the account's code in Xero")
    tax: str | None = Field(None, description="a Xero TaxType; else the account's own")
    item: InvoiceText | None = Field(None, description="template for the item code")


class Percent(Section):
    """A share of the job's current total, in percent."""

    percent: Decimal = Field(gt=0, le=100, description="percent of the job's current total")


class Flat(Section):
    """An amount in the invoice's own terms: before tax when line amounts are exclusive, with tax when inclusive."""

    flat: Decimal = Field(gt=0, decimal_places=2, description="an amount in the job's currency")


def _amount_form(value: object) -> str | None:
    """Which form of amount was meant, so that errors speak of that one only. In <>, since no key looks so."""
    if isinstance(value, str):
        return "<remaining>" if value == "remaining" else None
    return next((f"<{form}>" for form in ("percent", "flat") if _has(value, form)), None)


def _has(value: object, key: str) -> bool:
    return key in value if isinstance(value, dict) else hasattr(value, key)


Amount = Annotated[
    Annotated[Literal["remaining"], Tag("<remaining>")]
    | Annotated[Percent, Tag("<percent>")]
    | Annotated[Flat, Tag("<flat>")],
    Discriminator(
        _amount_form,
        custom_error_type="amount",
        custom_error_message="give 'remaining', {percent: 30} or {flat: 500.00}",
    ),
]


class Milestone(Section):
    """A billing stage. It is due when the job's status is one of `on_status` (without regard to case).

    account, tax: where a deposit or progress amount is coded; left out, it is split over the accounts of the job's lines.
    """

    code: str = Field(pattern=MILESTONE_CODE, description="short and unique in the book; {{ milestone.code }}")
    name: str = Field(min_length=1, description="what people call the stage; {{ milestone.name }}")
    on_status: Statuses = Field(description="the job system's own statuses at which this stage is due")
    amount: Amount = Field("remaining", description="`remaining`, a percentage of the job's total, or a flat amount")
    lines: Literal["itemised_less_earlier", "summary"] | None = Field(
        None,
        description="by default a remaining amount is itemised less what was billed, any other is a summary",
    )
    description: InvoiceText = Field(
        "{{ milestone.name | capitalize }} for job {{ job.number }}", description="template for a summary line"
    )
    account: AccountCode | None = Field(None, description="the account's code in Xero")
    tax: str | None = Field(None, description="a Xero TaxType")
    invoice: InvoiceOverride = Field(InvoiceOverride(), description="the keys of `invoice` that this stage changes")

    @model_validator(mode="after")
    def _lines_fit_amount(self) -> "Milestone":
        itemised = self.lines == "itemised_less_earlier"
        if self.lines is not None and itemised != (self.amount == "remaining"):
            raise ValueError("'itemised_less_earlier' goes with 'remaining', 'summary' with percent and flat amounts")
        return self


TEMPLATE_ROOTS["milestone"] = Milestone


class PaymentSettings(Section):
    """Accounts for money received on the platform."""

    accounts: dict[str, AccountCode] = Field(default_factory=dict, description="payment method: account code in Xero")
    fees: AccountCode | None = Field(None, description="account for what a payment provider keeps")
    surcharges: AccountCode | None = Field(None, description="account for surcharges that customers paid")


class Origin(Section):
    """Where a loaded book came from: its folder's name, file, sha256 of the text, and the line of each entry.

    `lines` maps an entry such as `lines.labour` or `milestones.DEP` to its line in the file.
    """

    book: str
    path: str
    sha256: str
    lines: dict[str, int] = Field(default_factory=dict)


class RuleBook(Section):
    """One version of a rule book."""

    version: int = Field(ge=1, description="counts up; the file of version 3 is v0003.yaml")
    effective_from: IsoDate = Field(description="jobs completed on or after this date are billed by this version")
    organisation: str = Field(description="the Xero organisation, for people to see")
    invoice: InvoiceSettings = Field(InvoiceSettings(), description="what every invoice has")
    contacts: ContactSettings = Field(ContactSettings(), description="how customers are found in Xero")
    taxes: dict[str, str] = Field(default_factory=dict, description="the platform's tax name: Xero TaxType")
    lines: tuple[Rule, ...] = Field(description="the rules that code lines, in order; the first that fits wins")
    fallback: Fallback | None = Field(None, description="for a job with a price and no lines; without it such jobs are held")
    milestones: tuple[Milestone, ...] = Field(min_length=1, description="the billing stages of a job, in their order")
    payments: PaymentSettings = Field(PaymentSettings(), description="accounts for money received on the platform")

    _origin: Origin | None = PrivateAttr(None)

    @property
    def origin(self) -> Origin:
        """Where this book came from; a book made in code has a nameless one."""
        return self._origin or Origin(book="unsaved", path="unsaved", sha256="")

    def from_origin(self, origin: Origin) -> "RuleBook":
        """The same book, knowing where it came from."""
        self._origin = origin
        return self

    def where(self, entry: str) -> str:
        """`file:line` of an entry such as `lines.labour`, for people to follow."""
        line = self.origin.lines.get(entry)
        return f"{self.origin.path}:{line}" if line else self.origin.path

    def milestone(self, code: str) -> Milestone | None:
        """The milestone with this code."""
        return next((m for m in self.milestones if m.code == code), None)
