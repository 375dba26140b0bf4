"""Payments of invoices and refunds of credit notes: created and deleted, never changed."""

import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.xero import texts, wire
from sandbox.xero.call import Batch, Call, Element, Refusal
from sandbox.xero.chart import Account
from sandbox.xero.documents import Credit, Invoice, Payment
from sandbox.xero.invoices import lock_errors
from sandbox.xero.money import to_places
from sandbox.xero.rendering import Renderer

_TYPES = {
    "ACCREC": "ACCRECPAYMENT",
    "ACCPAY": "ACCPAYPAYMENT",
    "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT",
}


def save_payment(call: Call, element: Element) -> Element:
    """Create one payment; raises Refusal."""
    document = _document(call, element)
    amount = to_places(wire.read_decimal(element.get("Amount")) or Decimal(0), 2)
    day = wire.read_date(element.get("Date")) or call.org.today(call.now)
    account = _account(call, element.get("Account"))
    errors = [*_amount_errors(document, amount), *lock_errors(call.org, day)]
    if account is None or not account.takes_payments:
        errors.append(texts.PAYMENT_ACCOUNT)
    if errors or account is None:
        raise Refusal(*errors)
    payment = Payment(
        id=str(uuid.uuid4()),
        invoice_id=document.id if isinstance(document, Invoice) else None,
        credit_id=document.id if isinstance(document, Credit) else None,
        account_id=account.id,
        date=day,
        amount=amount,
        reference=str(element.get("Reference") or ""),
        currency_rate=to_places(wire.read_decimal(element.get("CurrencyRate")) or document.currency_rate, 6),
        payment_type=_TYPES[document.type],
        updated=call.now,
        is_reconciled=bool(element.get("IsReconciled")),
    )
    _apply(call, document, payment, amount)
    return Renderer(call.org, call.unit_places).payment(call.org.payments.save(payment))


BATCH = Batch("Payments", "PaymentID", "HasValidationErrors", save_payment)


def delete_payment(call: Call, element: Element) -> Element:
    """The only change a payment knows: `Status` DELETED, which gives the amount back."""
    payment = call.org.payments.get(call.ids[0])
    if payment is None:
        raise wire.not_found()
    if element.get("Status") != "DELETED" or payment.status == "DELETED":
        raise Refusal(texts.DOCUMENT_STATUS)
    if payment.is_reconciled:
        raise Refusal(texts.RECONCILED)
    document = call.org.invoices.get(payment.invoice_id) or call.org.credits.get(payment.credit_id)
    if document is not None:
        _apply(call, document, payment, -payment.amount)
    deleted = call.org.payments.save(replace(payment, status="DELETED", updated=call.now))
    return Renderer(call.org, call.unit_places).payment(deleted)


DELETION = Batch("Payments", "PaymentID", "HasValidationErrors", delete_payment)


def _document(call: Call, element: Element) -> Invoice | Credit:
    sent = element.get("Invoice") or {}
    by_number = call.org.invoices.find("number", str(sent.get("InvoiceNumber") or ""))
    if invoice := call.org.invoices.get(sent.get("InvoiceID")) or next(iter(by_number), None):
        return invoice
    note = element.get("CreditNote") or {}
    numbered = call.org.credits.find("number", str(note.get("CreditNoteNumber") or ""))
    credit = call.org.credits.get(note.get("CreditNoteID")) or next(iter(numbered), None)
    if credit is None or credit.kind != "CreditNote":
        raise Refusal(texts.PAYMENT_DOCUMENT_UNKNOWN)
    return credit


def _account(call: Call, sent: Any) -> Account | None:
    if not isinstance(sent, dict):
        return None
    code = sent.get("Code")
    return call.org.accounts.get(sent.get("AccountID")) or (call.org.account(str(code)) if code else None)


def _amount_errors(document: Invoice | Credit, amount: Decimal) -> list[str]:
    errors = []
    if document.status != "AUTHORISED":
        errors.append(texts.PAYMENT_UNAPPROVED)
    open_amount = document.amount_due if isinstance(document, Invoice) else document.remaining
    if amount > open_amount:
        errors.append(texts.PAYMENT_TOO_MUCH)
    if amount <= 0:
        errors.append(texts.AMOUNT_NOT_POSITIVE)
    return errors


def _apply(call: Call, document: Invoice | Credit, payment: Payment, amount: Decimal) -> None:
    """Count the amount (negative to take it back) and let the status follow."""
    if isinstance(document, Invoice):
        call.org.invoices.save(settled(document, payment.date, call.now, paid=amount))
        return
    remaining = document.remaining - amount
    paid = remaining == 0
    changed = replace(
        document,
        remaining=remaining,
        status="PAID" if paid else "AUTHORISED",
        fully_paid_on=payment.date if paid else None,
        updated=call.now,
    )
    call.org.credits.save(changed)


def settled(invoice: Invoice, day: Any, now: Any, *, paid: Decimal = Decimal(0), credited: Decimal = Decimal(0)) -> Invoice:
    """The invoice after money is applied or taken back: PAID when nothing is due, else AUTHORISED."""
    changed = replace(
        invoice,
        amount_paid=invoice.amount_paid + paid,
        amount_credited=invoice.amount_credited + credited,
        updated=now,
    )
    is_paid = changed.amount_due == 0
    return replace(changed, status="PAID" if is_paid else "AUTHORISED", fully_paid_on=day if is_paid else None)
