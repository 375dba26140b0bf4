"""Xero's arithmetic for document lines: rounding first, then multiplying, and tax to the cent line by line.

Sources: Xero developer pages "Rounding in Xero" and "Invoices", and staff answers on the developer forum.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Literal

CENT = Decimal("0.01")
ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_ROUNDING = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}

LineAmountTypes = Literal["Exclusive", "Inclusive", "NoTax"]


def to_places(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def line_amount(
    quantity: Decimal, unit_amount: Decimal, rate: Decimal | None = None, amount: Decimal | None = None
) -> Decimal:
    """Quantity times price less a discount, given as a percentage `rate` or as an `amount`."""
    gross = quantity * unit_amount
    if rate:
        gross = gross * (_HUNDRED - rate) / _HUNDRED
    elif amount:
        gross -= amount
    return gross.quantize(CENT, ROUND_HALF_UP)


def tax_amount(amount: Decimal, percent: Decimal, types: LineAmountTypes, rounding: str = "half_up") -> Decimal:
    """The tax on one line's amount, which holds the tax already when `types` is Inclusive."""
    if types == "NoTax":
        return Decimal("0.00")
    divisor = _HUNDRED + percent if types == "Inclusive" else _HUNDRED
    return (amount * percent / divisor).quantize(CENT, _ROUNDING[rounding])


@dataclass(frozen=True)
class Totals:
    """A document's sums, in its currency."""

    sub_total: Decimal
    total_tax: Decimal

    @property
    def total(self) -> Decimal:
        return self.sub_total + self.total_tax


def totals(amounts: list[tuple[Decimal, Decimal]], types: LineAmountTypes) -> Totals:
    """Sums of (LineAmount, TaxAmount) pairs; the subtotal never holds tax."""
    tax = sum((tax for _, tax in amounts), Decimal("0.00"))
    lines = sum((amount for amount, _ in amounts), Decimal("0.00"))
    return Totals(lines - tax if types == "Inclusive" else lines, tax)
