"""Money: Decimal, Xero's rounding, and the allocation of cents. Pure; used wherever an amount is made.

References: Xero developer docs, "Rounding in Xero" (tax is rounded per line to 2 places, then summed; unit amounts carry
2 places, 4 with `unitdp=4`, and are rounded before they are multiplied) and the OpenAPI text of LineAmount.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

CENT = Decimal("0.01")
UNIT = Decimal("0.0001")
ZERO = Decimal("0.00")
HUNDRED = Decimal(100)


class LineAmountTypes(StrEnum):
    """How the line amounts of one invoice are to be read; Xero's own values."""

    EXCLUSIVE = "Exclusive"
    INCLUSIVE = "Inclusive"
    NO_TAX = "NoTax"


def round2(amount: Decimal) -> Decimal:
    """To cents, half away from zero, as Xero does."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def round4(amount: Decimal) -> Decimal:
    """To the four places that Xero keeps for unit amounts (`unitdp=4`) and quantities."""
    return amount.quantize(UNIT, ROUND_HALF_UP)


def line_amount(
    quantity: Decimal,
    unit_amount: Decimal,
    discount_rate: Decimal | None = None,
    discount_amount: Decimal | None = None,
) -> Decimal:
    """Xero's LineAmount: quantity * unit amount, less a rate in percent or an amount, rounded to cents."""
    amount = round4(quantity) * round4(unit_amount)
    if discount_rate:
        return round2(amount * (HUNDRED - discount_rate) / HUNDRED)
    return round2(amount - (discount_amount or ZERO))


def line_tax(amount: Decimal, rate: Decimal, types: LineAmountTypes) -> Decimal:
    """Tax of one line, in cents. `rate` is the tax type's effective rate in percent, `amount` the LineAmount."""
    if types is LineAmountTypes.NO_TAX:
        return ZERO
    if types is LineAmountTypes.INCLUSIVE:
        return round2(amount * rate / (HUNDRED + rate))
    return round2(amount * rate / HUNDRED)


def net_of(amount: Decimal, tax: Decimal, types: LineAmountTypes) -> Decimal:
    """The net of a line, whose LineAmount holds the tax when the invoice is inclusive."""
    return amount - tax if types is LineAmountTypes.INCLUSIVE else amount


def allocate(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Split `total` (whole cents) in proportion to `weights`, to the cent and with nothing left over.

    The cents that rounding leaves go to the largest remainders, the first of equals first. When the weights sum to
    nothing there is no proportion to keep and ValueError is raised.
    """
    whole = sum(weights, Decimal(0))
    if not whole:
        raise ValueError("cannot allocate by weights that sum to zero")
    exact = [total * weight / whole for weight in weights]
    shares = [round2(share) for share in exact]
    step = CENT if total >= sum(shares) else -CENT
    by_remainder = sorted(range(len(shares)), key=lambda i: (shares[i] - exact[i]) * step)
    missing = int((total - sum(shares)) / step)
    for place in range(missing):
        shares[by_remainder[place % len(shares)]] += step
    return shares
