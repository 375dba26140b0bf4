"""Conditions as formulas: literals about one dimension of a line each, joined by and and or; only literals are negated."""

from collections.abc import Iterator
from dataclasses import dataclass

from milepost.jobs import LineKind
from milepost.rules.conditions import DateRange, JobWhen, Range

Test = str | frozenset[LineKind] | Range | DateRange
"""What is asked of a value: a glob or regular expression, one of some kinds, bounds, or days."""

_JOINED = ("any_", "all_", "not_", "custom_fields")


@dataclass(frozen=True, slots=True)
class Literal:
    """That the value of a dimension passes a test, or that it does not. A value that is not known passes none."""

    dimension: str
    test: Test
    holds: bool = True


@dataclass(frozen=True, slots=True)
class And:
    """All of these; none of them is always true."""

    parts: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of these; none of them is never true."""

    parts: tuple["Formula", ...]


Formula = Literal | And | Or


def formula_of(when: JobWhen) -> Formula:
    """What a set of conditions asks."""
    parts = list(_conditions(when))
    if when.any_ is not None:
        parts.append(Or(tuple(map(formula_of, when.any_))))
    parts += map(formula_of, when.all_ or ())
    if when.not_ is not None:
        parts.append(negation(formula_of(when.not_)))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def negation(formula: Formula) -> Formula:
    """What holds exactly where the formula does not."""
    match formula:
        case Literal(dimension, test, holds):
            return Literal(dimension, test, not holds)
        case And(parts):
            return Or(tuple(map(negation, parts)))
        case Or(parts):
            return And(tuple(map(negation, parts)))


def _conditions(when: JobWhen) -> Iterator[Formula]:
    for name, wanted in when:
        if wanted is not None and name not in _JOINED:
            yield _condition(name, wanted)
    for field, texts in (when.custom_fields or {}).items():
        yield _condition(f"custom_fields.{field.casefold()}", texts)


def _condition(dimension: str, wanted: object) -> Formula:
    if isinstance(wanted, Range | DateRange):
        return Literal(dimension, wanted)
    assert isinstance(wanted, tuple)
    if dimension == "kind":
        return Literal(dimension, frozenset(wanted))
    tests = tuple(Literal(dimension, _folded(text)) for text in wanted)
    return tests[0] if len(tests) == 1 else Or(tests)


def _folded(text: str) -> str:
    """Globs that differ in upper and lower case only are the same; in a regular expression \\d and \\D are not."""
    return text if text.startswith("/") else text.casefold()
