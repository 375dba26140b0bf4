"""What Xero would refuse, found before it is asked: accounts, tax types, items, tracking, lock dates, currency.

Each check is a small function that returns its Trouble or None; `where` is the file:line of the rule that named the value.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import takewhile

from milepost.billing.facts import History
from milepost.billing.trouble import Trouble
from milepost.chart import Account, Chart, TaxRate
from milepost.jobs import Job
from milepost.money import CENT, HUNDRED, ZERO

_BILLED = ("REVENUE", "LIABILITY")
_ROUNDING = "ROUNDING"
_BANK = "BANK"


def nearest_code(chart: Chart, wanted: str) -> str | None:
    """The code, of an account that may stand on an invoice line, that `wanted` was probably meant to be."""
    near = get_close_matches(wanted, [a.code for a in chart.accounts if a.code and _may_be_billed(a)], n=5, cutoff=0.6)
    return max(near, key=lambda code: _alike_from_the_start(code, wanted), default=None)


def _alike_from_the_start(one: str, other: str) -> int:
    """How many characters two codes share at their beginning, which is where accounts say their kind."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _meant(near: str | None) -> str:
    return f" Did you mean '{near}'?" if near else ""


def nearest(wanted: str, known: Sequence[str]) -> str:
    """` Did you mean 'x'?`, or nothing when nothing is near."""
    return _meant(next(iter(get_close_matches(wanted, known, n=1, cutoff=0.6)), None))


def check_account(chart: Chart, code: str, where: str) -> Account | Trouble:
    """The active account of a code that may stand on an invoice line."""
    account = chart.account(code)
    if account is None:
        names = ", ".join(f"{a.code} {a.name}" for a in chart.accounts if _usable(a))[:200]
        meant = _meant(nearest_code(chart, code))
        return Trouble(
            "account_unknown",
            f"Account {code} is not in the chart of {chart.organisation.name}.",
            f"Name an account that exists at {where}, or add it in Xero.{meant} There are: {names}.",
        )
    if account.status != "ACTIVE":
        return Trouble(
            "account_archived",
            f"Account {code} ({account.name}) is archived in Xero.",
            f"Restore it in Xero, or name another account at {where}.",
        )
    if account.system_account and account.system_account != _ROUNDING:
        return Trouble(
            "account_system",
            f"Account {code} ({account.name}) is a system account, which Xero does not take on invoice lines.",
            f"Name an income account at {where}.",
        )
    if account.type == _BANK:
        return Trouble(
            "account_system",
            f"Account {code} ({account.name}) is a bank account, which Xero does not take on invoice lines.",
            f"Name an income account at {where}.",
        )
    return account


def check_tax(chart: Chart, account: Account, tax_type: str, where: str) -> TaxRate | Trouble:
    """The active tax rate of a tax type that may stand with this account."""
    rate = chart.tax_rate(tax_type)
    if rate is None or rate.status != "ACTIVE":
        state = "is not a tax type of" if rate is None else "is no longer active in"
        known = [t.tax_type for t in chart.tax_rates if t.status == "ACTIVE"]
        return Trouble(
            "tax_unknown",
            f"{tax_type} {state} {chart.organisation.name}.",
            f"Use one of {', '.join(known)} at {where}.{nearest(tax_type, known)}",
        )
    if not 0 <= rate.effective_rate <= HUNDRED:
        return Trouble(
            "tax_not_allowed",
            f"Tax type {tax_type} ({rate.name}) is {rate.effective_rate}%, which no sales tax is.",
            f"Correct the tax rate in Xero, or map another at {where}.",
        )
    if not rate.goes_with(account):
        return Trouble(
            "tax_not_allowed",
            f"Tax type {tax_type} ({rate.name}) cannot be used with account {account.code} ({account.name}).",
            f"Map another tax type or account at {where}.",
        )
    return rate


def check_item(chart: Chart, code: str, where: str) -> Trouble | None:
    """An item code must be in Xero's price list."""
    if chart.item(code):
        return None
    return Trouble(
        "item_unknown",
        f"Item {code} is not in the price list of {chart.organisation.name}.",
        f"Add it in Xero, or leave 'item' out of the rule at {where}.{nearest(code, [i.code for i in chart.items])}",
    )


def check_tracking(chart: Chart, category: str, option: str, where: str) -> Trouble | None:
    """A tracking category and its option must be active."""
    found = chart.tracking_category(category)
    if found is None:
        known = [c.name for c in chart.tracking if c.status == "ACTIVE"]
        listed = ", ".join(known) or "none"
        return Trouble(
            "tracking_unknown",
            f"Tracking category '{category}' is not active in {chart.organisation.name}.",
            f"Correct it at {where}; there are: {listed}.{nearest(category, known)}",
        )
    active = [o.name for o in found.options if o.status == "ACTIVE"]
    if any(name.casefold() == option.casefold() for name in active):
        return None
    return Trouble(
        "tracking_option_unknown",
        f"Tracking category '{found.name}' has no active option '{option}'.",
        f"Add the option in Xero, or correct {where}; there are: {', '.join(active)}.{nearest(option, active)}",
    )


def check_currency(chart: Chart, currency: str) -> Trouble | None:
    """The organisation must be subscribed to the invoice's currency."""
    if currency == chart.organisation.base_currency or currency in chart.currencies:
        return None
    return Trouble(
        "currency_not_subscribed",
        f"{chart.organisation.name} is not subscribed to {currency}.",
        "Add the currency in Xero, or correct it on the platform, or in 'invoice: currency' if the book sets it.",
    )


def check_native_link(job: Job, billed_before: bool) -> Trouble | None:
    """A job that another accounting link already took must not be billed a second time."""
    if not job.export_processed or billed_before:
        return None
    return Trouble(
        "processed_elsewhere",
        "The job system says that another accounting link already processed this job.",
        "Look for its invoice in Xero. If there is none, clear the job's 'processed' mark on the platform and run again; "
        "and turn the platform's own Xero link off, so that no job is billed twice.",
    )


def check_claims(job: Job, history: History) -> Trouble | None:
    """What the platform says was invoiced must be ours, or an invoice that we do not know of would be doubled.

    Platforms say it before or with tax, so the larger of ours is what it may reach.
    """
    lines = sum((line.already_invoiced for line in job.lines if line.already_invoiced), ZERO)
    stated = max(lines, job.claims.invoiced_to_date or ZERO) if job.claims else lines
    net = sum((billed.sub_total for billed in history.billed), ZERO)
    known = max(net, sum((billed.total for billed in history.billed), ZERO))
    if stated <= known + CENT:
        return None
    return Trouble(
        "invoiced_elsewhere",
        f"The job system says that {stated} of this job was invoiced already; we know of {known}.",
        "Look for the other invoice in Xero. If there is none, correct the job's invoiced amount on the platform; "
        "if there is, bill the rest of this job by hand.",
    )


def _usable(account: Account) -> bool:
    return account.status == "ACTIVE" and account.klass == "REVENUE" and not account.system_account


def _may_be_billed(account: Account) -> bool:
    return account.status == "ACTIVE" and account.klass in _BILLED and not account.system_account
