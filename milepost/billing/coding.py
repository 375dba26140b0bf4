"""From a job's lines to invoice lines: the first rule that matches codes each, and every line keeps its reason.

Second step of decide. Troubles are gathered, never raised, so that a person sees all of them at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from milepost.billing.amounts import Measure, cost, measure, single
from milepost.billing.checks import check_account, check_item, check_tax, check_tracking
from milepost.billing.decision import InvoiceLine, TrackingChoice, Why
from milepost.billing.trouble import Trouble
from milepost.chart import Account, Chart, TaxRate
from milepost.jobs import Job, Line, LineKind
from milepost.money import ZERO, LineAmountTypes, line_tax
from milepost.rules.match import Match, match_line
from milepost.rules.model import InvoiceSettings, Milestone, Rule, RuleBook, Then, Treat
from milepost.rules.templates import TemplateProblem, render

_LONGEST_DESCRIPTION = 4000


@dataclass(frozen=True, slots=True)
class Coding:
    """All that coding a line may look at."""

    job: Job
    milestone: Milestone
    book: RuleBook
    chart: Chart
    settings: InvoiceSettings
    types: LineAmountTypes

    def values(self, line: Line | None = None) -> Mapping[str, Any]:
        """What a template may read."""
        return {"job": self.job, "milestone": self.milestone, "line": line}


@dataclass(frozen=True, slots=True)
class CodedLine:
    """A line with its code and the figures it will carry."""

    line: Line
    then: Then
    account: Account
    rate: TaxRate | None
    figures: Measure
    description: str
    item: str | None
    tracking: tuple[TrackingChoice, ...]
    why: Why

    def invoice_line(self, types: LineAmountTypes) -> InvoiceLine:
        """The line as it is sent."""
        figures = self.figures
        return InvoiceLine(
            description=self.description,
            quantity=figures.quantity,
            unit_amount=figures.unit_amount,
            discount_rate=figures.discount_rate,
            discount_amount=figures.discount_amount,
            account=self.account.code,
            tax_type=self.rate.tax_type if self.rate else None,
            item=self.item,
            tracking=self.tracking,
            amount=figures.amount,
            tax=line_tax(figures.amount, self.rate.effective_rate, types) if self.rate else ZERO,
            why=self.why.model_copy(update={"amount_from": figures.source}),
        )


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line that is only words."""

    description: str
    why: Why

    def invoice_line(self, types: LineAmountTypes) -> InvoiceLine:
        """The line as it is sent: a description alone, with neither account nor amount."""
        del types
        zero = Decimal(0)
        return InvoiceLine(
            description=self.description, quantity=zero, unit_amount=zero, amount=ZERO, tax=ZERO, why=self.why
        )


@dataclass(frozen=True, slots=True)
class Spread:
    """A discount to be spread over the other lines."""

    line: Line
    rule: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A line that is not billed, and why."""

    note: str


Outcome = CodedLine | TextLine | Spread | Dropped | Trouble


def code_line(coding: Coding, line: Line) -> Outcome:
    """Code one line by the first rule that matches it."""
    if not line.billable:
        return Dropped(f"{label(line)} is not billable on the platform.")
    match = match_line(coding.book.lines, coding.job, line)
    if match.rule is None:
        return _unmatched(coding, line)
    if match.rule.then.treat is Treat.DROP:
        return Dropped(f"{label(line)} is dropped by rule '{match.rule.id}'.")
    if match.rule.then.treat is Treat.SPREAD:
        return Spread(line, match.rule.id)
    return _code(coding, line, match)


def code_by_rule(coding: Coding, line: Line, rule: Rule) -> Outcome:
    """Code one line by a given rule, whatever its conditions."""
    return _code(coding, line, Match(rule, {}, tuple))


def _unmatched(coding: Coding, line: Line) -> Outcome:
    if line.kind is LineKind.TEXT:
        return TextLine(line.description[:_LONGEST_DESCRIPTION], _why(coding, "text", {}, line))
    code = f", code {line.code}" if line.code else ""
    return Trouble(
        "no_rule",
        f"No rule matches {label(line)} (kind {line.kind}{code}).",
        f"Add a rule for it to {coding.book.origin.path}, or a last rule without 'when' that catches all.",
        line.id,
    )


def _code(coding: Coding, line: Line, match: Match) -> Outcome:
    rule = match.rule
    assert rule is not None
    assert rule.then.account is not None
    if line.kind is LineKind.TEXT and measure(line, coding.types, ZERO) is None:
        return TextLine(line.description[:_LONGEST_DESCRIPTION], _why(coding, rule.id, match.matched, line))
    where = coding.book.where(f"lines.{rule.id}")
    account = check_account(coding.chart, rule.then.account, where)
    if isinstance(account, Trouble):
        return replace(account, line=line.id)
    tax = choose_tax(coding, line, rule.then.tax, account, where)
    if isinstance(tax, Trouble):
        return replace(tax, line=line.id)
    rate, tax_from = tax
    figures = _figures(coding, line, rule.then, rate)
    if isinstance(figures, Trouble):
        return figures
    words = _words(coding, line, rule.then, where)
    if isinstance(words, Trouble):
        return replace(words, line=line.id)
    description, item, tracking = words
    why = _why(coding, rule.id, match.matched, line).model_copy(
        update={"rejected": match.rejected, "account_from": f"rule '{rule.id}'", "tax_from": tax_from}
    )
    return CodedLine(line, rule.then, account, rate, figures, description, item, tracking, why)


def _figures(coding: Coding, line: Line, then: Then, rate: TaxRate | None) -> Measure | Trouble:
    percent = line.tax.rate if line.tax and line.tax.rate is not None else rate.effective_rate if rate else ZERO
    figures = measure(line, coding.types, percent if rate else ZERO)
    if figures is None and then.treat is Treat.ON_BILL:
        figures = cost(line)
    if figures is None:
        return Trouble(
            "price_missing",
            f"{label(line)} has no price.",
            "Enter its price on the job (0 if it is free of charge), then run again.",
            line.id,
        )
    if line.kind is LineKind.DISCOUNT and figures.amount > 0:
        return single(-figures.amount, f"{figures.source}, taken off")
    return figures


def choose_tax(
    coding: Coding, line: Line, by_rule: str | None, account: Account, where: str
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
        return _tax_unmapped(coding, line, name)
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
    return next((t for n, t in taxes.items() if name and n.casefold() == name.casefold()), None)


def _agreed(line: Line, rate: TaxRate) -> Trouble | None:
    """The platform's percentage must be Xero's, or the customer was shown another total than the invoice will have."""
    if line.tax is None or line.tax.rate is None or line.tax.rate == rate.effective_rate:
        return None
    return Trouble(
        "tax_rate_differs",
        f"{label(line)} has {line.tax.rate}% tax on the platform; {rate.tax_type} ({rate.name}) is {rate.effective_rate}%.",
        f"Map the platform's tax name to a rate of {line.tax.rate}% under 'taxes', or give the rule a 'tax' of its own.",
    )


def _tax_unmapped(coding: Coding, line: Line, name: str) -> Trouble:
    percent = line.tax.rate if line.tax else None
    fitting = [t.tax_type for t in coding.chart.tax_rates if t.status == "ACTIVE" and t.effective_rate == percent]
    proposal = f" Xero's rates of {percent}% are {', '.join(fitting)}." if fitting else ""
    return Trouble(
        "tax_unmapped",
        f"The platform's tax '{name}' is not mapped.",
        f"Add it under 'taxes' in {coding.book.origin.path}: {name}: <Xero tax type>.{proposal}",
    )


def _words(
    coding: Coding, line: Line, then: Then, where: str
) -> tuple[str, str | None, tuple[TrackingChoice, ...]] | Trouble:
    values = coding.values(line)
    try:
        description = render(then.description, values) if then.description else line.description
        item = render(then.item, values) if then.item else None
        tracking = tracking_choices(coding, then.tracking, values)
    except TemplateProblem as problem:
        return Trouble(
            "template",
            f"A template of the rule at {where} cannot be filled: {problem}.",
            f"Correct it at {where}.",
        )
    troubles = [check_item(coding.chart, item, where) if item else None]
    troubles += [check_tracking(coding.chart, t.category, t.option, where) for t in tracking]
    found = next((t for t in troubles if t), None)
    description = (description.strip() or label(line))[:_LONGEST_DESCRIPTION]
    return found or (description, item or None, tracking)


def tracking_choices(coding: Coding, own: Mapping[str, str] | None, values: Mapping[str, Any]) -> tuple[TrackingChoice, ...]:
    """The invoice's tracking with the rule's laid over it; an option that comes out empty is left off."""
    templates = {**coding.settings.tracking, **(own or {})}
    chosen = ((category, render(template, values)) for category, template in templates.items())
    return tuple(TrackingChoice(category=category, option=option) for category, option in chosen if option)


def _why(coding: Coding, rule: str, matched: Mapping[str, str], line: Line) -> Why:
    return Why(
        rule=rule,
        version=coding.book.version,
        where=coding.book.where(f"lines.{rule}"),
        matched=dict(matched),
        source_lines=(line.id,),
    )


def label(line: Line) -> str:
    """A line as people know it."""
    name = line.description.strip().splitlines()[0][:60] if line.description.strip() else line.code or line.id
    return f"line '{name}'"


def troubles_of(outcomes: Iterable[Outcome]) -> list[Trouble]:
    """The troubles among the outcomes."""
    return [o for o in outcomes if isinstance(o, Trouble)]
