"""Where a line's figures come from: its own price, its cost, a rate card; and when a person must say. Part of coding."""

from decimal import Decimal
from typing import TYPE_CHECKING

from milepost.billing.amounts import Measure, cost, measure, single
from milepost.billing.figures import check_amount
from milepost.billing.rates import price_by_rate
from milepost.billing.trouble import Trouble
from milepost.billing.words import label
from milepost.chart import TaxRate
from milepost.jobs import Line, LineKind, TaxMode
from milepost.money import ZERO, round2
from milepost.rules.model import Then, Treat

if TYPE_CHECKING:
    from milepost.billing.coding import Coding


def price_line(coding: "Coding", line: Line, then: Then, rate: TaxRate | None) -> Measure | Trouble:
    """The line's figures: its own price; of a cost that is passed on, else the cost; else a rate card's price.

    With `mark_up` it is always the cost and so many percent, and neither a price nor a rate stands in for it.
    """
    by_xero = rate.effective_rate if rate else ZERO
    percent = line.tax.rate if line.tax and line.tax.rate is not None else by_xero
    figures = _marked_up(coding, line, then, percent) if then.mark_up is not None else _priced(coding, line, then, percent)
    if isinstance(figures, Trouble):
        return figures
    if line.kind is LineKind.DISCOUNT and figures.amount > 0:
        figures = single(-figures.amount, f"{figures.source}, taken off")
    return check_amount(line, figures.amount) or figures


def _marked_up(coding: "Coding", line: Line, then: Then, percent: Decimal) -> Measure | Trouble:
    holds_tax = coding.job.tax_mode is TaxMode.INCLUSIVE
    figures = cost(line, coding.types, percent, holds_tax=holds_tax, mark_up=then.mark_up or ZERO)
    return figures or Trouble(
        "cost_missing",
        f"{label(line)} is to be billed at its cost plus {then.mark_up}%, and it has no cost.",
        "Enter its cost on the job, then run again; or let another rule, without 'mark_up', bill it at its price.",
        line.id,
    )


def _priced(coding: "Coding", line: Line, then: Then, percent: Decimal) -> Measure | Trouble:
    figures: Measure | Trouble | None = measure(line, coding.types, percent)
    if figures is None and then.treat is Treat.ON_BILL:
        figures = cost(line, coding.types, percent, holds_tax=coding.job.tax_mode is TaxMode.INCLUSIVE)
    if figures is None and line.kind is LineKind.DISCOUNT and line.discount_amount is not None:
        figures = single(round2(line.discount_amount), "the discount's amount")
    if figures is None:
        figures = price_by_rate(coding, line, percent)
    return figures or _price_missing(coding, line)


def _price_missing(coding: "Coding", line: Line) -> Trouble:
    if line.kind is LineKind.DISCOUNT and line.discount_rate is not None:
        return Trouble(
            "price_missing",
            f"{label(line)} is a percentage, which a discount shown as a line cannot be.",
            "Enter the discount's amount on the job, or let its rule spread it (treat: spread).",
            line.id,
        )
    unrated = coding.book.rates and line.quantity is not None and line.kind is not LineKind.DISCOUNT
    rate = f" Or add a rate that fits it under 'rates' in {coding.book.origin.path}." if unrated else ""
    return Trouble(
        "price_missing",
        f"{label(line)} has no price{', and no rate fits it' if unrated else ''}.",
        f"Enter its price on the job (0 if it is free of charge), then run again.{rate}",
        line.id,
    )
