"""Ranges over many rules at once: for a number or a day, the set of rules it satisfies, as the bits of an integer.

Used by `match`. The bounds of all rules cut the numbers into pieces within which the same rules hold, so that one search
among the bounds answers for all of them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from milepost.rules.conditions import DateRange, Range

Value = TypeVar("Value", Decimal, date)


class _End(NamedTuple, Generic[Value]):
    """One end of a range, and whether it belongs to it; without a bound the range is open to that side."""

    bound: Value | None
    belongs: bool = True


class RangeTable(Generic[Value]):
    """One condition of all rules: which of them a number or a day satisfies. A rule without it takes anything.

    Piece 2i + 1 is the i-th bound itself, piece 2i what lies between it and the bound before.
    """

    def __init__(self, wanted: Mapping[int, tuple[_End[Value], _End[Value]]], rules: int) -> None:
        """`wanted` maps the place of a rule to its lower and upper end; `rules` is their whole number."""
        self._bounds: list[Value] = sorted({end.bound for ends in wanted.values() for end in ends if end.bound is not None})
        self._indifferent = (1 << rules) - 1 & ~sum(1 << place for place in wanted)
        self._pieces = self._filled(wanted)

    def _filled(self, wanted: Mapping[int, tuple[_End[Value], _End[Value]]]) -> list[int]:
        """The rules of every piece, from those that begin and end there."""
        changes = [0] * (2 * len(self._bounds) + 2)
        for place, (low, high) in wanted.items():
            changes[0 if low.bound is None else self._piece(low.bound) + (not low.belongs)] ^= 1 << place
            changes[-1 if high.bound is None else self._piece(high.bound) + high.belongs] ^= 1 << place
        pieces, here = [], self._indifferent
        for change in changes[:-1]:
            here ^= change
            pieces.append(here)
        return pieces

    def _piece(self, value: Value) -> int:
        place = bisect_left(self._bounds, value)
        is_bound = place < len(self._bounds) and self._bounds[place] == value
        return 2 * place + is_bound

    def satisfied_by(self, value: Value | None) -> int:
        """The rules that the value satisfies; where it is unknown, only those that do not ask."""
        return self._indifferent if value is None else self._pieces[self._piece(value)]


def table_of_numbers(wanted: Iterable[tuple[int, Range]], rules: int) -> RangeTable[Decimal]:
    """The ranges of numbers of the rules at these places."""
    return RangeTable({place: _ends(asked) for place, asked in wanted}, rules)


def table_of_days(wanted: Iterable[tuple[int, DateRange]], rules: int) -> RangeTable[date]:
    """The ranges of days of the rules at these places."""
    return RangeTable({place: (_End(asked.since), _End(asked.until)) for place, asked in wanted}, rules)


def _ends(asked: Range) -> tuple[_End[Decimal], _End[Decimal]]:
    low = _End(asked.at_least) if asked.over is None else _End(asked.over, belongs=False)
    high = _End(asked.at_most) if asked.under is None else _End(asked.under, belongs=False)
    return low, high
