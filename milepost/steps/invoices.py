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
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from milepost.billing.decision import Bill, Draft
from milepost.billing.facts import History
from milepost.errors import AnswerLost, AuthError, RateLimited, RemoteError
from milepost.ledger import billings, requests
from milepost.ledger.billings import AnswerMeta, Claim, ClaimLost, Settled
from milepost.ledger.owner import this_process
from milepost.ledger.requests import NewRequest
from milepost.steps.contacts import contact_id_of
from milepost.steps.run import BillingRun, Result, by_status
from milepost.xero.client import Answer, XeroClient
from milepost.xero.invoices import (
    INVOICES_PARAMS,
    INVOICES_PATH,
    InvoiceOutcome,
    invoice_payload,
    invoices_body,
    read_invoice_outcomes,
)
from milepost.xero.messages import advise

_log = logging.getLogger(__name__)

BATCH = 50
BODY_BYTES = 3_000_000
"""Xero takes 3.5 MB a request (developer docs, API limits)."""
LEASE = timedelta(minutes=3)
"""How long a request may be under way before another process may ask what became of it; longer than any timeout."""
OPERATION = "create-invoices"


@dataclass(frozen=True, slots=True)
class Parcel:
    """Up to 50 invoices for one request."""

    results: tuple[Result, ...]
    payloads: tuple[Mapping[str, Any], ...]


async def create_invoices(run: BillingRun, results: Sequence[Result]) -> None:
    """Send the planned bills in parcels, several at once; every result ends done, held, failed or (answer lost) sending."""
    client = await run.workspace.xero()
    ready = [(result, contact_id) for result in by_status(results, "planned") if (contact_id := _contact(run, result))]
    await asyncio.gather(*(_deliver(run, client, parcel) for parcel in _parcels(ready)))


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


async def _deliver(run: BillingRun, client: XeroClient, parcel: Parcel) -> None:
    request = await _freeze(run, client, parcel)
    if request is None:
        return
    frozen, results = request
    try:
        answer = await send_frozen(client, frozen.body, frozen.idempotency_key)
        outcomes = read_invoice_outcomes(answer, len(results), frozen.body)
    except AnswerLost as lost:
        await _let_go(run, frozen.id)
        for result in results:
            result.status, result.code, result.why = "sending", "answer_lost", str(lost)
    except RemoteError as error:
        await _unsent(run, frozen.id, results, error)
    else:
        await _settle(run, frozen, results, outcomes, AnswerMeta(answer.status, answer.correlation_id))


async def _let_go(run: BillingRun, request_id: str) -> None:
    """Nobody is at work on the request any more: recovery, here or elsewhere, may find out what became of it."""
    _log.warning("request %s: no answer; recovery will find out", request_id)
    async with run.workspace.db.write() as c:
        await requests.extend_lease(c, request_id, this_process(), run.workspace.clock())


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
    known = tuple(b for b in run.history.get(bill.key.job_id, History()).billed if b.milestone != bill.key.milestone)
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


async def send_frozen(client: XeroClient, body: str, key: str) -> Answer:
    """Send a frozen body; the same bytes and key each time, so that Xero answers a repeat without doing it again."""
    return await client.send("PUT", INVOICES_PATH, body, idempotency_key=key, params=INVOICES_PARAMS, operation=OPERATION)


async def _unsent(run: BillingRun, request_id: str, results: Sequence[Result], error: RemoteError) -> None:
    """Xero was away, or refused before doing anything: no invoice exists, and the billings may be claimed again."""
    workspace = run.workspace
    after = workspace.clock() + error.retry_after if error.retry_after else None
    code = failure_code(error)
    outcomes = [
        Settled.failed(r.billing_id, why=str(error), fix=error.fix, next_attempt_at=after, code=code) for r in results
    ]
    async with workspace.db.write() as c:
        meta = AnswerMeta(error.status, error.correlation_id)
        kept = await billings.settle(c, request_id, outcomes, meta, workspace.clock())
    for result in results:
        if result.billing_id in kept:
            result.fail(code, str(error), error.fix or "It is tried again by the next run.")
        else:
            result.leave_to_another()


def failure_code(error: RemoteError) -> str:
    """The kind of a remote trouble, as the ledger names it."""
    if isinstance(error, RateLimited):
        return "rate_limited"
    return "reconnect" if isinstance(error, AuthError) else "remote_failed"


async def _settle(
    run: BillingRun,
    request: NewRequest,
    results: Sequence[Result],
    outcomes: Sequence[InvoiceOutcome],
    meta: AnswerMeta,
) -> None:
    settled = [outcome_of(r.billing_id, o) for r, o in zip(results, outcomes, strict=True)]
    workspace = run.workspace
    async with workspace.db.write() as c:
        kept = await billings.settle(c, request.id, settled, meta, workspace.clock())
    for result, one, outcome in zip(results, settled, outcomes, strict=True):
        if result.billing_id in kept:
            tell_result(result, one, outcome)
        else:
            result.leave_to_another()


def outcome_of(billing_id: str, outcome: InvoiceOutcome) -> Settled:
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
        return Settled.failed(billing_id, why=advice.why, fix=advice.fix, next_attempt_at=None, code=advice.code)
    return Settled.held(billing_id, code=advice.code, why=advice.why, fix=advice.fix)


def tell_result(result: Result, settled: Settled, outcome: InvoiceOutcome | None) -> None:
    """Bring a result in line with what was settled."""
    result.status = settled.status.value
    result.code, result.why, result.fix = settled.code or "", settled.why or "", settled.fix or ""
    result.invoice_id, result.invoice_number = settled.invoice_id, settled.invoice_number
    if outcome and settled.invoice_id and isinstance(result.decision, Bill):
        result.note = difference(result.decision.draft, outcome.total, outcome.total_tax)


def difference(draft: Draft, total: Decimal | None, tax: Decimal | None) -> str:
    """A cent of difference between our arithmetic and Xero's, in words; empty when they agree."""
    if total is None or (total == draft.total and (tax is None or tax == draft.total_tax)):
        return ""
    return (
        f"Xero made it {total} with {tax} tax; by our arithmetic it is {draft.total} with {draft.total_tax}. "
        "Compare the invoice's lines with the job before it is paid."
    )
