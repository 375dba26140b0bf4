"""Figures that no invoice can hold, or that may be read two ways, found before anything is made of them."""

from decimal import Decimal

from milepost.billing.trouble import Trouble
from milepost.billing.words import label
from milepost.jobs import Line
from milepost.money import CENT, HUNDRED

LARGEST_AMOUNT = Decimal("9999999999.99")
"""Xero's largest LineAmount (OpenAPI text of LineItem)."""


def check_figures(line: Line) -> Trouble | None:
    """Every figure within Xero's bounds, the tax a percentage, and the discount neither below zero nor said two ways."""
    for figure in _figures(line):
        if figure is not None and abs(figure) > LARGEST_AMOUNT:
            return _too_large(line)
    rate = line.tax.rate if line.tax else None
    if rate is not None and not 0 <= rate <= HUNDRED:
        return Trouble(
            "tax_rate_odd", f"{label(line)} has {rate}% tax.", "Correct its tax on the platform, then run again.", line.id
        )
    if odd := _odd_discount(line):
        fix = "Enter the discount as a percentage from 0 to 100, or as an amount above zero, then run again."
        return Trouble("discount_unclear", f"{label(line)} {odd}.", fix, line.id)
    return None


def check_amount(line: Line, amount: Decimal) -> Trouble | None:
    """What the figures come to must be within the bounds too."""
    return _too_large(line) if abs(amount) > LARGEST_AMOUNT else None


def _figures(line: Line) -> tuple[Decimal | None, ...]:
    prices = (line.unit_price_ex, line.unit_price_inc, line.total_ex, line.total_inc, line.unit_cost)
    return (*prices, line.quantity, line.discount_rate, line.discount_amount, line.tax.amount if line.tax else None)


def _too_large(line: Line) -> Trouble:
    return Trouble(
        "amount_too_large",
        f"{label(line)} has a figure above {LARGEST_AMOUNT}, the largest that Xero takes.",
        "Correct its quantity and price on the platform, then run again.",
        line.id,
    )


def _odd_discount(line: Line) -> str | None:
    """A line's own discount; one that has no price beside it is a discount line, whose sign does not matter."""
    rate, amount = line.discount_rate, line.discount_amount
    unit = line.unit_price_ex if line.unit_price_ex is not None else line.unit_price_inc
    if rate is not None and abs(rate) > HUNDRED:
        return f"has a discount of {rate}%"
    if unit is None:
        return None
    if (rate or 0) < 0 or (amount or 0) < 0:
        return "has a discount below zero"
    full = abs(unit * (line.quantity if line.quantity is not None else 1))
    if rate and amount and abs(full * rate / HUNDRED - amount) > CENT:
        return f"has a discount of {rate}% and one of {amount}, which is not the same"
    return None
