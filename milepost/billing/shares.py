"""A share of a job, split over the accounts, tax types and tracking of its lines in proportion, to the cent."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from milepost.billing.checks import check_account, check_tax
from milepost.billing.coding import Coding
from milepost.billing.decision import InvoiceLine, TrackingChoice, Why
from milepost.billing.trouble import Trouble
from milepost.chart import TaxRate
from milepost.money import ZERO, allocate, line_tax
from milepost.rules.templates import TemplateProblem, render

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class _Part:
    """The lines of a job that share account, tax type and tracking, added up."""

    account: str
    tax_type: str | None
    tracking: tuple[TrackingChoice, ...]
    amount: Decimal
    source_lines: tuple[str, ...]


def share_lines(coding: Coding, full: Sequence[InvoiceLine], amount: Decimal, how: str) -> tuple[InvoiceLine, ...] | Trouble:
    """Lines that come to `amount` (whole cents), one for each part of the job; `how` says how it came about."""
    parts = _parts(coding, full)
    shares = allocate(amount, [part.amount for part in parts])
    shared = [(part, share) for part, share in zip(parts, shares, strict=True) if share]
    lines = [_line(coding, part, share, how, several=len(shared) > 1) for part, share in shared]
    trouble = next((line for line in lines if isinstance(line, Trouble)), None)
    return trouble or tuple(line for line in lines if isinstance(line, InvoiceLine))


def _parts(coding: Coding, full: Sequence[InvoiceLine]) -> list[_Part]:
    """The parts a share is split over: by the milestone's own account and tax where it names them, else the lines'."""
    milestone = coding.milestone
    parts: dict[tuple[str, str | None, tuple[TrackingChoice, ...]], _Part] = {}
    for line in full:
        if line.account is None:
            continue
        tax_type = milestone.tax or line.tax_type if line.tax_type else None
        key = (milestone.account or line.account, tax_type, line.tracking)
        so_far = parts.get(key)
        amount = line.amount + (so_far.amount if so_far else ZERO)
        sources = (*(so_far.source_lines if so_far else ()), *line.why.source_lines)
        parts[key] = _Part(*key, amount=amount, source_lines=sources)
    return list(parts.values())


def _line(coding: Coding, part: _Part, share: Decimal, how: str, *, several: bool) -> InvoiceLine | Trouble:
    where = coding.book.where(f"milestones.{coding.milestone.code}")
    account = check_account(coding.chart, part.account, where)
    if isinstance(account, Trouble):
        return account
    rate: TaxRate | Trouble | None = check_tax(coding.chart, account, part.tax_type, where) if part.tax_type else None
    if isinstance(rate, Trouble):
        return rate
    words = _description(coding, where)
    if isinstance(words, Trouble):
        return words
    named = f"{words} ({account.name}{f', {rate.name}' if rate else ''})" if several else words
    return InvoiceLine(
        description=named[:4000],
        quantity=ONE,
        unit_amount=share,
        account=part.account,
        tax_type=part.tax_type,
        tracking=part.tracking,
        amount=share,
        tax=line_tax(share, rate.effective_rate, coding.types) if rate else ZERO,
        why=_why(coding, part, how, where),
    )


def _description(coding: Coding, where: str) -> str | Trouble:
    milestone = coding.milestone
    try:
        return render(milestone.description, coding.values()).strip() or milestone.name
    except TemplateProblem as problem:
        return Trouble(
            "template",
            f"The description of milestone {milestone.code} cannot be filled: {problem}.",
            f"Correct it at {where}.",
        )


def _why(coding: Coding, part: _Part, how: str, where: str) -> Why:
    milestone = coding.milestone
    return Why(
        rule=f"milestone {milestone.code}",
        version=coding.book.version,
        where=where,
        account_from=f"milestone {milestone.code}" if milestone.account else "the job's lines",
        tax_from=f"milestone {milestone.code}" if milestone.tax else "the job's lines",
        amount_from=f"{how}; this part in proportion to the {part.amount} of its lines",
        source_lines=part.source_lines,
    )
