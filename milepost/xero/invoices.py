"""Invoices: in Xero's shape, what became of each, and the search for one whose answer was lost.

Reference: Xero developer docs, "Invoices". PUT creates and nothing else; POST would overwrite one of the same number.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from milepost.billing.decision import Draft, InvoiceLine
from milepost.errors import RemoteError
from milepost.xero import wire
from milepost.xero.client import Answer, XeroClient
from milepost.xero.invoice_outcomes import InvoiceOutcome, invoice_outcome, read_invoice_outcomes
from milepost.xero.paging import BATCH, changed_rows
from milepost.xero.refusals import SYSTEM

__all__ = [
    "BATCH",
    "HISTORY_LENGTH",
    "INVOICES_PARAMS",
    "INVOICES_PATH",
    "InvoiceOutcome",
    "deep_link",
    "email_invoice",
    "find_invoices",
    "found_invoices",
    "history_note",
    "invoice_payload",
    "invoices_body",
    "invoices_by_id",
    "read_invoice_outcomes",
]

INVOICES_PATH = "Invoices"
INVOICES_PARAMS = {"summarizeErrors": "false", "unitdp": "4"}
HISTORY_LENGTH = 2500
_DESCRIPTION_LENGTH = 4000
_LABEL_LENGTH = 255


def invoice_payload(draft: Draft, contact_id: str) -> dict[str, Any]:
    """The invoice as it is sent. Amounts and taxes of lines are left to Xero, which works them out from what is sent.

    Of the contact only the id is given: anything more would change the contact.
    """
    fields = {
        "Type": "ACCREC",
        "Contact": {"ContactID": contact_id},
        "Date": draft.date.isoformat(),
        "DueDate": draft.due_date.isoformat(),
        "LineAmountTypes": draft.line_amount_types.value,
        "InvoiceNumber": draft.number,
        "Reference": _printable(draft.reference)[:_LABEL_LENGTH],
        "BrandingThemeID": draft.branding_theme_id,
        "Url": draft.url,
        "CurrencyCode": draft.currency,
        "Status": draft.status,
        "LineItems": [_line(line) for line in draft.lines],
    }
    return {key: value for key, value in fields.items() if value}


def _line(line: InvoiceLine) -> dict[str, Any]:
    description = _printable(line.description)[:_DESCRIPTION_LENGTH]
    if _is_text(line):
        return {"Description": description}
    fields = {
        "Description": description,
        "Quantity": line.quantity,
        "UnitAmount": line.unit_amount,
        "DiscountRate": line.discount_rate,
        "DiscountAmount": line.discount_amount,
        "AccountCode": line.account,
        "TaxType": line.tax_type,
        "ItemCode": line.item,
        "Tracking": [{"Name": choice.category, "Option": choice.option} for choice in line.tracking] or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _is_text(line: InvoiceLine) -> bool:
    """A line of words alone: Xero takes a description without anything else."""
    return line.account is None and line.item is None and not line.unit_amount and not line.amount


def _printable(text: str) -> str:
    """Without control characters other than line breaks and tabs, which no page of Xero's could show."""
    return "".join(c for c in text if c >= " " or c in "\n\t")


def invoices_body(payloads: Sequence[Mapping[str, Any]]) -> str:
    """The body to `PUT` to INVOICES_PATH with INVOICES_PARAMS; frozen with its key before it is sent."""
    return wire.dumps({"Invoices": list(payloads)})


async def found_invoices(client: XeroClient, since: datetime) -> AsyncIterator[list[InvoiceOutcome]]:
    """Sales invoices that this app made and that changed since, in pages of up to 1,000, whatever their status."""
    params = {"createdByMyApp": "true", "where": 'Type=="ACCREC"', "includeArchived": "true", "unitdp": "4"}
    async for rows in changed_rows(client, INVOICES_PATH, "invoiceid", since, params):
        yield [invoice_outcome(row) for row in rows if row.get("type", "ACCREC") == "ACCREC"]


async def find_invoices(client: XeroClient, since: datetime) -> list[InvoiceOutcome]:
    """All of `found_invoices`, each once in its newest state: where to look for those whose answer was lost."""
    newest: dict[str, InvoiceOutcome] = {}
    async for page in found_invoices(client, since):
        newest.update((found.invoice_id, found) for found in page if found.invoice_id)
    return list(newest.values())


async def invoices_by_id(client: XeroClient, invoice_ids: Sequence[str]) -> list[InvoiceOutcome]:
    """These invoices as they stand, without their lines; those that Xero does not know are left out. One call."""
    params = {
        "IDs": ",".join(invoice_ids),
        "summaryOnly": "true",
        "page": "1",
        "pageSize": "1000",
        "includeArchived": "true",
    }
    rows = wire.elements(await client.get(INVOICES_PATH, params), INVOICES_PATH)
    return [invoice_outcome(row) for row in rows]


async def history_note(client: XeroClient, invoice_id: str, text: str) -> None:
    """Leave a permanent note in the invoice's history. The same note twice in six minutes is written once.

    Raises RemoteError where Xero refuses it.
    """
    note = _printable(text)[:HISTORY_LENGTH]
    digest = hashlib.sha256(f"{invoice_id}\x1f{note}".encode()).hexdigest()
    body = wire.dumps({"HistoryRecords": [{"Details": note}]})
    path = f"{INVOICES_PATH}/{invoice_id}/History"
    answer = await client.send("PUT", path, body, idempotency_key=f"history-{digest}", operation="history-note")
    if said := _refusals(answer):
        why = " ".join(said).rstrip(".")
        raise RemoteError(
            SYSTEM, "PUT History", why, permanent=True, status=answer.status, correlation_id=answer.correlation_id
        )


async def email_invoice(client: XeroClient, invoice_id: str) -> tuple[str, ...]:
    """Have Xero e-mail an approved invoice to its contact. What Xero says against it comes back; () when it was sent."""
    path = f"{INVOICES_PATH}/{invoice_id}/Email"
    key = f"email-{invoice_id}"
    answer = await client.send("POST", path, "{}", idempotency_key=key, operation="email-invoice")
    return _refusals(answer)


def _refusals(answer: Answer) -> tuple[str, ...]:
    """The messages of a ValidationException; () of a success."""
    return wire.messages(*(row.get("validationerrors") for row in wire.elements(answer.data, "elements")))


def deep_link(app_url: str, short_code: str | None, invoice_id: str) -> str:
    """Where a person sees the invoice in Xero; Xero's front page where the organisation's short code is unknown."""
    base = app_url.rstrip("/")
    return f"{base}/app/{short_code}/invoicing/view/{invoice_id}" if short_code else base
