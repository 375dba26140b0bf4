"""Which milestones of a job are due: its status asks for them and no live invoice answers yet."""

from milepost.billing.facts import History
from milepost.jobs import Job
from milepost.rules.model import InvoiceSettings, Milestone, RuleBook


def due_milestones(job: Job, book: RuleBook, history: History) -> list[Milestone]:
    """The milestones to decide, in the book's order.

    A job that jumps straight to completion skips the stages before it: what they would have billed is in what remains.
    """
    status = job.raw_status.casefold()
    return [
        milestone
        for milestone in book.milestones
        if any(status == wanted.casefold() for wanted in milestone.on_status) and history.of(milestone.code) is None
    ]


def settings_for(book: RuleBook, milestone: Milestone) -> InvoiceSettings:
    """The book's invoice settings with the milestone's own keys laid over them."""
    changes = {key: value for key, value in milestone.invoice if value is not None}
    return book.invoice.model_copy(update=changes) if changes else book.invoice
