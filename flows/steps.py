"""The steps as Prefect tasks: named for what they do, a handful a run, never one a job. Each hands back a count, no more,
because Prefect records what passes through it.
"""

import logging

from prefect import task

from flows.alerts import tell_people
from flows.current import current_run, watcher
from flows.once import once
from flows.quiet import quietly
from flows.report import in_words
from milepost.billing.decision import ExistingContact, NewContact
from milepost.ledger import billings
from milepost.steps import contacts, customers, decide, gather, invoices, recover, tell
from milepost.steps.lint_books import book_errors
from milepost.steps.recover_revisions import recover_revisions
from milepost.steps.revise import revise_invoices

_log = logging.getLogger(__name__)


@task(name="recover-requests", task_run_name="recover-requests")
@once
@quietly
async def recover_requests() -> int:
    """Settle what a run that died had sent, before anything new is sent."""
    run = current_run()
    count = await recover.recover(run) + await recover_revisions(run)
    _log.info("requests of an earlier run settled: %d", count)
    return count


@task(name="find-changed-jobs", task_run_name="find-changed-jobs")
@quietly
async def find_changed_jobs() -> int:
    """Ask the platform which jobs changed since the last poll."""
    return await gather.find_changed(current_run())


@task(name="fetch-jobs", task_run_name="fetch-jobs")
@once
@quietly
async def fetch_jobs() -> int:
    """Read the jobs whole, keep them, and find the milestones that are due."""
    run, look = current_run(), watcher()
    count = await gather.fetch_jobs(run, lambda done, of: look.progress("fetch-jobs", done, of))
    await gather.find_due(run)
    if not run.plan_only:
        await decide.close_what_is_not_due(run)
    _log.info("jobs read: %d, unreadable: %d, billings due: %d", count, len(run.problems), len(run.due))
    return count


@task(name="read-chart", task_run_name="read-chart")
@once
@quietly
async def read_chart() -> int:
    """Have the organisation's accounts, taxes, items and tracking at hand, and hold the rule books against them."""
    run = current_run()
    await gather.gather_chart(run)
    count = len(run.chart.accounts) if run.chart else 0
    _log.info("accounts in the chart: %d, %s", count, "as kept from before" if run.chart_is_kept else "read anew")
    for issue in book_errors(run):
        _log.warning("the rule book names what Xero would refuse: %s (%s)", issue.where, issue.code)
    return count


@task(name="resolve-contacts", task_run_name="resolve-contacts")
@once
@quietly
async def resolve_contacts() -> int:
    """Find the customers among Xero's contacts; those not found are created once their bill is decided."""
    run = current_run()
    await customers.look_up_contacts(run)
    found, new = (sum(isinstance(r, kind) for r in run.resolutions.values()) for kind in (ExistingContact, NewContact))
    _log.info("customers: %d, found in Xero: %d, new: %d", len(run.resolutions), found, new)
    return len(run.resolutions)


@task(name="code-lines", task_run_name="code-lines {milestone}")
@once
@quietly
async def code_lines(milestone: str) -> int:
    """Decide: code every line by the rule book, and what the milestone bills."""
    run = current_run()
    results = await decide.decide_milestone(run, milestone)
    run.results += results
    _log.info("%s: %s", milestone, in_words(run.counts_of(milestone)))
    return len(results)


@task(name="create-contacts", task_run_name="create-contacts {milestone}")
@once
@quietly
async def create_contacts(milestone: str) -> int:
    """Create the customers that Xero does not know."""
    run = current_run()
    before = run.new_contacts
    await contacts.settle_contacts(run, run.results_of(milestone))
    _log.info("%s: contacts created: %d", milestone, run.new_contacts - before)
    return run.new_contacts - before


@task(name="create-invoices", task_run_name="create-invoices {milestone}")
@once
@quietly
async def create_invoices(milestone: str) -> int:
    """Change and create the invoices, each exactly once, and ask at once about those whose answer was lost."""
    run = current_run()
    results = run.results_of(milestone)
    await revise_invoices(run, results)
    if run.lost:
        await recover_revisions(run)
    await invoices.create_invoices(run, results)
    if run.lost:
        await recover.recover(run)
    workspace = run.workspace
    due_elsewhere = {due.job.id for due in run.due if due.milestone.code != milestone}
    async with workspace.db.read() as c:  # what became of it, for the stages of the same jobs that are still to be decided
        wanted = [result.job.id for result in results if result.job.id in due_elsewhere]
        run.history |= await billings.history(c, workspace.name, wanted)
    await workspace.flush_calls()
    _log.info("%s: %s", milestone, in_words(run.counts_of(milestone)))
    return sum(result.status == "done" for result in results)


@task(name="send-alerts", task_run_name="send-alerts")
@quietly
async def send_alerts() -> int:
    """Tell the billing team what needs a person, and what has cleared."""
    sent = await tell_people(current_run())
    _log.info("messages sent: %d", sent)
    return sent


@task(name="write-back", task_run_name="write-back")
@quietly
async def write_back() -> int:
    """Leave each invoice's number on its job, and, from calls to spare, its origin on the invoice in Xero."""
    workspace = current_run().workspace
    told = await tell.write_back(workspace)
    if workspace.connection.xero.history_notes:
        await tell.note_history(workspace)
    _log.info("jobs told of their invoice: %d, not yet: %d", told.told, told.failed)
    return told.told
