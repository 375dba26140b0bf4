"""From a job's lines to invoice lines: the first rule that matches codes each, and every line keeps its reason.

Second step of decide. Troubles are gathered, never raised, so that a person sees all of them at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from milepost.billing.amounts import Measure
from milepost.billing.checks import check_account
from milepost.billing.decision import InvoiceLine, Why
from milepost.billing.figures import check_figures
from milepost.billing.filling import Texts, fill_texts
from milepost.billing.pricing import price_line
from milepost.billing.taxes import choose_tax
from milepost.billing.trouble import Trouble
from milepost.billing.words import LONGEST_DESCRIPTION, label
from milepost.chart import Account, Chart, TaxRate
from milepost.jobs import Job, Line, LineKind
from milepost.money import ZERO, LineAmountTypes, line_tax
from milepost.rules.match import Match, match_line
from milepost.rules.model import InvoiceSettings, Milestone, Origin, Rule, RuleBook, Treat


@dataclass(frozen=True)
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

    @cached_property
    def _origin(self) -> Origin:
        return self.book.origin

    def where_of(self, rule: str) -> str:
        """`file:line` of a rule, as `RuleBook.where` tells it, for every line of a job: the book is asked once."""
        line = self._origin.lines.get(f"lines.{rule}")
        return f"{self._origin.path}:{line}" if line else self._origin.path


@dataclass(frozen=True, slots=True)
class CodedLine:
    """A line with its code and the figures it will carry."""

    line: Line
    account: Account
    rate: TaxRate | None
    figures: Measure
    texts: Texts
    why: Why

    def invoice_line(self, types: LineAmountTypes) -> InvoiceLine:
        """The line as it is sent."""
        figures, texts, why = self.figures, self.texts, self.why
        return InvoiceLine(
            description=texts.description,
            quantity=figures.quantity,
            unit_amount=figures.unit_amount,
            discount_rate=figures.discount_rate,
            discount_amount=figures.discount_amount,
            account=self.account.code,
            tax_type=self.rate.tax_type if self.rate else None,
            item=texts.item,
            tracking=texts.tracking,
            amount=figures.amount,
            tax=line_tax(figures.amount, self.rate.effective_rate, types) if self.rate else ZERO,
            # A discount that was spread has changed the figures since.
            why=why if why.amount_from == figures.source else why.model_copy(update={"amount_from": figures.source}),
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
    rule = match.rule
    if rule is not None and rule.then.treat is Treat.DROP:
        return Dropped(f"{label(line)} is dropped by rule '{rule.id}'.")
    if rule is not None and rule.then.treat is Treat.HOLD and not _is_left_be(line, rule):
        return _asked(coding, line, rule)
    if trouble := check_figures(line):
        return trouble
    if is_words(line):
        return _text(coding, line, match)
    if rule is None:
        return _unmatched(coding, line)
    return Spread(line, rule.id) if rule.then.treat is Treat.SPREAD else _code(coding, line, rule, match)


def code_by_rule(coding: Coding, line: Line, rule: Rule) -> Outcome:
    """Code one line that costs something by a given rule, whatever its conditions."""
    return check_figures(line) or _code(coding, line, rule, Match(rule, {}, tuple))


def is_words(line: Line) -> bool:
    """Whether a line says something and charges nothing."""
    prices = (line.total_ex, line.total_inc, line.unit_price_ex, line.unit_price_inc)
    return line.kind is LineKind.TEXT and not any(prices)


def _is_left_be(line: Line, rule: Rule) -> bool:
    """Words need no coding, so a last rule that asks for whatever is left does not ask for them."""
    return is_words(line) and not rule.when.model_fields_set


def _asked(coding: Coding, line: Line, rule: Rule) -> Trouble:
    where, reason = coding.where_of(rule.id), (rule.then.reason or "").strip()
    return Trouble(
        "rule_holds",
        f"Rule '{rule.id}' ({where}) asks a person about {label(line)}: {reason}{'' if reason[-1:] in '.?!' else '.'}",
        f"Change the line on the job so that another rule takes it, or the rule at {where}, then run again; "
        "or bill this job by hand.",
        line.id,
    )


def _text(coding: Coding, line: Line, match: Match[Rule]) -> Outcome:
    if not line.description.strip():
        return Dropped(f"{label(line)} is a text without words.")
    rule = match.rule.id if match.rule else "text"
    why = Why(
        rule=rule,
        version=coding.book.version,
        where=coding.where_of(rule),
        matched=match.matched,
        wanted=match.wanted,
        rejected=match.rejected,
        source_lines=(line.id,),
    )
    return TextLine(line.description.strip()[:LONGEST_DESCRIPTION], why)


def _unmatched(coding: Coding, line: Line) -> Trouble:
    code = f", code {line.code}" if line.code else ""
    return Trouble(
        "no_rule",
        f"No rule matches {label(line)} (kind {line.kind}{code}).",
        f"Add a rule for it to {coding.book.origin.path}, or a last rule without 'when' that catches all.",
        line.id,
    )


def _code(coding: Coding, line: Line, rule: Rule, match: Match[Rule]) -> CodedLine | Trouble:
    assert rule.then.account is not None
    where = coding.where_of(rule.id)
    account = check_account(coding.chart, rule.then.account, where)
    if isinstance(account, Trouble):
        return replace(account, line=line.id)
    tax = choose_tax(coding, line, rule.then.tax, account, where)
    if isinstance(tax, Trouble):
        return replace(tax, line=line.id)
    figures = price_line(coding, line, rule.then, tax[0])
    if isinstance(figures, Trouble):
        return figures
    texts = fill_texts(coding, line, rule.then, where)
    if isinstance(texts, Trouble):
        return replace(texts, line=line.id)
    why = Why(
        rule=rule.id,
        version=coding.book.version,
        where=where,
        matched=match.matched,
        wanted=match.wanted,
        filled=texts.filled,
        rejected=match.rejected,
        account_from=f"rule '{rule.id}'",
        tax_from=tax[1],
        amount_from=figures.source,
        source_lines=(line.id,),
    )
    return CodedLine(line, account, tax[0], figures, texts, why)


def troubles_of(outcomes: Iterable[Outcome]) -> list[Trouble]:
    """The troubles among the outcomes."""
    return [o for o in outcomes if isinstance(o, Trouble)]
