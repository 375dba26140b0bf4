"""Which rules no line can reach, by what their conditions can have in common. Exact, and silent where it cannot be.

formulas     conditions as formulas over the dimensions of a line
words        whether a text can fit some globs and not others, by their product automaton
dimensions   the same for kinds, amounts, days, tags
search       whether formulas can all hold at once
"""

from collections.abc import Sequence
from dataclasses import dataclass

from milepost.jobs import LineKind
from milepost.rules.conditions import JobWhen
from milepost.rules.overlap.formulas import Formula, Literal, formula_of, negation
from milepost.rules.overlap.search import can_all_hold

__all__ = ["Unreached", "can_hold_together", "uncovered_kinds", "unreached"]


@dataclass(frozen=True, slots=True)
class Unreached:
    """An entry that no line reaches: its place, and the places before it that take its lines. None of these: its own
    conditions contradict each other."""

    place: int
    taken_by: tuple[int, ...]


def unreached(whens: Sequence[JobWhen]) -> list[Unreached]:
    """The entries of a list, of which the first that fits wins, that no line can ever reach."""
    formulas = [formula_of(when) for when in whens]
    against = [negation(formula) for formula in formulas]
    return [
        Unreached(place, _takers(formulas, against, place))
        for place, formula in enumerate(formulas)
        if not can_all_hold((formula, *against[:place]))
    ]


def can_hold_together(whens: Sequence[JobWhen]) -> bool:
    """Whether a job (and line) can meet all of these conditions at once."""
    return can_all_hold(map(formula_of, whens))


def uncovered_kinds(whens: Sequence[JobWhen]) -> list[LineKind]:
    """The kinds of which there can be a line that none of the conditions takes."""
    against = [negation(formula_of(when)) for when in whens]
    return [kind for kind in LineKind if can_all_hold((Literal("kind", frozenset({kind})), *against))]


def _takers(formulas: Sequence[Formula], against: Sequence[Formula], place: int) -> tuple[int, ...]:
    """The fewest entries that together take all lines of this one: the first that does so alone, else a set of which
    none can be left out."""
    formula = formulas[place]
    if not can_all_hold((formula,)):
        return ()
    rivals = [other for other in range(place) if can_all_hold((formula, formulas[other]))]
    alone = next((other for other in rivals if not can_all_hold((formula, against[other]))), None)
    if alone is not None:
        return (alone,)
    needed = list(rivals)
    for other in reversed(rivals):
        fewer = [one for one in needed if one != other]
        if not can_all_hold((formula, *(against[one] for one in fewer))):
            needed = fewer
    return tuple(needed)
