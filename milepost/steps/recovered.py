"""What recovery found, as results of the run: this run's own that waited, and those that an earlier run left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from milepost.errors import ConfigError
from milepost.jobs import Job
from milepost.ledger import jobs
from milepost.ledger.billings import BillingRow, BillingStatus, Settled
from milepost.ledger.requests import RequestRow
from milepost.rules.model import Milestone
from milepost.steps.invoices import tell_result
from milepost.steps.run import BillingRun, Result
from milepost.steps.workspace import Workspace
from milepost.xero.invoices import InvoiceOutcome


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why the outcome of a billing is still open, and what a person can do."""

    code: str
    why: str
    fix: str


class Found(Protocol):
    """What is known of a request."""

    settled: list[Settled]
    waiting: dict[str, Waiting]
    outcomes: dict[str, InvoiceOutcome]


async def tell_run(run: BillingRun, request: RequestRow, rows: Sequence[BillingRow], kept: set[str], found: Found) -> None:
    """Bring the run's results in line with what was found.

    Of an earlier run's billings those done and those that still wait become results of this run; the others are decided
    again, by this run or the next, and come with that.
    """
    own = {result.billing_id: result for result in run.results if result.status == "sending"}
    others = [row for row in rows if row.id not in own]
    if request.id not in run.lost:
        run.recovered += len(kept)
    for one in found.settled:
        if one.billing_id in kept and (result := own.get(one.billing_id)):
            _tell(result, one, found.outcomes)
    for billing_id, waiting in found.waiting.items():
        if result := own.get(billing_id):
            result.code, result.why, result.fix = waiting.code, waiting.why, waiting.fix
    done = {one.billing_id: one for one in found.settled if one.status is BillingStatus.DONE and one.billing_id in kept}
    for result in await _results(run.workspace, [row for row in others if row.id in done or row.id in found.waiting]):
        if waiting_for := found.waiting.get(result.billing_id):
            result.code, result.why, result.fix = waiting_for.code, waiting_for.why, waiting_for.fix
        else:
            _tell(result, done[result.billing_id], found.outcomes)
        run.results.append(result)


def _tell(result: Result, settled: Settled, outcomes: Mapping[str, InvoiceOutcome]) -> None:
    if outcome := outcomes.get(result.billing_id):
        tell_result(result, settled, outcome)
    else:
        result.status = settled.status.value
        result.code, result.why, result.fix = settled.code or "", settled.why or "", settled.fix or ""


async def _results(workspace: Workspace, rows: Sequence[BillingRow]) -> list[Result]:
    """Results that wait for their outcome, of jobs as they are kept."""
    async with workspace.db.read() as c:
        kept = await jobs.get_jobs(c, workspace.name, [row.job_id for row in rows])
    return [await _result(workspace, row, kept[row.job_id]) for row in rows if row.job_id in kept]


async def _result(workspace: Workspace, row: BillingRow, job: Job) -> Result:
    milestone = await known_milestone(workspace, row) or Milestone(code=row.milestone, name=row.milestone, on_status=("-",))
    return Result(job, milestone, row.decided(), "sending")


async def known_milestone(workspace: Workspace, row: BillingRow) -> Milestone | None:
    """The milestone as its book had it; None when that version was never published, or cannot be read any more."""
    shelf = await workspace.shelf(row.book)
    try:
        return shelf.version(row.book_version).milestone(row.milestone)
    except ConfigError:
        return None
