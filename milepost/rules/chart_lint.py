"""A rule book held against the organisation's chart: what Xero would refuse, before a job meets it. Pure.

The checks are billing's own (`milepost.billing.checks`), so lint calls an error what a job would be held for. What only a
job can show, such as how a template comes out, is left to it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from milepost.billing.checks import check_account, check_currency, check_item, check_tax, check_tracking
from milepost.billing.trouble import Trouble
from milepost.chart import Account, Chart
from milepost.rules.chart_nearest import nearest_account, nearest_option, nearest_tax
from milepost.rules.issues import Issue, Severity, Way, in_order, issue
from milepost.rules.model import RuleBook, Treat
from milepost.rules.problems import nearest

_UNBILLED = (Treat.DROP, Treat.SPREAD, Treat.HOLD)
_KINDS = {
    "REVENUE": "an income",
    "EXPENSE": "an expense",
    "ASSET": "an asset",
    "LIABILITY": "a liability",
    "EQUITY": "an equity",
}
_INCOME = ("REVENUE",)
_DEPOSITS = ("REVENUE", "LIABILITY")
_RETENTIONS = ("REVENUE", "LIABILITY", "ASSET")


def lint_chart(book: RuleBook, chart: Chart) -> list[Issue]:
    """All that the book names and the organisation does not have, or does not allow there, in the order of the file."""
    against = _Against(book, chart)
    return in_order(found for check in _CHECKS for found in check(against))


@dataclass(frozen=True, slots=True)
class _Against:
    """A book and the chart that it is held against."""

    book: RuleBook
    chart: Chart

    def where(self, way: Way) -> str:
        """`file:line` of a value, as the checks name it in their fixes."""
        return issue(self.book, Severity.ERROR, "", way, "", "").where.rpartition(":")[0]

    def error(self, way: Way, trouble: Trouble, suggestion: str | None) -> Issue:
        """What a job would be held for."""
        return issue(self.book, Severity.ERROR, trouble.code, way, trouble.why, trouble.fix, suggestion)


def _rules(against: _Against) -> Iterator[Issue]:
    for rule in against.book.lines:
        if rule.then.treat in _UNBILLED:
            continue
        way: Way = ("lines", rule.id, "then")
        yield from _coded(against, way, rule.then.account, rule.then.tax, _INCOME)
        yield from _item(against, (*way, "item"), rule.then.item)
        yield from _tracking(against, (*way, "tracking"), rule.then.tracking)


def _fallback(against: _Against) -> Iterator[Issue]:
    if fallback := against.book.fallback:
        yield from _coded(against, ("fallback",), fallback.account, fallback.tax, _INCOME)
        yield from _item(against, ("fallback", "item"), fallback.item)


def _stages(against: _Against) -> Iterator[Issue]:
    for stage in against.book.milestones:
        way: Way = ("milestones", stage.code)
        if stage.amount not in ("remaining", "credit"):
            yield from _coded(against, way, stage.account, stage.tax, _DEPOSITS)
            yield from _lines_taxes(against, (*way, "account"), None if stage.tax else stage.account)
        if stage.retention:
            yield from _coded(against, (*way, "retention"), stage.retention.account, None, _RETENTIONS)
            yield from _lines_taxes(against, (*way, "retention", "account"), stage.retention.account)
        yield from _tracking(against, (*way, "invoice", "tracking"), stage.invoice.tracking)
        yield from _branding(against, (*way, "invoice", "branding_theme"), stage.invoice.branding_theme)


def _payments(against: _Against) -> Iterator[Issue]:
    payments = against.book.payments
    for method, code in payments.accounts.items():
        yield from _money_account(against, ("payments", "accounts", method), code)
    if payments.deposits == "deduct":
        yield from _coded(
            against,
            ("payments",),
            payments.deposit_account,
            payments.deposit_tax,
            _DEPOSITS,
            ("deposit_account", "deposit_tax"),
        )
    for key in ("fees", "surcharges"):
        yield from _coded(against, ("payments",), getattr(payments, key), None, tuple(_KINDS), (key, ""))


def _taxes(against: _Against) -> Iterator[Issue]:
    """A tax that the platform names must go with the account of one rule at least."""
    if against.book.invoice.line_amounts == "no_tax":
        return
    for name, tax_type in against.book.taxes.items():
        yield from _tax_somewhere(against, ("taxes", name), tax_type)


def _invoice(against: _Against) -> Iterator[Issue]:
    book, chart, settings = against.book, against.chart, against.book.invoice
    if settings.currency != "job" and (trouble := check_currency(chart, settings.currency)):
        yield against.error(("invoice", "currency"), trouble, chart.organisation.base_currency)
    yield from _branding(against, ("invoice", "branding_theme"), settings.branding_theme)
    yield from _tracking(against, ("invoice", "tracking"), settings.tracking)
    name = chart.organisation.name
    if book.organisation.strip().casefold() != name.strip().casefold():
        yield issue(
            book,
            Severity.WARNING,
            "organisation_differs",
            ("organisation",),
            f"The book is written for '{book.organisation}', and this connection bills into '{name}'.",
            "Correct 'organisation', or choose another rule book for the connection.",
            name,
        )


_CHECKS: tuple[Callable[[_Against], Iterator[Issue]], ...] = (_invoice, _taxes, _rules, _fallback, _stages, _payments)


def _coded(
    against: _Against,
    way: Way,
    code: str | None,
    tax: str | None,
    fitting: tuple[str, ...],
    keys: tuple[str, str] = ("account", "tax"),
) -> Iterator[Issue]:
    """An account and a tax that stand together; `fitting` are the classes of account that are meant there."""
    here, taxed = (*way, keys[0]), against.book.invoice.line_amounts != "no_tax"
    if code is None:
        if tax is not None and taxed:
            yield from _tax_somewhere(against, (*way, keys[1]), tax)
        return
    account = check_account(against.chart, code, against.where(here))
    if isinstance(account, Trouble):
        yield against.error(here, account, nearest_account(against.chart, code))
        return
    if account.klass not in fitting:
        yield _odd_account(against, here, account, fitting)
    if tax is not None and taxed:
        found = check_tax(against.chart, account, tax, against.where((*way, keys[1])))
        if isinstance(found, Trouble):
            yield against.error((*way, keys[1]), found, nearest_tax(against.chart, tax))


def _lines_taxes(against: _Against, way: Way, code: str | None) -> Iterator[Issue]:
    """An account that stands with the taxes of the job's lines must go with one of them at least."""
    account = against.chart.account(code) if code else None
    if account is None or account.status != "ACTIVE" or against.book.invoice.line_amounts == "no_tax":
        return
    found = [
        check_tax(against.chart, account, tax, against.where(way)) for tax in dict.fromkeys(against.book.taxes.values())
    ]
    troubles = [one for one in found if isinstance(one, Trouble) and one.code == "tax_not_allowed"]
    if troubles and len(troubles) == len(found):
        yield against.error(way, troubles[0], None)


def _odd_account(against: _Against, way: Way, account: Account, fitting: tuple[str, ...]) -> Issue:
    wanted = " or ".join(_KINDS[klass] for klass in fitting)
    return issue(
        against.book,
        Severity.WARNING,
        "account_type",
        way,
        f"Account {account.code} ({account.name}) is {_KINDS.get(account.klass or '', 'no income')} account; "
        f"{wanted} account is expected here.",
        "Name another account, unless it is meant so.",
        nearest_account(against.chart, account.code or "") if account.klass not in _DEPOSITS else None,
    )


def _tax_somewhere(against: _Against, way: Way, tax_type: str) -> Iterator[Issue]:
    """A tax that stands by itself: it must be usable with an account of the book's rules."""
    codes = [rule.then.account for rule in against.book.lines if rule.then.account]
    accounts = [account for code in codes if (account := against.chart.account(code)) and account.status == "ACTIVE"]
    found = [check_tax(against.chart, account, tax_type, against.where(way)) for account in accounts]
    troubles = [one for one in found if isinstance(one, Trouble)]
    if troubles and len(troubles) == len(found):
        yield against.error(way, troubles[0], nearest_tax(against.chart, tax_type))


def _item(against: _Against, way: Way, template: str | None) -> Iterator[Issue]:
    code = (template or "").strip()
    if code and _is_literal(code) and (trouble := check_item(against.chart, code, against.where(way))):
        yield against.error(way, trouble, nearest(code, [item.code for item in against.chart.items]))


def _tracking(against: _Against, way: Way, tracking: Mapping[str, str] | None) -> Iterator[Issue]:
    for category, template in (tracking or {}).items():
        here = (*way, category)
        trouble = check_tracking(against.chart, category.strip(), template.strip(), against.where(here))
        unsure = trouble and trouble.code != "tracking_unknown" and not (template.strip() and _is_literal(template))
        if trouble and not unsure:
            yield against.error(here, trouble, nearest_option(against.chart, category.strip(), template.strip()))


def _branding(against: _Against, way: Way, name: str | None) -> Iterator[Issue]:
    if name is None or against.chart.theme(name):
        return
    known = [theme.name for theme in against.chart.branding]
    yield issue(
        against.book,
        Severity.ERROR,
        "branding_unknown",
        way,
        f"Branding theme '{name}' is not in Xero.",
        f"Name one that is there ({', '.join(known)}), or add it in Xero.",
        nearest(name, known),
    )


def _money_account(against: _Against, way: Way, code: str) -> Iterator[Issue]:
    """Xero takes payments into bank accounts, and into others that payments were enabled for."""
    chart = against.chart
    account = chart.account(code)
    receiving = {a.name: a.code for a in chart.accounts if a.code and a.status == "ACTIVE" and _takes_payments(a)}
    if account and account.status == "ACTIVE" and _takes_payments(account):
        return
    if account is None:
        why = f"Account {code} is not in the chart of {chart.organisation.name}."
    elif account.status != "ACTIVE":
        why = f"Account {code} ({account.name}) is archived in Xero."
    else:
        why = f"Account {code} ({account.name}) takes no payments in Xero."
    yield issue(
        against.book,
        Severity.ERROR,
        "account_no_payments",
        way,
        why,
        f"Enable payments to it in Xero, or name one of {', '.join(f'{c} {name}' for name, c in receiving.items())}.",
        nearest(code, [c for c in receiving.values() if c]),
    )


def _takes_payments(account: Account) -> bool:
    return account.type == "BANK" or account.enable_payments


def _is_literal(template: str) -> bool:
    return not any(mark in template for mark in ("{{", "{%", "{#"))
