"""Whether a version begins when it was meant to."""

from collections.abc import Iterator
from datetime import date, timedelta

from milepost.rules.issues import Issue, Severity, issue
from milepost.rules.model import RuleBook

_LONG = timedelta(days=366)


def check_start(book: RuleBook, today: date) -> Iterator[Issue]:
    """A version that begins in more than a year is likely a slip of the pen."""
    if book.effective_from - today > _LONG:
        yield issue(
            book,
            Severity.HINT,
            "begins_late",
            ("effective_from",),
            f"This version bills no job completed before {book.effective_from}, more than a year from now.",
            "Check the year.",
        )
