"""Jobs that were deleted on the platform: nothing waits for them any more. Part of gather."""

from collections.abc import Sequence

from milepost.billing.decision import BillingKey, Skip
from milepost.ledger import billings, jobs
from milepost.ledger.billings import BillingRow, BillingStatus
from milepost.ledger.decisions import save_decisions
from milepost.steps.run import BillingRun

JOB_GONE = "job_gone"
_OPEN = (BillingStatus.PLANNED, BillingStatus.HELD, BillingStatus.FAILED)


async def let_go(run: BillingRun) -> None:
    """Close what waits for the gone among the run's problems. A person who named such a job still sees that it is gone."""
    gone = [problem.job_id for problem in run.problems if problem.gone]
    if not run.is_of_a_person:
        run.problems = [problem for problem in run.problems if not problem.gone]
    for job_id in gone:
        run.jobs.pop(job_id, None)
    if gone and not run.plan_only:
        await _close(run, gone)


async def _close(run: BillingRun, job_ids: Sequence[str]) -> None:
    """Skip their open billings; what was sent or made is left alone. The jobs themselves are kept, as the past's record."""
    name = run.workspace.name
    async with run.workspace.db.write() as c:
        kept = await jobs.get_jobs(c, name, job_ids)
        rows = [
            row
            for row in await billings.rows_of(c, name, job_ids)
            if (row.status in _OPEN or row.is_given_up) and row.job_id in kept
        ]
        skips = [(kept[row.job_id], _skip(row, kept[row.job_id].fingerprint)) for row in rows]
        await save_decisions(c, run.id, skips, run.workspace.clock())
        await jobs.mark_decided(c, name, list(kept.values()))
        await jobs.forget_unread(c, name, job_ids)


def _skip(row: BillingRow, fingerprint: str) -> Skip:
    return Skip(
        key=BillingKey(connection=row.connection, job_id=row.job_id, milestone=row.milestone, sequence=row.sequence),
        code=JOB_GONE,
        why="The job was deleted in the job system.",
        book=row.book,
        book_version=row.book_version,
        fingerprint=fingerprint,
    )
