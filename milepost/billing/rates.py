"""Rate cards: the price of a line that says a quantity and no price, as of hours on a timesheet. Part of pricing a line."""

from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from milepost.billing.amounts import Measure, measure
from milepost.billing.figures import check_figures
from milepost.billing.trouble import Trouble
from milepost.billing.words import label, plain
from milepost.jobs import Line, LineKind
from milepost.money import UNIT, ZERO, LineAmountTypes
from milepost.rules.match import match_rate
from milepost.rules.model import Rate

if TYPE_CHECKING:
    from milepost.billing.coding import Coding

_NEVER = (LineKind.DISCOUNT, LineKind.TEXT)


def price_by_rate(coding: "Coding", line: Line, percent: Decimal) -> Measure | Trouble | None:
    """A line without any price, priced by the first rate that fits it; None where none does, or it says no quantity.

    The rate is before tax: an inclusive invoice adds the line's tax of `percent`, one without tax takes the rate as it is.
    The line's own discount is taken off.
    """
    if line.quantity is None or line.kind in _NEVER or not coding.book.rates:
        return None
    rate = match_rate(coding.book.rates, coding.job, line).rule
    if rate is None:
        return None
    billed = _billed_quantity(line.quantity, rate)
    if billed is None:
        return _unclear(line, rate, coding.book.where(f"rates.{rate.id}"))
    priced = line.model_copy(update={"quantity": billed, "unit_price_ex": rate.price})
    if trouble := check_figures(priced):
        return trouble
    inclusive = coding.types is LineAmountTypes.INCLUSIVE
    figures = measure(priced, coding.types, percent if inclusive else ZERO)
    assert figures is not None
    taxed = f", plus {plain(percent)}% tax" if inclusive else ""
    how = f"{_quantity_words(line.quantity, billed, rate)}, times {rate.price}{_less_discount(line)}{taxed}"
    return figures._replace(source=f"rate '{rate.id}' ({coding.book.where(f'rates.{rate.id}')}): {how}")


def _billed_quantity(quantity: Decimal, rate: Rate) -> Decimal | None:
    """The quantity by the rate's terms. Nothing stays nothing: no minimum is due for work that was not done.

    None for less than nothing under a rate that rounds up or has a minimum: what it corrects may have been billed by
    another step, or with other hours, so the figure cannot be told from this line alone.
    """
    is_plain = rate.round_up_to is None and rate.minimum is None
    if quantity <= 0:
        return quantity if is_plain or not quantity else None
    billed = quantity
    # Xero keeps four places of a quantity: a finer step rounds nothing.
    if rate.round_up_to is not None and rate.round_up_to >= UNIT:
        billed = (quantity / rate.round_up_to).to_integral_value(ROUND_CEILING) * rate.round_up_to
    return max(billed, rate.minimum) if rate.minimum is not None else billed


def _quantity_words(quantity: Decimal, billed: Decimal, rate: Rate) -> str:
    if billed == quantity:
        return plain(quantity)
    if billed == rate.minimum:
        return f"{plain(billed)}, the least that is billed, instead of {plain(quantity)}"
    return f"{plain(billed)} rounded up from {plain(quantity)}"


def _less_discount(line: Line) -> str:
    if line.discount_rate:
        return f", less {plain(line.discount_rate)}%"
    return f", less {line.discount_amount}" if line.discount_amount else ""


def _unclear(line: Line, rate: Rate, where: str) -> Trouble:
    return Trouble(
        "rate_unclear",
        f"{label(line)} has a quantity of {line.quantity}, and rate '{rate.id}' ({where}) rounds up or has a minimum, "
        "so what is to be taken off is not certain.",
        "Correct the quantity of the line that it takes back, or enter its price on the job. Then run again.",
        line.id,
    )
