"""Tell: the job system gets a note of its invoice, and Xero's invoice a note of its origin. Last step, each once.

The ledger marks what was told, so what a run does not reach the next one does. Nothing here can harm billing.
"""

import asyncio
import logging
import time
from dataclasses import dataclass

from milepost.billing.decision import Bill
from milepost.errors import RemoteError
from milepost.ledger import billings
from milepost.ledger.billings import BillingRow
from milepost.platforms.protocol import WriteBack
from milepost.rules.model import RuleBook
from milepost.steps.workspace import Workspace
from milepost.xero.invoices import deep_link, history_note

_log = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
SECONDS = 30.0
"""How long one run spends on telling; the rest is told by the next."""
SPARE_KEPT = 20
"""Calls of the minute that history notes leave to others."""


@dataclass(frozen=True, slots=True)
class Told:
    """How many were told, how many are still to be, and the error of the last that failed."""

    told: int = 0
    failed: int = 0
    error: str = ""


async def write_back(workspace: Workspace) -> Told:
    """Leave the invoice's number and link on its job, and mark the job processed once its last stage is billed."""
    if not workspace.platform.capabilities.write_note:
        return Told()
    async with workspace.db.read() as c:
        rows = await billings.to_write_back(c, workspace.name, MOST_AT_ONCE)
    ends = time.monotonic() + SECONDS
    limit = asyncio.Semaphore(workspace.platform.rate_policy.concurrent)
    short_code = await workspace.short_code() if rows else None
    words = [_words(workspace, row, short_code) for row in rows]
    outcomes = await asyncio.gather(*(_write_one(workspace, told, limit, ends) for told in zip(rows, words, strict=True)))
    told = [row.id for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
    async with workspace.db.write() as c:
        await billings.mark_written_back(c, told, workspace.clock())
    errors = [outcome for outcome in outcomes if outcome]
    if errors:
        _log.warning("%d jobs could not be written back yet", len(errors))
    return Told(len(told), len(errors), errors[-1] if errors else "")


async def _write_one(
    workspace: Workspace, told: tuple[BillingRow, WriteBack], limit: asyncio.Semaphore, ends: float
) -> str | None:
    """None when it is told. The key is the billing's id, so that a repeat after a crash leaves no second note."""
    row, words = told
    async with limit:
        if time.monotonic() > ends:
            return "the time for this run is used up; the next run goes on"
        try:
            await workspace.platform.write_back(row.job_id, words)
        except RemoteError as error:
            return str(error)
    return None


def _words(workspace: Workspace, row: BillingRow, short_code: str | None) -> WriteBack:
    url = deep_link(workspace.connection.xero.app_url, short_code, row.invoice_id or "")
    amount = f"{row.currency} {row.invoice_total or row.total}"
    return WriteBack(
        key=row.id,
        note=f"Invoice {row.invoice_number} ({row.milestone}, {amount}) created in Xero: {url}",
        invoice_number=row.invoice_number,
        invoice_url=url,
        processed=_is_last(workspace.books.version(row.book, row.book_version), row.milestone),
    )


def _is_last(book: RuleBook, milestone: str) -> bool:
    found = book.milestone(milestone)
    return found is not None and found.amount == "remaining"


async def note_history(workspace: Workspace) -> Told:
    """Say on each new invoice in Xero which job, stage, rules and version made it; only from calls nobody else needs."""
    client = await workspace.xero()
    spare = client.governor.spare() - SPARE_KEPT
    if spare <= 0:
        return Told()
    async with workspace.db.read() as c:
        rows = await billings.to_note(c, workspace.name, spare)
    told: list[str] = []
    for row in rows:
        try:
            await history_note(client, row.invoice_id or "", origin_note(row))
        except RemoteError as error:
            return await _noted(workspace, told, str(error))
        told.append(row.id)
    return await _noted(workspace, told, "")


async def _noted(workspace: Workspace, told: list[str], error: str) -> Told:
    async with workspace.db.write() as c:
        await billings.mark_noted(c, told, workspace.clock())
    return Told(len(told), bool(error), error)


def origin_note(row: BillingRow) -> str:
    """Where an invoice came from, in one line: job, stage, rule book version, the rules of its lines, the run."""
    bill = row.decided()
    assert isinstance(bill, Bill)
    rules = ", ".join(dict.fromkeys(line.why.rule for line in bill.draft.lines))
    return (
        f"Milepost: job {row.job_number}, stage {row.milestone}, rule book {row.book} v{row.book_version}, "
        f"rules {rules}, run {row.run_id}."
    )[:2500]
