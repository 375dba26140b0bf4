"""Which milestones of a job are due: its status asks for them, their conditions hold, and no live invoice answers yet."""

from dataclasses import dataclass, replace

from milepost.billing.decision import Rejected
from milepost.billing.facts import Billed, History
from milepost.jobs import Job
from milepost.rules.match import job_refusal
from milepost.rules.model import InvoiceSettings, Milestone, RuleBook


@dataclass(frozen=True, slots=True)
class NotDue:
    """Why a milestone is not due, by a stable `code`: status, condition, nothing_billed or already_billed.

    rejected: the condition of its `when` that does not hold.
    """

    milestone: str
    code: str
    why: str
    rejected: Rejected | None = None


def due_milestones(job: Job, book: RuleBook, history: History) -> list[Milestone]:
    """The milestones to decide, in the book's order.

    A job that jumps straight to completion skips the stages before it: what they would have billed is in what remains.
    """
    return [milestone for milestone in book.milestones if not_due(job, milestone, history) is None]


def why_not_due(job: Job, book: RuleBook, history: History) -> list[NotDue]:
    """Why each of the other milestones is not due, in the book's order."""
    found = (not_due(job, milestone, history) for milestone in book.milestones)
    return [reason for reason in found if reason]


def not_due(job: Job, milestone: Milestone, history: History) -> NotDue | None:
    """Why this milestone is not due; None when it is."""
    code = milestone.code
    if not asks_for(job, milestone):
        statuses = ", ".join(f"'{status}'" for status in milestone.on_status)
        return NotDue(code, "status", f"The job is '{job.raw_status}'; {code} is due at {statuses}.")
    if refused := refusal(job, milestone):
        return NotDue(code, "condition", _condition(milestone, refused), refused)
    if milestone.amount == "credit" and not history.billed:
        return NotDue(code, "nothing_billed", f"Nothing was billed of the job, so {code} has nothing to credit.")
    if why := already_billed(job, milestone, history):
        return NotDue(code, "already_billed", why)
    return None


def asks_for(job: Job, milestone: Milestone) -> bool:
    """Whether the job's status is one of the milestone's."""
    status = job.raw_status.casefold()
    return any(status == wanted.casefold() for wanted in milestone.on_status)


def already_billed(job: Job, milestone: Milestone, history: History) -> str | None:
    """Why a billed milestone has nothing more to look for; None when it is unbilled, or its job has changed since."""
    billed = history.of(milestone.code)
    if billed is None:
        return None
    if milestone.again == "ignore":
        return f"Milestone {milestone.code} was billed already{by_number(billed)}."
    if billed.fingerprint == job.fingerprint:
        return f"Milestone {milestone.code} was billed already{by_number(billed)}, and the job has not changed since."
    return None


def by_number(billed: Billed) -> str:
    """` by INV-1`, where the number is known."""
    return f" by {billed.number}" if billed.number else ""


def settings_for(book: RuleBook, milestone: Milestone) -> InvoiceSettings:
    """The book's invoice settings with the milestone's own keys laid over them."""
    changes = {key: value for key, value in milestone.invoice if value is not None}
    return book.invoice.model_copy(update=changes) if changes else book.invoice


def applies(job: Job, milestone: Milestone) -> bool:
    """Whether the milestone's conditions hold for the job, whatever its status."""
    return refusal(job, milestone) is None


def refusal(job: Job, milestone: Milestone) -> Rejected | None:
    """The condition of the milestone that does not hold for the job, whatever its status; None when all do."""
    refused = job_refusal(milestone.when, job) if milestone.when.model_fields_set else None
    return replace(refused, rule=milestone.code) if refused else None


def _condition(milestone: Milestone, refused: Rejected) -> str:
    seen = refused.seen or "nothing"
    return (
        f"{milestone.code} is only for jobs of which its conditions hold: "
        f"{refused.condition} is to be {refused.wanted}, and is {seen}."
    )
