"""Adopt: a stage whose invoice Xero holds already is done, whoever made it. Between decide and the first write.

A ledger that was restored from a backup, or a second one elsewhere, does not know what was billed since. Xero does: every
invoice carries its billing's mark in its Url, and a billing's id is made from the connection, job, stage and sequence alone.
So before anything is created, what this app made since the last look is looked through: one call for up to 1,000 invoices.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from milepost.billing.decision import MARK
from milepost.ledger import billings, sightings
from milepost.ledger.billing_rows import GONE_IN_XERO, BillingStatus
from milepost.ledger.billings import Settled, Troubled
from milepost.ledger.sightings import Sighting
from milepost.steps.invoices import tell_result
from milepost.steps.run import BillingRun, Result, by_status
from milepost.xero.client import XeroClient
from milepost.xero.invoices import InvoiceOutcome, find_invoices

_log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=10)
"""How far each look reaches back behind the last, for clocks that differ and answers that came late."""
_BEGINNING = datetime(2006, 1, 1, tzinfo=UTC)
"""Before Xero was."""


async def adopt_existing(run: BillingRun, results: Sequence[Result]) -> int:
    """Take over the invoices that exist for these planned bills; the number taken over.

    Two live ones for one bill are for a person to tell apart.
    """
    planned = by_status(results, "planned")
    if not planned:
        return 0
    workspace = run.workspace
    client = await workspace.xero()
    if not run.has_swept:
        await _sweep(run, client)
        run.has_swept = True
    async with workspace.db.read() as c:
        seen = await sightings.seen_of(c, client.tenant_id, [result.billing_id for result in planned])
    live = {i: [s for s in found if s.status not in GONE_IN_XERO] for i, found in seen.items()}
    await _hold_doubled(run, [r for r in planned if len(live.get(r.billing_id, ())) > 1], live)
    return await _take(run, client.tenant_id, {r.billing_id: r for r in planned}, live)


async def _sweep(run: BillingRun, client: XeroClient) -> None:
    workspace = run.workspace
    async with workspace.db.read() as c:
        until = await sightings.swept_until(c, workspace.name, client.tenant_id)
    asked_at = workspace.clock()
    found = await find_invoices(client, until - OVERLAP if until else _BEGINNING)
    seen = [sighting for invoice in found if (sighting := _sighting(invoice))]
    async with workspace.db.write() as c:
        await sightings.save_sightings(c, workspace.name, client.tenant_id, seen, asked_at)


def _sighting(invoice: InvoiceOutcome) -> Sighting | None:
    mark = MARK.search(invoice.url or "")
    if mark is None or invoice.invoice_id is None:
        return None
    return Sighting(
        invoice_id=invoice.invoice_id,
        billing_id=mark.group(1).casefold(),
        contact_id=invoice.contact_id,
        number=invoice.number,
        status=invoice.status,
        total=invoice.total,
        total_tax=invoice.total_tax,
    )


async def _take(run: BillingRun, tenant_id: str, planned: dict[str, Result], live: dict[str, list[Sighting]]) -> int:
    single = [found[0] for found in live.values() if len(found) == 1]
    if not single:
        return 0
    async with run.workspace.db.write() as c:
        taken = await sightings.adopt(c, tenant_id, single, run.id, run.workspace.clock())
    for sighting in single:
        result = planned[sighting.billing_id]
        if sighting.billing_id in taken:
            _tell(result, sighting)
        else:
            result.leave_to_another()
    _log.warning("%d invoices existed in Xero already and were taken over", len(taken))
    return len(taken)


def _tell(result: Result, sighting: Sighting) -> None:
    settled = Settled.done(
        sighting.billing_id,
        invoice_id=sighting.invoice_id,
        invoice_number=sighting.number,
        invoice_status=sighting.status,
        invoice_total=sighting.total,
        invoice_tax=sighting.total_tax,
    )
    outcome = InvoiceOutcome(sighting.invoice_id, total=sighting.total, total_tax=sighting.total_tax)
    tell_result(result, settled, outcome)


async def _hold_doubled(run: BillingRun, doubled: Sequence[Result], live: dict[str, list[Sighting]]) -> None:
    if not doubled:
        return
    for result in doubled:
        numbers = ", ".join(s.number or s.invoice_id for s in live[result.billing_id])
        result.hold(
            "ambiguous",
            f"Xero holds several invoices for this stage already: {numbers}.",
            "Void or delete all but one of them in Xero; the next run takes that one over.",
        )
    async with run.workspace.db.write() as c:
        rows = [Troubled(r.billing_id, BillingStatus.HELD, r.code, r.why, r.fix) for r in doubled]
        await billings.set_trouble(c, rows, run.workspace.clock())
