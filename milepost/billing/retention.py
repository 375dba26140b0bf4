"""Retention: what a stage holds back of its own invoice, and the stage that bills it after all. Part of the stages."""

from collections.abc import Sequence
from decimal import Decimal

from milepost.billing.checks import check_account, check_tax
from milepost.billing.coding import Coding
from milepost.billing.decision import InvoiceLine, TrackingChoice, Why
from milepost.billing.earlier import RETENTION, Coded, coded, sum_of
from milepost.billing.facts import History
from milepost.billing.milestones import refusal
from milepost.billing.trouble import Trouble
from milepost.chart import TaxRate
from milepost.money import HUNDRED, ZERO, allocate, line_tax, round2
from milepost.rules.model import Milestone, Retention
from milepost.rules.templates import TemplateProblem, render

ONE = Decimal(1)
_FOR_GOOD = frozenset({"job_type", "business_unit", "category", "customer", "customer_tag", "site_region"})
"""Conditions on what a job is, rather than on how far it is."""


def is_released_later(coding: Coding, history: History) -> bool:
    """Whether a stage of the book will bill what was held back; without one, what remains releases it."""
    return any(
        milestone.amount == "retention" and history.of(milestone.code) is None and _may_come(coding, milestone)
        for milestone in coding.book.milestones
    )


def is_release_past(coding: Coding, history: History) -> bool:
    """Whether what was held back is billed, and no stage is left to do so again: what is held back now would be lost."""
    if is_released_later(coding, history) or any(_releases_yet(coding, m, history) for m in coding.book.milestones):
        return False
    return any(
        milestone.amount == "retention" or (milestone.amount == "remaining" and milestone.retention is None)
        for milestone in coding.book.milestones
        if history.of(milestone.code)
    )


def _releases_yet(coding: Coding, milestone: Milestone, history: History) -> bool:
    """The first invoice of what remains releases what the stages before it held back."""
    is_another = milestone.amount == "remaining" and milestone.code != coding.milestone.code
    return is_another and history.of(milestone.code) is None and _may_come(coding, milestone)


def _may_come(coding: Coding, milestone: Milestone) -> bool:
    """A stage for other customers or kinds of jobs never comes; one that waits for a tag or a field may come yet."""
    refused = refusal(coding.job, milestone)
    return refused is None or refused.condition not in _FOR_GOOD


def retained_lines(
    coding: Coding, full: Sequence[InvoiceLine], stage: Sequence[InvoiceLine], retention: Retention
) -> tuple[InvoiceLine, ...] | Trouble:
    """The lines that hold back a stage's percentage: below zero, over the tax types that the stage bills."""
    billed = sum_of(stage)
    kept = round2(billed * retention.percent / HUNDRED)
    if kept <= 0:
        return ()
    by_tax = _sums(stage)
    shares = allocate(kept, list(by_tax.values()))
    parts: list[tuple[Coded, Decimal]] = []
    for tax_type, share in zip(by_tax, shares, strict=True):
        parts += _parts(retention, full, stage, tax_type, share)
    made = [_line(coding, retention, key, amount, billed, several=len(parts) > 1) for key, amount in parts if amount]
    trouble = next((line for line in made if isinstance(line, Trouble)), None)
    return trouble or tuple(line for line in made if isinstance(line, InvoiceLine))


def _sums(lines: Sequence[InvoiceLine]) -> dict[str | None, Decimal]:
    sums: dict[str | None, Decimal] = {}
    for line in lines:
        if line.account:
            sums[line.tax_type] = sums.get(line.tax_type, ZERO) + line.amount
    return sums


def _parts(
    retention: Retention,
    full: Sequence[InvoiceLine],
    stage: Sequence[InvoiceLine],
    tax_type: str | None,
    share: Decimal,
) -> list[tuple[Coded, Decimal]]:
    """One tax type's share, over the accounts and tracking of the stage's lines of that type.

    Where the stage takes something off, such as a deposit from its own account, over those of the job's lines.
    """
    if retention.account is not None:
        none: tuple[TrackingChoice, ...] = ()
        return [((retention.account, tax_type, none), share)]
    weights = _weights(stage, tax_type)
    of_the_job = _weights(full, tax_type)
    if min(weights.values()) < 0 and sum(of_the_job.values(), ZERO) > 0:
        weights = of_the_job
    if not sum(weights.values(), ZERO):
        return [(next(iter(weights)), share)]
    return list(zip(weights, allocate(share, list(weights.values())), strict=True))


def _weights(lines: Sequence[InvoiceLine], tax_type: str | None) -> dict[Coded, Decimal]:
    weights: dict[Coded, Decimal] = {}
    for line in lines:
        if line.account and line.tax_type == tax_type:
            weights[coded(line)] = weights.get(coded(line), ZERO) + line.amount
    return weights


def _line(
    coding: Coding, retention: Retention, key: Coded, amount: Decimal, billed: Decimal, *, several: bool
) -> InvoiceLine | Trouble:
    milestone = coding.milestone
    where = coding.book.where(f"milestones.{milestone.code}")
    code, tax_type, tracking = key
    assert code is not None
    account = check_account(coding.chart, code, where)
    if isinstance(account, Trouble):
        return account
    rate: TaxRate | Trouble | None = check_tax(coding.chart, account, tax_type, where) if tax_type else None
    if isinstance(rate, Trouble):
        return rate
    try:
        words = render(retention.description, coding.values()).strip() or "Less retention"
    except TemplateProblem as problem:
        why = f"The retention's description of milestone {milestone.code} cannot be filled: {problem}."
        return Trouble("template", why, f"Correct it at {where}.")
    named = f"{words} ({account.name}{f', {rate.name}' if rate else ''})" if several else words
    return InvoiceLine(
        description=named[:4000],
        quantity=ONE,
        unit_amount=-amount,
        account=code,
        tax_type=tax_type,
        tracking=tracking,
        amount=-amount,
        tax=-line_tax(amount, rate.effective_rate, coding.types) if rate else ZERO,
        why=_why(coding, retention, billed, where),
    )


def _why(coding: Coding, retention: Retention, billed: Decimal, where: str) -> Why:
    code = coding.milestone.code
    return Why(
        rule=f"{RETENTION}{code}",
        version=coding.book.version,
        where=where,
        account_from=f"milestone {code}" if retention.account else "the job's lines",
        tax_from="what the stage bills",
        amount_from=f"{retention.percent}% of the {billed} of this stage; this part in proportion to its tax and account",
    )
