"""What decide yields: Bill, Credit, Hold or Skip for one milestone of one job, with every line's reason: values only.

Everything a person may ask ("why this account?") is in here; the ledger keeps it as JSON and the CLI, Slack and the
console show it.
"""

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID, uuid5

from pydantic import Field

from milepost.jobs import Address, Record
from milepost.money import LineAmountTypes

_BILLINGS = UUID("5d0c1a52-6f0b-5c1e-9a53-0d5b7f1c2a11")

MARK = re.compile(r"/b/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?$", re.IGNORECASE)
"""A billing's mark at the end of its invoice's Url, whatever the console's address was; group 1 is the billing's id."""


class BillingKey(Record):
    """What a billing is of. At most one live invoice ever exists for a key."""

    connection: str
    job_id: str
    milestone: str
    sequence: int = 1

    @property
    def id(self) -> UUID:
        """The billing's id: made from the key alone, so that the Url in Xero still leads home if a ledger is restored."""
        return uuid5(_BILLINGS, "\x1f".join((self.connection, self.job_id, self.milestone, str(self.sequence))))


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rule tried before the one that matched: the condition that failed, what it wanted, what was seen.

    A dataclass, since a run makes very many of them; pydantic reads and writes it as it does a Record.
    """

    rule: str
    condition: str
    wanted: str
    seen: str


class Filled(Record):
    """A template that was filled in: which one (description, item, tracking Region), its text, and what came out."""

    name: str
    template: str
    result: str


class Why(Record):
    """The reason of one invoice line: rule, version, file:line, the values it matched, the rules tried before it.

    matched, wanted: by condition of the rule, the value seen and what the rule asks for. filled: templates before and after.
    parts: the reasons of the lines that this one was merged from.
    """

    rule: str
    version: int
    where: str
    matched: dict[str, str] = Field(default_factory=dict)
    wanted: dict[str, str] = Field(default_factory=dict)
    filled: tuple[Filled, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    account_from: str = ""
    tax_from: str = ""
    amount_from: str = ""
    source_lines: tuple[str, ...] = ()
    parts: tuple["Why", ...] = ()


class TrackingChoice(Record):
    """One tracking category and option, by name."""

    category: str
    option: str


class InvoiceLine(Record):
    """A line as it is sent. `amount` is Xero's LineAmount by its own rules, `tax` the tax of the line, in cents."""

    description: str
    quantity: Decimal
    unit_amount: Decimal
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    account: str | None = None
    tax_type: str | None = None
    item: str | None = None
    tracking: tuple[TrackingChoice, ...] = ()
    amount: Decimal
    tax: Decimal
    why: Why


class Draft(Record):
    """The invoice to be, complete but for its contact's id."""

    date: dt.date
    due_date: dt.date
    line_amount_types: LineAmountTypes
    currency: str
    status: str
    number: str | None = None
    reference: str
    branding_theme_id: str | None = None
    url: str
    email: bool = False
    lines: tuple[InvoiceLine, ...]
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal


class ContactDraft(Record):
    """A contact to be created, in Xero's terms. `number` is its ContactNumber, unique to the customer."""

    number: str
    name: str
    first_name: str = ""
    last_name: str = ""
    email: str | None = None
    phone: str | None = None
    tax_number: str | None = None
    company_number: str | None = None
    address: Address | None = None


class ExistingContact(Record):
    """A contact of Xero's that is this customer, and how that is known. `restore`: it is archived, to be restored first."""

    found: Literal["existing"] = "existing"
    customer_id: str
    contact_id: str
    matched_by: str
    restore: bool = False


class NewContact(Record):
    """No contact is this customer: one will be created."""

    found: Literal["new"] = "new"
    customer_id: str
    draft: ContactDraft


class Undecided(Record):
    """Which contact is this customer is for a person to say."""

    found: Literal["undecided"] = "undecided"
    customer_id: str
    why: str
    fix: str


Resolution = Annotated[ExistingContact | NewContact | Undecided, Field(discriminator="found")]


class DepositTaken(Record):
    """A deposit that the platform took before any invoice, and what becomes of it: `note`, `deduct` or `record`."""

    payment_id: str
    amount: Decimal
    received_on: dt.date | None = None
    method: str | None = None
    treatment: Literal["note", "deduct", "record"]
    account: str | None = None


class Bill(Record):
    """Create this invoice."""

    action: Literal["bill"] = "bill"
    key: BillingKey
    contact: ExistingContact | NewContact
    draft: Draft
    sums: tuple[str, ...] = Field(description="how the milestone's amount came about, sentence by sentence")
    warnings: tuple[str, ...] = ()
    deposits: tuple[DepositTaken, ...] = ()
    book: str
    book_version: int
    book_sha256: str
    fingerprint: str


class Hold(Record):
    """A person is needed. `code` is stable and names the kind of trouble; `why` and `fix` are sentences."""

    action: Literal["hold"] = "hold"
    key: BillingKey
    code: str
    why: str
    fix: str
    line: str | None = None
    book: str = ""
    book_version: int = 0
    fingerprint: str = ""


class Credit(Record):
    """Money goes back to the customer: a credit note over these invoices, prepared for a person to confirm.

    `lines` are those of the invoices with their very accounts, tax types and tracking; amounts are positive, as Xero has
    them on a credit note. `code`, `why` and `fix` speak as a Hold's do.
    """

    action: Literal["credit"] = "credit"
    key: BillingKey
    code: str = "credit_due"
    why: str
    fix: str
    invoices: tuple[str, ...] = Field(description="the numbers of the invoices that are credited")
    lines: tuple[InvoiceLine, ...]
    line_amount_types: LineAmountTypes
    currency: str
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal
    sums: tuple[str, ...] = ()
    book: str = ""
    book_version: int = 0
    fingerprint: str = ""


class Skip(Record):
    """Nothing to bill, for a stated reason."""

    action: Literal["skip"] = "skip"
    key: BillingKey
    code: str
    why: str
    book: str = ""
    book_version: int = 0
    fingerprint: str = ""


Decision = Annotated[Bill | Credit | Hold | Skip, Field(discriminator="action")]
