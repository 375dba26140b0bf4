"""The earlier invoices of a job, line by line: what they billed, what they held back, which deposits they took off.

Read by the stages. A line says which it is by the rule of its reason; the ids of a book's own rules hold no blank.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from milepost.billing.decision import InvoiceLine, TrackingChoice
from milepost.billing.facts import Billed, History
from milepost.money import ZERO, LineAmountTypes

RETENTION = "retention "
"""Held back by the stage that follows, as in `retention PRG`."""
RELEASED = "released "
"""A retention of the stage that follows, billed after all."""
LESS = "less "
"""What the stage that follows billed, taken off again."""
DEPOSIT = "deposit "
"""A deposit that the platform took, by the id of its payment."""

Coded = tuple[str | None, str | None, tuple[TrackingChoice, ...]]


@dataclass(frozen=True, slots=True)
class EarlierLine:
    """A line of an earlier invoice, and that invoice."""

    billed: Billed
    line: InvoiceLine


def billed_lines(history: History) -> list[EarlierLine]:
    """What was billed of the job itself, retentions counted as billed; words are no part of it."""
    return [earlier for earlier in _lines(history) if not earlier.line.why.rule.startswith((RETENTION, RELEASED, DEPOSIT))]


def kept_lines(history: History) -> list[EarlierLine]:
    """What was held back and is not released yet, as it stands on its invoices: below zero."""
    released = Counter(_figures(e.line) for e in _lines(history) if e.line.why.rule.startswith(RELEASED))
    kept = []
    for earlier in _lines(history):
        if not earlier.line.why.rule.startswith(RETENTION):
            continue
        turned = _figures(earlier.line, -1)
        if released[turned]:
            released[turned] -= 1
        else:
            kept.append(earlier)
    return kept


def standing(earlier: Sequence[EarlierLine]) -> list[EarlierLine]:
    """A line that a later invoice took off again stands no more, and neither does what took it off."""
    taken = Counter(_figures(one.line, -1) for one in earlier if one.line.why.rule.startswith(LESS))
    kept = []
    for one in (one for one in earlier if not one.line.why.rule.startswith(LESS)):
        if taken[_figures(one.line)]:
            taken[_figures(one.line)] -= 1
        else:
            kept.append(one)
    for one in (one for one in earlier if one.line.why.rule.startswith(LESS)):
        if taken[_figures(one.line, -1)]:
            taken[_figures(one.line, -1)] -= 1
            kept.append(one)
    return kept


def deducted_deposits(history: History) -> frozenset[str]:
    """The payments that earlier invoices took off, by id."""
    rules = (earlier.line.why.rule for earlier in _lines(history))
    return frozenset(rule.removeprefix(DEPOSIT) for rule in rules if rule.startswith(DEPOSIT))


def is_of_the_job(line: InvoiceLine) -> bool:
    """Whether a line bills work, rather than to hold back, release or deduct."""
    return bool(line.account) and not line.why.rule.startswith((RETENTION, RELEASED, DEPOSIT))


def sum_of(lines: Iterable[InvoiceLine]) -> Decimal:
    """The amounts added up, in the invoice's own terms."""
    return sum((line.amount for line in lines), ZERO)


def total_of(types: LineAmountTypes, lines: Iterable[InvoiceLine]) -> Decimal:
    """What lines come to with their tax."""
    exclusive = types is LineAmountTypes.EXCLUSIVE
    return sum((line.amount + line.tax if exclusive else line.amount for line in lines), ZERO)


def unlike(lines: Sequence[InvoiceLine], others: Sequence[InvoiceLine]) -> tuple[list[InvoiceLine], list[InvoiceLine]]:
    """The lines of each side that the other has none like: same figures, account, tax and tracking, whatever they say.

    Those that say the same are paired first, so that of two like lines the changed one is left.
    """
    mine, theirs = _unpaired(lines, others, lambda line: (_figures(line), line.description))
    return _unpaired(mine, theirs, _figures)


def _unpaired(
    lines: Sequence[InvoiceLine], others: Sequence[InvoiceLine], likeness: Callable[[InvoiceLine], Hashable]
) -> tuple[list[InvoiceLine], list[InvoiceLine]]:
    shared = Counter(map(likeness, lines)) & Counter(map(likeness, others))
    return _without(lines, shared, likeness), _without(others, shared, likeness)


def _without(
    lines: Sequence[InvoiceLine], shared: Mapping[Hashable, int], likeness: Callable[[InvoiceLine], Hashable]
) -> list[InvoiceLine]:
    left, kept = dict(shared), []
    for line in lines:
        key = likeness(line)
        if left.get(key, 0):
            left[key] -= 1
        else:
            kept.append(line)
    return kept


def _lines(history: History) -> list[EarlierLine]:
    return [EarlierLine(billed, line) for billed in history.billed for line in billed.lines if line.account]


def coded(line: InvoiceLine) -> Coded:
    """Where a line is booked."""
    return line.account, line.tax_type, line.tracking


def _figures(line: InvoiceLine, sign: int = 1) -> tuple[Coded, Decimal, Decimal]:
    return coded(line), sign * line.amount, sign * line.tax
