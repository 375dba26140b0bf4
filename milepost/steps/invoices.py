"""Create the invoices, each exactly once. Last write on the way of a job, and the one that must never be doubled.

    freeze   the body of up to 50 invoices and its key are committed, their billings `sending`   milepost.ledger.claims
    send     PUT Invoices, once; nothing repeats it behind our back                               milepost.xero.client
    settle   each invoice's own outcome is committed                                              milepost.ledger.settling

Killed anywhere between, `milepost.steps.recover` settles what is left by the same body and key, or by looking.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from milepost.billing.decision import Bill, Draft
from milepost.billing.facts import History
from milepost.errors import AnswerLost, AuthError, RemoteError
from milepost.ledger import billings, requests
from milepost.ledger.billings import AnswerMeta, Claim, ClaimLost, Settled
from milepost.ledger.heartbeats import kept_alive
from milepost.ledger.owner import this_process
from milepost.ledger.requests import NewRequest
from milepost.steps.contacts import contact_id_of
from milepost.steps.retry import Retries, Setback, retries_of, setback_of
from milepost.steps.run import BillingRun, Result, by_status
from milepost.steps.words import FOUND_OUT, not_known, why_of
from milepost.xero.client import Answer, XeroClient
from milepost.xero.invoices import (
    BATCH,
    INVOICES_PARAMS,
    INVOICES_PATH,
    InvoiceOutcome,
    invoice_payload,
    invoices_body,
    read_invoice_outcomes,
)
from milepost.xero.messages import MEND_AND_BILL, REFUSED, advise

_log = logging.getLogger(__name__)

BODY_BYTES = 3_000_000
"""Xero takes 3.5 MB a request (developer docs, API limits)."""
AT_ONCE = 5
"""Requests under way at a time, as Xero allows: no more are frozen than are being sent."""
LEASE = timedelta(minutes=2)
"""How long a request outlives a process that is not seen to end; a living one renews it by its heartbeat."""
SENDABLE = timedelta(minutes=10)
"""How long after it is frozen a request may be sent: longer than three waits for the limit and three answers may take. One
that is sent later could be one that was given up and sent anew."""
STILL_AT_WORK = timedelta(minutes=2)
"""How long after its last sending Xero may still be at work on a request that it did not answer."""
OPERATION = "create-invoices"
_REFUSED_WHOLE = (400, 413)
"""Answers to a body that Xero would not even look into: one bill in it is too odd, or all together are too big."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Up to 50 invoices for one request."""

    results: tuple[Result, ...]
    payloads: tuple[Mapping[str, Any], ...]


async def create_invoices(run: BillingRun, results: Sequence[Result]) -> None:
    """Send the planned bills in parcels, several at once; every result ends done, held, failed or (answer lost) sending.

    Raises AuthError, once all are accounted for, when Xero does not accept our credentials any more.
    """
    ready = [(result, contact_id) for result in by_status(results, "planned") if (contact_id := _contact(run, result))]
    if not ready:
        return
    client = await run.workspace.xero()
    limit = asyncio.Semaphore(AT_ONCE)
    ended = await asyncio.gather(
        *(_deliver(run, client, parcel, limit) for parcel in _parcels(ready)), return_exceptions=True
    )
    if errors := [error for error in ended if error]:
        raise next((error for error in errors if not isinstance(error, AuthError)), errors[0])


def _contact(run: BillingRun, result: Result) -> str | None:
    assert isinstance(result.decision, Bill)
    return contact_id_of(run, result.decision)


def _parcels(ready: Sequence[tuple[Result, str]]) -> Iterator[Parcel]:
    results: list[Result] = []
    payloads: list[Mapping[str, Any]] = []
    size = 0
    for result, contact_id in ready:
        assert isinstance(result.decision, Bill)
        payload = invoice_payload(result.decision.draft, contact_id)
        weight = len(invoices_body([payload]).encode())
        if results and (len(results) == BATCH or size + weight > BODY_BYTES):
            yield Parcel(tuple(results), tuple(payloads))
            results, payloads, size = [], [], 0
        results.append(result)
        payloads.append(payload)
        size += weight
    if results:
        yield Parcel(tuple(results), tuple(payloads))


async def _deliver(run: BillingRun, client: XeroClient, parcel: Parcel, limit: asyncio.Semaphore) -> None:
    async with limit:
        refused = await _send(run, client, parcel)
    for part in refused:
        await _deliver(run, client, part, limit)


async def _send(run: BillingRun, client: XeroClient, parcel: Parcel) -> Sequence[Parcel]:
    """Freeze, send, settle. What comes back is to be tried in smaller parcels: one odd bill must not sink the others."""
    request = await _freeze(run, client, parcel)
    if request is None:
        return ()
    frozen, results = request
    try:
        async with kept_alive(run.workspace.db, frozen.id, run.workspace.clock, LEASE):
            answer = await send_frozen(client, frozen.body, frozen.idempotency_key, within=SENDABLE)
        outcomes = read_invoice_outcomes(answer, len(results), frozen.body)
    except AnswerLost as lost:
        await _let_go(run, frozen.id, lost)
        for result in results:
            result.status, result.code, result.why, result.fix = "sending", "answer_lost", not_known(lost), FOUND_OUT
    except RemoteError as error:
        await _unsent(run, frozen.id, results, error)
        if isinstance(error, AuthError):
            raise
        return _halves(results, parcel) if _may_be_one_of_many(error, results) else ()
    else:
        await _settle(run, frozen, results, outcomes, AnswerMeta(answer.status, answer.correlation_id))
    return ()


def _halves(results: Sequence[Result], parcel: Parcel) -> Sequence[Parcel]:
    """The refused bills of a parcel in two."""
    left = by_status(results, "planned")
    payloads = {result.billing_id: payload for result, payload in zip(parcel.results, parcel.payloads, strict=True)}
    middle = len(left) // 2
    return [
        Parcel(tuple(part), tuple(payloads[result.billing_id] for result in part))
        for part in (left[:middle], left[middle:])
        if part
    ]


def _may_be_one_of_many(error: RemoteError, results: Sequence[Result]) -> bool:
    """Whether one odd bill may have sunk the others: which one is found by sending them in smaller parcels."""
    return error.status in _REFUSED_WHOLE and len(results) > 1


def has_ended(lost: AnswerLost) -> bool:
    """Whether Xero itself answered, and so has ended its work; a gateway's 408, 502 or 504 says nothing of it."""
    return lost.status is not None and lost.status != 408 and (lost.status < 500 or lost.status in (500, 503))


def at_work_until(lost: AnswerLost, now: datetime) -> datetime:
    """Since when nobody has sent a request that is let go: when 'not found' will mean 'not made' is counted from it."""
    return now - 2 * STILL_AT_WORK if has_ended(lost) else now


async def _let_go(run: BillingRun, request_id: str, lost: AnswerLost) -> None:
    """Nobody is at work on the request any more: recovery, here or elsewhere, may find out what became of it."""
    _log.warning("request %s: no answer; recovery will find out", request_id)
    run.lost[request_id] = lost
    async with run.workspace.db.write() as c:
        await requests.let_go(c, request_id, this_process(), at_work_until(lost, run.workspace.clock()))


async def _freeze(run: BillingRun, client: XeroClient, parcel: Parcel) -> tuple[NewRequest, list[Result]] | None:
    """Commit the body before it is sent. Billings that another process took meanwhile are left to it."""
    results, payloads = list(parcel.results), list(parcel.payloads)
    while results:
        request = _request(run, client.tenant_id, invoices_body(payloads))
        try:
            async with run.workspace.db.write() as c:
                await billings.claim(c, [_claim(run, result) for result in results], request, run.workspace.clock())
        except ClaimLost as lost:
            taken = {result.billing_id for result in results if result.billing_id in lost.ids}
            for result in (r for r in results if r.billing_id in taken):
                result.leave_to_another()
            kept = [(r, p) for r, p in zip(results, payloads, strict=True) if r.billing_id not in taken]
            results, payloads = [r for r, _ in kept], [p for _, p in kept]
        else:
            return request, results
    return None


def _claim(run: BillingRun, result: Result) -> Claim:
    bill = result.decision
    assert isinstance(bill, Bill)
    contact_id = contact_id_of(run, bill)
    assert contact_id is not None
    key = bill.key
    billed = run.history.get(key.job_id, History()).billed
    known = tuple(b for b in billed if (b.milestone, b.sequence) != (key.milestone, key.sequence))
    return Claim(result.billing_id, contact_id, bill, History(billed=known))


def _request(run: BillingRun, tenant_id: str, body: str) -> NewRequest:
    identity = str(uuid4())
    return NewRequest(
        id=identity,
        connection=run.workspace.name,
        tenant_id=tenant_id,
        operation=OPERATION,
        method="PUT",
        path=INVOICES_PATH,
        body=body,
        idempotency_key=identity,
        owner=this_process(),
        lease_until=run.workspace.clock() + LEASE,
        run_id=run.id,
    )


async def send_frozen(client: XeroClient, body: str, key: str, *, within: timedelta) -> Answer:
    """Send a frozen body; the same bytes and key each time, so that Xero answers a repeat without doing it again.

    within: how long it may wait for its turn. Later somebody else may have sent it anew, or Xero forgotten the key.
    """
    return await client.send(
        "PUT", INVOICES_PATH, body, idempotency_key=key, params=INVOICES_PARAMS, operation=OPERATION, within=within
    )


async def _unsent(run: BillingRun, request_id: str, results: Sequence[Result], error: RemoteError) -> None:
    """Xero was away, or refused before doing anything: no invoice exists.

    What may pass by itself climbs the retry ladder, a refusal for good is held. A lost sign-in is no failure of theirs: they
    are as planned as before, and wait for the connection. So are those that were refused together with others.
    """
    workspace = run.workspace
    keeps_plan = isinstance(error, AuthError) or _may_be_one_of_many(error, results)
    async with workspace.db.write() as c:
        retries = await retries_of(c, workspace, [result.billing_id for result in results])
        outcomes = [
            Settled.planned(result.billing_id) if keeps_plan else _refused(result.billing_id, error, retries)
            for result in results
        ]
        meta = AnswerMeta(error.status, error.correlation_id)
        kept = await billings.settle(c, request_id, outcomes, meta, workspace.clock())
    for result, one in zip(results, outcomes, strict=True):
        if result.billing_id in kept:
            result.status, result.code = one.status.value, one.code or ""
            result.why, result.fix = one.why or "", one.fix or ""
        else:
            result.leave_to_another()


def _refused(billing_id: str, error: RemoteError, retries: Retries) -> Settled:
    if error.permanent:
        return Settled.held(billing_id, code=REFUSED, why=why_of(error), fix=error.fix or MEND_AND_BILL)
    return retries.settled(billing_id, setback_of(error))


async def _settle(
    run: BillingRun,
    request: NewRequest,
    results: Sequence[Result],
    outcomes: Sequence[InvoiceOutcome],
    meta: AnswerMeta,
) -> None:
    workspace = run.workspace
    async with workspace.db.write() as c:
        retries = await retries_of(c, workspace, [result.billing_id for result in results])
        settled = [outcome_of(r.billing_id, o, retries) for r, o in zip(results, outcomes, strict=True)]
        kept = await billings.settle(c, request.id, settled, meta, workspace.clock())
    for result, one, outcome in zip(results, settled, outcomes, strict=True):
        if result.billing_id in kept:
            tell_result(result, one, outcome)
        else:
            result.leave_to_another()


def outcome_of(billing_id: str, outcome: InvoiceOutcome, retries: Retries) -> Settled:
    """What Xero's answer for one invoice means for its billing."""
    if outcome.invoice_id:
        return Settled.done(
            billing_id,
            invoice_id=outcome.invoice_id,
            invoice_number=outcome.number,
            invoice_status=outcome.status,
            invoice_total=outcome.total,
            invoice_tax=outcome.total_tax,
        )
    advice = advise(outcome.messages)
    if advice.retry:
        return retries.settled(billing_id, Setback(advice.code, advice.why, advice.fix))
    return Settled.held(billing_id, code=advice.code, why=advice.why, fix=advice.fix)


def tell_result(result: Result, settled: Settled, outcome: InvoiceOutcome) -> None:
    """Bring a result in line with what was settled."""
    result.status = settled.status.value
    result.code, result.why, result.fix = settled.code or "", settled.why or "", settled.fix or ""
    result.invoice_id, result.invoice_number = settled.invoice_id, settled.invoice_number
    if settled.invoice_id and isinstance(result.decision, Bill):
        differs = difference(result.decision.draft, outcome.total, outcome.total_tax)
        said = f"Xero made it, and said: {' '.join(outcome.messages)}" if outcome.messages else ""
        result.note = " ".join(part for part in (differs, said) if part)


def difference(draft: Draft, total: Decimal | None, tax: Decimal | None) -> str:
    """A cent of difference between our arithmetic and Xero's, in words; empty when they agree."""
    if total is None or (total == draft.total and (tax is None or tax == draft.total_tax)):
        return ""
    return (
        f"Xero made it {total} with {tax} tax; by our arithmetic it is {draft.total} with {draft.total_tax}. "
        "Compare the invoice's lines with the job before it is paid."
    )
