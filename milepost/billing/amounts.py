"""What a line comes to, in the invoice's own terms: which of the platform's figures is used, and from where it is derived.

The platform's total wins over quantity times price, because it is what the customer agreed to; the quantity and price are
shown when they give that total by Xero's arithmetic, else the line is billed as one at the total.
"""

from decimal import Decimal
from typing import NamedTuple

from milepost.jobs import Line
from milepost.money import CENT, HUNDRED, LineAmountTypes, line_amount, line_tax, round2, round4

ONE = Decimal(1)


class Measure(NamedTuple):
    """Quantity, unit amount and discount as they go to Xero, the LineAmount they give, and where the figures come from."""

    quantity: Decimal
    unit_amount: Decimal
    amount: Decimal
    source: str
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None

    def reduced_by(self, share: Decimal, source: str) -> "Measure":
        """The same line with `share` more discount, as an amount so that the cents are exact; one at its amount where
        Xero's arithmetic would not give that, or the share adds to the line."""
        amount = self.amount - share
        why = f"{self.source}; {source}"
        discount = round2(self.quantity * self.unit_amount) - amount
        if discount < 0 or line_amount(self.quantity, self.unit_amount, None, discount) != amount:
            return single(amount, why)
        return Measure(self.quantity, self.unit_amount, amount, why, discount_amount=discount)


class _Offer(NamedTuple):
    """What the platform states in one of the two terms."""

    total: Decimal | None
    unit: Decimal | None


def single(amount: Decimal, source: str) -> Measure:
    """One of something, at `amount`."""
    return Measure(quantity=ONE, unit_amount=amount, amount=amount, source=source)


def measure(line: Line, types: LineAmountTypes, rate: Decimal) -> Measure | None:
    """The line in the invoice's terms; None when the platform gives no price. `rate` is its tax in percent.

    In order: the platform's total in these terms, quantity times its price in these terms (unless the total in the other
    terms says otherwise), then the same two converted from the other terms by the tax rate. A discount in currency is in
    the terms of the price that it is taken from. Without tax, what the customer pays is taken as it is.
    """
    before, after = _Offer(line.total_ex, line.unit_price_ex), _Offer(line.total_inc, line.unit_price_inc)
    exclusive = types is LineAmountTypes.EXCLUSIVE
    own, other = (before, after) if exclusive else (after, before)
    words = "before tax" if exclusive else "with tax"
    if own.total is not None:
        return _at_total(line, round2(own.total), own.unit, words)
    if own.unit is not None:
        return _at_own_price(line, own.unit, words, _converted(other.total, types, rate))
    theirs = other.total if other.unit is None or other.total is not None else _exact(line, other.unit)
    ours = _converted(theirs, types, rate)
    return None if ours is None else _shown(line, other, ours, types, rate)


def cost(
    line: Line, types: LineAmountTypes, rate: Decimal, *, holds_tax: bool, mark_up: Decimal | None = None
) -> Measure | None:
    """A cost passed on: as it is, or with a `mark_up` in percent, which is put on the cost of one; None when it is unknown.

    `holds_tax`: the platform's figures hold tax, and so does the cost.
    """
    field = "unit_price_inc" if holds_tax else "unit_price_ex"
    nothing = {"total_ex": None, "total_inc": None, "unit_price_ex": None, "unit_price_inc": None}
    unit = line.unit_cost
    if unit is not None and mark_up is not None:
        unit = round4(unit * (HUNDRED + mark_up) / HUNDRED)
    found = measure(line.model_copy(update={**nothing, field: unit}), types, rate)
    if found is None:
        return None
    passed_on = "the cost, passed on" if mark_up is None else f"the cost of {line.unit_cost} plus {mark_up}% is {unit}"
    return found._replace(source=f"{passed_on}: {found.source}")


def _at_total(line: Line, total: Decimal, unit: Decimal | None, source: str) -> Measure:
    if unit is None or line.quantity is None:
        return single(total, f"the platform's total {source}")
    priced = _at_price(line, unit, source)
    if priced.amount == total:
        return priced
    return single(total, f"the platform's total {source} (quantity times price would give {priced.amount})")


def _at_own_price(line: Line, unit: Decimal, source: str, total: Decimal | None) -> Measure:
    """At the price, unless the total that the customer agreed to is another; conversion by tax may cost it a cent."""
    priced = _at_price(line, unit, source)
    if total is None or abs(priced.amount - total) <= CENT:
        return priced
    return single(total, f"the platform's other total, {source} (quantity times price would give {priced.amount})")


def _at_price(line: Line, unit: Decimal, source: str) -> Measure:
    rate, off = _discount(line)
    exact = _exact(line, unit)
    if line.quantity is not None and line.quantity < 0 and (rate or off):
        return single(exact, f"{line.quantity} times the price {source}, less its discount")
    # Xero refuses a negative quantity; a negative unit amount says the same.
    sign = -1 if line.quantity is not None and line.quantity < 0 else 1
    given = _quantity(line) * sign
    quantity, price = round4(given), round4(unit * sign)
    if (quantity != given or price != unit * sign) and line_amount(quantity, price, rate, off) != exact:
        return single(exact, f"{_quantity(line)} times the price {source}: more places than Xero keeps")
    source = f"the price {source}, without a quantity" if line.quantity is None else f"quantity times the price {source}"
    return Measure(quantity, price, exact, source, rate, off)


def _quantity(line: Line) -> Decimal:
    return ONE if line.quantity is None else line.quantity


def _discount(line: Line) -> tuple[Decimal | None, Decimal | None]:
    """The line's rate or its amount: a platform that gives both says the same thing twice."""
    rate = line.discount_rate or None
    return rate, None if rate else line.discount_amount or None


def _exact(line: Line, unit: Decimal) -> Decimal:
    full = _quantity(line) * unit
    rate, off = _discount(line)
    if rate:
        return round2(full * (HUNDRED - rate) / HUNDRED)
    return round2(full - off if off else full)


def _converted(theirs: Decimal | None, types: LineAmountTypes, rate: Decimal) -> Decimal | None:
    """An amount of the other terms in the invoice's: less its tax when the invoice is exclusive, else plus its tax."""
    if theirs is None:
        return None
    amount = round2(theirs)
    if types is LineAmountTypes.EXCLUSIVE:
        return amount - line_tax(amount, rate, LineAmountTypes.INCLUSIVE)
    return amount + line_tax(amount, rate, LineAmountTypes.EXCLUSIVE)


def _shown(line: Line, other: _Offer, ours: Decimal, types: LineAmountTypes, rate: Decimal) -> Measure:
    """The converted amount, with quantity and price where these give it to the cent."""
    exclusive = types is LineAmountTypes.EXCLUSIVE
    words = f"less {rate}% tax" if exclusive else f"plus {rate}% tax"
    discount_rate, discount_amount = _discount(line)
    if other.unit is not None and line.quantity is not None and line.quantity >= 0 and not discount_amount:
        factor = HUNDRED / (HUNDRED + rate) if exclusive else (HUNDRED + rate) / HUNDRED
        quantity, unit = round4(line.quantity), round4(other.unit * factor)
        if line_amount(quantity, unit, discount_rate) == ours:
            return Measure(quantity, unit, ours, f"quantity times the price {words}", discount_rate)
    return single(ours, f"the platform's {'price' if other.total is None else 'total'} {words}")
