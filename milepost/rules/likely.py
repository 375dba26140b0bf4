"""The likeliest account for a kind of line, and tax type for a tax name: guesses by names and rates, none invented. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from milepost.chart import Account, Chart, TaxRate
from milepost.jobs import LineKind
from milepost.rules.tally import SeenTax

_WORDS = {
    LineKind.LABOUR: ("labour", "labor", "service", "workmanship"),
    LineKind.MATERIAL: ("material", "part", "good", "product", "stock", "supply", "supplie"),
    LineKind.SUBCONTRACT: ("subcontract", "subcontractor", "contractor"),
    LineKind.EXPENSE: ("expense", "reimbursement", "recovery", "recoverie", "disbursement", "recharge"),
    LineKind.FEE: ("call", "callout", "fee", "charge", "travel"),
}
_HARDLY = ("interest", "dividend", "revaluation", "gain", "rounding", "refund", "discount", "grant", "rent")
"""Income that no job earns."""
_SAYS_NOTHING = frozenset({"sale", "income", "revenue", "other", "and", "of", "the", "for", "general"})
_TYPES = ("SALES", "REVENUE", "OTHERINCOME")
_PERCENT = re.compile(r"(\d{1,2}(?:\.\d+)?)\s*%")


@dataclass(frozen=True, slots=True)
class LikelyAccount:
    """An account, and whether its name speaks for it; else it is the general one."""

    account: Account
    is_named: bool


@dataclass(frozen=True, slots=True)
class LikelyTax:
    """What a tax name may be in Xero: one tax type when that is as good as certain, else the candidates."""

    chosen: TaxRate | None
    candidates: tuple[TaxRate, ...]


def income_accounts(chart: Chart) -> list[Account]:
    """The accounts that an invoice's lines may go to, in the order in which one would think of them."""
    usable = [a for a in chart.accounts if a.code and a.status == "ACTIVE" and not a.system_account and a.type in _TYPES]
    earned = [account for account in usable if not any(word in _HARDLY for word in _words(account.name))]
    return sorted(earned or usable, key=_generality)


def likely_account(accounts: Sequence[Account], kind: LineKind) -> LikelyAccount:
    """The account whose name speaks of this kind of line, else the most general one. There must be some account."""
    words = _WORDS.get(kind, ())
    best = max(accounts, key=lambda account: _fit(account, words))
    is_named = _fit(best, words) > 0
    return LikelyAccount(best if is_named else accounts[0], is_named)


def named_account(accounts: Sequence[Account], texts: Sequence[str], other: Account) -> Account | None:
    """The account that these words name better than they name `other`; None when no account is any better."""
    wanted = {word for text in texts for word in _words(text)} - _SAYS_NOTHING
    best = max(accounts, key=lambda account: _share(account, wanted))
    return best if _share(best, wanted) > _share(other, wanted) and best.code != other.code else None


def likely_tax(chart: Chart, accounts: Sequence[Account], name: str, seen: SeenTax) -> LikelyTax:
    """The tax type that is called so in Xero; else by rate the one that the income accounts have, if there is just one."""
    active = [rate for rate in chart.tax_rates if rate.status == "ACTIVE" and rate.can_apply_to_revenue]
    same = [rate for rate in active if name.casefold() in (rate.name.casefold(), rate.tax_type.casefold())]
    rate = _rate_of(name, seen)
    fitting = [one for one in active if rate is not None and one.effective_rate == rate]
    if len(same) == 1 and (rate is None or same[0].effective_rate == rate):
        return LikelyTax(same[0], tuple(same))
    if len(fitting) == 1:
        return LikelyTax(fitting[0], tuple(fitting))
    own = {account.tax_type for account in accounts}
    usual = [one for one in fitting if one.tax_type in own]
    chosen = usual[0] if len(usual) == 1 and rate else None
    return LikelyTax(chosen, tuple(fitting or active))


def _rate_of(name: str, seen: SeenTax) -> Decimal | None:
    """The rate that the platform said, if always the same; else the percentage in the name."""
    if len(seen.rates) == 1:
        return next(iter(seen.rates))
    found = _PERCENT.findall(name)
    return Decimal(found[0]) if len(found) == 1 and not seen.rates else None


def _generality(account: Account) -> tuple[bool, int, int, str]:
    return (
        account.type == "OTHERINCOME",
        len(set(_words(account.name)) - _SAYS_NOTHING),
        _TYPES.index(account.type),
        account.code or "",
    )


def _fit(account: Account, words: Sequence[str]) -> float:
    """How much of the account's name speaks of the kind; `Labour` more than `After-hours Labour`."""
    own = _words(account.name)
    return sum(word in words for word in own) / len(own) if own else 0.0


def _share(account: Account, wanted: set[str]) -> tuple[float, int]:
    """How much of an account's name, but for words that say nothing, is among the words wanted, and how many words."""
    own = set(_words(account.name)) - _SAYS_NOTHING
    return (len(own & wanted) / len(own), len(own & wanted)) if own else (0.0, 0)


def _words(text: str) -> list[str]:
    return [word.removesuffix("s") if len(word) > 3 else word for word in re.findall(r"[^\W\d_]+", text.casefold())]
