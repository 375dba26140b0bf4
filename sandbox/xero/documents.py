"""The documents of an organisation as the sandbox keeps them; the wire form is made in `rendering`."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from sandbox.xero.money import LineAmountTypes

NOTHING = Decimal("0.00")
DEAD = frozenset({"VOIDED", "DELETED"})
APPROVED = frozenset({"AUTHORISED", "PAID"})


@dataclass(frozen=True)
class Tracking:
    """One tracking option on a line."""

    category_id: str
    option_id: str
    name: str
    option: str


@dataclass(frozen=True)
class Line:
    """One line of a document; a line with neither price nor amount is a line of text."""

    id: str
    description: str | None
    quantity: Decimal | None
    unit_amount: Decimal | None
    line_amount: Decimal
    tax_amount: Decimal
    tax_type: str | None = None
    account_code: str | None = None
    account_id: str | None = None
    item_code: str | None = None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    tracking: tuple[Tracking, ...] = ()


@dataclass(frozen=True)
class Contact:
    """A contact; `fields` holds the plain text fields by their wire names."""

    id: str
    fields: dict[str, str]
    updated: dt.datetime
    status: Literal["ACTIVE", "ARCHIVED", "GDPRREQUEST"] = "ACTIVE"
    merged_to: str | None = None
    addresses: tuple[dict[str, str], ...] = ()
    phones: tuple[dict[str, str], ...] = ()
    persons: tuple[dict[str, Any], ...] = ()
    payment_terms: dict[str, Any] | None = None
    is_customer: bool = False
    is_supplier: bool = False

    @property
    def name(self) -> str:
        return self.fields["Name"]

    @property
    def name_key(self) -> str:
        return name_key(self.name)

    @property
    def email(self) -> str:
        return self.fields.get("EmailAddress", "")


def name_key(name: str) -> str:
    """What makes two names the same to Xero: neither case nor the run of spaces counts."""
    return " ".join(name.casefold().split())


@dataclass(frozen=True)
class Invoice:
    """A sales invoice (ACCREC) or a bill (ACCPAY)."""

    id: str
    type: Literal["ACCREC", "ACCPAY"]
    contact_id: str
    date: dt.date
    due_date: dt.date | None
    line_amount_types: LineAmountTypes
    number: str
    reference: str
    currency: str
    currency_rate: Decimal
    status: str
    lines: tuple[Line, ...]
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal
    total_discount: Decimal
    updated: dt.datetime
    created_by: str
    branding_theme_id: str | None = None
    url: str | None = None
    sent: bool = False
    expected_payment_date: dt.date | None = None
    amount_paid: Decimal = NOTHING
    amount_credited: Decimal = NOTHING
    fully_paid_on: dt.date | None = None

    @property
    def amount_due(self) -> Decimal:
        return NOTHING if self.status in DEAD else self.total - self.amount_paid - self.amount_credited

    @property
    def has_money_applied(self) -> bool:
        return bool(self.amount_paid or self.amount_credited)


@dataclass(frozen=True)
class Credit:
    """A credit note, a prepayment or an overpayment: money that can be allocated to invoices."""

    id: str
    kind: Literal["CreditNote", "Prepayment", "Overpayment"]
    type: str
    contact_id: str
    date: dt.date
    line_amount_types: LineAmountTypes
    number: str
    reference: str
    currency: str
    currency_rate: Decimal
    status: str
    lines: tuple[Line, ...]
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal
    remaining: Decimal
    updated: dt.datetime
    due_date: dt.date | None = None
    branding_theme_id: str | None = None
    sent: bool = False
    fully_paid_on: dt.date | None = None


@dataclass(frozen=True)
class Allocation:
    """A part of a credit, set against an invoice."""

    id: str
    credit_id: str
    invoice_id: str
    amount: Decimal
    date: dt.date


@dataclass(frozen=True)
class Payment:
    """A payment of one invoice, or the refund of one credit note."""

    id: str
    invoice_id: str | None
    credit_id: str | None
    account_id: str
    date: dt.date
    amount: Decimal
    reference: str
    currency_rate: Decimal
    payment_type: str
    updated: dt.datetime
    status: Literal["AUTHORISED", "DELETED"] = "AUTHORISED"
    is_reconciled: bool = False


@dataclass(frozen=True)
class BankTransaction:
    """Money received or spent; a RECEIVE-PREPAYMENT or -OVERPAYMENT also makes a credit."""

    id: str
    type: str
    contact_id: str | None
    bank_account_id: str
    date: dt.date
    reference: str
    line_amount_types: LineAmountTypes
    lines: tuple[Line, ...]
    currency: str
    currency_rate: Decimal
    status: str
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal
    updated: dt.datetime
    is_reconciled: bool = False
    url: str | None = None
    credit_id: str | None = None


@dataclass(frozen=True)
class HistoryRecord:
    """One permanent line in a document's history."""

    changes: str
    details: str
    user: str
    at: dt.datetime
