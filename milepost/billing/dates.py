"""Invoice and due dates, counted in the platform account's own calendar."""

from calendar import monthrange
from datetime import date, timedelta

from milepost.jobs import Job, Stage
from milepost.rules.model import InvoiceSettings, Terms


def invoice_date(job: Job, settings: InvoiceSettings, today: date) -> date:
    """The completion date of a completed job, else today (a deposit has no completion to count from)."""
    completed = job.completed_on if job.stage in (Stage.COMPLETED, Stage.INVOICED) else None
    return completed if completed and settings.date == "completion" else today


def due_date(job: Job, dated: date, terms: Terms) -> date:
    """The terms, counted from the completion date, else the invoice's; never before the invoice's own date."""
    start = job.completed_on if job.stage in (Stage.COMPLETED, Stage.INVOICED) else None
    return max(dated, _apply(terms, start or dated))


def _apply(terms: Terms, start: date) -> date:
    if terms.day_of_following_month is None:
        return start + timedelta(days=terms.days or 0)
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    return date(year, month, min(terms.day_of_following_month, monthrange(year, month)[1]))
