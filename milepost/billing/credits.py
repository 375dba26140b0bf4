"""A cancelled job that was billed: the credit note that would take all of it back, for a person to confirm. Of decide."""

from collections.abc import Iterable
from decimal import Decimal

from milepost.billing.decision import BillingKey, Credit, Hold, InvoiceLine, Skip
from milepost.billing.earlier import RELEASED, RETENTION, EarlierLine, kept_lines, standing
from milepost.billing.facts import Billed, History
from milepost.billing.trouble import Trouble, hold
from milepost.jobs import Job
from milepost.money import ZERO
from milepost.rules.model import Milestone, RuleBook


def credit_of(key: BillingKey, job: Job, milestone: Milestone, book: RuleBook, history: History) -> Credit | Hold | Skip:
    """A credit over all live invoices of the job; nothing billed, nothing to credit."""
    if not history.billed:
        return _nothing(key, job, milestone, book)
    first = history.billed[0]
    if any((b.currency, b.line_amount_types) != (first.currency, first.line_amount_types) for b in history.billed):
        return hold(key, job, book, [_mixed(history)])
    total = _sum(b.total for b in history.billed)
    named = [_named(billed) for billed in history.billed]
    return Credit(
        key=key,
        why=f"The job is '{job.raw_status}', and {', '.join(named)} {'was' if len(named) == 1 else 'were'} billed.",
        fix=f"Credit {' and '.join(named)} in Xero, or keep the amount as a cancellation fee.",
        invoices=tuple(billed.number or billed.milestone for billed in history.billed),
        lines=_credited(history),
        line_amount_types=first.line_amount_types,
        currency=first.currency,
        sub_total=_sum(b.sub_total for b in history.billed),
        total_tax=_sum(b.total_tax for b in history.billed),
        total=total,
        sums=(f"All that was billed of the job comes to {first.currency} {total}.",),
        book=book.origin.book,
        book_version=book.version,
        fingerprint=job.fingerprint,
    )


def _credited(history: History) -> tuple[InvoiceLine, ...]:
    """The lines of all invoices, without those that a later one took off again, or released."""
    lines = [EarlierLine(billed, line) for billed in history.billed for line in billed.lines if line.account]
    held_back = [one for one in lines if one.line.why.rule.startswith((RETENTION, RELEASED))]
    kept = {id(one.line) for one in kept_lines(history)}
    left = standing([one for one in lines if one not in held_back])
    return tuple(one.line for one in (*left, *(one for one in held_back if id(one.line) in kept)))


def _named(billed: Billed) -> str:
    return f"{billed.number or f'the invoice of {billed.milestone}'} ({billed.total})"


def _nothing(key: BillingKey, job: Job, milestone: Milestone, book: RuleBook) -> Skip:
    return Skip(
        key=key,
        code="nothing_billed",
        why=f"Nothing was billed of the job, so {milestone.code} has nothing to credit.",
        book=book.origin.book,
        book_version=book.version,
        fingerprint=job.fingerprint,
    )


def _mixed(history: History) -> Trouble:
    named = ", ".join(f"{_named(billed)} in {billed.currency}" for billed in history.billed)
    return Trouble(
        "terms_changed",
        f"The job was cancelled after it was billed in different currencies or tax terms: {named}.",
        "Credit each of these invoices by hand in Xero, or keep the amounts as a cancellation fee.",
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
