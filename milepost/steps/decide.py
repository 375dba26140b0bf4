"""Decide a milestone for all jobs it is due for. Third step: the decisions are pure, this keeps them in the ledger."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from milepost.billing.changes import as_sequence
from milepost.billing.decide import decide
from milepost.billing.decision import Bill, BillingKey, Decision, ExistingContact, Hold, NewContact, Skip
from milepost.billing.facts import History
from milepost.billing.milestones import not_due
from milepost.billing.replay import as_unbilled
from milepost.ledger import billings, books, jobs
from milepost.ledger.billings import BillingRow, BillingStatus
from milepost.steps.adopt import adopt_existing
from milepost.steps.changes import facts_of, look_at_changes, superseded
from milepost.steps.customers import look_up_again
from milepost.steps.gather import fresh_chart
from milepost.steps.recovered import known_milestone
from milepost.steps.reread import leave_what_changed
from milepost.steps.run import CHANGED, BillingRun, Due, Result, result_of

CHART_TROUBLES = frozenset(
    {
        "account_unknown", "account_archived", "account_system", "tax_unknown", "tax_not_allowed", "item_unknown",
        "tracking_unknown", "tracking_option_unknown", "currency_not_subscribed", "branding_unknown", "period_locked",
    }
)  # fmt: skip
"""Holds that may only be there because the kept chart is old."""
CONTACT_TROUBLES = frozenset({"contact_undecided"})
ASKED_AGAIN = timedelta(hours=1)
"""How long scheduled runs leave alone what Xero refused of a job that is still the same; a person's run asks at once."""
_OPEN = (BillingStatus.PLANNED, BillingStatus.HELD, BillingStatus.FAILED)


async def decide_milestone(run: BillingRun, milestone: str) -> list[Result]:
    """The decision for every job that the milestone is due for, kept in the ledger unless the run only plans.

    Holds that an old chart may have caused, and contacts about to be made by an old mirror, are decided once more on
    fresh ones. What earlier polls found held does not ask for that again: the chart is fresh once an hour.
    """
    results = _decide_all(run, milestone)
    standing = await _standing(run, results)
    if await _look_closer(run, [result for result in results if result.billing_id not in standing]):
        results = _decide_all(run, milestone)
        standing = await _standing(run, results)
    closed = await look_at_changes(run, results)
    await leave_what_changed(run, [result for result in results if result.billing_id not in standing])
    updates = [result for result in results if result.revision and result.revision.kind == "update"]
    new = [result for result in results if result not in updates]
    if not run.plan_only:
        await _keep(run, [*(result for result in new if result.code != CHANGED), *closed], standing)
        await adopt_existing(run, new)
    for result in results:
        if isinstance(result.decision, Bill) and result.status == "planned":
            superseded(run, result)
            run.remember(result.decision)
    return results


async def _look_closer(run: BillingRun, results: Sequence[Result]) -> bool:
    """Read anew what was kept from before, where that may matter; whether anything was."""
    looked = False
    fresh = [result for result in results if result.job.id in run.fresh]
    if run.chart_is_kept and any(result.code in CHART_TROUBLES for result in fresh):
        run.chart, run.chart_is_kept = await fresh_chart(run.workspace), False
        looked = True
    if run.mirror_is_kept and (
        any(_writes_a_contact(result) for result in results) or any(r.code in CONTACT_TROUBLES for r in fresh)
    ):
        await look_up_again(run)
        looked = True
    return looked


def _writes_a_contact(result: Result) -> bool:
    contact = result.decision.contact if isinstance(result.decision, Bill) else None
    return isinstance(contact, NewContact) or (isinstance(contact, ExistingContact) and contact.restore)


def _decide_all(run: BillingRun, milestone: str) -> list[Result]:
    return [result_of(due, _held_before(run, due) or _decide(run, due)) for due in run.due_for(milestone)]


def _held_before(run: BillingRun, due: Due) -> Hold | None:
    """The hold of a milestone that no book can decide, as the invoice that would have been next."""
    if due.hold is None:
        return None
    return due.hold.model_copy(update={"key": due.hold.key.model_copy(update={"sequence": _next(run, due)})})


def _decide(run: BillingRun, due: Due) -> Decision:
    job, retired = due.job, run.retired.get((due.job.id, due.milestone.code), 0)
    # What the platform says of invoices made of it speaks of the one that we voided, which its history no longer holds.
    seen = as_unbilled(job) if retired else job
    decision = decide(seen, due.milestone, facts_of(run, job), due.book, run.history.get(job.id, History()))
    # An invoice that was voided to be made anew keeps its billing: this is the next one, with a mark of its own.
    return as_sequence(decision, max(decision.key.sequence, retired + 1))


async def _keep(run: BillingRun, results: Sequence[Result], standing: Mapping[str, BillingRow]) -> None:
    """Keep the decisions, but for those that say again what failed or was refused not long ago."""
    workspace = run.workspace
    news = [result for result in results if result.billing_id not in standing]
    async with workspace.db.write() as c:
        decided = [(result.job, result.decision) for result in news]
        saved = await billings.save_decisions(c, run.id, decided, workspace.clock())
    live = set(saved.live_ids)
    for result in results:
        if row := standing.get(result.billing_id):
            result.stand(row)
        elif result.billing_id in live:
            await _leave_alone(run, result)


async def _standing(run: BillingRun, results: Sequence[Result]) -> dict[str, BillingRow]:
    """By id, the billings that would be sent to Xero just as before, and whose time has not come: what it refused within
    the last hour, what failed and is not due again yet, what was given up. A person's run asks at once.
    """
    if run.trigger == "person":
        return {}
    bills = {r.billing_id: r for r in results if isinstance(r.decision, Bill)}
    async with run.workspace.db.read() as c:
        rows = await billings.rows_of(c, run.workspace.name, [result.job.id for result in bills.values()])
    return {row.id: row for row in rows if row.id in bills and _stands(run, row, bills[row.id])}


def _stands(run: BillingRun, row: BillingRow, result: Result) -> bool:
    now = run.workspace.clock()
    if row.status is BillingStatus.HELD:
        is_recent = run.is_scheduled and result.job.id not in run.fresh and row.updated_at > now - ASKED_AGAIN
        return is_recent and row.decision == result.decision.model_dump_json()
    if (row.fingerprint, row.book_version) != (result.decision.fingerprint, result.decision.book_version):
        return False
    is_waiting = row.status is BillingStatus.FAILED and row.next_attempt_at is not None and row.next_attempt_at > now
    return row.is_given_up or (is_waiting and row.id not in run.taken)


async def _leave_alone(run: BillingRun, result: Result) -> None:
    """An invoice of it was sent, by another process just now or long ago and it does not count any more; or a person has
    billed it otherwise.
    """
    async with run.workspace.db.read() as c:
        row = await billings.get(c, result.billing_id)
    if row is not None and row.by_hand is not None:
        result.stand(row)
        return
    if row is None or not row.is_gone:
        result.leave_to_another()
        return
    result.hold(
        "invoice_gone",
        f"Its invoice {row.invoice_number or row.invoice_id} was {(row.invoice_status or '').lower()} in Xero.",
        "Nothing is billed twice by itself: if the job is still to be billed, write this invoice by hand in Xero.",
    )


async def close_what_is_not_due(run: BillingRun) -> int:
    """Skip what waits for a milestone that its job does not ask for any more; how many.

    A job that moved on, was reopened or cancelled must not stay held for ever.
    """
    workspace = run.workspace
    due = {(one.job.id, one.milestone.code): _next(run, one) for one in run.due}
    async with workspace.db.read() as c:
        rows = await billings.rows_of(c, workspace.name, list(run.jobs))
    # One whose number is behind the next was sent meanwhile by another process, which records what becomes of it.
    open_rows = [row for row in rows if row.status in _OPEN or row.is_given_up]
    stale = [row for row in open_rows if row.sequence > due.get((row.job_id, row.milestone), 0)]
    if stale:
        async with workspace.db.write() as c:
            skips = [(run.jobs[row.job_id], await _not_due(run, row)) for row in stale]
            await billings.save_decisions(c, run.id, skips, workspace.clock())
    return len(stale)


def _next(run: BillingRun, due: Due) -> int:
    return run.next_sequence(due.job.id, due.milestone.code)


async def _not_due(run: BillingRun, row: BillingRow) -> Skip:
    job = run.jobs[row.job_id]
    milestone = await known_milestone(run.workspace, row)
    reason = not_due(job, milestone, run.history.get(job.id, History())) if milestone else None
    return Skip(
        key=BillingKey(connection=row.connection, job_id=row.job_id, milestone=row.milestone, sequence=row.sequence),
        code="not_due",
        why=reason.why if reason else f"The job as it is now does not ask for milestone {row.milestone}.",
        book=row.book,
        book_version=row.book_version,
        fingerprint=job.fingerprint,
    )


async def mark_decided(run: BillingRun) -> None:
    """Note which jobs were decided as they now are, so that no poll needs to look again.

    Not where a version of the rule book was published meanwhile: the next poll decides by it.
    """
    workspace = run.workspace
    if not run.jobs:
        return
    shelf = await workspace.shelf()
    async with workspace.db.write() as c:
        await books.keep_publishing_out(c)
        if len(await books.published_numbers(c, shelf.book)) == len(shelf.published):
            await jobs.mark_decided(c, workspace.name, run.decided_jobs)
