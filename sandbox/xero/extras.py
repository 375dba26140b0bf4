"""What hangs on a document: history notes, e-mailing, the online invoice and the PDF."""

from datetime import timedelta
from typing import Any

from sandbox.xero import texts, wire
from sandbox.xero.call import Batch, Call, Element, Refusal
from sandbox.xero.documents import APPROVED, Invoice
from sandbox.xero.rendering import history_to_wire
from sandbox.xero.store import Store
from sandbox.xero.wire import Reply

_DETAILS_LIMIT = 2500
_PDF = b"""%%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length %d>>stream
%s
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%%%EOF
"""


def find_invoice(call: Call) -> Invoice:
    """The invoice named in the path, by id or by number; raises ApiError 404."""
    named = call.ids[0]
    numbered = call.org.invoices.find("number", named)
    invoice = call.org.invoices.get(named) or next(iter(numbered), None)
    if invoice is None:
        raise wire.not_found()
    return invoice


def history(call: Call, store: Store[Any]) -> Reply:
    if store.get(call.ids[0]) is None:
        raise wire.not_found()
    records = call.org.history.get(call.ids[0].lower(), [])
    return call.reply("HistoryRecords", [history_to_wire(record) for record in reversed(records)])


def add_history(call: Call, store: Store[Any]) -> Reply:
    """Notes are permanent and signed by the system, not by the app."""

    def save(call_: Call, element: Element) -> Element:
        details = str(element.get("Details") or "")
        if store.get(call_.ids[0]) is None:
            raise Refusal(texts.HISTORY_DOCUMENT_UNKNOWN)
        if not 0 < len(details) <= _DETAILS_LIMIT:
            raise Refusal(texts.HISTORY_LENGTH)
        document_id = call_.ids[0].lower()
        return history_to_wire(call_.org.note(document_id, "Note", details, call_.now, "System Generated"))

    call.query = {**call.query, "summarizeerrors": "true"}
    return Batch("HistoryRecords", "HistoryRecordID", "HasErrors", save).run(call)


def email_invoice(call: Call) -> Reply:
    """204 when the invoice is approved or submitted, the contact has an address, and the day's limit allows it."""
    invoice = find_invoice(call)
    contact = call.org.contacts.get(invoice.contact_id)
    day_ago = call.now - timedelta(days=1)
    errors = []
    if invoice.status not in APPROVED | {"SUBMITTED"}:
        errors.append(texts.EMAIL_STATUS)
    if contact is None or not contact.email:
        errors.append(texts.EMAIL_NO_ADDRESS)
    if sum(at > day_ago for at, _ in call.org.emails) >= call.org.email_limit:
        errors.append(texts.EMAIL_LIMIT)
    if errors:
        raise wire.validation_exception([{"ValidationErrors": wire.messages(errors)}])
    call.org.emails.append((call.now, invoice.id))
    call.org.note(invoice.id, "Emailed", "This invoice has been sent by email", call.now, call.app.name)
    return Reply(204)


def online_invoice(call: Call) -> Reply:
    invoice = find_invoice(call)
    if invoice.status not in APPROVED:
        raise wire.not_found()
    token = invoice.id.replace("-", "")[:24]
    return call.reply("OnlineInvoices", [{"OnlineInvoiceUrl": f"https://in.xero.com/{token}"}])


def invoice_pdf(call: Call) -> Reply:
    """One page that names the invoice."""
    number = find_invoice(call).number.encode("ascii", "replace").replace(b"(", b"").replace(b")", b"")
    drawn = b"BT /F 18 Tf 72 760 Td (Invoice " + number + b") Tj ET"
    return Reply(body=_PDF % (len(drawn), drawn), content_type="application/pdf")
