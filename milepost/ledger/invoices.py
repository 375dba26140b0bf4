"""Our invoices by the ids that Xero gave them: which billings they are of, and which connections made them."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.billing_rows import BillingStatus
from milepost.ledger.bulk import chunks, unique
from milepost.ledger.tables import billings


async def connections_of(c: AsyncConnection, tenant_id: str, invoice_ids: Sequence[str]) -> dict[str, set[str]]:
    """By connection, those of the invoices that it made in this organisation."""
    found: dict[str, set[str]] = defaultdict(set)
    for some in chunks(unique(invoice_ids)):
        query = select(billings.c.connection, billings.c.invoice_id).where(billings.c.tenant_id == tenant_id)
        for connection, invoice_id in await c.execute(query.where(billings.c.invoice_id.in_(some))):
            found[connection].add(invoice_id)
    return dict(found)


async def statuses_of(c: AsyncConnection, connection: str, invoice_ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """By the id of a done billing, its invoice's id and last known status."""
    found: dict[str, tuple[str, str | None]] = {}
    columns = (billings.c.id, billings.c.invoice_id, billings.c.invoice_status)
    for some in chunks(unique(invoice_ids)):
        query = select(*columns).where(billings.c.connection == connection, billings.c.status == BillingStatus.DONE)
        for billing_id, invoice_id, status in await c.execute(query.where(billings.c.invoice_id.in_(some))):
            found[billing_id] = (invoice_id, status)
    return found
