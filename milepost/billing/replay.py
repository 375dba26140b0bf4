"""Replay: what a rule book would decide on a job as it is known, as if nothing were billed yet, or only what came before.

Pure; for `milepost rules diff` and `milepost explain --as-of`, which ask about a book, not about the state of Xero.
"""

import datetime as dt
from collections.abc import Collection
from itertools import takewhile

from milepost.billing.decide import decide
from milepost.billing.decision import Bill, Decision, ExistingContact, Resolution
from milepost.billing.facts import Billed, Facts, History
from milepost.billing.milestones import applies, not_due
from milepost.chart import Chart
from milepost.jobs import EXPORT_MARK, Job
from milepost.rules.model import Milestone, RuleBook


def replay(job: Job, book: RuleBook, facts: Facts, billed: Collection[str] = ()) -> list[Decision]:
    """The decisions on each stage that is due or that was billed (by code), in the book's order, each upon those before.

    Whatever speaks of invoices that were made meanwhile is left out of account: the platform's own marks and claims.
    """
    job, history = as_unbilled(job), History()
    decisions: list[Decision] = []
    for milestone in book.milestones:
        if not _is_asked(job, milestone, history, billed):
            continue
        decision = decide(job, milestone, facts, book, history)
        decisions.append(decision)
        if isinstance(decision, Bill):
            history = History(billed=(*history.billed, billed_by(decision)))
    return decisions


def decide_as_then(job: Job, book: RuleBook, facts: Facts, history: History) -> list[Decision]:
    """The decision on each stage by this book, each upon what was really billed before that stage."""
    codes = {billed.milestone for billed in history.billed}
    asked = [milestone for milestone in book.milestones if _is_asked(job, milestone, history, codes)]
    return [_as_then(job, milestone, book, facts, history) for milestone in asked]


def _is_asked(job: Job, milestone: Milestone, history: History, billed: Collection[str]) -> bool:
    """Whether a stage is due, or was billed and this book bills it of such a job."""
    if milestone.code in billed and applies(job, milestone):
        return True
    return not_due(job, milestone, history) is None


def _as_then(job: Job, milestone: Milestone, book: RuleBook, facts: Facts, history: History) -> Decision:
    if history.of(milestone.code) is None:
        return decide(job, milestone, facts, book, history)
    before = takewhile(lambda billed: billed.milestone != milestone.code, history.billed)
    return decide(as_unbilled(job), milestone, facts, book, History(billed=tuple(before)))


def as_unbilled(job: Job) -> Job:
    """The job without what a platform says of invoices made of it; a stated percentage of progress stays."""
    warnings = tuple(text for text in job.warnings if EXPORT_MARK not in text)
    claims = job.claims.model_copy(update={"invoiced_to_date": None, "remaining": None}) if job.claims else None
    return job.model_copy(update={"export_processed": None, "claims": claims, "warnings": warnings})


def presumed_facts(connection: str, chart: Chart, job: Job, today: dt.date, contact: Resolution | None = None) -> Facts:
    """Facts to judge a book by: lock dates do not count, and a customer that is not looked up counts as a known contact."""
    unlocked = chart.organisation.model_copy(update={"period_lock_date": None, "end_of_year_lock_date": None})
    if contact is None and job.customer:
        contact = ExistingContact(customer_id=job.customer.id, contact_id="presumed", matched_by="link")
    return Facts(
        connection=connection,
        chart=chart.model_copy(update={"organisation": unlocked}),
        contact=contact,
        today=today,
        console_url="",
    )


def billed_by(bill: Bill) -> Billed:
    """A decided bill as it will stand in the history."""
    draft, key = bill.draft, bill.key
    return Billed(
        milestone=key.milestone,
        sequence=key.sequence,
        number=draft.number,
        line_amount_types=draft.line_amount_types,
        currency=draft.currency,
        lines=draft.lines,
        sub_total=draft.sub_total,
        total_tax=draft.total_tax,
        total=draft.total,
        fingerprint=bill.fingerprint,
    )
