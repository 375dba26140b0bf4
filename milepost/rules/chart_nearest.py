"""The value of the chart that was probably meant by one that does not do: the suggestions of `chart_lint`."""

from milepost.billing.checks import nearest_code
from milepost.chart import Account, Chart
from milepost.rules.problems import nearest

_BALANCE_SHEET = ("LIABILITY", "REVENUE")


def nearest_account(chart: Chart, code: str) -> str | None:
    """The code of a usable account like this one: by its name where the chart knows the code, else by the code.

    A name in place of a code leads to the account of that name.
    """
    usable = [account for account in chart.accounts if account.code and _takes_lines(account)]
    names = {account.name: account.code for account in usable}
    known = chart.account(code)
    name = nearest(known.name if known else code, names)
    if known or name:
        return names[name] if name else None
    return nearest_code(chart, code)


def nearest_tax(chart: Chart, tax_type: str) -> str | None:
    """The tax type of an active rate for sales: the only one of the same percentage, else by its type or its name."""
    usable = [rate for rate in chart.tax_rates if rate.status == "ACTIVE" and rate.can_apply_to_revenue]
    known = chart.tax_rate(tax_type)
    equal = [rate.tax_type for rate in usable if known and rate.effective_rate == known.effective_rate]
    if len(equal) == 1:
        return equal[0]
    types = {rate.tax_type: rate.tax_type for rate in usable} | {rate.name: rate.tax_type for rate in usable}
    found = nearest(tax_type, types)
    return types[found] if found and types[found] != tax_type else None


def nearest_option(chart: Chart, category: str, option: str) -> str | None:
    """The active option of a category, else the active category, like this one."""
    found = chart.tracking_category(category)
    if found is None:
        return nearest(category, [known.name for known in chart.tracking if known.status == "ACTIVE"])
    return nearest(option, [known.name for known in found.options if known.status == "ACTIVE"])


def _takes_lines(account: Account) -> bool:
    return account.status == "ACTIVE" and account.klass in _BALANCE_SHEET and not account.system_account
