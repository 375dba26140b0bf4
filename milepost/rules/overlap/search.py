"""Whether some formulas can all hold of one line: a search over what a line can be, with what is settled pruned away."""

from collections.abc import Iterable, Sequence

from milepost.rules.overlap.dimensions import Tests, Verdict, is_possible, verdict
from milepost.rules.overlap.formulas import And, Formula, Literal, Or

MOST_STEPS = 5_000
"""After so many choices the answer is "perhaps", that is yes: nothing is said of a book that is too hard."""

_NONE: Tests = frozenset()
_Known = dict[str, tuple[Tests, Tests]]
"""By dimension, the tests that the line's value passes and those it fails."""


class TooHard(Exception):
    """The search gave up."""


class _Steps:
    """How many choices are left."""

    def __init__(self) -> None:
        self.left = MOST_STEPS

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooHard


def can_all_hold(formulas: Iterable[Formula]) -> bool:
    """Whether there is a line, of any job, of which all of them hold. True as well where that is too hard to say."""
    try:
        return _search(list(formulas), {}, _Steps())
    except TooHard:
        return True


def _search(agenda: list[Formula], known: _Known, steps: _Steps) -> bool:
    left = _settle(agenda, known)
    if left is None:
        return False
    if not left:
        return True
    steps.take()
    chosen = min(left, key=lambda choice: len(choice.parts))
    others = [choice for choice in left if choice is not chosen]
    return any(_search([option, *others], dict(known), steps) for option in chosen.parts)


def _settle(agenda: Sequence[Formula], known: _Known) -> list[Or] | None:
    """What must hold is noted in `known`; the choices that remain. None when something cannot hold."""
    waiting, choices = list(agenda), list[Or]()
    while waiting:
        formula = waiting.pop(0)
        match formula:
            case Literal():
                if not _note(formula, known):
                    return None
            case And(parts):
                waiting = [*parts, *waiting]
            case Or(parts):
                choices.append(Or(parts))
        if not waiting:
            narrowed = _narrowed(choices, known)
            if narrowed is None:
                return None
            waiting, choices = narrowed
    return choices


def _narrowed(choices: Sequence[Or], known: _Known) -> tuple[list[Formula], list[Or]] | None:
    """Of each choice, what can still hold: what is forced by now, and the choices that are left."""
    forced, left = list[Formula](), list[Or]()
    for choice in choices:
        verdicts = [(part, _verdict(part, known)) for part in choice.parts]
        if any(said == "true" for _, said in verdicts):
            continue
        options = tuple(part for part, said in verdicts if said == "open")
        if not options:
            return None
        if len(options) == 1:
            forced.append(options[0])
        else:
            left.append(Or(options))
    return forced, left


def _note(literal: Literal, known: _Known) -> bool:
    passed, failed = known.get(literal.dimension, (_NONE, _NONE))
    test = frozenset({literal.test})
    after = (passed | test, failed) if literal.holds else (passed, failed | test)
    known[literal.dimension] = after
    return is_possible(literal.dimension, *after)


def _verdict(formula: Formula, known: _Known) -> Verdict:
    match formula:
        case Literal():
            return verdict(formula, *known.get(formula.dimension, (_NONE, _NONE)))
        case And(parts):
            said = {_verdict(part, known) for part in parts}
            return "false" if "false" in said else "open" if "open" in said else "true"
        case Or(parts):
            said = {_verdict(part, known) for part in parts}
            return "true" if "true" in said else "open" if "open" in said else "false"
