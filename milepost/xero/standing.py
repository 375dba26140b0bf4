"""Invoices as Xero holds them now, line by line; and the bodies that change one. Read before a change, and after a loss.

Reference: Xero developer docs, "Invoices": POST with an InvoiceID changes it; a line that is named by its LineItemID is
changed, one without is new, and those left out are deleted. A change of status alone sends no lines.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from milepost.billing.changes import StandingInvoice, StandingLine
from milepost.billing.decision import Draft
from milepost.xero import wire
from milepost.xero.client import XeroClient
from milepost.xero.invoices import INVOICES_PATH, invoice_payload
from milepost.xero.paging import BATCH

REVISE_METHOD = "POST"
_KEPT = ("InvoiceNumber", "Status")
"""What an invoice keeps when it is brought up to date."""
_ZERO = wire.NOTHING


async def read_standing(client: XeroClient, invoice_ids: Sequence[str]) -> dict[str, StandingInvoice]:
    """The invoices by id, whatever their status; those that Xero does not know are left out. 50 a call."""
    found: dict[str, StandingInvoice] = {}
    for start in range(0, len(invoice_ids), BATCH):
        some = invoice_ids[start : start + BATCH]
        # Only a paged list holds the lines.
        params = {"IDs": ",".join(some), "page": "1", "pageSize": "100", "unitdp": "4", "includeArchived": "true"}
        data = await client.get(INVOICES_PATH, params)
        read = (_standing(row) for row in wire.elements(data, INVOICES_PATH))
        found.update((one.invoice_id, one) for one in read if one.invoice_id in some)
    return found


def update_payload(draft: Draft, contact_id: str, invoice_id: str, line_ids: Sequence[str | None]) -> dict[str, Any]:
    """The invoice brought up to date in place: its number and status stay, its lines become these."""
    payload = {key: value for key, value in invoice_payload(draft, contact_id).items() if key not in _KEPT}
    lines = [
        {"LineItemID": line_id, **line} if line_id else line
        for line_id, line in zip(line_ids, payload["LineItems"], strict=True)
    ]
    return {"InvoiceID": invoice_id, **payload, "LineItems": lines}


def void_payload(invoice_id: str) -> dict[str, Any]:
    """The invoice voided."""
    return {"InvoiceID": invoice_id, "Status": "VOIDED"}


def _standing(row: Mapping[str, Any]) -> StandingInvoice:
    lines = row.get("lineitems")
    return StandingInvoice(
        invoice_id=str(row.get("invoiceid")),
        number=wire.text(row.get("invoicenumber")),
        status=str(row.get("status") or ""),
        contact_id=wire.guid(wire.lower_keys(row.get("contact")).get("contactid")),
        reference=str(row.get("reference") or ""),
        date=wire.xero_date(row.get("datestring") or row.get("date")),
        due_date=wire.xero_date(row.get("duedatestring") or row.get("duedate")),
        currency=wire.text(row.get("currencycode")),
        line_amount_types=wire.text(row.get("lineamounttypes")),
        total=wire.amount(row.get("total")) or _ZERO,
        total_tax=wire.amount(row.get("totaltax")) or _ZERO,
        paid=(wire.amount(row.get("amountpaid")) or _ZERO) + (wire.amount(row.get("amountcredited")) or _ZERO),
        lines=tuple(_line(wire.lower_keys(line)) for line in lines) if isinstance(lines, list) else (),
    )


def _line(row: Mapping[str, Any]) -> StandingLine:
    tracking = [wire.lower_keys(choice) for choice in row.get("tracking") or ()]
    return StandingLine(
        line_id=str(row.get("lineitemid") or ""),
        description=str(row.get("description") or ""),
        quantity=wire.amount(row.get("quantity")) or _ZERO,
        unit_amount=wire.amount(row.get("unitamount")) or _ZERO,
        account=wire.text(row.get("accountcode")),
        tax_type=wire.text(row.get("taxtype")),
        item=wire.text(row.get("itemcode")),
        tracking=frozenset((str(t.get("name")).casefold(), str(t.get("option")).casefold()) for t in tracking),
        amount=wire.amount(row.get("lineamount")) or _ZERO,
    )
