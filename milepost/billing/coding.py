"""From a job's lines to invoice lines: the first rule that matches codes each, and every line keeps its reason.

Second step of decide. Troubles are gathered, never raised, so that a person sees all of them at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from milepost.billing.amounts import Measure, cost, measure, single
from milepost.billing.checks import check_account, check_item
from milepost.billing.decision import InvoiceLine, TrackingChoice, Why
from milepost.billing.figures import check_amount, check_figures
from milepost.billing.taxes import choose_tax
from milepost.billing.tracking import tracking_choices
from milepost.billing.trouble import Trouble
from milepost.billing.words import label, line_words
from milepost.chart import Account, Chart, TaxRate
from milepost.jobs import Job, Line, LineKind, TaxMode
from milepost.money import ZERO, LineAmountTypes, line_tax, round2
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
    if match.rule is not None and match.rule.then.treat is Treat.DROP:
        return Dropped(f"{label(line)} is dropped by rule '{match.rule.id}'.")
    if trouble := check_figures(line):
        return trouble
    if match.rule is None:
        return _unmatched(coding, line)
    if match.rule.then.treat is Treat.SPREAD and not is_words(line):
        return Spread(line, match.rule.id)
    return _code(coding, line, match)


def code_by_rule(coding: Coding, line: Line, rule: Rule) -> Outcome:
    """Code one line by a given rule, whatever its conditions."""
    return check_figures(line) or _code(coding, line, Match(rule, {}, tuple))


def is_words(line: Line) -> bool:
    """Whether a line says something and charges nothing."""
    prices = (line.total_ex, line.total_inc, line.unit_price_ex, line.unit_price_inc)
    return line.kind is LineKind.TEXT and not any(prices)


def _text(coding: Coding, line: Line, rule: str, matched: Mapping[str, str]) -> Outcome:
    if not line.description.strip():
        return Dropped(f"{label(line)} is a text without words.")
    return TextLine(line.description.strip()[:_LONGEST_DESCRIPTION], _why(coding, rule, matched, line))


def _unmatched(coding: Coding, line: Line) -> Outcome:
    if is_words(line):
        return _text(coding, line, "text", {})
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
    if is_words(line):
        return _text(coding, line, rule.id, match.matched)
    assert rule.then.account is not None
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
    by_xero = rate.effective_rate if rate else ZERO
    percent = line.tax.rate if line.tax and line.tax.rate is not None else by_xero
    figures = measure(line, coding.types, percent)
    if figures is None and then.treat is Treat.ON_BILL:
        figures = cost(line, coding.types, percent, holds_tax=coding.job.tax_mode is TaxMode.INCLUSIVE)
    if figures is None and line.kind is LineKind.DISCOUNT and line.discount_amount is not None:
        figures = single(round2(line.discount_amount), "the discount's amount")
    if figures is None:
        return _price_missing(line)
    if line.kind is LineKind.DISCOUNT and figures.amount > 0:
        figures = single(-figures.amount, f"{figures.source}, taken off")
    return check_amount(line, figures.amount) or figures


def _price_missing(line: Line) -> Trouble:
    if line.kind is LineKind.DISCOUNT and line.discount_rate is not None:
        return Trouble(
            "price_missing",
            f"{label(line)} is a percentage, which a discount shown as a line cannot be.",
            "Enter the discount's amount on the job, or let its rule spread it (treat: spread).",
            line.id,
        )
    return Trouble(
        "price_missing",
        f"{label(line)} has no price.",
        "Enter its price on the job (0 if it is free of charge), then run again.",
        line.id,
    )


def _words(
    coding: Coding, line: Line, then: Then, where: str
) -> tuple[str, str | None, tuple[TrackingChoice, ...]] | Trouble:
    values = coding.values(line)
    try:
        description = render(then.description, values) if then.description else line.description
        item = render(then.item, values).strip() if then.item else None
        tracking = tracking_choices(coding.chart, (coding.settings.tracking, then.tracking or {}), values, where)
    except TemplateProblem as problem:
        return Trouble(
            "template",
            f"A template of the rule at {where} cannot be filled: {problem}.",
            f"Correct it at {where}.",
        )
    if isinstance(tracking, Trouble):
        return tracking
    if item and (trouble := check_item(coding.chart, item, where)):
        return trouble
    return (description.strip() or line_words(line))[:_LONGEST_DESCRIPTION], item or None, tracking


def _why(coding: Coding, rule: str, matched: Mapping[str, str], line: Line) -> Why:
    return Why(
        rule=rule,
        version=coding.book.version,
        where=coding.book.where(f"lines.{rule}"),
        matched=dict(matched),
        source_lines=(line.id,),
    )


def troubles_of(outcomes: Iterable[Outcome]) -> list[Trouble]:
    """The troubles among the outcomes."""
    return [o for o in outcomes if isinstance(o, Trouble)]
