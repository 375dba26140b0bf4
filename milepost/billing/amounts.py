"""What a line comes to, in the invoice's own terms: which of the platform's figures is used, and from where it is derived.

The platform's total wins over quantity times price, because it is what the customer agreed to; the quantity and price are
shown when they give that total by Xero's arithmetic, else the line is billed as one at the total.
"""

from dataclasses import dataclass
from decimal import Decimal

from milepost.jobs import Line
from milepost.money import HUNDRED, LineAmountTypes, line_amount, line_tax, round2, round4

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Measure:
    """Quantity, unit amount and discount as they go to Xero, the LineAmount they give, and where the figures come from."""

    quantity: Decimal
    unit_amount: Decimal
    amount: Decimal
    source: str
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None

    def reduced_by(self, share: Decimal, source: str) -> "Measure":
        """The same line with `share` more discount, given as an amount so that the cents are exact."""
        amount = self.amount - share
        return Measure(
            quantity=self.quantity,
            unit_amount=self.unit_amount,
            amount=amount,
            source=f"{self.source}; {source}",
            discount_amount=round2(self.quantity * self.unit_amount) - amount,
        )


def single(amount: Decimal, source: str) -> Measure:
    """One of something, at `amount`."""
    return Measure(quantity=ONE, unit_amount=amount, amount=amount, source=source)


def measure(line: Line, types: LineAmountTypes, rate: Decimal) -> Measure | None:
    """The line in the invoice's terms; None when the platform gives no price. `rate` is its tax in percent.

    In order: the platform's total in these terms, quantity times its price in these terms, then the same two converted
    from the other terms by the tax rate. Without tax, what the customer pays is taken as it is.
    """
    for total, unit, source in _offers(line, types, rate):
        if total is not None:
            return _at_total(line, total, unit, source)
        if unit is not None:
            return _at_price(line, unit, source)
    return None


def cost(line: Line) -> Measure | None:
    """A cost passed on as it is, for a line that has no price of its own; None when the cost is unknown too."""
    if line.unit_cost is None:
        return None
    quantity = round4(line.quantity if line.quantity is not None else ONE)
    unit = round4(line.unit_cost)
    return Measure(quantity, unit, line_amount(quantity, unit), "the cost, passed on")


def _at_total(line: Line, total: Decimal, unit: Decimal | None, source: str) -> Measure:
    if unit is None or line.quantity is None:
        return single(total, f"the platform's total {source}")
    priced = _at_price(line, unit, source)
    if priced.amount == total:
        return priced
    return single(total, f"the platform's total {source} (quantity times price would give {priced.amount})")


def _at_price(line: Line, unit: Decimal, source: str) -> Measure:
    if line.quantity is None:
        return single(round2(unit), f"the price {source}, without a quantity")
    # Xero refuses a negative quantity; a negative unit amount says the same.
    sign = -1 if line.quantity < 0 else 1
    quantity, price = round4(line.quantity * sign), round4(unit * sign)
    amount = line_amount(quantity, price, line.discount_rate, line.discount_amount)
    if amount != (exact := _exact(line.quantity * unit, line)):
        return single(exact, f"{line.quantity} times the price {source}: more places than Xero keeps")
    source = f"quantity times the price {source}"
    return Measure(quantity, price, amount, source, line.discount_rate, line.discount_amount)


def _exact(full: Decimal, line: Line) -> Decimal:
    if line.discount_rate is not None:
        return round2(full * (HUNDRED - line.discount_rate) / HUNDRED)
    return round2(full - (line.discount_amount or Decimal(0)))


def _offers(
    line: Line, types: LineAmountTypes, rate: Decimal
) -> tuple[tuple[Decimal | None, Decimal | None, str], tuple[Decimal | None, Decimal | None, str]]:
    ex = None if line.total_ex is None else round2(line.total_ex)
    inc = None if line.total_inc is None else round2(line.total_inc)
    if types is LineAmountTypes.EXCLUSIVE:
        net = None if inc is None else inc - line_tax(inc, rate, LineAmountTypes.INCLUSIVE)
        unit = None if line.unit_price_inc is None else line.unit_price_inc * HUNDRED / (HUNDRED + rate)
        return (ex, line.unit_price_ex, "before tax"), (net, unit, f"less {rate}% tax")
    gross = None if ex is None else ex + line_tax(ex, rate, LineAmountTypes.EXCLUSIVE)
    unit = None if line.unit_price_ex is None else line.unit_price_ex * (HUNDRED + rate) / HUNDRED
    return (inc, line.unit_price_inc, "with tax"), (gross, unit, f"plus {rate}% tax")
