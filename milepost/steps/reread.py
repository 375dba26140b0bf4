"""Read a job once more before it is billed from what an earlier poll kept of it. Between decide and the writes.

Job systems list what changed among the jobs of interest. One that was cancelled or deleted while it was held is not among
them, nor is one that lost a line: without another look it would be billed as it was.
"""

from collections.abc import Sequence

from milepost.billing.decision import Bill
from milepost.ledger import jobs
from milepost.steps.retry import keep_unread
from milepost.steps.run import BillingRun, Result


async def leave_what_changed(run: BillingRun, results: Sequence[Result]) -> None:
    """Skip the bills whose job is not as it was kept, and leave them to the next run.

    A job that cannot be read becomes a problem of the run, as in a poll.
    """
    kept = {result.job.id for result in results if isinstance(result.decision, Bill)} - run.fresh - run.read_again
    if kept and run.workspace.platform.capabilities.keeps_jobs:
        await _read(run, kept - {problem.job_id for problem in run.problems})
    gone = run.changed_since | {problem.job_id for problem in run.problems}
    for result in results:
        if isinstance(result.decision, Bill) and result.job.id in gone:
            result.leave_to_next()


async def _read(run: BillingRun, job_ids: set[str]) -> None:
    fetched = await run.workspace.platform.fetch(sorted(job_ids))
    changed = [job for job in fetched.jobs if job.id in job_ids and job.fingerprint != run.jobs[job.id].fingerprint]
    run.read_again |= job_ids
    run.changed_since |= {job.id for job in changed}
    # Of a job that is gone, the next poll lets go: it is kept as unread until then, and is no trouble of this run.
    run.changed_since |= {problem.job_id for problem in fetched.problems if problem.gone}
    run.problems += [problem for problem in fetched.problems if not problem.gone]
    if run.plan_only:
        return
    async with run.workspace.db.write() as c:
        now = run.workspace.clock()
        await jobs.save_jobs(c, run.workspace.name, changed, {}, now)
        run.given_up |= await keep_unread(c, run.workspace, fetched.problems)
