"""What a milestone bills of a job, so that over all milestones the net and each tax type add up to the cent.

A share (percent or flat) is split over the accounts and tax types of the job's lines. What remains is billed by showing
every line of the job and taking off, line by line and with their own tax, what earlier invoices billed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from milepost.billing.checks import check_account, check_tax
from milepost.billing.coding import Coding
from milepost.billing.decision import InvoiceLine, TrackingChoice, Why
from milepost.billing.facts import Billed, History
from milepost.billing.trouble import Trouble
from milepost.chart import TaxRate
from milepost.money import HUNDRED, ZERO, allocate, line_tax, round2
from milepost.rules.model import Percent
from milepost.rules.templates import TemplateProblem, render

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Staged:
    """A milestone's lines, and how its amount came about, sentence by sentence. No lines: nothing is left to bill."""

    lines: tuple[InvoiceLine, ...]
    sums: tuple[str, ...]


def stage_lines(coding: Coding, full: Sequence[InvoiceLine], history: History) -> Staged | Trouble:
    """The lines of the milestone at hand, given all of the job's lines as one invoice would show them."""
    whole = _sum(full)
    earlier = _sum(line for billed in history.billed for line in billed.lines)
    if whole < earlier and history.billed:
        return _over_billed(whole, earlier, history)
    if whole < 0:
        return _below_zero(whole)
    sums = _sentences(whole, earlier, history)
    if not history.billed and whole == 0:
        return Trouble(
            "zero_total",
            "The job comes to 0.00.",
            "Price its lines on the platform, or, if it is free of charge, let a rule drop its lines or mark it by hand.",
        )
    if coding.milestone.amount == "remaining":
        return _remaining(full, history, sums, whole - earlier)
    return _share(coding, full, whole, whole - earlier, sums)


def _remaining(full: Sequence[InvoiceLine], history: History, sums: tuple[str, ...], left: Decimal) -> Staged:
    mirrored = tuple(_taken_off(billed, line) for billed in history.billed for line in billed.lines if line.account)
    lines = (*full, *mirrored)
    # Nothing left in total can still hide a difference between tax types, which must be billed to add up.
    if history.billed and left == 0 and not any(_by_tax(lines).values()):
        return Staged((), sums)
    return Staged(lines, (*sums, f"This invoice: what remains, {left}."))


def _by_tax(lines: Iterable[InvoiceLine]) -> dict[str | None, Decimal]:
    amounts: dict[str | None, Decimal] = {}
    for line in lines:
        amounts[line.tax_type] = amounts.get(line.tax_type, ZERO) + line.amount
    return amounts


def _taken_off(billed: Billed, line: InvoiceLine) -> InvoiceLine:
    """An earlier line with its sign turned: same account, tax type and tracking, its very amount and tax."""
    number = f" {billed.number}" if billed.number else ""
    why = Why(
        rule=f"less {billed.milestone}",
        version=line.why.version,
        where=line.why.where,
        account_from="the earlier invoice",
        tax_from="the earlier invoice",
        amount_from=f"billed by {billed.milestone}{number}",
        source_lines=line.why.source_lines,
    )
    return line.model_copy(
        update={
            "description": f"Less invoiced earlier{number}: {line.description}"[:4000],
            "quantity": ONE,
            "unit_amount": -line.amount,
            "discount_rate": None,
            "discount_amount": None,
            "item": None,
            "amount": -line.amount,
            "tax": -line.tax,
            "why": why,
        }
    )


def _share(
    coding: Coding, full: Sequence[InvoiceLine], whole: Decimal, left: Decimal, sums: tuple[str, ...]
) -> Staged | Trouble:
    wanted, how = _wanted(coding, whole)
    amount = min(wanted, left)
    if amount <= 0:
        return Staged((), sums)
    capped = f", capped at the {left} that is left" if amount < wanted else ""
    sums = (*sums, f"This invoice: {how}{capped}.")
    parts = _parts(coding, full)
    shares = allocate(amount, [part.amount for part in parts])
    shared = [(part, share) for part, share in zip(parts, shares, strict=True) if share]
    lines = [_share_line(coding, part, share, how, several=len(shared) > 1) for part, share in shared]
    trouble = next((line for line in lines if isinstance(line, Trouble)), None)
    return trouble or Staged(tuple(line for line in lines if isinstance(line, InvoiceLine)), sums)


def _wanted(coding: Coding, whole: Decimal) -> tuple[Decimal, str]:
    amount = coding.milestone.amount
    assert amount != "remaining"
    if isinstance(amount, Percent):
        share = round2(whole * amount.percent / HUNDRED)
        return share, f"{amount.percent}% of {whole} is {share}"
    return round2(amount.flat), f"a flat {amount.flat}"


@dataclass(frozen=True, slots=True)
class _Part:
    """The lines of a job that share account, tax type and tracking, added up."""

    account: str
    tax_type: str | None
    tracking: tuple[TrackingChoice, ...]
    amount: Decimal
    source_lines: tuple[str, ...]


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


def _share_line(coding: Coding, part: _Part, share: Decimal, how: str, *, several: bool) -> InvoiceLine | Trouble:
    milestone = coding.milestone
    where = coding.book.where(f"milestones.{milestone.code}")
    account = check_account(coding.chart, part.account, where)
    if isinstance(account, Trouble):
        return account
    rate: TaxRate | Trouble | None = check_tax(coding.chart, account, part.tax_type, where) if part.tax_type else None
    if isinstance(rate, Trouble):
        return rate
    try:
        description = render(milestone.description, coding.values())
    except TemplateProblem as problem:
        return Trouble(
            "template",
            f"The description of milestone {milestone.code} cannot be filled: {problem}.",
            f"Correct it at {where}.",
        )
    named = f"{description} ({account.name}{f', {rate.name}' if rate else ''})" if several else description
    why = Why(
        rule=f"milestone {milestone.code}",
        version=coding.book.version,
        where=where,
        account_from=f"milestone {milestone.code}" if milestone.account else "the job's lines",
        tax_from=f"milestone {milestone.code}" if milestone.tax else "the job's lines",
        amount_from=f"{how}; this part in proportion to the {part.amount} of its lines",
        source_lines=part.source_lines,
    )
    return InvoiceLine(
        description=named[:4000],
        quantity=ONE,
        unit_amount=share,
        account=part.account,
        tax_type=part.tax_type,
        tracking=part.tracking,
        amount=share,
        tax=line_tax(share, rate.effective_rate, coding.types) if rate else ZERO,
        why=why,
    )


def _sum(lines: Iterable[InvoiceLine]) -> Decimal:
    return sum((line.amount for line in lines), ZERO)


def _sentences(whole: Decimal, earlier: Decimal, history: History) -> tuple[str, ...]:
    first = f"The job's lines come to {whole}."
    if not history.billed:
        return (first,)
    names = ", ".join(f"{b.milestone}{f' {b.number}' if b.number else ''}" for b in history.billed)
    return first, f"Billed earlier ({names}): {earlier}; left: {whole - earlier}."


def _below_zero(whole: Decimal) -> Trouble:
    return Trouble(
        "negative_total",
        f"The job's lines come to {whole}, less than nothing.",
        "Correct its discounts or prices on the platform; money owed to the customer is a credit note in Xero.",
    )


def _over_billed(whole: Decimal, earlier: Decimal, history: History) -> Trouble:
    numbers = ", ".join(b.number or b.milestone for b in history.billed)
    return Trouble(
        "over_billed",
        f"The job now comes to {whole}, but {earlier} was billed already ({numbers}): {earlier - whole} too much.",
        "If the job is right, credit the difference in Xero; if not, correct its lines on the platform. Then run again.",
    )
