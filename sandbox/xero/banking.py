"""Bank transactions: money spent and received, and the prepayments and overpayments they make."""

import uuid
from dataclasses import replace

from sandbox.xero import texts
from sandbox.xero.call import Batch, Call, Element, Refusal
from sandbox.xero.contacts import contact_for_document
from sandbox.xero.credit_notes import read_credit
from sandbox.xero.documents import BankTransaction
from sandbox.xero.invoices import lock_errors
from sandbox.xero.rendering import Renderer

_KINDS = {
    "RECEIVE": None,
    "SPEND": None,
    "RECEIVE-PREPAYMENT": "Prepayment",
    "RECEIVE-OVERPAYMENT": "Overpayment",
    "SPEND-PREPAYMENT": "Prepayment",
    "SPEND-OVERPAYMENT": "Overpayment",
}


def save_bank_transaction(call: Call, element: Element) -> Element:
    """Create one bank transaction, which is authorised at once; raises Refusal."""
    type_ = str(element.get("Type"))
    if type_ not in _KINDS:
        raise Refusal(texts.TYPE_MISSING)
    if not element.get("LineItems"):
        raise Refusal(texts.LINES_MISSING)
    contact = contact_for_document(call, element.get("Contact"))
    kind = _KINDS[type_]
    credit = read_credit(call, element, kind or "Prepayment", contact.id, default_tax=None)
    bank_account_id = _bank_account(call, element)
    if errors := lock_errors(call.org, credit.date):
        raise Refusal(*errors)
    call.org.contacts.save(contact)
    if kind:
        call.org.credits.save(replace(credit, type=type_))
    transaction = BankTransaction(
        id=str(uuid.uuid4()),
        type=type_,
        contact_id=contact.id,
        bank_account_id=bank_account_id,
        date=credit.date,
        reference=credit.reference,
        line_amount_types=credit.line_amount_types,
        lines=credit.lines,
        currency=credit.currency,
        currency_rate=credit.currency_rate,
        status="AUTHORISED",
        sub_total=credit.sub_total,
        total_tax=credit.total_tax,
        total=credit.total,
        updated=call.now,
        is_reconciled=bool(element.get("IsReconciled")),
        url=element.get("Url"),
        credit_id=credit.id if kind else None,
    )
    saved = call.org.bank_transactions.save(transaction)
    return Renderer(call.org, call.unit_places).bank_transaction(saved)


BATCH = Batch("BankTransactions", "BankTransactionID", "HasErrors", save_bank_transaction)


def _bank_account(call: Call, element: Element) -> str:
    sent = element.get("BankAccount") or {}
    code = str(sent.get("Code") or "")
    account = call.org.accounts.get(sent.get("AccountID")) or call.org.account(code)
    if account is None or account.type != "BANK" or account.status != "ACTIVE":
        raise Refusal(texts.BANK_ACCOUNT_MISSING)
    return account.id
