"""What each condition of a rule looks at in a line and its job, and the words for it. Read by `match`.

A line's own things come first, then the job's: that is the order in which a reason names the condition that failed.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from milepost.jobs import Job, Line, LineKind
from milepost.money import HUNDRED, LineAmountTypes, line_tax, round2

Texts = tuple[str, ...]
"""The texts a condition looks at; none when the job does not say."""

_LONGEST_NUMBER = 30

Seen = Texts | Decimal | date | None


def _one(value: str | None) -> Texts:
    return (value,) if value else ()


def stated_amount(line: Line) -> Decimal | None:
    """The line's amount before tax, in cents, as far as the platform says it by itself; a discount's is below zero.

    In order: its total before tax; its quantity times its price before tax, less its discount; the same two with tax,
    less the tax that the platform names. None when none of them is known, or they are beyond all reckoning.
    """
    try:
        amount = _amount(line)
    except ArithmeticError:
        return None
    return -abs(amount) if amount is not None and line.kind is LineKind.DISCOUNT else amount


def _amount(line: Line) -> Decimal | None:
    if line.total_ex is not None:
        return round2(line.total_ex)
    if line.unit_price_ex is not None:
        return _at_price(line, line.unit_price_ex)
    if line.total_inc is not None:
        return _less_tax(line, round2(line.total_inc))
    if line.unit_price_inc is not None:
        return _less_tax(line, _at_price(line, line.unit_price_inc))
    return line.discount_amount if line.kind is LineKind.DISCOUNT else None


def _at_price(line: Line, price: Decimal) -> Decimal:
    """A price without a quantity is the price of one, as it is on the invoice."""
    full = price * (1 if line.quantity is None else line.quantity)
    if line.discount_rate:
        return round2(full * (HUNDRED - line.discount_rate) / HUNDRED)
    return round2(full - (line.discount_amount or 0))


def _less_tax(line: Line, amount: Decimal) -> Decimal | None:
    tax = line.tax
    if tax is None or (tax.rate is None and tax.amount is None):
        return None
    if tax.rate is not None:
        return amount - line_tax(amount, tax.rate, LineAmountTypes.INCLUSIVE)
    return None if tax.amount is None else amount - tax.amount


def stated_total(job: Job) -> Decimal | None:
    """The job's total before tax: as the platform states it, else what its billable lines come to, when all are known."""
    stated = job.reported_totals
    if stated.ex is not None:
        return stated.ex
    if stated.inc is not None and stated.tax is not None:
        return stated.inc - stated.tax
    amounts = [stated_amount(line) for line in job.lines if line.billable and not _is_only_words(line)]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(amounts) else None


def _is_only_words(line: Line) -> bool:
    return line.kind is LineKind.TEXT and not any(
        (line.total_ex, line.total_inc, line.unit_price_ex, line.unit_price_inc),
    )


OF_LINE: dict[str, Callable[[Job, Line], Seen]] = {
    "kind": lambda _, line: (line.kind.value,),
    "code": lambda _, line: _one(line.code),
    "description": lambda _, line: _one(line.description),
    "category": lambda job, line: _one(line.category or job.category),
    "section": lambda _, line: _one(line.section),
    "staff": lambda _, line: _one(line.staff),
    "tax": lambda _, line: _one(line.tax.name if line.tax else None),
    "quantity": lambda _, line: line.quantity,
    "amount": lambda _, line: stated_amount(line),
    "worked_on": lambda _, line: line.worked_on,
}
"""What conditions look at that may differ from line to line."""

OF_JOB: dict[str, Callable[[Job], Seen]] = {
    "job_type": lambda job: _one(job.job_type),
    "business_unit": lambda job: _one(job.business_unit),
    "customer": lambda job: _one(job.customer.name if job.customer else None),
    "customer_tag": lambda job: tuple(tag for tag in job.customer.tags if tag) if job.customer else (),
    "job_tag": lambda job: tuple(tag for tag in job.tags if tag),
    "site_region": lambda job: _one(job.site.region if job.site else None),
    "job_total": stated_total,
    "completed": lambda job: job.completed_on,
}
"""What conditions look at that is the same for all lines of a job; and its custom fields."""

JOB_ALONE = Line(id="", kind=LineKind.TEXT)
"""A line that says nothing: what is asked of a job is asked as if of this."""


def custom_field(name: str) -> Callable[[Job], Texts]:
    """Looks at the job's custom field of this name, upper or lower case."""
    folded = name.casefold()
    return lambda job: tuple(said for field, said in job.custom_fields.items() if said and field.casefold() == folded)


def in_words(seen: Seen) -> str:
    """What was seen, for people; empty when the job does not say."""
    if seen is None:
        return ""
    if isinstance(seen, tuple):
        return ", ".join(seen)
    if isinstance(seen, Decimal):
        return f"{seen:f}" if abs(seen.adjusted()) < _LONGEST_NUMBER else str(seen)
    return seen.isoformat()
