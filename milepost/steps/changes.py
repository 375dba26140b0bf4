"""Changes after the fact: what becomes of an invoice whose job has changed since. Between decide and the writes; reads only.

    a draft, unpaid, as we sent it      brought up to date in place, once the job has been left alone for a while
    a draft that somebody edited        held with the differences: nothing of theirs is overwritten
    approved and unpaid                 held; voided and made anew once a person confirms that very step
    paid, wholly or partly              held with the difference in numbers

Only the job's last invoice is touched: later ones build on those before. `milepost.steps.revise` does the writing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from milepost.billing.changes import (
    CHANGE_CODES,
    Sent,
    StandingInvoice,
    as_sequence,
    decided_anew,
    edits,
    held_as_locked,
    held_as_paid,
    held_for_reissue,
    held_with_edits,
)
from milepost.billing.decision import Bill, Decision, Hold, Skip
from milepost.billing.facts import Facts, History
from milepost.jobs import Job
from milepost.ledger import billings, revisions
from milepost.ledger.billings import BillingRow, BillingStatus
from milepost.ledger.revisions import Revision
from milepost.steps.customers import look_up_again
from milepost.steps.gather import today_of
from milepost.steps.run import BillingRun, Result
from milepost.xero.standing import read_standing

SETTLING = "settling"
"""The code of a change that waits until its job has been left alone for a while."""
UPDATED = "draft_updated"


@dataclass(frozen=True, slots=True)
class Change:
    """A result that changes an invoice of ours: its billing's row, what was held of the change before, the bill anew."""

    result: Result
    row: BillingRow
    shown: BillingRow | None
    anew: Bill


def facts_of(run: BillingRun, job: Job) -> Facts:
    """What decide may know of a job."""
    assert run.chart is not None
    return Facts(
        connection=run.workspace.name,
        chart=run.chart,
        contact=run.resolutions.get(job.customer.id) if job.customer else None,
        today=today_of(run, job),
        console_url=run.workspace.installation.console_url,
    )


def sent_of(row: BillingRow) -> Sent:
    """What we sent of an invoice."""
    bill = row.decided()
    assert isinstance(bill, Bill)
    draft = bill.draft
    total = draft.total if row.invoice_total is None else row.invoice_total
    tax = draft.total_tax if row.invoice_tax is None else row.invoice_tax
    return Sent(draft, row.contact_id, total, tax)


def superseded(run: BillingRun, result: Result) -> None:
    """Leave the invoice that a planned result changes out of the job's history."""
    if result.revision:
        row = result.revision.row
        run.forget(row.job_id, row.milestone, row.sequence)


async def look_at_changes(run: BillingRun, results: Sequence[Result]) -> list[Result]:
    """Decide what becomes of invoices whose jobs have changed; the results are changed accordingly.

    What comes back closes the holds that earlier runs left of changes that are now made in place.
    """
    changes = await _changes(run, [result for result in results if _is_change(run, result)])
    if not changes:
        return []
    client = await run.workspace.xero()
    standing = await read_standing(client, [change.row.invoice_id or "" for change in changes])
    if run.mirror_is_kept and any(_writes_a_contact(change.anew) for change in changes):
        await look_up_again(run)
        changes = await _changes(run, [change.result for change in changes])
    closed = []
    for change in changes:
        before = change.result.decision
        if found := standing.get(change.row.invoice_id or ""):
            await _decide(run, change, found)
        if change.result.revision and change.result.revision.kind == "update":
            closed.append(_closed(change.result, before))
    return closed


def _writes_a_contact(bill: Bill) -> bool:
    return bill.contact.found == "new" or bill.contact.restore


def _is_change(run: BillingRun, result: Result) -> bool:
    """Whether the stage was billed, and comes to other money by now. A further claim on progress is no change."""
    billed = run.history.get(result.job.id, History()).of(result.milestone.code)
    if billed is None or billed.sequence >= result.decision.key.sequence:
        return False
    if isinstance(result.decision, Hold):
        return result.code in CHANGE_CODES
    return isinstance(result.decision, Bill) and result.milestone.amount == "remaining"


async def _changes(run: BillingRun, results: Sequence[Result]) -> list[Change]:
    if not results:
        return []
    async with run.workspace.db.read() as c:
        rows = await billings.rows_of(c, run.workspace.name, [result.job.id for result in results])
    by_id = {row.id: row for row in rows}
    return [change for result in results if (change := _change(run, result, by_id))]


def _change(run: BillingRun, result: Result, rows: dict[str, BillingRow]) -> Change | None:
    """None where the invoice cannot be made anew: what was decided stands."""
    job, milestone = result.job, result.milestone
    history = run.history[job.id]
    due = next(due for due in run.due_for(milestone.code) if due.job.id == job.id)
    anew = decided_anew(job, milestone, facts_of(run, job), due.book, history)
    billed = history.of(milestone.code)
    if anew is None or billed is None:
        return None
    anew = as_sequence(anew, billed.sequence)
    row = rows.get(str(anew.key.id))
    if row and row.status is BillingStatus.SENDING:
        run.looked_at_again.add(job.id)
        _instead(result, _waiting(result.decision, "A change of its invoice was sent, and its answer is not known yet."))
    if row is None or row.status is not BillingStatus.DONE or row.invoice_id is None:
        return None
    return Change(result, row, rows.get(result.billing_id), anew)


async def _decide(run: BillingRun, change: Change, standing: StandingInvoice) -> None:
    result, decision = change.result, change.result.decision
    assert isinstance(decision, Bill | Hold)
    if standing.is_draft:
        await _decide_draft(run, change, decision, standing)
    elif isinstance(decision, Hold) and standing.may_be_voided:
        _decide_approved(run, change, decision, standing)
    elif isinstance(decision, Hold) and standing.paid:
        _instead(result, held_as_paid(decision, standing, change.anew))


async def _decide_draft(run: BillingRun, change: Change, decision: Bill | Hold, standing: StandingInvoice) -> None:
    result = change.result
    if found := edits(standing, sent_of(change.row)):
        _instead(result, held_with_edits(decision, standing, found))
        return
    until = await _settled_at(run, change)
    if until > run.workspace.clock():
        run.looked_at_again.add(result.job.id)
        why = (
            f"The job has changed since {standing.number} was drafted; the draft is brought up to date once the job has "
            "been left alone for a while."
        )
        _instead(result, _waiting(decision, why))
        return
    result.decision, result.status = _as_kept(change), "planned"
    result.code, result.fix = "", ""
    result.why = f"{standing.number}, a draft, is brought up to date: {standing.total} becomes {change.anew.draft.total}."
    result.invoice_id, result.invoice_number = standing.invoice_id, standing.number
    result.revision = Revision("update", change.row, _as_kept(change))


def _as_kept(change: Change) -> Bill:
    """The bill anew with the number and status that its invoice keeps."""
    before = sent_of(change.row).draft
    draft = change.anew.draft.model_copy(update={"number": before.number, "status": before.status, "email": before.email})
    return change.anew.model_copy(update={"draft": draft})


async def _settled_at(run: BillingRun, change: Change) -> datetime:
    """From when on the change is acted on: a while after the job's last. A person who names the job need not wait."""
    workspace = run.workspace
    now = workspace.clock()
    settle = timedelta(minutes=workspace.connection.settle_minutes)
    if run.is_of_a_person or not settle:
        return now
    job = change.result.job
    since = now
    if not run.plan_only:
        async with workspace.db.write() as c:
            since = await revisions.await_change(c, change.row.id, job.fingerprint, now)
    changed = min(job.modified_at, now) if job.modified_at else since
    return max(since, changed) + settle


def _waiting(decision: Decision, why: str) -> Skip:
    return Skip(
        key=decision.key,
        code=SETTLING,
        why=why,
        book=decision.book,
        book_version=decision.book_version,
        fingerprint=decision.fingerprint,
    )


def _decide_approved(run: BillingRun, change: Change, hold: Hold, standing: StandingInvoice) -> None:
    result = change.result
    assert run.chart is not None
    until = run.chart.locked_until()
    if until and standing.date and standing.date <= until:
        _instead(result, held_as_locked(hold, standing, until))
        return
    confirm = f"milepost bill {run.workspace.name} --job {result.job.number} --reissue"
    offer = held_for_reissue(hold, standing, change.anew, confirm)
    if not _is_confirmed(run, change, offer):
        _instead(result, offer)
        return
    bill = as_sequence(change.anew, hold.key.sequence)
    result.decision, result.status = bill, "planned"
    result.code, result.fix = "", ""
    result.why = f"{standing.number} ({standing.total}) is voided and made anew: {bill.draft.total}."
    result.revision = Revision("void", change.row, bill)


def _is_confirmed(run: BillingRun, change: Change, offer: Hold) -> bool:
    """Confirmed is what was shown: a step that has changed since is shown again first."""
    shown = change.shown
    was_shown = shown is not None and shown.status is BillingStatus.HELD and shown.decision == offer.model_dump_json()
    return run.reissue and was_shown and change.result.job.id in run.wanted


def _instead(result: Result, decision: Hold | Skip) -> None:
    result.decision = decision
    result.status = "held" if isinstance(decision, Hold) else "skipped"
    result.code, result.why = decision.code, decision.why
    result.fix = decision.fix if isinstance(decision, Hold) else ""


def _closed(result: Result, before: Decision) -> Result:
    skip = Skip(
        key=before.key,
        code=UPDATED,
        why=result.why,
        book=before.book,
        book_version=before.book_version,
        fingerprint=before.fingerprint,
    )
    return replace(result, decision=skip, status="skipped", code=UPDATED, revision=None)
