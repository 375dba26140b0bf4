"""The sum of a job's lines against the total that ServiceM8 states: a difference is shown, never hidden."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from milepost.jobs import Line, Totals
from milepost.money import CENT, HUNDRED, ZERO, round2


def sum_before_tax(lines: Sequence[Line]) -> Decimal | None:
    """Each line rounded to cents; None when a price or quantity is unknown."""
    amounts = [_before_tax(line) for line in lines]
    return _sum(amounts)


def sum_with_tax(lines: Sequence[Line]) -> Decimal | None:
    """As `sum_before_tax`, with tax; a line without a tax rate has none."""
    return _sum([_with_tax(line) for line in lines])


def matches(lines: Sequence[Line], stated: Decimal | None, *, includes_tax: bool | None) -> bool:
    """Whether the lines make up the stated total to the cent; either reading will do where it is not known which."""
    if stated is None:
        return False
    return any(s is not None and abs(s - stated) <= CENT for s in _sums(lines, includes_tax))


def reported(lines: Sequence[Line], stated: Decimal | None, *, includes_tax: bool | None) -> Totals:
    """The stated total in its place: where that is not set, the reading that the lines bear out, else nowhere."""
    if stated is None:
        return Totals()
    if includes_tax is None:
        fits_with = matches(lines, stated, includes_tax=True)
        fits_before = matches(lines, stated, includes_tax=False)
        if not (fits_with or fits_before):
            return Totals()
        includes_tax = fits_with
    return Totals(inc=stated) if includes_tax else Totals(ex=stated)


def difference(lines: Sequence[Line], stated: Decimal | None, *, includes_tax: bool | None) -> str | None:
    """What to tell a person when the lines do not make up the stated total by more than a cent."""
    if stated is None or None in _sums(lines, includes_tax) or matches(lines, stated, includes_tax=includes_tax):
        return None
    if not lines:
        return (
            f"ServiceM8 shows {stated} as the total of this job, which has no lines; whether that holds tax is said by"
            " 'total_includes_tax' in the platform's settings"
        )
    before, with_tax = sum_before_tax(lines), sum_with_tax(lines)
    return (
        f"ServiceM8 shows {stated} as the total of this job, but its lines come to {before} before tax and"
        f" {with_tax} with tax: check the lines in ServiceM8"
    )


def _sums(lines: Sequence[Line], includes_tax: bool | None) -> list[Decimal | None]:
    readings = {True: [sum_with_tax], False: [sum_before_tax], None: [sum_with_tax, sum_before_tax]}
    return [add(lines) for add in readings[includes_tax]]


def _before_tax(line: Line) -> Decimal | None:
    if line.quantity is None or line.unit_price_ex is None:
        return None
    return _to_cents(line.quantity * line.unit_price_ex)


def _with_tax(line: Line) -> Decimal | None:
    if line.quantity is not None and line.unit_price_inc is not None:
        return _to_cents(line.quantity * line.unit_price_inc)
    if line.quantity is None or line.unit_price_ex is None:
        return None
    rate = line.tax.rate if line.tax and line.tax.rate is not None else ZERO
    return _to_cents(line.quantity * line.unit_price_ex * (HUNDRED + rate) / HUNDRED)


def _to_cents(amount: Decimal) -> Decimal | None:
    """None for a figure too large to be rounded to cents: `decide` holds its line."""
    try:
        return round2(amount)
    except InvalidOperation:
        return None


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if len(known) == len(amounts) else None
