"""Change invoices that were made: drafts brought up to date in place, approved ones voided to be made anew. Each once.

    look     what Xero holds is read once more: what somebody edited, approved or paid meanwhile is left alone
    freeze   the body and its key are committed, the billings `sending` again           milepost.ledger.revisions
    send     POST Invoices, once
    settle   each one's outcome is committed

A voided invoice's successor is made after it, as any other. Killed between the two, the next run finds it planned and makes
it. What a run that died
had sent is settled by `milepost.steps.recover_revisions`.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from milepost.billing.changes import EDITED, StandingInvoice, edits, line_ids
from milepost.billing.decision import Decision, Hold
from milepost.errors import AnswerLost, AuthError, RemoteError
from milepost.ledger import requests, revisions
from milepost.ledger.billings import AnswerMeta, ClaimLost, save_decisions
from milepost.ledger.heartbeats import kept_alive
from milepost.ledger.owner import this_process
from milepost.ledger.requests import NewRequest
from milepost.ledger.revisions import OPERATION, Revised, Revision
from milepost.steps.changes import sent_of
from milepost.steps.contacts import contact_id_of
from milepost.steps.invoices import LEASE, at_work_until, difference
from milepost.steps.retry import failure_code
from milepost.steps.run import BillingRun, Result, by_status
from milepost.steps.words import FOUND_OUT, fix_of, not_known, why_of
from milepost.xero.client import Answer, XeroClient
from milepost.xero.invoices import (
    BATCH,
    INVOICES_PARAMS,
    INVOICES_PATH,
    InvoiceOutcome,
    invoices_body,
    read_invoice_outcomes,
)
from milepost.xero.messages import advise
from milepost.xero.standing import REVISE_METHOD, read_standing, update_payload, void_payload

_log = logging.getLogger(__name__)

SENDABLE = timedelta(minutes=10)
"""How long after it is frozen a request may be sent; one that is sent later could be one that was given up."""
_REFUSED_WHOLE = (400, 413)
_MEANWHILE = "Look at it in Xero; the next run decides it as it is then."


async def revise_invoices(run: BillingRun, results: Sequence[Result]) -> None:
    """Carry out the planned changes. An update ends done, held, failed or sending; a voided one's result stays planned.

    Raises AuthError when Xero does not accept our credentials any more.
    """
    wanted = [result for result in by_status(results, "planned") if result.revision]
    if not wanted:
        return
    client = await run.workspace.xero()
    for start in range(0, len(wanted), BATCH):
        await _deliver(run, client, wanted[start : start + BATCH])
    for result in (one for one in wanted if one.status != "planned" and one.status != "done"):
        run.looked_at_again.add(result.job.id)


async def _deliver(run: BillingRun, client: XeroClient, results: Sequence[Result]) -> None:
    for refused in await _send(run, client, results):
        await _deliver(run, client, refused)


async def _send(run: BillingRun, client: XeroClient, results: Sequence[Result]) -> Iterator[list[Result]]:
    """Look, freeze, send, settle; what comes back is to be tried one by one, so that an odd one does not sink the others."""
    nothing: Iterator[list[Result]] = iter(())
    standing = await read_standing(client, [revision_of(result).row.invoice_id or "" for result in results])
    ready = [result for result in results if _is_as_planned(run, result, standing)]
    frozen = await _freeze(run, client, ready, standing)
    if frozen is None:
        return nothing
    request, ready = frozen
    try:
        async with kept_alive(run.workspace.db, request.id, run.workspace.clock, LEASE):
            answer = await post_frozen(client, request.body, request.idempotency_key, within=SENDABLE)
        outcomes = read_invoice_outcomes(answer, len(ready), request.body)
    except AnswerLost as lost:
        await _let_go(run, request.id, lost)
        for result in ready:
            result.status, result.code, result.why, result.fix = "sending", "answer_lost", not_known(lost), FOUND_OUT
    except RemoteError as error:
        await _settle(run, request.id, ready, [None] * len(ready), AnswerMeta(error.status, error.correlation_id))
        if isinstance(error, AuthError):
            raise
        if error.status in _REFUSED_WHOLE and len(ready) > 1:
            return iter([[result] for result in ready])
        for result in ready:
            result.fail(failure_code(error), why_of(error), fix_of(error))
    else:
        made = [outcome if outcome.invoice_id else None for outcome in outcomes]
        await _settle(run, request.id, ready, made, AnswerMeta(answer.status, answer.correlation_id))
        await _hold_refused(run, [(r, o) for r, o in zip(ready, outcomes, strict=True) if not o.invoice_id])
    return nothing


def revision_of(result: Result) -> Revision:
    """The change that a result makes."""
    assert result.revision is not None
    return result.revision


def _is_as_planned(run: BillingRun, result: Result, standing: Mapping[str, StandingInvoice]) -> bool:
    """Nobody has touched the invoice since it was looked at; else the result says so."""
    revision = revision_of(result)
    found = standing.get(revision.row.invoice_id or "")
    update = revision.kind == "update"
    if found and (found.is_draft if update else found.may_be_voided) and not edits(found, sent_of(revision.row)):
        return contact_id_of(run, revision.bill) is not None
    number = revision.row.invoice_number or "The invoice"
    result.hold(EDITED, f"{number} was changed in Xero at this very moment, and was left alone.", _MEANWHILE)
    return False


async def _freeze(
    run: BillingRun, client: XeroClient, results: Sequence[Result], standing: Mapping[str, StandingInvoice]
) -> tuple[NewRequest, list[Result]] | None:
    """Commit the body before it is sent. Those that another process changed meanwhile are left to it."""
    left = list(results)
    while left:
        wanted = [_with_contact(run, revision_of(result)) for result in left]
        body = invoices_body([_payload(one, standing[one.row.invoice_id or ""]) for one in wanted])
        request = _request(run, client.tenant_id, body)
        try:
            async with run.workspace.db.write() as c:
                await revisions.revise(c, wanted, request, run.workspace.clock())
        except ClaimLost as lost:
            for result in (one for one in left if revision_of(one).row.id in lost.ids):
                result.leave_to_another()
            left = by_status(left, "planned")
        else:
            return request, left
    return None


def _with_contact(run: BillingRun, one: Revision) -> Revision:
    return Revision(one.kind, one.row, one.bill, contact_id_of(run, one.bill))


def _payload(one: Revision, standing: StandingInvoice) -> dict[str, Any]:
    if one.kind == "void":
        return void_payload(standing.invoice_id)
    draft = one.bill.draft
    ids = line_ids(standing, one.replaced.draft.lines, draft.lines)
    return update_payload(draft, one.contact_id or "", standing.invoice_id, ids)


def _request(run: BillingRun, tenant_id: str, body: str) -> NewRequest:
    identity = str(uuid4())
    return NewRequest(
        id=identity,
        connection=run.workspace.name,
        tenant_id=tenant_id,
        operation=OPERATION,
        method=REVISE_METHOD,
        path=INVOICES_PATH,
        body=body,
        idempotency_key=identity,
        owner=this_process(),
        lease_until=run.workspace.clock() + LEASE,
        run_id=run.id,
    )


async def post_frozen(client: XeroClient, body: str, key: str, *, within: timedelta) -> Answer:
    """Send a frozen body; the same bytes and key each time."""
    return await client.send(
        REVISE_METHOD, INVOICES_PATH, body, idempotency_key=key, params=INVOICES_PARAMS, operation=OPERATION, within=within
    )


async def _let_go(run: BillingRun, request_id: str, lost: AnswerLost) -> None:
    _log.warning("request %s: no answer; recovery will find out", request_id)
    run.lost[request_id] = lost
    async with run.workspace.db.write() as c:
        await requests.let_go(c, request_id, this_process(), at_work_until(lost, run.workspace.clock()))


async def _settle(
    run: BillingRun,
    request_id: str,
    results: Sequence[Result],
    outcomes: Sequence[InvoiceOutcome | None],
    meta: AnswerMeta,
) -> None:
    """Record what became of it. None: it is certain that nothing was changed."""
    wanted = [_with_contact(run, revision_of(result)) for result in results]
    revised = [Revised(one.row.id, outcome) for one, outcome in zip(wanted, outcomes, strict=True)]
    async with run.workspace.db.write() as c:
        kept = await revisions.settle_revisions(c, request_id, wanted, revised, meta, run.workspace.clock())
    for result, outcome in zip(results, outcomes, strict=True):
        if not kept:
            result.leave_to_another()
        elif outcome:
            tell_revised(result, outcome)


def tell_revised(result: Result, outcome: InvoiceOutcome) -> None:
    """An update is done; a voided invoice's successor is still to be made."""
    revision = revision_of(result)
    result.code = result.fix = ""
    if revision.kind == "void":
        result.status = "planned"
        return
    result.status = "done"
    result.invoice_id, result.invoice_number = outcome.invoice_id, outcome.number
    result.why = (
        f"{outcome.number}, a draft, was brought up to date: {revision.replaced.draft.total} is now {outcome.total}."
    )
    result.note = difference(revision.bill.draft, outcome.total, outcome.total_tax)


async def _hold_refused(run: BillingRun, refused: Sequence[tuple[Result, InvoiceOutcome]]) -> None:
    """What Xero refused is held as the invoice that would be next; the one that stands is as it was."""
    if not refused:
        return
    held = []
    for result, outcome in refused:
        advice = advise(outcome.messages)
        result.hold(advice.code, f"The change of {revision_of(result).row.invoice_number}: {advice.why}", advice.fix)
        held.append((result.job, _as_hold(result)))
    async with run.workspace.db.write() as c:
        await save_decisions(c, run.id, held, run.workspace.clock())


def _as_hold(result: Result) -> Decision:
    bill, row = revision_of(result).bill, revision_of(result).row
    key = bill.key.model_copy(update={"sequence": max(row.sequence + 1, bill.key.sequence)})
    return Hold(
        key=key,
        code=result.code,
        why=result.why,
        fix=result.fix,
        book=bill.book,
        book_version=bill.book_version,
        fingerprint=bill.fingerprint,
    )
