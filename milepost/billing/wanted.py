"""What a stage asks for of a job: a percentage, a flat amount, or the progress made. Part of the stages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from milepost.billing.coding import Coding
from milepost.billing.decision import InvoiceLine
from milepost.billing.earlier import billed_lines, sum_of
from milepost.billing.facts import History
from milepost.billing.trouble import Trouble
from milepost.jobs import Totals
from milepost.money import HUNDRED, ZERO, LineAmountTypes, line_tax, round2
from milepost.rules.model import Flat, Percent, Progress

_PERCENTAGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)\s*%?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An amount in the invoice's terms, before it is capped at what is left; how it came about, as part of a sentence."""

    amount: Decimal
    how: str


def wanted_by(coding: Coding, full: Sequence[InvoiceLine], history: History) -> Wanted | Trouble:
    """What the stage at hand asks for, given the job's lines; of a stage that was billed before, what it asks for more."""
    amount = coding.milestone.amount
    if isinstance(amount, Progress):
        return _progress(coding, amount, sum_of(full), sum_of(e.line for e in billed_lines(history)))
    assert isinstance(amount, Percent | Flat)
    wanted = Wanted(amount.flat, f"a flat {amount.flat}") if isinstance(amount, Flat) else _percent(coding, amount, full)
    own = sum_of(e.line for e in billed_lines(history) if e.billed.milestone == coding.milestone.code)
    if isinstance(wanted, Trouble) or coding.milestone.sequence == 1:
        return wanted
    return Wanted(wanted.amount - own, f"{wanted.how}, less the {own} that {coding.milestone.code} billed")


def _percent(coding: Coding, amount: Percent, full: Sequence[InvoiceLine]) -> Wanted | Trouble:
    base = sum_of(full) if amount.of == "current" else _quoted(coding, full)
    if isinstance(base, Trouble):
        return base
    share = round2(base * amount.percent / HUNDRED)
    quoted = "" if amount.of == "current" else " quoted"
    how = f"{amount.percent}% of {base}{quoted} is {share}"
    if amount.at_least is not None and share < amount.at_least:
        return Wanted(amount.at_least, f"{how}, raised to the least of {amount.at_least}")
    if amount.at_most is not None and share > amount.at_most:
        return Wanted(amount.at_most, f"{how}, lowered to the most of {amount.at_most}")
    return Wanted(share, how)


def _quoted(coding: Coding, full: Sequence[InvoiceLine]) -> Decimal | Trouble:
    totals = coding.job.quote.totals if coding.job.quote else Totals()
    base = _in_terms(coding, totals, full)
    if base is not None:
        return base
    words = "before tax" if coding.types is LineAmountTypes.EXCLUSIVE else "with tax"
    where = coding.book.where(f"milestones.{coding.milestone.code}")
    return Trouble(
        "quote_missing",
        f"Stage {coding.milestone.code} bills a share of what was quoted, and the job states no quoted total {words}.",
        f"Enter the quote on the platform, or let the stage at {where} take its share 'of: current'.",
    )


def _in_terms(coding: Coding, totals: Totals, full: Sequence[InvoiceLine]) -> Decimal | None:
    """The quoted total in the invoice's terms; converted only by its own tax, or by the one rate that all lines have."""
    exclusive = coding.types is LineAmountTypes.EXCLUSIVE
    own, other = (totals.ex, totals.inc) if exclusive else (totals.inc, totals.ex)
    if own is not None:
        return round2(own)
    if other is None:
        return None
    tax = totals.tax
    if tax is None and (rate := _only_rate(coding, full)) is not None:
        tax = line_tax(other, rate, LineAmountTypes.INCLUSIVE if exclusive else LineAmountTypes.EXCLUSIVE)
    if tax is None:
        return None
    return round2(other - tax if exclusive else other + tax)


def _only_rate(coding: Coding, full: Sequence[InvoiceLine]) -> Decimal | None:
    found = {coding.chart.tax_rate(line.tax_type) if line.tax_type else None for line in full if line.account}
    rates = {rate.effective_rate if rate else ZERO for rate in found}
    untaxed = coding.types is LineAmountTypes.NO_TAX  # its lines say nothing of the tax that a quote holds
    return rates.pop() if len(rates) == 1 and not untaxed else None


def _progress(coding: Coding, amount: Progress, whole: Decimal, before: Decimal) -> Wanted | Trouble:
    stated = _stated(coding, amount)
    if isinstance(stated, Trouble):
        return stated
    if stated is None:
        return Wanted(ZERO, f"{_place(amount)} states no percentage yet")
    done = round2(whole * stated / HUNDRED)
    less = f", less {before} billed earlier" if before else ""
    return Wanted(done - before, f"{stated}% of {whole} is {done}{less}")


def _stated(coding: Coding, amount: Progress) -> Decimal | Trouble | None:
    job = coding.job
    if amount.progress == "platform":
        stated = job.claims.percent if job.claims else None
        return stated if stated is None or 0 <= stated <= HUNDRED else _unreadable(coding, amount, f"{stated}%")
    text = job.custom_fields.get(amount.progress, "").strip()
    found = _PERCENTAGE.fullmatch(text)
    if text and (found is None or Decimal(found[1]) > HUNDRED):
        return _unreadable(coding, amount, text[:40])
    return Decimal(found[1]) if found else None


def _place(amount: Progress) -> str:
    return "the job system" if amount.progress == "platform" else f"custom field '{amount.progress}'"


def _unreadable(coding: Coding, amount: Progress, seen: str) -> Trouble:
    where = coding.book.where(f"milestones.{coding.milestone.code}")
    return Trouble(
        "progress_unreadable",
        f"The progress of the job cannot be read: {_place(amount)} says '{seen}', which is no percentage from 0 to 100.",
        f"Write it like 45 or 45% on the job, or correct 'progress' at {where}.",
    )
