"""What remains of a job: its lines, less what earlier invoices billed, line by line and with their own tax.

Part of the stages. Also the release of what earlier invoices held back, which is their lines with the sign turned.
"""

from collections.abc import Sequence
from decimal import Decimal

from milepost.billing.checks import check_account, check_tax, check_tracking
from milepost.billing.coding import Coding
from milepost.billing.decision import InvoiceLine, Why
from milepost.billing.earlier import LESS, RELEASED, RETENTION, EarlierLine, standing, unlike
from milepost.billing.facts import History
from milepost.billing.trouble import Trouble
from milepost.money import ZERO, line_tax

ONE = Decimal(1)


def taken_off(coding: Coding, earlier: Sequence[EarlierLine]) -> tuple[InvoiceLine, ...] | Trouble:
    """Earlier lines with their sign turned: same account, tax type and tracking, their very amount and tax."""
    trouble = next((trouble for one in earlier if (trouble := _no_longer(coding, one))), None)
    return trouble or tuple(_turned(one) for one in earlier)


def is_settled(full: Sequence[InvoiceLine], lines: Sequence[InvoiceLine]) -> bool:
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
    return not any(sums.values())


def come_to_the_same(full: Sequence[InvoiceLine], earlier: Sequence[InvoiceLine]) -> bool:
    """Whether the job comes to what was billed, in net and tax by type; accounts and words may differ."""
    sums: dict[str | None, tuple[Decimal, Decimal]] = {}
    for lines, sign in ((full, 1), (earlier, -1)):
        for line in lines:
            amount, tax = sums.get(line.tax_type, (ZERO, ZERO))
            sums[line.tax_type] = amount + sign * line.amount, tax + sign * line.tax
    return not any(figure for pair in sums.values() for figure in pair)


def only_changes(
    full: Sequence[InvoiceLine], earlier: Sequence[EarlierLine], history: History
) -> tuple[list[InvoiceLine], list[EarlierLine]]:
    """For a further invoice of a stage: the lines that no earlier invoice shows, and the earlier ones that are no more."""
    said = {line.description for billed in history.billed for line in billed.lines if not line.account}
    before = standing(earlier)
    new, gone = unlike([line for line in full if line.account], [one.line for one in before])
    shown, left = {id(line) for line in new}, {id(line) for line in gone}
    lines = [line for line in full if id(line) in shown or (not line.account and line.description not in said)]
    return lines, [one for one in before if id(one.line) in left]


def _no_longer(coding: Coding, earlier: EarlierLine) -> Trouble | None:
    """Why an earlier line cannot be taken off: its account, tax or tracking is gone, or the tax is another rate now."""
    billed, line = earlier.billed, earlier.line
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


def _turned(earlier: EarlierLine) -> InvoiceLine:
    billed, line = earlier.billed, earlier.line
    kept = line.why.rule.startswith(RETENTION)
    number = f" {billed.number}" if billed.number else ""
    why = Why(
        rule=f"{RELEASED if kept else LESS}{billed.milestone}",
        version=line.why.version,
        where=line.why.where,
        account_from="the earlier invoice",
        tax_from="the earlier invoice",
        amount_from=f"{'held back' if kept else 'billed'} by {billed.milestone}{number}",
        source_lines=line.why.source_lines,
    )
    words = f"Retention released{number}" if kept else f"Less invoiced earlier{number}"
    return line.model_copy(
        update={
            "description": f"{words}: {line.description}"[:4000],
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
