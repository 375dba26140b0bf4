"""Invoice and due dates, counted in the platform account's own calendar."""

from calendar import monthrange
from datetime import date, timedelta

from milepost.billing.trouble import Trouble
from milepost.jobs import Job, Stage
from milepost.rules.model import InvoiceSettings, Terms

_IMPLAUSIBLE = timedelta(days=3660)
"""Ten years: a completion further away is a slip of the keyboard, or an empty date that a system fills with zeros."""


def invoice_date(job: Job, settings: InvoiceSettings, today: date) -> date:
    """The completion date of a completed job, else today (a deposit has no completion to count from)."""
    completed = job.completed_on if job.stage in (Stage.COMPLETED, Stage.INVOICED) else None
    return completed if completed and settings.date == "completion" else today


def due_date(job: Job, dated: date, terms: Terms) -> date:
    """The terms, counted from the completion date, else the invoice's; never before the invoice's own date."""
    start = job.completed_on if job.stage in (Stage.COMPLETED, Stage.INVOICED) else None
    return max(dated, _apply(terms, start or dated))


def check_dates(job: Job, today: date) -> Trouble | None:
    """A completion date that cannot be meant, which would date the invoice and its terms."""
    completed = job.completed_on
    if completed is None or abs(completed - today) <= _IMPLAUSIBLE:
        return None
    return Trouble(
        "date_implausible",
        f"The job says that it was completed on {completed}.",
        "Correct its completion date on the platform, then run again.",
    )


def _apply(terms: Terms, start: date) -> date:
    if terms.day_of_following_month is None:
        return start + timedelta(days=terms.days or 0)
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    return date(year, month, min(terms.day_of_following_month, monthrange(year, month)[1]))
