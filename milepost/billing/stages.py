"""What a milestone bills of a job, so that over all milestones the net and each tax type add up to the cent.

A share (percent, flat or progress) is split over the accounts and tax types of the job's lines: `milepost.billing.shares`.
What remains is billed by showing every line of the job and taking off what earlier invoices billed:
`milepost.billing.remaining`. What a stage holds back counts as billed until a later stage bills it: `retention`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from milepost.billing.coding import Coding
from milepost.billing.decision import InvoiceLine
from milepost.billing.earlier import EarlierLine, billed_lines, deducted_deposits, kept_lines, sum_of, total_of
from milepost.billing.facts import History
from milepost.billing.remaining import come_to_the_same, is_settled, only_changes, taken_off
from milepost.billing.retention import is_release_past, is_released_later, retained_lines
from milepost.billing.shares import share_lines
from milepost.billing.trouble import Trouble
from milepost.billing.wanted import wanted_by
from milepost.money import CENT, round2

_MOST_CENTS = 100
"""How far a share may be lowered for the sake of rounding: each part's tax is off by half a cent at most."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A milestone's lines, and how its amount came about, sentence by sentence. No lines: nothing is billed, by `code`.

    is_last: it bills all that was left of the job.
    """

    lines: tuple[InvoiceLine, ...]
    sums: tuple[str, ...]
    code: str = "fully_billed"
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where the job stands before this stage: its lines, what was billed and held back, and the amount that is left."""

    full: Sequence[InvoiceLine]
    history: History
    earlier: Sequence[EarlierLine]
    kept: Sequence[EarlierLine]
    left: Decimal
    sums: tuple[str, ...]


def stage_lines(coding: Coding, full: Sequence[InvoiceLine], history: History) -> Staged | Trouble:
    """The lines of the milestone at hand, given all of the job's lines as one invoice would show them."""
    earlier, kept = billed_lines(history), kept_lines(history)
    if kept and _releases(coding, history):
        earlier, kept = [*earlier, *kept], []
    whole, before = sum_of(full), sum_of(one.line for one in earlier)
    if whole < before and history.billed:
        return _over_billed(whole, before, history)
    if whole < 0:
        return _below_zero(whole)
    if not history.billed and whole == 0:
        return _zero_total()
    sums = _sentences(whole, before, sum_of(one.line for one in kept), history)
    staged = _stage(coding, _Standing(full, history, earlier, kept, whole - before, sums))
    return staged if isinstance(staged, Trouble) else _less_retention(coding, full, staged, history)


def _releases(coding: Coding, history: History) -> bool:
    """What remains bills what was held back too, when no later stage is there to do so."""
    first_of_all = coding.milestone.amount == "remaining" and coding.milestone.sequence == 1
    return first_of_all and not is_released_later(coding, history)


def _stage(coding: Coding, job: _Standing) -> Staged | Trouble:
    amount = coding.milestone.amount
    if amount == "retention":
        return _released(coding, job)
    if amount != "remaining":
        return _share(coding, job)
    if job.left > 0 and (too_little := _below_minimum(coding, job, job.left)):
        return too_little
    if coding.milestone.sequence > 1:
        return _supplement(coding, job)
    return _remaining(coding, job, f"This invoice: what remains, {job.left}.")


def _remaining(coding: Coding, job: _Standing, sentence: str) -> Staged | Trouble:
    taken = taken_off(coding, job.earlier)
    if isinstance(taken, Trouble):
        return taken
    lines = (*job.full, *taken)
    if job.history.billed and is_settled(job.full, lines):
        return Staged((), (*job.sums, "Nothing is left to bill."), is_last=True)
    return Staged(lines, (*job.sums, sentence), is_last=True)


def _supplement(coding: Coding, job: _Standing) -> Staged | Trouble:
    """A further invoice of what remains shows only what changed since; recoded or reworded lines alone make none."""
    if come_to_the_same(job.full, [one.line for one in job.earlier]):
        return Staged((), (*job.sums, "The job still comes to what was billed."), "already_billed", is_last=True)
    lines, gone = only_changes(job.full, job.earlier, job.history)
    taken = taken_off(coding, gone)
    if isinstance(taken, Trouble):
        return taken
    total = total_of(coding.types, (*lines, *taken))
    if total == 0:
        same = "With its tax the job still comes to what was billed."
        return Staged((), (*job.sums, same), "already_billed", is_last=True)
    return Staged((*lines, *taken), (*job.sums, f"This invoice: what changed since, {job.left}."), is_last=True)


def _released(coding: Coding, job: _Standing) -> Staged | Trouble:
    amount = -sum_of(one.line for one in job.kept)
    if amount <= 0:
        return Staged((), (*job.sums, "No earlier invoice held anything back."), "nothing_due")
    lines = taken_off(coding, job.kept)
    if isinstance(lines, Trouble):
        return lines
    too_little = _below_minimum(coding, job, amount)
    return too_little or Staged(lines, (*job.sums, f"This invoice: the {amount} that was held back."))


def _share(coding: Coding, job: _Standing) -> Staged | Trouble:
    wanted = wanted_by(coding, job.full, job.history)
    if isinstance(wanted, Trouble):
        return wanted
    how, left = wanted.how, job.left
    amount = round2(min(wanted.amount, left))
    if amount <= 0:
        return _nothing_due(coding, job, how)
    if too_little := _below_minimum(coding, job, amount):
        return too_little
    capped = f", capped at the {left} that is left" if amount < wanted.amount else ""
    if amount == left and job.history.billed and _may_be_itemised(coding):
        return _remaining(coding, job, f"This invoice: {how}{capped}, which is all that remains.")
    for cents in range(_MOST_CENTS):
        lowered = amount - cents * CENT
        if lowered <= 0:
            break
        lines = share_lines(coding, job.full, lowered, how)
        if isinstance(lines, Trouble):
            return lines
        if _left_with_tax(coding, job, lines) >= 0:
            less = f", less {cents * CENT} so that its tax is not more than the job's" if cents else ""
            sums = (*job.sums, f"This invoice: {how}{capped}{less}.")
            return Staged(lines, sums, is_last=_is_last(coding, lowered == left))
    return _more_tax_than_the_job(coding)


def _is_last(coding: Coding, takes_all: bool) -> bool:
    """A share of all that is left is the job's last, unless the book has a stage for what remains."""
    return takes_all and all(milestone.amount != "remaining" for milestone in coding.book.milestones)


def _may_be_itemised(coding: Coding) -> bool:
    """Whether the stage that bills the last of a job may show its lines, which alone gives the tax to the cent."""
    milestone = coding.milestone
    return milestone.account is None and milestone.tax is None and milestone.lines != "summary"


def _left_with_tax(coding: Coding, job: _Standing, lines: Sequence[InvoiceLine]) -> Decimal:
    """What a last invoice would still come to, were these lines billed now: Xero takes none below zero."""
    types = coding.types
    return total_of(types, job.full) - total_of(types, (one.line for one in job.earlier)) - total_of(types, lines)


def _less_retention(coding: Coding, full: Sequence[InvoiceLine], staged: Staged, history: History) -> Staged | Trouble:
    retention = coding.milestone.retention
    if retention is None or not staged.lines:
        return staged
    if is_release_past(coding, history):
        said = "Nothing is held back of it, since the job's retention was released already."
        return replace(staged, sums=(*staged.sums, said))
    kept = retained_lines(coding, full, staged.lines, retention)
    if isinstance(kept, Trouble):
        return kept
    if not kept:
        return staged
    sentence = f"Held back as retention: {retention.percent}% of {sum_of(staged.lines)} is {-sum_of(kept)}."
    return replace(staged, lines=(*staged.lines, *kept), sums=(*staged.sums, sentence))


def _below_minimum(coding: Coding, job: _Standing, amount: Decimal) -> Staged | None:
    least = coding.milestone.minimum
    if least is None or amount >= least:
        return None
    code = coding.milestone.code
    return Staged((), (*job.sums, f"{code} would bill {amount}, less than its minimum of {least}."), "below_minimum")


def _nothing_due(coding: Coding, job: _Standing, how: str) -> Staged:
    if job.left <= 0:
        return Staged((), (*job.sums, "Nothing is left to bill."))
    again = coding.milestone.sequence > 1 and coding.milestone.again == "hold"
    sentence = f"{how}, which is nothing to bill."
    return Staged((), (*job.sums, sentence[:1].upper() + sentence[1:]), "already_billed" if again else "nothing_due")


def _more_tax_than_the_job(coding: Coding) -> Trouble:
    milestone = coding.milestone
    return Trouble(
        "over_billed",
        f"With its tax, milestone {milestone.code} would bill more than is left of the job.",
        f"Correct the 'tax' or the amount of the milestone at {coding.book.where(f'milestones.{milestone.code}')}, "
        "or the job's taxes on the platform. Then run again.",
    )


def _sentences(whole: Decimal, before: Decimal, kept: Decimal, history: History) -> tuple[str, ...]:
    first = f"The job's lines come to {whole}."
    if not history.billed:
        return (first,)
    names = ", ".join(f"{b.milestone}{f' {b.number}' if b.number else ''}" for b in history.billed)
    sums = [first, f"Billed earlier ({names}): {before}; left: {whole - before}."]
    if kept:
        sums.append(f"Of what was billed, {-kept} is held back as retention.")
    if deducted_deposits(history):
        sums.append("Deposits of the job system that were taken off earlier count as paid, not as billed.")
    return tuple(sums)


def _zero_total() -> Trouble:
    return Trouble(
        "zero_total",
        "The job comes to 0.00.",
        "Price its lines on the platform, or, if it is free of charge, let a rule drop its lines or mark it by hand.",
    )


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
