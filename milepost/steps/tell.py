"""Tell: the job system gets a note of its invoice, and Xero's invoice a note of its origin. Last step, each once.

The ledger marks what was told, so what a run does not reach the next one does. Nothing here can harm billing.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from milepost.billing.explain import explain_decision
from milepost.billing.origin_notes import history_note
from milepost.errors import AnswerLost, AuthError, RemoteError
from milepost.ledger import billings
from milepost.ledger.billings import BillingRow
from milepost.ledger.leases import LeaseTaken, lease
from milepost.platforms.protocol import RatePolicy, WriteBack
from milepost.steps.recovered import known_milestone
from milepost.steps.words import why_of
from milepost.steps.workspace import Workspace
from milepost.xero.client import XeroClient
from milepost.xero.invoices import deep_link
from milepost.xero.invoices import history_note as write_history_note

_log = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
SECONDS = 30.0
"""How long one run spends on telling; the rest is told by the next."""
TELLS_FOR = timedelta(minutes=1)
"""How long telling belongs to a run on another host that died at it."""
WAITS_FOR_ANOTHER = timedelta(seconds=5)
"""How long a run waits until another has told what it had to tell."""
CALLS_A_JOB = 3
"""Calls that telling of one invoice takes: to look for the note, to leave it, to mark the job."""
READING_PERCENT = 25
"""The part of the job system's minute that telling leaves to finding and reading jobs."""
A_COMMIT = 20
"""How many are told before it is kept: as many notes may come twice where a system has no way to look for them."""
SPARE_KEPT = 20
"""Calls of the minute that history notes leave to others."""
_NEVER = frozenset({400, 404, 410, 422})
"""Refusals of what is told, rather than of who tells: a job or an invoice that is gone will not come back for a note."""


@dataclass(frozen=True, slots=True)
class Told:
    """How many were told, how many are still to be, and the error of the last that failed."""

    told: int = 0
    failed: int = 0
    error: str = ""


async def write_back(workspace: Workspace) -> Told:
    """Leave the invoice's number and link on its job, and mark the job processed once its last stage is billed.

    No more of them than fit into the job system's minute: what would have to wait for the next minute is told by the next
    run, so that a thousand jobs on one connection never keep the others from being billed.
    """
    can = workspace.platform.capabilities
    if not (can.write_note or can.write_processed):
        return Told()
    if not await _untold(workspace):
        return Told()
    async with _alone(workspace, "notes") as is_alone:
        rows = await _untold(workspace) if is_alone else []
        return await _write_all(workspace, rows)


async def _untold(workspace: Workspace) -> list[BillingRow]:
    async with workspace.db.read() as c:
        return await billings.to_write_back(c, workspace.name, MOST_AT_ONCE)


@asynccontextmanager
async def _alone(workspace: Workspace, what: str) -> AsyncIterator[bool]:
    """Whether no other process tells of this connection's work meanwhile: two that both look before they write write twice.

    Where another is at it for long, the next run tells what is left.
    """
    async with AsyncExitStack() as stack:
        try:
            held = lease(workspace.db, f"telling|{what}|{workspace.name}", for_=TELLS_FOR, wait=WAITS_FOR_ANOTHER)
            await stack.enter_async_context(held)
        except LeaseTaken:
            yield False
        else:
            yield True


async def _write_all(workspace: Workspace, rows: Sequence[BillingRow]) -> Told:
    if not rows:
        return Told()
    ends = time.monotonic() + SECONDS
    short_code = await workspace.short_code()
    told, errors = 0, list[RemoteError]()
    fitting = rows[: _jobs_a_run(workspace.platform.rate_policy)]
    for start in range(0, len(fitting), A_COMMIT):
        if time.monotonic() > ends or any(isinstance(error, AuthError) for error in errors):
            break
        done, failed = await _write_some(workspace, fitting[start : start + A_COMMIT], short_code)
        told += done
        errors += failed
    if told < len(fitting):
        _log.warning("%d jobs could not be written back yet", len(fitting) - told)
    return Told(told, len(rows) - told, why_of(errors[-1]) if errors else "")


def _jobs_a_run(policy: RatePolicy) -> int:
    """How many jobs one run tells: those whose calls need not wait for the job system's next minute, and at least one."""
    if policy.per_minute is None:
        return MOST_AT_ONCE
    return max(1, policy.per_minute * (100 - READING_PERCENT) // 100 // CALLS_A_JOB)


async def _write_some(
    workspace: Workspace, rows: Sequence[BillingRow], short_code: str | None
) -> tuple[int, list[RemoteError]]:
    """Tell of some, several at once, and keep which were told; one that is refused for ever is not tried for ever."""
    limit = asyncio.Semaphore(workspace.platform.rate_policy.concurrent)
    outcomes = await asyncio.gather(*(_write_one(workspace, row, short_code, limit) for row in rows))
    told = [row.id for row, error in zip(rows, outcomes, strict=True) if error is None]
    given_up = [row.id for row, error in zip(rows, outcomes, strict=True) if error and _is_hopeless(error)]
    for billing_id in given_up:
        _log.warning("billing %s: the job system refuses its note for good; it is not tried again", billing_id)
    async with workspace.db.write() as c:
        await billings.mark_written_back(c, [*told, *given_up], workspace.clock())
        await billings.put_behind(c, [row.id for row in rows if row.id not in {*told, *given_up}], workspace.clock())
    return len(told) + len(given_up), [error for error in outcomes if error and not _is_hopeless(error)]


async def _write_one(
    workspace: Workspace, row: BillingRow, short_code: str | None, limit: asyncio.Semaphore
) -> RemoteError | None:
    """None when it is told. The key is the billing's id, so that a repeat after a crash leaves no second note."""
    async with limit:
        try:
            await workspace.platform.write_back(row.job_id, await _words(workspace, row, short_code))
        except RemoteError as error:
            return error
    return None


def _is_hopeless(error: RemoteError) -> bool:
    return error.permanent and not isinstance(error, AuthError) and error.status in _NEVER


async def _words(workspace: Workspace, row: BillingRow, short_code: str | None) -> WriteBack:
    url = deep_link(workspace.connection.xero.app_url, short_code, row.invoice_id or "")
    milestone = await known_milestone(workspace, row)
    amount = f"{row.currency} {row.invoice_total or row.total}"
    return WriteBack(
        key=row.id,
        note=f"Invoice {row.invoice_number} ({row.milestone}, {amount}) created in Xero: {url}",
        invoice_number=row.invoice_number,
        invoice_url=url,
        processed=milestone is not None and milestone.amount == "remaining",
    )


async def note_history(workspace: Workspace) -> Told:
    """Say on each new invoice in Xero which job, stage, rules and version made it; only from calls nobody else needs."""
    if not await _unnoted(workspace):
        return Told()
    async with _alone(workspace, "history") as is_alone:
        return await _note_all(workspace, await _unnoted(workspace) if is_alone else [])


async def _unnoted(workspace: Workspace) -> list[BillingRow]:
    async with workspace.db.read() as c:
        return await billings.to_note(c, workspace.name, MOST_AT_ONCE)


async def _note_all(workspace: Workspace, waiting: Sequence[BillingRow]) -> Told:
    if not waiting:
        return Told()
    client = await workspace.xero()
    rows = waiting[: max(0, client.governor.spare() - SPARE_KEPT)]
    ends = time.monotonic() + SECONDS
    told = 0
    for row in rows:
        if time.monotonic() > ends:
            break
        error = await _note_one(workspace, client, row)
        if error:
            return Told(told, len(waiting) - told, why_of(error))
        told += 1
    return Told(told, len(waiting) - told)


async def _note_one(workspace: Workspace, client: XeroClient, row: BillingRow) -> RemoteError | None:
    """None when it is noted, or never will be. A note whose answer was lost is not written twice: it may stand there."""
    try:
        await write_history_note(client, row.invoice_id or "", origin_note(row))
    except AnswerLost:
        _log.warning("billing %s: no answer to its history note; it is not written again", row.id)
    except RemoteError as error:
        if not _is_hopeless(error):
            return error
        _log.warning("billing %s: Xero refuses its history note for good; it is not tried again", row.id)
    async with workspace.db.write() as c:
        await billings.mark_noted(c, [row.id], workspace.clock())
    return None


def origin_note(row: BillingRow) -> str:
    """Where an invoice came from: job, stage, rule book version, the rule and account of each line, the run."""
    explanation = explain_decision(row.decided()).model_copy(update={"job_number": row.job_number})
    return history_note(explanation, row.run_id)
