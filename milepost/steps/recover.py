"""Recovery: settle the requests whose answer never came, before anything new is sent. First in every billing run.

    within Xero's window (the key lives 6 minutes)   the same body and key are sent again: Xero answers without doubling
    after it, or when Xero answers with an error     the invoices are looked for: by our Url, else by all else they have
        found once                                   done
        not found                                    planned again, once Xero cannot be at work on it any more
        found twice                                  it waits: a person must say which one stays, and nothing is sent

Reference: Xero developer docs, "Idempotency".
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.decision import Bill
from milepost.errors import AnswerLost, AuthError, RateLimited, RemoteError
from milepost.ledger import billings, requests
from milepost.ledger.billing_rows import GONE_IN_XERO
from milepost.ledger.billings import AnswerMeta, BillingRow, BillingStatus, Settled
from milepost.ledger.heartbeats import kept_alive
from milepost.ledger.owner import this_process
from milepost.ledger.requests import LAPSED, NOBODY, RequestRow
from milepost.steps.invoices import LEASE, OPERATION, SENDABLE, STILL_AT_WORK, has_ended, outcome_of, send_frozen
from milepost.steps.recovered import Waiting, tell_run
from milepost.steps.retry import Retries, Setback, failure_code, ladder_of
from milepost.steps.run import BillingRun
from milepost.steps.words import FOUND_OUT, NEXT_RUN, not_known, not_made
from milepost.steps.workspace import Workspace
from milepost.xero import wire
from milepost.xero.client import XeroClient
from milepost.xero.invoices import InvoiceOutcome, find_invoices, invoice_payload, read_invoice_outcomes
from milepost.xero.messages import advise

_log = logging.getLogger(__name__)

WINDOW = timedelta(minutes=5)
"""How long after its first sending a request is repeated; Xero keeps the key for about 6 minutes."""
LOOK_BACK = timedelta(minutes=10)
"""How far before the first sending the search starts, for clocks that differ."""


@dataclass(slots=True)
class Finding:
    """What is known of a request: the billings that are settled, those that wait and why, and Xero's outcomes.

    at_work_until: the moment since which Xero has certainly heard nothing more of the request.
    """

    at_work_until: datetime
    settled: list[Settled] = field(default_factory=list)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    outcomes: dict[str, InvoiceOutcome] = field(default_factory=dict)
    meta: AnswerMeta = field(default_factory=AnswerMeta)


async def recover(run: BillingRun) -> int:
    """Settle every request left by a process that is gone (or whose answer this one lost); the billings settled.

    A request of a living process elsewhere is left alone: that one renews its lease for as long as it is at it. What cannot
    be known yet is told with the run, and asked about again by the next. Raises AuthError.
    """
    workspace = run.workspace
    async with workspace.db.read() as c:
        left = [one for one in await requests.unsettled(c, workspace.name) if one.operation == OPERATION]
    settled = 0
    for request in left:
        if await _take(workspace, request):
            settled += await _recover_one(run, request)
    return settled


async def _take(workspace: Workspace, request: RequestRow) -> bool:
    now = workspace.clock()
    async with workspace.db.write() as c:
        return await requests.take_over(c, request.id, this_process(), now + LEASE, now)


async def _recover_one(run: BillingRun, request: RequestRow) -> int:
    workspace = run.workspace
    rows = await _rows(workspace, request)
    finding = Finding(requests.heard_until(request, workspace.clock(), SENDABLE))
    try:
        if rows:
            async with kept_alive(workspace.db, request.id, workspace.clock, LEASE):
                await _find_out(run, request, rows, finding)
    finally:
        kept = await _record(workspace, request, rows, finding)
        await tell_run(run, request, rows, kept, finding)
    _log.info("request %s: %d billings settled, %d wait", request.id, len(kept), len(finding.waiting))
    return len(kept)


async def _rows(workspace: Workspace, request: RequestRow) -> list[BillingRow]:
    """Those of the request's billings whose outcome is open."""
    async with workspace.db.read() as c:
        found = [await billings.get(c, billing_id) for billing_id in request.billing_ids]
    return [row for row in found if row and row.status is BillingStatus.SENDING]


async def _record(workspace: Workspace, request: RequestRow, rows: Sequence[BillingRow], finding: Finding) -> set[str]:
    """Commit what is known, and let go of a request that is not settled by it; the ids of the billings settled."""
    known = {one.billing_id for one in finding.settled}
    async with workspace.db.write() as c:
        now = workspace.clock()
        if known == {row.id for row in rows}:
            return set(await billings.settle(c, request.id, finding.settled, finding.meta, now))
        kept = await billings.settle_some(c, request.id, finding.settled, now)
        reasons = {key: (waiting.code, waiting.why, waiting.fix) for key, waiting in finding.waiting.items()}
        await requests.note_waiting(c, request.id, reasons, now)
        await _leave(c, request, finding.at_work_until, now)
    return set(kept)


async def _leave(c: AsyncConnection, request: RequestRow, at_work_until: datetime, now: datetime) -> None:
    """To whoever looks next. Where its first process may still be alive, that stays so."""
    if at_work_until <= now:
        await requests.let_go(c, request.id, this_process(), at_work_until)
    else:
        await requests.let_go(c, request.id, this_process(), min(request.lease_until, now), left_to=LAPSED)


async def _find_out(run: BillingRun, request: RequestRow, rows: Sequence[BillingRow], finding: Finding) -> None:
    """By the same body and key inside the window, by looking after it."""
    client = await run.workspace.xero()
    if client.tenant_id != request.tenant_id:
        finding.waiting = {row.id: _elsewhere(row) for row in rows}
        return
    lost = run.lost.get(request.id)
    finding.waiting = {row.id: Waiting("answer_lost", not_known(lost), FOUND_OUT) for row in rows}
    try:
        if not await _replayed(run.workspace, client, request, rows, finding):
            await _look(run, client, request, rows, finding)
    except AuthError:
        raise
    except RemoteError as error:
        _log.warning("request %s cannot be settled yet: %s", request.id, failure_code(error))


async def _replayed(
    workspace: Workspace, client: XeroClient, request: RequestRow, rows: Sequence[BillingRow], finding: Finding
) -> bool:
    """Send the same bytes again where the key still holds; whether that told the outcome of every billing."""
    left = request.first_sent_at + WINDOW - workspace.clock()
    if left < timedelta():
        return False
    try:
        answer = await send_frozen(client, request.body, request.idempotency_key, within=left)
        carried = len(wire.elements(wire.loads(request.body), "Invoices"))
        outcomes = read_invoice_outcomes(answer, carried, request.body)
    except AnswerLost as lost:
        # What a repeat is answered says nothing of a first sending that was not: Xero may still be at work on that.
        if not has_ended(lost):
            finding.at_work_until = workspace.clock()
        return False
    except (AuthError, RateLimited):
        raise
    except RemoteError as error:
        _log.warning("request %s was refused when repeated: HTTP %s", request.id, error.status)
        return False
    if any(_is_number_taken(outcome) for outcome in outcomes):
        return False
    for row in rows:
        _enter(finding, row, outcomes[row.request_place or 0], _retries(workspace, row, workspace.clock()))
    finding.meta = AnswerMeta(answer.status, answer.correlation_id)
    return True


def _is_number_taken(outcome: InvoiceOutcome) -> bool:
    """Perhaps by our own first sending, whose key Xero has forgotten: then looking finds it."""
    return outcome.invoice_id is None and advise(outcome.messages).code == "invoice_number_taken"


def _retries(workspace: Workspace, row: BillingRow, since: datetime) -> Retries:
    return Retries(ladder_of(workspace), {row.id: row.failures}, since)


def _enter(finding: Finding, row: BillingRow, outcome: InvoiceOutcome, retries: Retries) -> None:
    finding.waiting.pop(row.id, None)
    finding.outcomes[row.id] = outcome
    finding.settled.append(outcome_of(row.id, outcome, retries))


async def _look(
    run: BillingRun, client: XeroClient, request: RequestRow, rows: Sequence[BillingRow], finding: Finding
) -> None:
    now = run.workspace.clock()  # before looking, which may take minutes
    invoices = await find_invoices(client, request.first_sent_at - LOOK_BACK)
    ended = now - finding.at_work_until > STILL_AT_WORK
    for row in rows:
        ours = [invoice for invoice in invoices if is_of(invoice, row)]
        live = [invoice for invoice in ours if invoice.status not in GONE_IN_XERO]
        if len(live) > 1:
            finding.waiting[row.id] = _found_twice(row, live)
        elif ours:
            # One that a person has voided or deleted since was made all the same: it is not made anew.
            _enter(finding, row, (live or ours)[0], _retries(run.workspace, row, now))
        elif ended:
            finding.waiting.pop(row.id, None)
            retries = _retries(run.workspace, row, now if request.id in run.lost else min(request.lease_until, now))
            finding.settled.append(_was_not_made(row, request, run.lost.get(request.id), retries, now))


def is_of(invoice: InvoiceOutcome, row: BillingRow) -> bool:
    """Whether an invoice in Xero is this billing's: our Url says so; without one, all else must agree with what was sent."""
    if invoice.url:
        return invoice.url.rstrip("/").casefold().endswith(f"/b/{row.id}")
    draft = _bill(row).draft
    sent = invoice_payload(draft, row.contact_id or "")
    same_place = invoice.reference == sent.get("Reference") and invoice.contact_id == row.contact_id
    same_number = sent.get("InvoiceNumber") in (None, invoice.number)
    return invoice.total == draft.total and same_place and same_number


def _was_not_made(row: BillingRow, request: RequestRow, lost: AnswerLost | None, retries: Retries, now: datetime) -> Settled:
    """A lost answer uses a rung of the ladder, the death of a process does not. What is due by now is planned again."""
    if lost is None and request.owner != NOBODY:
        return Settled.planned(row.id)
    settled = retries.settled(row.id, Setback("remote_failed", not_made(lost), NEXT_RUN))
    is_due = settled.next_attempt_at is not None and settled.next_attempt_at <= now
    return Settled.planned(row.id, failures=settled.failures) if is_due and lost is None else settled


def _found_twice(row: BillingRow, live: Sequence[InvoiceOutcome]) -> Waiting:
    numbers = ", ".join(sorted(invoice.number or invoice.invoice_id or "?" for invoice in live))
    return Waiting(
        "ambiguous",
        f"After an answer was lost, Xero holds {len(live)} invoices for this billing: {numbers}.",
        "Void or delete all but one of them in Xero; the next run takes the one that stays. "
        f"Or say which one it is: {_by_hand(row, '--invoice NUMBER')}",
    )


def _elsewhere(row: BillingRow) -> Waiting:
    return Waiting(
        "other_organisation",
        "It was sent to another organisation in Xero than the connection bills into now, and its answer is not known.",
        "Connect the organisation that it was sent to again and let a run find out. If that cannot be, look for the invoice "
        f"there and say what you found; it is not billed again then: {_by_hand(row)}",
    )


def _by_hand(row: BillingRow, more: str = "") -> str:
    """How a person settles what cannot be found out."""
    return " ".join(part for part in (f"milepost queue by-hand {row.id} --reason TEXT", more) if part)


def _bill(row: BillingRow) -> Bill:
    decision = row.decided()
    assert isinstance(decision, Bill)
    return decision
