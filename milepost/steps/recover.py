"""Recovery: settle the requests whose answer never came, before anything new is sent. First in every billing run.

    within Xero's window (the key lives 6 minutes)   the same body and key are sent again: Xero answers without doubling
    after it, or when Xero answers with an error     the invoices are looked for: by our Url, else by all else they have
        found once                                   done
        not found                                    planned again, once Xero cannot be at work on it any more
        found twice                                  held: a person must say which one stays

Reference: Xero developer docs, "Idempotency".
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from milepost.billing.decision import Bill
from milepost.errors import AnswerLost, AuthError, RateLimited, RemoteError
from milepost.ledger import billings, requests
from milepost.ledger.billings import AnswerMeta, BillingRow, BillingStatus, Settled
from milepost.ledger.owner import this_process
from milepost.ledger.requests import RequestRow
from milepost.steps.invoices import LEASE, outcome_of, send_frozen, tell_result
from milepost.steps.run import BillingRun, Result
from milepost.steps.workspace import Workspace
from milepost.xero.client import Answer, XeroClient
from milepost.xero.invoices import InvoiceOutcome, find_invoices, read_invoice_outcomes

_log = logging.getLogger(__name__)

WINDOW = timedelta(minutes=5)
"""How long after its first sending a request is repeated; Xero keeps the key for about 6 minutes."""
STILL_AT_WORK = timedelta(minutes=2)
"""How long after its last sending a request may still be carried out; only then does 'not found' mean 'not made'."""
_ENDED = frozenset({500, 503})
"""Answers of Xero itself, which has then ended its work; a gateway's 502 or 504 says nothing of it."""
LOOK_BACK = timedelta(minutes=10)
"""How far before the first sending the search starts, for clocks that differ."""


async def recover(run: BillingRun) -> int:
    """Settle every request left by a process that is gone (or whose answer this one lost); the number settled.

    A request of a living process elsewhere is left alone: its lease and its process say so.
    """
    workspace = run.workspace
    async with workspace.db.read() as c:
        left = await requests.unsettled(c, workspace.name)
    settled = 0
    for request in left:
        if await _take(workspace, request):
            settled += await _settle(run, request)
    run.recovered += settled
    return settled


async def _take(workspace: Workspace, request: RequestRow) -> bool:
    now = workspace.clock()
    async with workspace.db.write() as c:
        return await requests.take_over(c, request.id, this_process(), now + LEASE, now)


async def _settle(run: BillingRun, request: RequestRow) -> bool:
    """One request; False when it cannot be known yet, and it waits for the next run."""
    workspace = run.workspace
    client = await workspace.xero()
    rows = await _rows(workspace, request)
    try:
        found = await _find_out(client, request, rows, workspace)
    except (AnswerLost, RateLimited) as error:
        _log.warning("request %s cannot be settled yet: %s", request.id, type(error).__name__)
        found = None
    async with workspace.db.write() as c:
        if found is None:
            await requests.extend_lease(c, request.id, this_process(), workspace.clock())
            return False
        settled, meta = found
        kept = await billings.settle(c, request.id, settled, meta, workspace.clock())
    _log.info("request %s settled: %d billings", request.id, len(kept))
    _tell(run, [one for one in settled if one.billing_id in kept])
    return bool(kept)


async def _rows(workspace: Workspace, request: RequestRow) -> list[BillingRow]:
    async with workspace.db.read() as c:
        found = [await billings.get(c, billing_id) for billing_id in request.billing_ids]
    return [row for row in found if row]


async def _find_out(
    client: XeroClient, request: RequestRow, rows: Sequence[BillingRow], workspace: Workspace
) -> tuple[list[Settled], AnswerMeta] | None:
    """By the same body and key inside the window, by looking after it; None while Xero may still be at work on it."""
    now = workspace.clock()
    # A lease ends when its sender let go, or after the longest that it may have been at work.
    ended = now - request.lease_until > STILL_AT_WORK
    if now - request.first_sent_at <= WINDOW:
        try:
            return _answered(request, rows, await send_frozen(client, request.body, request.idempotency_key))
        except AnswerLost as lost:
            ended = lost.status in _ENDED
        except (AuthError, RateLimited):
            raise
        except RemoteError as error:
            _log.warning("request %s was refused when repeated: HTTP %s", request.id, error.status)
            ended = True
    settled = await _look(client, request, rows)
    missing = any(one.status is BillingStatus.PLANNED for one in settled)
    return None if missing and not ended else (settled, AnswerMeta())


def _answered(request: RequestRow, rows: Sequence[BillingRow], answer: Answer) -> tuple[list[Settled], AnswerMeta]:
    outcomes = read_invoice_outcomes(answer, len(rows), request.body)
    settled = [outcome_of(row.id, o) for row, o in zip(rows, outcomes, strict=True)]
    return settled, AnswerMeta(answer.status, answer.correlation_id)


async def _look(client: XeroClient, request: RequestRow, rows: Sequence[BillingRow]) -> list[Settled]:
    invoices = await find_invoices(client, request.first_sent_at - LOOK_BACK)
    return [_found(row, [i for i in invoices if is_of(i, row)]) for row in rows]


def is_of(invoice: InvoiceOutcome, row: BillingRow) -> bool:
    """Whether a live invoice in Xero is this billing's: our Url says so; without one, all else must agree."""
    if invoice.status in ("VOIDED", "DELETED"):
        return False
    draft = _bill(row).draft
    if invoice.url:
        return invoice.url.rstrip("/").endswith(f"/b/{row.id}")
    same_number = draft.number is not None and invoice.number == draft.number
    same_place = invoice.reference == draft.reference and invoice.contact_id == row.contact_id
    return invoice.total == draft.total and same_place and (same_number or draft.number is None)


def _found(row: BillingRow, matches: Sequence[InvoiceOutcome]) -> Settled:
    if not matches:
        return Settled.planned(row.id)
    if len(matches) == 1:
        return outcome_of(row.id, matches[0])
    numbers = ", ".join(match.number or match.invoice_id or "?" for match in matches)
    return Settled.held(
        row.id,
        code="ambiguous",
        why=f"After an answer was lost, Xero holds {len(matches)} invoices for this billing: {numbers}.",
        fix="Void or delete all but one of them in Xero, then run again.",
    )


def _bill(row: BillingRow) -> Bill:
    decision = row.decided()
    assert isinstance(decision, Bill)
    return decision


def _tell(run: BillingRun, settled: Sequence[Settled]) -> None:
    """Results of this very run whose answer was lost now know what became of them."""
    waiting: dict[str, Result] = {result.billing_id: result for result in run.results if result.status == "sending"}
    for one in settled:
        if result := waiting.get(one.billing_id):
            lost = result.why
            tell_result(result, one, None)
            if one.status is BillingStatus.PLANNED:
                result.fail("remote_failed", lost)
