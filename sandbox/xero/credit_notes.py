"""Credit notes, and the allocation of credit notes, prepayments and overpayments to invoices."""

import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from sandbox.xero import texts, wire
from sandbox.xero.call import Batch, Call, Element, Refusal
from sandbox.xero.contacts import contact_for_document
from sandbox.xero.documents import Allocation, Credit
from sandbox.xero.invoices import lock_errors
from sandbox.xero.lines import LineReader
from sandbox.xero.money import LineAmountTypes, to_places, totals
from sandbox.xero.payments import settled
from sandbox.xero.rendering import Renderer
from sandbox.xero.wire import Reply

_CREATABLE = ("DRAFT", "SUBMITTED", "AUTHORISED")
_MOVES = {
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
}


def save_credit_note(call: Call, element: Element) -> Element:
    """Create one credit note, or move an existing one to another status; raises Refusal."""
    id_ = element.get("CreditNoteID")
    changed = _moved(call, str(id_), element) if id_ else _created(call, element)
    return Renderer(call.org, call.unit_places).credit(call.org.credits.save(changed))


BATCH = Batch("CreditNotes", "CreditNoteID", "HasErrors", save_credit_note)


def _moved(call: Call, id_: str, element: Element) -> Credit:
    note = call.org.credits.get(id_)
    if note is None or note.kind != "CreditNote":
        raise Refusal(texts.CREDIT_NOTE_UNKNOWN)
    status = str(element.get("Status") or note.status)
    if status not in _MOVES.get(note.status, set()) or (status == "VOIDED" and note.remaining != note.total):
        raise Refusal(texts.DOCUMENT_STATUS)
    reference = str(element.get("Reference") or note.reference)
    return replace(note, status=status, reference=reference, updated=call.now)


def _created(call: Call, element: Element) -> Credit:
    type_, status = element.get("Type"), str(element.get("Status") or "DRAFT")
    if type_ not in ("ACCRECCREDIT", "ACCPAYCREDIT"):
        raise Refusal(texts.TYPE_MISSING)
    contact = contact_for_document(call, element.get("Contact"))
    note = read_credit(call, element, "CreditNote", contact.id, contact.fields.get("AccountsReceivableTaxType"))
    errors = [] if status in _CREATABLE else [texts.STATUS_FOR_CREATION]
    if note.number and call.org.credits.find("number", note.number):
        errors.append(texts.NUMBER_TAKEN)
    if status == "AUTHORISED":
        errors += lock_errors(call.org, note.date) + ([] if note.lines else [texts.LINES_MISSING])
    if errors:
        raise Refusal(*errors)
    call.org.contacts.save(contact)
    number = note.number or call.org.next_number("CN", call.org.credits)
    return replace(note, number=number, status=status, type=str(type_))


def read_credit(call: Call, element: Element, kind: Any, contact_id: str, default_tax: str | None) -> Credit:
    """The credit an element describes, not yet saved; raises Refusal for its lines, currency and total."""
    types = cast(LineAmountTypes, element.get("LineAmountTypes") or "Exclusive")
    reader = LineReader(
        call.org,
        types,
        places=call.unit_places,
        approving=element.get("Status") == "AUTHORISED" or kind != "CreditNote",
        rounding=call.switches.tax_rounding,
        default_tax=default_tax,
        allows_discounts=False,
    )
    lines = reader.read(element.get("LineItems") or [])
    sums = totals([(line.line_amount, line.tax_amount) for line in lines], types)
    currency = str(element.get("CurrencyCode") or call.org.base_currency)
    errors = [*reader.errors, *([texts.TOTAL_NEGATIVE] if sums.total < 0 else [])]
    if currency not in call.org.currencies:
        errors.append(texts.currency_unknown(currency))
    if errors:
        raise Refusal(*dict.fromkeys(errors))
    rate = wire.read_decimal(element.get("CurrencyRate")) or call.org.currencies[currency]
    return Credit(
        id=str(uuid.uuid4()),
        kind=kind,
        type=str(element.get("Type")),
        contact_id=contact_id,
        date=wire.read_date(element.get("Date")) or call.org.today(call.now),
        due_date=wire.read_date(element.get("DueDate")),
        line_amount_types=types,
        number=str(element.get("CreditNoteNumber") or ""),
        reference=str(element.get("Reference") or ""),
        currency=currency,
        currency_rate=to_places(rate, 6),
        status="AUTHORISED",
        lines=lines,
        sub_total=sums.sub_total,
        total_tax=sums.total_tax,
        total=sums.total,
        remaining=sums.total,
        updated=call.now,
    )


def allocate(call: Call, kind: str) -> Reply:
    """PUT /{CreditNotes|Prepayments|Overpayments}/{id}/Allocations."""
    credit = call.org.credits.get(call.ids[0])
    if credit is None or credit.kind != kind:
        raise wire.not_found()

    def save(call_: Call, element: Element) -> Element:
        return _allocated(call_, credit.id, element)

    return Batch("Allocations", "AllocationID", "HasErrors", save).run(call)


def _allocated(call: Call, credit_id: str, element: Element) -> Element:
    credit = call.org.credits.get(credit_id)
    sent = element.get("Invoice") or {}
    amount, day = wire.read_decimal(element.get("Amount")), wire.read_date(element.get("Date"))
    if credit is None or amount is None or day is None or not sent:
        raise Refusal(texts.ALLOCATION_INCOMPLETE)
    invoice = call.org.invoices.get(sent.get("InvoiceID"))
    if invoice is None:
        raise Refusal(texts.INVOICE_UNKNOWN)
    if credit.status != "AUTHORISED" or invoice.status != "AUTHORISED":
        raise Refusal(texts.CREDIT_NOT_AUTHORISED)
    if amount <= 0 or amount > min(credit.remaining, invoice.amount_due):
        raise Refusal(texts.AMOUNT_NOT_POSITIVE if amount <= 0 else texts.ALLOCATION_TOO_MUCH)
    amount = to_places(amount, 2)
    allocation = Allocation(str(uuid.uuid4()), credit.id, invoice.id, amount, day)
    call.org.allocations.save(allocation)
    call.org.invoices.save(settled(invoice, day, call.now, credited=amount))
    credit = call.org.credits.save(_drawn(credit, amount, allocation, call))
    return Renderer(call.org).allocation(allocation, credit)


def _drawn(credit: Credit, amount: Decimal, allocation: Allocation, call: Call) -> Credit:
    remaining = credit.remaining - amount
    used_up = remaining == 0
    return replace(
        credit,
        remaining=remaining,
        status="PAID" if used_up else "AUTHORISED",
        fully_paid_on=allocation.date if used_up else None,
        updated=call.now,
    )


def remove_allocation(call: Call, kind: str) -> Reply:
    """DELETE .../Allocations/{AllocationID}: the credit is open again, and the invoice due."""
    credit, allocation = call.org.credits.get(call.ids[0]), call.org.allocations.get(call.ids[1])
    if credit is None or allocation is None or credit.kind != kind or allocation.credit_id != credit.id:
        raise wire.not_found()
    invoice = call.org.invoices.get(allocation.invoice_id)
    if invoice is not None:
        call.org.invoices.save(settled(invoice, allocation.date, call.now, credited=-allocation.amount))
    call.org.credits.save(_drawn(credit, -allocation.amount, allocation, call))
    call.org.allocations.remove(allocation.id)
    return Reply(body=wire.dumps({"AllocationId": allocation.id, "IsDeleted": True}))
