"""By hand: a person takes a billing out of the runs' hands, and may name the invoice that was made instead."""

import re

from milepost.billing.decision import MARK
from milepost.errors import ConfigError
from milepost.ledger import queue
from milepost.ledger.billing_rows import GONE_IN_XERO, BillingRow
from milepost.ledger.queue import ByHand
from milepost.money import ZERO
from milepost.steps.workspace import Workspace
from milepost.xero import wire
from milepost.xero.client import XeroClient
from milepost.xero.invoices import INVOICES_PATH
from milepost.xero.paging import Row

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


async def handle_by_hand(workspace: Workspace, row: BillingRow, who: str, reason: str, number: str | None) -> ByHand | None:
    """Mark a billing as handled, by the invoice of this number where one is given; that invoice.

    Raises ConfigError where the invoice cannot be this billing's, or a run is sending the billing. Nothing is changed then.
    """
    invoice = await find_invoice(workspace, row, number) if number else None
    async with workspace.db.write() as c:
        if not await queue.take_by_hand(c, row, who, reason, invoice, workspace.clock()):
            raise ConfigError(
                f"Billing {row.id} of job {row.job_number} is being sent, done or handled already, so it was left as it is. "
                f"See it: milepost explain {row.connection} {row.job_number}"
            )
    return invoice


async def find_invoice(workspace: Workspace, row: BillingRow, number: str) -> ByHand:
    """The live sales invoice of this number, or id. Raises ConfigError when there is none, or it is another billing's."""
    client = await workspace.xero()
    invoice = await _read(client, number)
    marked = MARK.search(str(invoice.get("url") or ""))
    if marked and marked.group(1).casefold() != row.id:
        raise ConfigError(
            f"Invoice {number} carries Milepost's mark of another billing ({marked.group(1)}). Name another one."
        )
    found = _by_hand(client.tenant_id, invoice)
    async with workspace.db.read() as c:
        linked = await queue.is_linked(c, client.tenant_id, found.invoice_id)
    if linked and linked != row.id:
        raise ConfigError(f"Invoice {number} belongs to another billing already ({linked}). Name another one.")
    return found


async def _read(client: XeroClient, number: str) -> Row:
    by = {"IDs": number} if _ID.fullmatch(number) else {"InvoiceNumbers": number}
    data = await client.get(INVOICES_PATH, {**by, "page": "1"})
    rows = [row for row in wire.elements(data, INVOICES_PATH) if row.get("type", "ACCREC") == "ACCREC"]
    live = [row for row in rows if row.get("status") not in GONE_IN_XERO]
    if len(live) == 1:
        return live[0]
    gone = " It was voided or deleted." if rows and not live else ""
    several = f" {len(live)} invoices have it: give the invoice's id instead." if live else ""
    raise ConfigError(
        f"Xero holds no single live sales invoice {number} in this organisation.{gone}{several} Check the number in Xero."
    )


def _by_hand(tenant_id: str, row: Row) -> ByHand:
    invoice_id = wire.guid(row.get("invoiceid"))
    assert invoice_id is not None
    return ByHand(
        invoice_id=invoice_id,
        number=wire.text(row.get("invoicenumber")),
        status=wire.text(row.get("status")),
        contact_id=wire.guid(wire.lower_keys(row.get("contact")).get("contactid")),
        tenant_id=tenant_id,
        currency=wire.text(row.get("currencycode")) or "",
        line_amount_types=wire.text(row.get("lineamounttypes")) or "Exclusive",
        sub_total=wire.amount(row.get("subtotal")) or ZERO,
        total_tax=wire.amount(row.get("totaltax")) or ZERO,
        total=wire.amount(row.get("total")) or ZERO,
    )
