"""The rule book as the accountant writes it: one pydantic model a section, in the order of the YAML file.

Loaded by `milepost.rules.load`, published as JSON schema by `milepost.rules.schema`, read by `milepost.billing`.
Every text is the field's own term; a template is Jinja2 over `job`, `line` and `milestone`.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from milepost.jobs import LineKind


class Section(BaseModel):
    """A part of a rule book: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Globs = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""One glob or a list of them, compared without regard to case; any may match."""


class Terms(Section):
    """When the invoice falls due: `days` after the completion date, or a day of the month that follows it."""

    days: Annotated[int, Field(ge=0, le=365)] | None = None
    day_of_following_month: Annotated[int, Field(ge=1, le=31)] | None = None

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

    status: InvoiceStatus = InvoiceStatus.DRAFT
    number: str = Field("xero", description="`xero` lets Xero number it; else a template")
    reference: str = Field("{{ job.number }}", description="template")
    date: Literal["completion", "today"] = Field(
        "completion", description="a job that is not complete bills today"
    )
    terms: Terms = Terms(days=14)
    line_amounts: Literal["exclusive", "inclusive", "no_tax"] = "exclusive"
    currency: str = Field("job", description="`job`: the job's, else the organisation's base; or an ISO code")
    branding_theme: str | None = None
    email: bool = Field(False, description="send through Xero once authorised")
    tracking: dict[str, str] = Field(default_factory=dict, description="category: template, for every line")


class InvoiceOverride(Section):
    """The keys of `invoice` that a milestone changes."""

    status: InvoiceStatus | None = None
    number: str | None = None
    reference: str | None = None
    date: Literal["completion", "today"] | None = None
    terms: Terms | None = None
    branding_theme: str | None = None
    email: bool | None = None
    tracking: dict[str, str] | None = None


MatchStep = Literal["link", "contact_number", "account_number", "email", "name"]


class ContactSettings(Section):
    """How a job's customer is found among Xero's contacts: the steps are tried in this order."""

    match: tuple[MatchStep, ...] = ("link", "contact_number", "account_number", "email", "name")
    on_archived: Literal["restore", "hold"] = "restore"
    on_ambiguous: Literal["hold"] = "hold"


class When(Section):
    """The conditions of a rule: all that are given must hold. Texts are globs, without regard to case."""

    kind: Annotated[tuple[LineKind, ...], BeforeValidator(_listed)] | None = None
    code: Globs | None = None
    description: Globs | None = None
    category: Globs | None = Field(None, description="the line's category, else the job's")
    section: Globs | None = None
    staff: Globs | None = None
    tax: Globs | None = Field(None, description="the platform's tax name")
    job_type: Globs | None = None
    business_unit: Globs | None = None
    customer: Globs | None = Field(None, description="the customer's name")
    customer_tag: Globs | None = None
    site_region: Globs | None = None


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
    """How a matched line is coded. Texts but `account` and `tax` are templates."""

    account: str | None = Field(None, description="the account's code in Xero")
    tax: str | None = Field(None, description="a Xero TaxType; else `taxes`, else the account's own")
    item: str | None = Field(None, description="template for the item code; empty for none")
    description: str | None = Field(None, description="template")
    tracking: dict[str, str] | None = Field(None, description="category: template; wins over the invoice's")
    treat: Treat = Treat.BILL


class Rule(Section):
    """One rule of `lines`; the first whose `when` holds codes the line."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    when: When = When()
    then: Then

    @model_validator(mode="after")
    def _account_where_billed(self) -> "Rule":
        if self.then.account is None and self.then.treat not in (Treat.DROP, Treat.SPREAD):
            raise ValueError("'then' needs an 'account' unless it drops or spreads the line")
        return self


class Fallback(Section):
    """The one service line of a job that has a net price and no lines."""

    description: str = "{{ job.title }}"
    account: str
    tax: str | None = None
    item: str | None = None


class Percent(Section):
    """A share of the job's current total, in percent."""

    percent: Decimal = Field(gt=0, le=100)


class Flat(Section):
    """An amount in the invoice's own terms: before tax when line amounts are exclusive, with tax when inclusive."""

    flat: Decimal = Field(gt=0, decimal_places=2)


Amount = Literal["remaining"] | Percent | Flat


class Milestone(Section):
    """A billing stage. It is due when the job's status is one of `on_status` (without regard to case).

    account, tax: where a deposit or progress amount is coded; left out, it is split over the accounts of the job's lines.
    """

    code: str = Field(pattern=r"^[A-Z0-9]{1,8}$")
    name: str
    on_status: Annotated[tuple[str, ...], BeforeValidator(_listed)]
    amount: Amount = "remaining"
    lines: Literal["itemised_less_earlier", "summary"] | None = Field(
        None,
        description="by default a remaining amount is itemised less what was billed, any other is a summary",
    )
    description: str = "{{ milestone.name | capitalize }} for job {{ job.number }}"
    account: str | None = None
    tax: str | None = None
    invoice: InvoiceOverride = InvoiceOverride()

    @model_validator(mode="after")
    def _lines_fit_amount(self) -> "Milestone":
        itemised = self.lines == "itemised_less_earlier"
        if self.lines is not None and itemised != (self.amount == "remaining"):
            raise ValueError(
                "'itemised_less_earlier' goes with 'remaining', 'summary' with percent and flat amounts"
            )
        return self


class PaymentSettings(Section):
    """Accounts for money received on the platform, by its method."""

    accounts: dict[str, str] = Field(default_factory=dict)
    fees: str | None = None
    surcharges: str | None = None


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

    version: int = Field(ge=1)
    effective_from: date
    organisation: str
    invoice: InvoiceSettings = InvoiceSettings()
    contacts: ContactSettings = ContactSettings()
    taxes: dict[str, str] = Field(default_factory=dict, description="the platform's tax name: Xero TaxType")
    lines: tuple[Rule, ...]
    fallback: Fallback | None = None
    milestones: tuple[Milestone, ...] = Field(min_length=1)
    payments: PaymentSettings = PaymentSettings()

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
