"""Settle the changes of invoices whose answer never came: by reading what Xero holds. First in a run, beside `recover`.

    as it was to become                    done; whoever sent it, it is not sent again
    as it was before, inside the window    the same body and key are sent again: Xero answers without doing it twice
    as it was before, after it             undone, once nobody can be at work on it any more; it is decided anew

Reference: Xero developer docs, "Idempotency".
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from milepost.billing.changes import Sent, StandingInvoice, edits
from milepost.errors import AnswerLost, AuthError, RemoteError
from milepost.ledger import requests, revisions
from milepost.ledger.billing_rows import GONE_IN_XERO
from milepost.ledger.billings import AnswerMeta
from milepost.ledger.heartbeats import kept_alive
from milepost.ledger.owner import this_process
from milepost.ledger.requests import LAPSED, NOBODY, RequestRow
from milepost.ledger.revisions import OPERATION, Revised, Revision
from milepost.steps.changes import sent_of
from milepost.steps.invoices import LEASE, STILL_AT_WORK, has_ended
from milepost.steps.retry import failure_code
from milepost.steps.revise import SENDABLE, post_frozen, revision_of, tell_revised
from milepost.steps.run import BillingRun, by_status
from milepost.xero.client import XeroClient
from milepost.xero.invoices import InvoiceOutcome, read_invoice_outcomes
from milepost.xero.standing import read_standing

_log = logging.getLogger(__name__)

WINDOW = timedelta(minutes=5)
"""How long after its first sending a request is repeated; Xero keeps the key for about 6 minutes."""


@dataclass(slots=True)
class Finding:
    """What is known of a request. at_work_until: the moment since which Xero has certainly heard nothing more of it."""

    at_work_until: datetime
    revised: list[Revised] = field(default_factory=list)
    is_answered: bool = False


async def recover_revisions(run: BillingRun) -> int:
    """Settle the changes left by a process that is gone, or whose answer this one lost; how many. Raises AuthError."""
    workspace = run.workspace
    async with workspace.db.read() as c:
        left = [one for one in await requests.unsettled(c, workspace.name) if one.operation == OPERATION]
    settled = 0
    for request in left:
        async with workspace.db.write() as c:
            now = workspace.clock()
            taken = await requests.take_over(c, request.id, this_process(), now + LEASE, now)
        if taken:
            settled += await _recover_one(run, request)
    return settled


async def _recover_one(run: BillingRun, request: RequestRow) -> int:
    workspace = run.workspace
    async with workspace.db.read() as c:
        wanted = await revisions.under_way(c, request.id)
    finding = Finding(requests.heard_until(request, workspace.clock(), SENDABLE))
    try:
        async with kept_alive(workspace.db, request.id, workspace.clock, LEASE):
            await _find_out(run, request, wanted, finding)
    except AuthError:
        raise
    except RemoteError as error:
        _log.warning("request %s cannot be settled yet: %s", request.id, failure_code(error))
    finally:
        await _record(run, request, wanted, finding)
    return len(finding.revised)


async def _find_out(run: BillingRun, request: RequestRow, wanted: Sequence[Revision], finding: Finding) -> None:
    client = await run.workspace.xero()
    if client.tenant_id != request.tenant_id:
        return
    found = await _read(client, wanted)
    if not all(found.values()) and await _was_repeated(run, client, request, finding):
        found = await _read(client, wanted)
    ended = finding.is_answered or run.workspace.clock() - finding.at_work_until > STILL_AT_WORK
    finding.revised = [Revised(one.row.id, found[one.row.id]) for one in wanted if found[one.row.id] or ended]


async def _was_repeated(run: BillingRun, client: XeroClient, request: RequestRow, finding: Finding) -> bool:
    """Send the same bytes again where the key still holds; whether Xero answered for every invoice."""
    left = request.first_sent_at + WINDOW - run.workspace.clock()
    if left < timedelta():
        return False
    try:
        answer = await post_frozen(client, request.body, request.idempotency_key, within=left)
        read_invoice_outcomes(answer, len(request.billing_ids), request.body)
    except AnswerLost as lost:
        if not has_ended(lost):
            finding.at_work_until = run.workspace.clock()
        return False
    finding.is_answered = True
    return True


async def _read(client: XeroClient, wanted: Sequence[Revision]) -> dict[str, InvoiceOutcome | None]:
    """By billing: what Xero holds where the change was made; None where the invoice is as it was before."""
    standing = await read_standing(client, [one.row.invoice_id or "" for one in wanted])
    return {one.row.id: _made(one, standing.get(one.row.invoice_id or "")) for one in wanted}


def _made(one: Revision, standing: StandingInvoice | None) -> InvoiceOutcome | None:
    if standing is None or not _is_made(one, standing):
        return None
    return InvoiceOutcome(
        standing.invoice_id,
        number=standing.number,
        status=standing.status,
        total_tax=standing.total_tax,
        total=standing.total,
    )


def _is_made(one: Revision, standing: StandingInvoice) -> bool:
    """Of an invoice that a person has edited too, it is the state that it is nearer to."""
    if one.kind == "void":
        return standing.status in GONE_IN_XERO
    draft = one.bill.draft
    after = Sent(draft, one.contact_id, draft.total, draft.total_tax)
    return len(edits(standing, after)) < len(edits(standing, sent_of(one.row)))


async def _record(run: BillingRun, request: RequestRow, wanted: Sequence[Revision], finding: Finding) -> None:
    """Commit what is known, let go of a request that is not settled by it, and bring this run's own results in line."""
    workspace = run.workspace
    async with workspace.db.write() as c:
        now = workspace.clock()
        kept = await revisions.settle_revisions(c, request.id, wanted, finding.revised, AnswerMeta(), now)
        if len(finding.revised) < len(wanted):
            since, left_to = finding.at_work_until, NOBODY
            if since > now:
                since, left_to = min(request.lease_until, now), LAPSED
            await requests.let_go(c, request.id, this_process(), since, left_to)
    own = {revision_of(result).row.id: result for result in by_status(run.results, "sending") if result.revision}
    for one in finding.revised if kept else ():
        if (result := own.get(one.billing_id)) and one.outcome:
            tell_revised(result, one.outcome)
        elif result:
            result.fail("remote_failed", "Xero did not take the change; the invoice is as it was.")
