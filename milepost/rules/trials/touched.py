"""Which entries of a book a test reaches, and which none does: rules, rates, stages, the fallback."""

from collections.abc import Iterable

from milepost.billing.coding import is_words
from milepost.billing.decision import Bill, Decision
from milepost.jobs import Job, Line
from milepost.rules.match import match_line, match_rate
from milepost.rules.model import Milestone, RuleBook


def touched_by(book: RuleBook, job: Job, milestone: Milestone, decision: Decision) -> set[str]:
    """The entries that a decision rests on. A rule is reached by each line that it takes, shown on the invoice or not."""
    touched = {f"milestones.{milestone.code}"}
    for line in job.lines:
        if line.billable and (rule := match_line(book.lines, job, line).rule):
            touched.add(f"lines.{rule.id}")
        if line.billable and (rate := _rate_of(book, job, line)):
            touched.add(f"rates.{rate}")
    if isinstance(decision, Bill) and book.fallback and all(is_words(line) for line in job.lines):
        touched.add("fallback")
    return touched


def untouched(book: RuleBook, touched: Iterable[str]) -> list[str]:
    """The entries that no test reaches, in the order of the book: `rule 'labour'`, `stage DEP`, `rate 'senior'`."""
    reached = set(touched)
    entries = [
        *((f"lines.{rule.id}", f"rule '{rule.id}'") for rule in book.lines),
        *((f"rates.{rate.id}", f"rate '{rate.id}'") for rate in book.rates),
        *((f"milestones.{milestone.code}", f"stage {milestone.code}") for milestone in book.milestones),
        *([("fallback", "the fallback")] if book.fallback else []),
    ]
    return [words for entry, words in entries if entry not in reached]


def _rate_of(book: RuleBook, job: Job, line: Line) -> str | None:
    """The rate that prices a line without a price of its own."""
    priced = (line.unit_price_ex, line.unit_price_inc, line.total_ex, line.total_inc)
    if not book.rates or line.quantity is None or any(price is not None for price in priced):
        return None
    rate = match_rate(book.rates, job, line).rule
    return rate.id if rate else None
