"""Discounts that are spread over a job's other lines in proportion to their amounts, to the cent.

Between coding and stages: afterwards the lines add up to the job with its discount taken off.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from milepost.billing.amounts import measure
from milepost.billing.coding import CodedLine, Spread
from milepost.billing.figures import check_amount
from milepost.billing.trouble import Trouble
from milepost.billing.words import label
from milepost.jobs import Line, LineKind
from milepost.money import HUNDRED, ZERO, LineAmountTypes, allocate, round2


def spread_discounts(
    lines: Sequence[CodedLine], discounts: Sequence[Spread], types: LineAmountTypes
) -> list[CodedLine] | Trouble:
    """The lines with every discount spread over those that cost something."""
    spread = list(lines)
    for discount in discounts:
        amount = _amount(discount.line, spread, types)
        if amount is None:
            return _missing(discount.line)
        if isinstance(amount, Trouble):
            return amount
        taken = _spread_one(spread, amount, discount)
        if isinstance(taken, Trouble):
            return taken
        spread = taken
    return spread


def _spread_one(lines: list[CodedLine], amount: Decimal, discount: Spread) -> list[CodedLine] | Trouble:
    bearing = [place for place, line in enumerate(lines) if line.figures.amount > 0]
    if not bearing:
        return Trouble(
            "discount_without_lines",
            f"{label(discount.line)} is to be spread, but the job has no line to bear it.",
            f"Price the job's lines, or let rule '{discount.rule}' show the discount as a line (treat: line).",
            discount.line.id,
        )
    shares = allocate(amount, [lines[place].figures.amount for place in bearing])
    for place, share in zip(bearing, shares, strict=True):
        source = f"less {share} of {label(discount.line)} ({amount})"
        lines[place] = replace(lines[place], figures=lines[place].figures.reduced_by(share, source))
    return lines


def _amount(line: Line, lines: Sequence[CodedLine], types: LineAmountTypes) -> Decimal | Trouble | None:
    """What is taken off, in the invoice's terms; a bare percentage is taken of what the lines come to.

    A discount is taken off whichever sign the platform gives it; any other line that is spread adds what it comes to.
    """
    rate = _rate(line, lines)
    if rate is None and _is_only_in_other_terms(line, types):
        return _unclear(line)
    figures = measure(line, types, rate or ZERO)
    if figures is not None:
        amount = abs(figures.amount) if line.kind is LineKind.DISCOUNT else -figures.amount
        return check_amount(line, amount) or amount
    if line.discount_rate is not None:
        return round2(sum((c.figures.amount for c in lines), ZERO) * abs(line.discount_rate) / HUNDRED)
    return abs(round2(line.discount_amount)) if line.discount_amount is not None else None


def _rate(line: Line, lines: Sequence[CodedLine]) -> Decimal | None:
    """The tax in percent by which the discount's figures convert: its own, else that of the lines whose tax has its name,
    else the one that all lines share."""
    if line.tax and line.tax.rate is not None:
        return line.tax.rate
    name = line.tax.name if line.tax else None
    alike = {c.rate.effective_rate for c in lines if c.rate and name and c.line.tax and c.line.tax.name == name}
    if len(alike) == 1:
        return alike.pop()
    rates = {c.rate.effective_rate if c.rate else ZERO for c in lines}
    return rates.pop() if len(rates) == 1 else None


def _is_only_in_other_terms(line: Line, types: LineAmountTypes) -> bool:
    before = line.total_ex if line.total_ex is not None else line.unit_price_ex
    after = line.total_inc if line.total_inc is not None else line.unit_price_inc
    own, other = (before, after) if types is LineAmountTypes.EXCLUSIVE else (after, before)
    return own is None and bool(other)


def _unclear(line: Line) -> Trouble:
    return Trouble(
        "discount_unclear",
        f"{label(line)} says no tax of its own, and the lines that bear it have several, so it cannot be converted.",
        "Give the discount a tax on the platform, or enter it in the terms of the rule book's 'line_amounts'.",
        line.id,
    )


def _missing(line: Line) -> Trouble:
    return Trouble(
        "price_missing",
        f"{label(line)} is a discount without an amount or a percentage.",
        "Enter the discount's amount on the job, then run again.",
        line.id,
    )
