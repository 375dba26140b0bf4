"""A stage that was billed before and whose job has changed since: whether that moves money, and what is said if so.

Part of decide. A change that moves no money needs nobody, even if the job could not be billed as it is now.
"""

from collections.abc import Sequence
from decimal import Decimal

from milepost.billing.coding import Coding
from milepost.billing.decision import InvoiceLine
from milepost.billing.earlier import is_of_the_job, total_of
from milepost.billing.facts import History
from milepost.billing.milestones import by_number
from milepost.billing.stages import Staged, stage_lines
from milepost.billing.trouble import Trouble
from milepost.money import ZERO, LineAmountTypes

_OF_THE_SUM = frozenset({"over_billed", "negative_total", "zero_total"})


def needs_nobody(coding: Coding, full: Sequence[InvoiceLine] | None, history: History) -> str | None:
    """Why the troubles of a job that was billed concern nobody: it comes to what was billed; None when it may not.

    full: the job's lines; None when they cannot be coded, or not be compared with earlier invoices. The platform's own
    total tells then.
    """
    if coding.milestone.sequence == 1:
        return None
    staged = stage_lines(coding, full, history) if full is not None else None
    if isinstance(staged, Staged):
        return None if staged.lines else " ".join(staged.sums)
    if staged and staged.code in _OF_THE_SUM:
        return None
    total, net = billed_before(history)
    reported = coding.job.reported_totals
    if (reported.inc if reported.inc is not None else reported.ex) != (total if reported.inc is not None else net):
        return None
    return f"The platform's total is still what was billed, {total}."


def billed_before(history: History) -> tuple[Decimal, Decimal]:
    """What was billed of the job, with tax and net, retentions counted as billed."""
    total = tax = ZERO
    for billed in history.billed:
        lines = [line for line in billed.lines if is_of_the_job(line)]
        total += total_of(billed.line_amount_types, lines)
        tax += sum((line.tax for line in lines), ZERO)
    return total, total - tax


def more_due(coding: Coding, staged: Staged, history: History) -> Trouble:
    """More is due than was billed; whether that is to be billed is for a person."""
    milestone = coding.milestone
    billed = history.of(milestone.code)
    total = total_of(coding.types, staged.lines)
    words = "" if coding.types is LineAmountTypes.NO_TAX else " with tax"
    if total < 0:
        return Trouble(
            "over_billed",
            f"The job's taxes have changed since {milestone.code} was billed: {-total}{words} was billed too much.",
            "If the job is right, credit the difference in Xero; if not, correct its lines on the platform. Then run again.",
        )
    return Trouble(
        "more_due",
        f"The job has changed since {milestone.code} was billed{by_number(billed) if billed else ''}: "
        f"{total}{words} more is due. {' '.join(staged.sums)}",
        f"Bill it by a further invoice with 'when_more: bill' at {coding.book.where(f'milestones.{milestone.code}')}, or by "
        "hand in Xero; or undo the change on the platform, if it is a mistake.",
    )
