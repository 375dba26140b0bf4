"""Creates and changes invoices: which one an element means, its status machine, and what is refused."""

import uuid
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlsplit

from sandbox.xero import texts, wire
from sandbox.xero.call import Batch, Call, Element, Refusal
from sandbox.xero.contacts import contact_for_document
from sandbox.xero.documents import APPROVED, DEAD, Contact, Invoice, Line
from sandbox.xero.lines import LineReader
from sandbox.xero.money import ZERO, LineAmountTypes, to_places, totals
from sandbox.xero.rendering import Renderer
from sandbox.xero.tenant import Organisation

_CREATABLE = ("DRAFT", "SUBMITTED", "AUTHORISED")
MOVES = {
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
    "PAID": {"PAID"},
    "VOIDED": set[str](),
    "DELETED": set[str](),
}
_LIMIT = 255
_EDITABLE_WITH_MONEY = {
    "header": {"InvoiceID", "InvoiceNumber", "Reference", "DueDate", "BrandingThemeID", "Contact", "Url"},
    "none": {"InvoiceID", "InvoiceNumber"},
}
# Read-only or client-made noise that changes nothing when it is sent back.
_IGNORED = {"Type", "Status", "HasAttachments", "HasErrors", "HasValidationErrors", "StatusAttributeString"}


def save_invoice(call: Call, element: Element) -> Element:
    """Create (PUT), or create or change (POST), one invoice; raises Refusal."""
    before = _existing(call, element)
    contact, invoice, errors = _composed(call, element, before)
    errors += _state_errors(call, element, before, invoice)
    if errors:
        raise Refusal(*dict.fromkeys(errors))
    return Renderer(call.org, call.unit_places).invoice(_store(call, contact, invoice, before))


BATCH = Batch("Invoices", "InvoiceID", "HasErrors", save_invoice)


def lock_errors(org: Organisation, day: date) -> list[str]:
    """The first lock stops all but advisers, the second everyone."""
    errors = []
    if org.period_lock_date and day <= org.period_lock_date and org.user_role != "FINANCIALADVISER":
        errors.append(texts.period_locked(org.period_lock_date))
    if org.end_of_year_lock_date and day <= org.end_of_year_lock_date:
        errors.append(texts.year_locked(org.end_of_year_lock_date))
    return errors


def _existing(call: Call, element: Element) -> Invoice | None:
    """The invoice that an element changes; PUT changes none, so it refuses to name one."""
    invoices = call.org.invoices
    if id_ := element.get("InvoiceID"):
        by_id = invoices.get(id_)
        if by_id is None:
            raise Refusal(texts.INVOICE_UNKNOWN)
        if call.method == "PUT":
            raise Refusal(texts.NUMBER_TAKEN)
        return by_id
    if call.method == "PUT" or element.get("Type", "ACCREC") != "ACCREC":
        return None
    return _holder(call, str(element.get("InvoiceNumber") or ""))


def _holder(call: Call, number: str) -> Invoice | None:
    """The sales invoice that has this number."""
    holders = [i for i in call.org.invoices.find("number", number) if i.type == "ACCREC"]
    if call.switches.reuse_dead_invoice_numbers:
        holders = [i for i in holders if i.status not in DEAD]
    return holders[0] if holders else None


@dataclass
class _Draft:
    """The parts of an invoice while it is being read, with the messages gathered so far."""

    call: Call
    element: Element
    before: Invoice | None
    errors: list[str] = field(default_factory=list)

    def given(self, key: str, default: Any) -> Any:
        value = self.element.get(key)
        return default if value is None else value

    def old(self, name: str, default: Any = None) -> Any:
        return getattr(self.before, name) if self.before else default

    def day(self, key: str, default: date | None) -> date | None:
        return wire.read_date(self.element.get(key)) or default

    def text(self, key: str, default: str) -> str:
        value = str(self.given(key, default))
        if len(value) > _LIMIT:
            self.errors.append(texts.too_long(key, _LIMIT))
        return value

    def currency(self) -> tuple[str, Decimal]:
        org = self.call.org
        code = str(self.given("CurrencyCode", self.old("currency", org.base_currency)))
        if code not in org.currencies:
            self.errors.append(texts.currency_unknown(code))
        rate = wire.read_decimal(self.element.get("CurrencyRate"))
        return code, to_places(rate or self.old("currency_rate") or org.currencies.get(code, Decimal(1)), 6)

    def theme(self) -> str | None:
        default = self.old("branding_theme_id") or self.call.org.themes[0].id
        theme = str(self.given("BrandingThemeID", default)).lower()
        if theme not in {known.id for known in self.call.org.themes}:
            self.errors.append(texts.THEME_UNKNOWN)
        return theme

    def url(self) -> str | None:
        url = self.given("Url", self.old("url"))
        if url and (not urlsplit(url).scheme or not urlsplit(url).netloc or "xero" in url.lower()):
            self.errors.append(texts.URL_INVALID)
        return url or None


def _composed(call: Call, element: Element, before: Invoice | None) -> tuple[Contact | None, Invoice, list[str]]:
    """The invoice as the element would make it, its contact, and what is wrong with its fields."""
    draft = _Draft(call, element, before)
    type_ = draft.old("type") or element.get("Type")
    if type_ not in ("ACCREC", "ACCPAY"):
        raise Refusal(texts.TYPE_MISSING)
    contact = _contact(draft)
    types = cast(LineAmountTypes, draft.given("LineAmountTypes", draft.old("line_amount_types", "Exclusive")))
    status = str(draft.given("Status", draft.old("status", "DRAFT")))
    lines = _lines(draft, types, contact, approving=status == "AUTHORISED")
    sums = totals([(line.line_amount, line.tax_amount) for line in lines], types)
    currency, rate = draft.currency()
    invoice = Invoice(
        id=draft.old("id") or str(uuid.uuid4()),
        type=type_,
        contact_id=contact.id if contact else draft.old("contact_id", ""),
        date=draft.day("Date", draft.old("date")) or call.org.today(call.now),
        due_date=draft.day("DueDate", draft.old("due_date")),
        line_amount_types=types,
        number=draft.text("InvoiceNumber", draft.old("number", "")),
        reference=draft.text("Reference", draft.old("reference", "")) if type_ == "ACCREC" else "",
        currency=currency,
        currency_rate=rate,
        status=status,
        lines=lines,
        sub_total=sums.sub_total,
        total_tax=sums.total_tax,
        total=sums.total,
        total_discount=_discount(lines),
        updated=call.now,
        created_by=draft.old("created_by", call.app.client_id),
        branding_theme_id=draft.theme(),
        url=draft.url(),
        sent=bool(draft.given("SentToContact", draft.old("sent", False))) and status in APPROVED,  # noqa: FBT003
        expected_payment_date=draft.day("ExpectedPaymentDate", draft.old("expected_payment_date")),
        amount_paid=draft.old("amount_paid", Decimal("0.00")),
        amount_credited=draft.old("amount_credited", Decimal("0.00")),
        fully_paid_on=draft.old("fully_paid_on"),
    )
    return contact, invoice, draft.errors


def _contact(draft: _Draft) -> Contact | None:
    """None when an existing invoice keeps its contact."""
    if draft.before is not None and "Contact" not in draft.element:
        return None
    try:
        return contact_for_document(draft.call, draft.element.get("Contact"))
    except Refusal as refusal:
        draft.errors.extend(refusal.errors)
        return None


def _lines(draft: _Draft, types: LineAmountTypes, contact: Contact | None, *, approving: bool) -> tuple[Line, ...]:
    call, before = draft.call, draft.before
    elements = draft.element.get("LineItems")
    same_types = before is not None and before.line_amount_types == types
    becomes_approved = approving and before is not None and before.status not in APPROVED
    if elements is None and before is not None and same_types and not becomes_approved:
        return before.lines
    reader = LineReader(
        call.org,
        types,
        places=4 if elements is None else call.unit_places,
        approving=approving,
        rounding=call.switches.tax_rounding,
        default_tax=contact.fields.get("AccountsReceivableTaxType") if contact else None,
        errors=draft.errors,
    )
    old = before.lines if before else ()
    kept = [{"LineItemID": line.id} for line in old]
    return reader.read(kept if elements is None else elements, old)


def _discount(lines: tuple[Line, ...]) -> Decimal:
    """What the lines' discounts are worth, before tax is taken out of inclusive amounts."""
    discounted = [line for line in lines if line.discount_rate or line.discount_amount]
    gross = sum(((line.quantity or ZERO) * (line.unit_amount or ZERO) for line in discounted), ZERO)
    return to_places(gross - sum((line.line_amount for line in discounted), ZERO), 2)


def _state_errors(call: Call, element: Element, before: Invoice | None, invoice: Invoice) -> list[str]:
    """What the status machine, the number, the sums and the lock dates say."""
    errors = _move_errors(before, invoice)
    if before is not None and before.has_money_applied:
        errors += _money_applied_errors(call, element, before, invoice)
    holder = _holder(call, invoice.number)
    if invoice.type == "ACCREC" and holder is not None and holder.id != invoice.id:
        errors.append(texts.NUMBER_TAKEN)
    if invoice.total < 0:
        errors.append(texts.TOTAL_NEGATIVE)
    if invoice.status == "AUTHORISED":
        errors += _approval_errors(call.org, invoice)
    days = {invoice.date} if invoice.status == "AUTHORISED" else set()
    if before is not None and before.status in APPROVED:
        days.add(before.date)
    return errors + [error for day in sorted(days) for error in lock_errors(call.org, day)]


def _move_errors(before: Invoice | None, invoice: Invoice) -> list[str]:
    if before is None:
        return [] if invoice.status in _CREATABLE else [texts.STATUS_FOR_CREATION]
    if invoice.status == before.status or not before.has_money_applied:
        return [] if invoice.status in MOVES[before.status] else [texts.STATUS_FOR_MODIFICATION]
    return [texts.status_with_money(invoice.status)]


def _money_applied_errors(call: Call, element: Element, before: Invoice, invoice: Invoice) -> list[str]:
    """With money applied the amounts are locked; which other fields are not is a switch."""
    lines = element.get("LineItems") or []
    known = {line.id for line in before.lines}
    if any(str(line.get("LineItemID", "")).lower() not in known for line in lines):
        return [texts.PAID_LINE_NEEDS_ID]
    allowed = _EDITABLE_WITH_MONEY[call.switches.paid_invoice_edits] | _IGNORED | {"LineItems"}
    same_amounts = (invoice.total, invoice.currency) == (before.total, before.currency)
    lines_allowed = not lines or call.switches.paid_invoice_edits == "header"
    return [] if not set(element) - allowed and same_amounts and lines_allowed else [texts.MONEY_APPLIED]


def _approval_errors(org: Organisation, invoice: Invoice) -> list[str]:
    errors = [] if invoice.lines else [texts.LINES_MISSING]
    if invoice.due_date is None:
        errors.append(texts.DUE_DATE_EMPTY)
    if {"CreateApprovedInvoice", "ApproveInvoice"} & org.denied_actions:
        errors.append(texts.NOT_PERMITTED)
    return errors


def _store(call: Call, contact: Contact | None, invoice: Invoice, before: Invoice | None) -> Invoice:
    org = call.org
    if contact is not None:
        sells = invoice.type == "ACCREC"
        contact = replace(contact, is_customer=contact.is_customer or sells)
        org.contacts.save(replace(contact, is_supplier=contact.is_supplier or not sells))
    if not invoice.number and invoice.type == "ACCREC":
        invoice = replace(invoice, number=org.next_number("INV", org.invoices))
    if invoice.status == "AUTHORISED" and invoice.total == 0:
        invoice = replace(invoice, status="PAID", fully_paid_on=invoice.date)
    verb = "Created" if before is None else "Edited"
    org.note(invoice.id, verb, f"INV {verb.lower()}", call.now, call.app.name)
    return org.invoices.save(invoice)
