"""The way of a job, from a trigger to an invoice. Read this first.

    trigger   find-changed-jobs                       a poll asks the platform; a person, a webhook or a retry names the jobs
    gather    fetch-jobs, read-chart, resolve-contacts                                             reads only
    decide    one subflow `bill-milestone` a milestone with work: code-lines                       pure, kept in the ledger
    apply       in it: create-contacts, create-invoices                                            writes, each exactly once
    tell      send-alerts, write-back                                                              once

`plan` is the same code: it stops after decide. What a run that died had sent is settled first, by recover-requests.
Everything else is in `milepost.steps`, step by step under the same names.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows import report, steps
from flows.alerts import tell_people
from flows.crashes import tell_of_crash
from flows.current import as_current, current_run, watcher
from flows.once import shared_run
from flows.quiet import Refused, in_full
from flows.warm import workspace_for
from milepost.errors import AuthError, ConfigError, MilepostError, RemoteError
from milepost.ledger import runs
from milepost.steps.decide import mark_decided
from milepost.steps.run import BillingRun, Trigger


@flow(name="poll-jobs", flow_run_name="{connection}: poll")
async def poll_jobs(connection: str) -> State:
    """Bill what changed on a connection's platform since the last poll, and what earlier runs left.

    Args:
        connection: The connection's name: its block in Prefect, and its name in `milepost connection list`.
    """
    async with billing_run(connection, "poll") as run:
        return await way_of_a_job(run)


@flow(name="bill-jobs", flow_run_name="{connection}: bill")
async def bill_jobs(
    connection: str,
    job_ids: list[str] | None = None,
    trigger: Trigger = "person",
    plan_only: bool = False,
    reissue: bool = False,
    current_rules: bool = False,
) -> State:
    """Bill the given jobs of a connection, or, without any, what a poll would.

    Args:
        connection: The connection's name: its block in Prefect, and its name in `milepost connection list`.
        job_ids: Ids of jobs in the job system; none for whatever is due.
        trigger: Who asks, for the run's tag.
        plan_only: Decide, show the outcome and write nothing: no contact, no invoice, no note.
        current_rules: Decide by the newest published version of the rule book, whatever the jobs' dates.
        reissue: Carry out what is held to be confirmed: void an approved, unpaid invoice of these jobs and make it anew.
    """
    async with billing_run(connection, trigger, plan_only=plan_only) as run:
        run.reissue, run.current_rules = reissue, current_rules
        run.wanted = list(job_ids or [])
        return await way_of_a_job(run)


@flow(name="bill-milestone", flow_run_name="{milestone}")
async def bill_milestone(connection: str, milestone: str) -> State:
    """One billing stage of all jobs it is due for: decide, then, unless only planned, create contacts and invoices.

    Args:
        connection: The connection's name.
        milestone: The stage's code in the rule book, such as DEP or FIN.
    """
    del connection  # for people: Prefect shows a run by its parameters
    run = current_run()
    await steps.code_lines(milestone)
    if not run.plan_only:
        await steps.create_contacts(milestone)
        await steps.create_invoices(milestone)
    await report.publish_milestone(run, milestone, flow_run.get_id() or "")
    return report.verdict(run.counts_of(milestone))


@flow(name="retry-jobs", flow_run_name="{connection}: retry")
async def retry_jobs(connection: str) -> State:
    """Bill what failed on a connection and is due again, and nothing else.

    Args:
        connection: The connection's name.
    """
    async with billing_run(connection, "retry") as run:
        run.retries_due = True
        return await way_of_a_job(run)


async def way_of_a_job(run: BillingRun) -> State:
    """The steps in order. A remote that is away or a wrong set-up ends the run with an alert; nothing is lost."""
    try:
        if not run.plan_only:
            await steps.recover_requests()
        if not run.wanted and not run.retries_due:
            await steps.find_changed_jobs()
        await steps.fetch_jobs()
        if run.due:
            await steps.read_chart()
            await steps.resolve_contacts()
        for milestone in run.milestones:
            state = await bill_milestone(run.workspace.name, milestone.code, return_state=True)
            await report.raise_unless_told(state)
        if not run.plan_only:
            await mark_decided(run)
            await run.workspace.note_working()
            await steps.send_alerts()
            await steps.write_back()
    except (Refused, RemoteError, ConfigError) as error:
        return await _stop(run, in_full(error))
    return report.verdict(run.counts, run.waiting)


async def _stop(run: BillingRun, error: MilepostError) -> State:
    if isinstance(error, AuthError):
        await run.workspace.note_auth_trouble(error)
    if not run.plan_only:
        await tell_people(run, error)
    run.stopped_by = error
    return report.stopped(error)


@asynccontextmanager
async def billing_run(connection: str, trigger: Trigger, *, plan_only: bool = False) -> AsyncIterator[BillingRun]:
    """Open a run on a connection, unless it was begun ahead of the flow; whatever comes of it, it is published and told."""
    ahead = shared_run()
    begun = nullcontext(ahead) if ahead else begun_run(connection, flow_run.get_id() or "", trigger, plan_only=plan_only)
    async with begun as run:
        try:
            yield run
        except Exception as error:
            await tell_of_crash(run, error)
            raise
        await run.workspace.flush_calls()
        await report.publish(run)
        watcher().finished(run)


@asynccontextmanager
async def begun_run(connection: str, run_id: str, trigger: Trigger, *, plan_only: bool = False) -> AsyncIterator[BillingRun]:
    """A run of a connection: its workspace is open, the ledger has it, and the steps started inside work on it."""
    async with workspace_for(connection, for_person=trigger == "person") as workspace:
        run = BillingRun(run_id, trigger, workspace, plan_only)
        workspace.run_id = run.id
        async with _recorded(run):
            with as_current(run):
                yield run


@asynccontextmanager
async def _recorded(run: BillingRun) -> AsyncIterator[None]:
    """In the ledger the run begins and ends; those of its connection that were killed are ended by it."""
    workspace = run.workspace
    async with runs.alive(workspace.db, run.id):
        async with workspace.db.write() as c:
            await runs.end_dead(c, workspace.name, workspace.clock())
            await runs.start_run(c, run.id, workspace.name, run.trigger, run.id, workspace.clock())
        try:
            yield
        finally:
            async with workspace.db.write() as c:
                await runs.end_run(c, run.id, run.counts, workspace.clock())
