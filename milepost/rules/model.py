"""The rule book as the accountant writes it: one pydantic model a section, in the order of the YAML file.

Loaded by `milepost.rules.load`, published as JSON schema by `milepost.rules.schema`, read by `milepost.billing`.
Every text is the field's own term; a template is Jinja2 over `job`, `line` and `milestone`.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from milepost.rules.conditions import DateRange, JobWhen, Range, When
from milepost.rules.fields import RULE_ID, AccountCode, InvoiceText, IsoDate, LineText, Section, two_at_most
from milepost.rules.invoice import InvoiceOverride, InvoiceSettings, InvoiceStatus, Merge, Terms
from milepost.rules.stages import Amount, Flat, Milestone, Percent, Progress, Retention

__all__ = [
    "Amount", "ContactSettings", "DateRange", "Fallback", "Flat", "InvoiceOverride", "InvoiceSettings", "InvoiceStatus",
    "JobWhen", "MatchStep", "Merge", "Milestone", "Origin", "PaymentSettings", "Percent", "Progress", "Range", "Rate",
    "Retention", "Rule", "RuleBook", "Section", "Terms", "Then", "Treat", "When",
]  # fmt: skip


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


class Treat(StrEnum):
    """What happens to a matched line.

    bill: it is billed. on_bill: a cost passed on to the customer (its price, else its cost; with `mark_up` always its cost
    and so many percent). drop: it is not billed. spread: its amount is spread over the job's other lines in proportion.
    line: a discount shown as a line of its own. hold: a person is asked, for the `reason` given.
    """

    BILL = "bill"
    ON_BILL = "on_bill"
    DROP = "drop"
    SPREAD = "spread"
    LINE = "line"
    HOLD = "hold"


class Then(Section):
    """How a matched line is coded."""

    account: AccountCode | None = Field(None, description="the account's code in Xero")
    tax: str | None = Field(None, description="a Xero TaxType; else `taxes`, else the account's own")
    item: LineText | None = Field(None, description="template for the item code; empty for none")
    description: LineText | None = Field(None, description="template; else the line's own description")
    tracking: Annotated[dict[str, LineText], two_at_most] | None = Field(
        None, description="tracking category: template for its option; wins over the invoice's; two at most"
    )
    treat: Treat = Field(Treat.BILL, description="what happens to the line")
    mark_up: Decimal | None = Field(None, ge=0, le=1000, description="percent on top of the cost; goes with treat: on_bill")
    reason: str | None = Field(None, min_length=1, description="what the person is asked; goes with treat: hold")

    @model_validator(mode="after")
    def _keys_fit_treat(self) -> "Then":
        if self.mark_up is not None and self.treat is not Treat.ON_BILL:
            raise ValueError("'mark_up' goes with 'treat: on_bill'")
        if (self.reason is not None) != (self.treat is Treat.HOLD):
            raise ValueError("'treat: hold' and 'reason' go together")
        return self


class Rule(Section):
    """One rule of `lines`; the first whose `when` holds codes the line."""

    id: str = Field(pattern=RULE_ID, description="the rule's own name, unique in the book; reasons quote it")
    when: When = Field(When(), description="left out, the rule takes every line that no rule before it took")
    then: Then = Field(description="how the line is coded")

    @model_validator(mode="after")
    def _account_where_billed(self) -> "Rule":
        if self.then.account is None and self.then.treat not in (Treat.DROP, Treat.SPREAD, Treat.HOLD):
            raise ValueError("'then' needs an 'account' unless it drops, spreads or holds the line")
        return self


class Rate(Section):
    """A price for lines that say a quantity and no price: an entry of a rate card. The first whose `when` holds is used."""

    id: str = Field(pattern=RULE_ID, description="the rate's own name, unique in the book; reasons quote it")
    when: When = Field(When(), description="left out, the rate takes every line without a price")
    price: Decimal = Field(ge=0, decimal_places=4, description="for one unit of quantity, before tax, in the job's currency")
    round_up_to: Decimal | None = Field(
        None, gt=0, decimal_places=4, description="the quantity is rounded up to a multiple of this, as 0.25"
    )
    minimum: Decimal | None = Field(
        None, gt=0, decimal_places=4, description="the least quantity that is billed, as a first hour"
    )


class Fallback(Section):
    """The one service line of a job that has a net price and no lines."""

    description: InvoiceText = Field("{{ job.title }}", description="template")
    account: AccountCode = Field(description="the account's code in Xero")
    tax: str | None = Field(None, description="a Xero TaxType; else the account's own")
    item: InvoiceText | None = Field(None, description="template for the item code")


class PaymentSettings(Section):
    """Accounts for money received on the platform."""

    accounts: dict[str, AccountCode] = Field(default_factory=dict, description="payment method: account code in Xero")
    fees: AccountCode | None = Field(None, description="account for what a payment provider keeps")
    surcharges: AccountCode | None = Field(None, description="account for surcharges that customers paid")
    deposits: Literal["note", "deduct", "record"] = Field(
        "note",
        description="deposits that the platform took before any invoice: note: billed in full, and the run says so; deduct: "
        "taken off the job's last invoice; record: billed in full, and named as a payment to be recorded in Xero",
    )
    deposit_account: AccountCode | None = Field(None, description="the account that deposits were booked to; for `deduct`")
    deposit_tax: str | None = Field(None, description="a Xero TaxType for the deducted line; else the account's own")

    @model_validator(mode="after")
    def _account_for_deduct(self) -> "PaymentSettings":
        if self.deposits == "deduct" and self.deposit_account is None:
            raise ValueError("'deposits: deduct' needs a 'deposit_account'")
        return self


class Origin(Section):
    """Where a loaded book came from: its folder's name, file, sha256 of the text, and the line of each entry.

    `lines` maps an entry such as `lines.labour` or `milestones.DEP` to its line in the file; `marks` the way to every key,
    such as `lines.labour.then.account`, to the line and column of its value (of the key itself, with a `#` in front).
    """

    book: str
    path: str
    sha256: str
    lines: dict[str, int] = Field(default_factory=dict)
    marks: dict[str, tuple[int, int]] = Field(default_factory=dict, repr=False)


class RuleBook(Section):
    """One version of a rule book."""

    version: int = Field(ge=1, description="counts up; the file of version 3 is v0003.yaml")
    effective_from: IsoDate = Field(description="jobs completed on or after this date are billed by this version")
    organisation: str = Field(description="the Xero organisation, for people to see")
    invoice: InvoiceSettings = Field(InvoiceSettings(), description="what every invoice has")
    contacts: ContactSettings = Field(ContactSettings(), description="how customers are found in Xero")
    taxes: dict[str, str] = Field(default_factory=dict, description="the platform's tax name: Xero TaxType")
    lines: tuple[Rule, ...] = Field(description="the rules that code lines, in order; the first that fits wins")
    rates: tuple[Rate, ...] = Field((), description="prices for lines that have none, in order; the first that fits is used")
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
