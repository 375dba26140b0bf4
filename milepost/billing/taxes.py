"""Which tax rate a line has, and whether the platform showed the customer the same. Part of coding a line."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from milepost.billing.checks import check_tax
from milepost.billing.trouble import Trouble
from milepost.billing.words import label
from milepost.chart import Account, TaxRate
from milepost.jobs import Line
from milepost.money import CENT, HUNDRED, LineAmountTypes, line_tax, round2

if TYPE_CHECKING:
    from milepost.billing.coding import Coding

_TOLERANCE = Decimal("0.005")


def choose_tax(
    coding: "Coding", line: Line, by_rule: str | None, account: Account, where: str
) -> tuple[TaxRate | None, str] | Trouble:
    """The tax rate of a line: the rule's own, else the platform's tax name as `taxes` maps it, else the account's."""
    if coding.types is LineAmountTypes.NO_TAX:
        return None, "the book's invoices carry no tax"
    if by_rule is not None:
        rate = check_tax(coding.chart, account, by_rule, where)
        return rate if isinstance(rate, Trouble) else (rate, "the rule")
    name = line.tax.name if line.tax else None
    mapped = _mapped(coding.book.taxes, name)
    if name and mapped is None:
        return _unmapped(coding, line, name)
    tax_type = mapped or account.tax_type
    if tax_type is None:
        return Trouble(
            "tax_missing",
            f"{label(line)} names no tax and account {account.code} has none of its own.",
            f"Give the rule at {where} a 'tax', or set the account's default tax in Xero.",
        )
    rate = check_tax(coding.chart, account, tax_type, where)
    if isinstance(rate, Trouble):
        return rate
    return _agreed(line, rate) or (rate, f"taxes > {name}" if mapped else f"account {account.code}'s own")


def _mapped(taxes: Mapping[str, str], name: str | None) -> str | None:
    if name is not None and name in taxes:
        return taxes[name]
    wanted = (name or "").strip().casefold()
    return next((t for n, t in taxes.items() if wanted and n.strip().casefold() == wanted), None)


def _agreed(line: Line, rate: TaxRate) -> Trouble | None:
    """The platform's percentage must be Xero's, or the customer was shown another total than the invoice will have."""
    stated = line.tax.rate if line.tax else None
    if stated is None:
        stated = _implied(line, rate.effective_rate)
    if stated is None or stated == rate.effective_rate:
        return None
    return Trouble(
        "tax_rate_differs",
        f"{label(line)} has {stated}% tax on the platform; {rate.tax_type} ({rate.name}) is {rate.effective_rate}%.",
        f"Map the platform's tax name to a rate of {stated}% under 'taxes', or give the rule a 'tax' of its own.",
    )


def _implied(line: Line, rate: Decimal) -> Decimal | None:
    """The percentage that the platform's prices before and with tax imply; None where `rate` explains them too.

    Platforms round a price or a tax for each unit, so a cent for each and half a percent are let pass.
    """
    cents = CENT * max(Decimal(1), abs(line.quantity or Decimal(1)))
    taxed = line.total_inc
    if taxed is None and line.total_ex is not None and line.tax and line.tax.amount is not None:
        taxed = line.total_ex + line.tax.amount
    pairs = ((line.total_ex, taxed, cents), (line.unit_price_ex, line.unit_price_inc, CENT))
    for before, after, slack in pairs:
        if before is None or after is None or abs(before) < CENT:
            continue
        off = abs(before + line_tax(before, rate, LineAmountTypes.EXCLUSIVE) - after)
        if off > max(slack, abs(before) * _TOLERANCE):
            return round2((after - before) * HUNDRED / before)
    return None


def _unmapped(coding: "Coding", line: Line, name: str) -> Trouble:
    percent = line.tax.rate if line.tax else None
    fitting = [t.tax_type for t in coding.chart.tax_rates if t.status == "ACTIVE" and t.effective_rate == percent]
    proposal = f" Xero's rates of {percent}% are {', '.join(fitting)}." if fitting else ""
    return Trouble(
        "tax_unmapped",
        f"The platform's tax '{name}' is not mapped.",
        f"Add it under 'taxes' in {coding.book.origin.path}: {name}: <Xero tax type>.{proposal}",
    )
