"""What a milestone bills of a job, so that over all milestones the net and each tax type add up to the cent.

A share (percent or flat) is split over the accounts and tax types of the job's lines; see `milepost.billing.shares`.
What remains is billed by showing every line of the job and taking off, line by line and with their own tax, what earlier
invoices billed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from milepost.billing.checks import check_account, check_tax, check_tracking
from milepost.billing.coding import Coding
from milepost.billing.decision import InvoiceLine, Why
from milepost.billing.facts import Billed, History
from milepost.billing.shares import share_lines
from milepost.billing.trouble import Trouble
from milepost.money import CENT, HUNDRED, ZERO, LineAmountTypes, line_tax, round2
from milepost.rules.model import Flat, Milestone, Percent

ONE = Decimal(1)
_MOST_CENTS = 100
"""How far a share may be lowered for the sake of rounding: each part's tax is off by half a cent at most."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A milestone's lines, and how its amount came about, sentence by sentence. No lines: nothing is billed, by `code`."""

    lines: tuple[InvoiceLine, ...]
    sums: tuple[str, ...]
    code: str = "fully_billed"


def stage_lines(coding: Coding, full: Sequence[InvoiceLine], history: History) -> Staged | Trouble:
    """The lines of the milestone at hand, given all of the job's lines as one invoice would show them."""
    whole = _sum(full)
    earlier = _sum(line for billed in history.billed for line in billed.lines)
    if whole < earlier and history.billed:
        return _over_billed(whole, earlier, history)
    if whole < 0:
        return _below_zero(whole)
    sums = _sentences(whole, earlier, history)
    if not history.billed and whole == 0:
        return Trouble(
            "zero_total",
            "The job comes to 0.00.",
            "Price its lines on the platform, or, if it is free of charge, let a rule drop its lines or mark it by hand.",
        )
    if coding.milestone.amount == "remaining":
        return _remaining(coding, full, history, (*sums, f"This invoice: what remains, {whole - earlier}."))
    return _share(coding, full, history, whole - earlier, sums)


def _remaining(coding: Coding, full: Sequence[InvoiceLine], history: History, sums: tuple[str, ...]) -> Staged | Trouble:
    billed_lines = [(billed, line) for billed in history.billed for line in billed.lines if line.account]
    for billed, line in billed_lines:
        if trouble := _no_longer(coding, billed, line):
            return trouble
    lines = (*full, *(_taken_off(billed, line) for billed, line in billed_lines))
    if history.billed and not _is_unsettled(full, lines):
        return Staged((), (*sums[:-1], "Nothing is left to bill."))
    return Staged(lines, sums)


def _is_unsettled(full: Sequence[InvoiceLine], lines: Sequence[InvoiceLine]) -> bool:
    """Nothing left in total can still hide a difference between tax types, or money that a deposit account keeps."""
    own = {line.account for line in full}
    sums: dict[tuple[str, str | None], Decimal] = {}
    for line in lines:
        for key, amount in (
            (("amount of", line.tax_type), line.amount),
            (("tax of", line.tax_type), line.tax),
            (("kept in", line.account), ZERO if line.account in own else line.amount),
        ):
            sums[key] = sums.get(key, ZERO) + amount
    return any(sums.values())


def _no_longer(coding: Coding, billed: Billed, line: InvoiceLine) -> Trouble | None:
    """Why an earlier line cannot be taken off: its account, tax or tracking is gone, or the tax is another rate now."""
    assert line.account is not None
    where = f"the earlier invoice {billed.number or billed.milestone}"
    account = check_account(coding.chart, line.account, where)
    if isinstance(account, Trouble):
        return account
    found = (check_tracking(coding.chart, t.category, t.option, where) for t in line.tracking)
    if trouble := next((trouble for trouble in found if trouble), None):
        return trouble
    if line.tax_type is None:
        return None
    rate = check_tax(coding.chart, account, line.tax_type, where)
    if isinstance(rate, Trouble):
        return rate
    if line_tax(line.amount, rate.effective_rate, coding.types) == line.tax:
        return None
    return Trouble(
        "tax_changed",
        f"{billed.number or billed.milestone} billed {line.tax} tax of type {line.tax_type} on {line.amount}; "
        f"in Xero that type is {rate.effective_rate}% now, so it cannot be taken off to the cent.",
        "Bill this job's last stage by hand in Xero.",
    )


def _taken_off(billed: Billed, line: InvoiceLine) -> InvoiceLine:
    """An earlier line with its sign turned: same account, tax type and tracking, its very amount and tax."""
    number = f" {billed.number}" if billed.number else ""
    why = Why(
        rule=f"less {billed.milestone}",
        version=line.why.version,
        where=line.why.where,
        account_from="the earlier invoice",
        tax_from="the earlier invoice",
        amount_from=f"billed by {billed.milestone}{number}",
        source_lines=line.why.source_lines,
    )
    return line.model_copy(
        update={
            "description": f"Less invoiced earlier{number}: {line.description}"[:4000],
            "quantity": ONE,
            "unit_amount": -line.amount,
            "discount_rate": None,
            "discount_amount": None,
            "item": None,
            "amount": -line.amount,
            "tax": -line.tax,
            "why": why,
        }
    )


def _share(
    coding: Coding, full: Sequence[InvoiceLine], history: History, left: Decimal, sums: tuple[str, ...]
) -> Staged | Trouble:
    wanted, how = _wanted(coding.milestone, _sum(full))
    amount = round2(min(wanted, left))
    if amount <= 0:
        nothing = "Nothing is left to bill." if left <= 0 else f"{how}, which is nothing to bill.".capitalize()
        return Staged((), (*sums, nothing), "fully_billed" if left <= 0 else "nothing_due")
    capped = f", capped at the {left} that is left" if amount < wanted else ""
    if amount == left and history.billed and _may_be_itemised(coding.milestone):
        return _remaining(coding, full, history, (*sums, f"This invoice: {how}{capped}, which is all that remains."))
    for cents in range(_MOST_CENTS):
        lowered = amount - cents * CENT
        if lowered <= 0:
            break
        lines = share_lines(coding, full, lowered, how)
        if isinstance(lines, Trouble):
            return lines
        if _left_with_tax(coding.types, full, history, lines) >= 0:
            less = f", less {cents * CENT} so that its tax is not more than the job's" if cents else ""
            return Staged(lines, (*sums, f"This invoice: {how}{capped}{less}."))
    return _more_tax_than_the_job(coding)


def _may_be_itemised(milestone: Milestone) -> bool:
    """Whether the stage that bills the last of a job may show its lines, which alone gives the tax to the cent."""
    return milestone.account is None and milestone.tax is None and milestone.lines != "summary"


def _wanted(milestone: Milestone, whole: Decimal) -> tuple[Decimal, str]:
    amount = milestone.amount
    assert amount != "remaining"
    if isinstance(amount, Percent):
        share = round2(whole * amount.percent / HUNDRED)
        return share, f"{amount.percent}% of {whole} is {share}"
    assert isinstance(amount, Flat)
    return amount.flat, f"a flat {amount.flat}"


def _left_with_tax(
    types: LineAmountTypes, full: Sequence[InvoiceLine], history: History, lines: Sequence[InvoiceLine]
) -> Decimal:
    """What a last invoice would still come to, were these lines billed now: Xero takes none below zero."""
    billed = [line for earlier in history.billed for line in earlier.lines]
    return _total(types, full) - _total(types, billed) - _total(types, lines)


def _total(types: LineAmountTypes, lines: Iterable[InvoiceLine]) -> Decimal:
    exclusive = types is LineAmountTypes.EXCLUSIVE
    return sum((line.amount + line.tax if exclusive else line.amount for line in lines), ZERO)


def _more_tax_than_the_job(coding: Coding) -> Trouble:
    milestone = coding.milestone
    return Trouble(
        "over_billed",
        f"With its tax, milestone {milestone.code} would bill more than is left of the job.",
        f"Correct the 'tax' or the amount of the milestone at {coding.book.where(f'milestones.{milestone.code}')}, "
        "or the job's taxes on the platform. Then run again.",
    )


def _sum(lines: Iterable[InvoiceLine]) -> Decimal:
    return sum((line.amount for line in lines), ZERO)


def _sentences(whole: Decimal, earlier: Decimal, history: History) -> tuple[str, ...]:
    first = f"The job's lines come to {whole}."
    if not history.billed:
        return (first,)
    names = ", ".join(f"{b.milestone}{f' {b.number}' if b.number else ''}" for b in history.billed)
    return first, f"Billed earlier ({names}): {earlier}; left: {whole - earlier}."


def _below_zero(whole: Decimal) -> Trouble:
    return Trouble(
        "negative_total",
        f"The job's lines come to {whole}, less than nothing.",
        "Correct its discounts or prices on the platform; money owed to the customer is a credit note in Xero.",
    )


def _over_billed(whole: Decimal, earlier: Decimal, history: History) -> Trouble:
    numbers = ", ".join(b.number or b.milestone for b in history.billed)
    return Trouble(
        "over_billed",
        f"The job now comes to {whole}, but {earlier} was billed already ({numbers}): {earlier - whole} too much.",
        "If the job is right, credit the difference in Xero; if not, correct its lines on the platform. Then run again.",
    )
