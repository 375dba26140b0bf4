"""What Xero's own events make stale: invoices of ours are read again, and the mirror of contacts before it serves again."""

import logging
from collections.abc import Sequence

from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.quiet import quietly
from flows.warm import workspace_for
from milepost.ledger import invoices, mirror
from milepost.ledger.database import Database
from milepost.ledger.events import Event
from milepost.steps.refresh import refresh_invoices

_log = logging.getLogger(__name__)

INVOICE, CONTACT = "INVOICE", "CONTACT"


async def refresh_for_tenant(db: Database, tenant_id: str, taken: Sequence[Event]) -> set[str]:
    """Bring the ledger up to date after one organisation's events; the invoices that could not be read."""
    changed = list(dict.fromkeys(event.subject for event in taken if event.kind == INVOICE))
    if any(event.kind == CONTACT for event in taken):
        async with db.write() as c:
            await mirror.make_stale(c, tenant_id)
    async with db.read() as c:
        concerned = await invoices.connections_of(c, tenant_id, changed)
    late: set[str] = set()
    for connection, ids in sorted(concerned.items()):
        state = await refresh_changed_invoices(connection, sorted(ids), return_state=True)
        if not state.is_completed():
            late |= ids
    _log.info(
        "events of an organisation: %d, invoices of ours among them: %d", len(taken), sum(map(len, concerned.values()))
    )
    return late


@flow(name="refresh-invoices", flow_run_name="{connection}: changed in Xero")
async def refresh_changed_invoices(connection: str, invoice_ids: list[str]) -> State:
    """Read these invoices of ours again, since Xero says that they changed.

    Args:
        connection: The connection that made them.
        invoice_ids: Their ids in Xero.
    """
    changed = await read_invoices(connection, invoice_ids)
    return Completed(message=f"{len(invoice_ids)} invoices read, {changed} with another status")


@task(name="read-invoices", task_run_name="read-invoices")
@quietly
async def read_invoices(connection: str, invoice_ids: list[str]) -> int:
    """One call for up to 40 invoices; how many have another status than we knew."""
    async with workspace_for(connection, for_person=False) as workspace:
        return await refresh_invoices(workspace, invoice_ids)
