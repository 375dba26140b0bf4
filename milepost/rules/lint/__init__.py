"""Lint: what a rule book that loads will hardly do as it was meant. Pure, and without the organisation in Xero.

Each check is a small function that yields its issues; `milepost.rules.chart_lint` holds a book against the live chart.
"""

from collections.abc import Callable, Iterator
from datetime import date

from milepost.rules.issues import Issue, in_order
from milepost.rules.lint.conditions import check_dates, check_patterns
from milepost.rules.lint.invoices import check_email, check_numbers, check_tracking_count
from milepost.rules.lint.keys import check_deposits, check_taxes, check_unused_keys
from milepost.rules.lint.reach import check_coverage, check_reach, check_stages_reached
from milepost.rules.lint.stages import (
    check_credits,
    check_minimums,
    check_order,
    check_percentages,
    check_retention,
    check_same_status,
)
from milepost.rules.lint.start import check_start
from milepost.rules.model import RuleBook

__all__ = ["lint_book"]

_CHECKS: tuple[Callable[[RuleBook], Iterator[Issue]], ...] = (
    check_reach,
    check_coverage,
    check_stages_reached,
    check_patterns,
    check_dates,
    check_unused_keys,
    check_taxes,
    check_deposits,
    check_numbers,
    check_email,
    check_tracking_count,
    check_percentages,
    check_order,
    check_same_status,
    check_credits,
    check_retention,
    check_minimums,
)


def lint_book(book: RuleBook, *, today: date | None = None) -> list[Issue]:
    """All issues of a book, in the order of its file. `today` is only asked whether the book begins soon."""
    found = [issue for check in _CHECKS for issue in check(book)]
    return in_order([*found, *(check_start(book, today) if today else ())])
