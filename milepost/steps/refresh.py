"""Refresh: what Xero says by now of invoices that we made, after its events say so. Reads, then the ledger."""

from collections.abc import Sequence

from milepost.ledger import billings, invoices
from milepost.ledger.bulk import chunks, unique
from milepost.steps.workspace import Workspace
from milepost.xero.invoices import invoices_by_id

AT_ONCE = 40
"""Ids in one call: an address of 2 kB holds about 50."""


async def refresh_invoices(workspace: Workspace, invoice_ids: Sequence[str]) -> int:
    """Keep the status that Xero gives these invoices now; how many have another than was known. Raises RemoteError."""
    client = await workspace.xero()
    changed = 0
    for some in chunks(unique(invoice_ids), AT_ONCE):
        found = {one.invoice_id: one.status for one in await invoices_by_id(client, some) if one.invoice_id}
        async with workspace.db.write() as c:
            known = await invoices.statuses_of(c, workspace.name, some)
            fresh = {billing: found.get(invoice) for billing, (invoice, _) in known.items()}
            news = {billing: status for billing, status in fresh.items() if status and status != known[billing][1]}
            await billings.update_invoice_statuses(c, news, workspace.clock())
        changed += len(news)
    return changed
