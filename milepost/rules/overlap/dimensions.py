"""Whether a line can have a value that passes some tests and fails others: for each dimension, exactly.

Only a regular expression is not looked into: it may be true or false of any text but of one that a glob gives letter by
letter, in plain letters whose case does not matter. So two rules are never said to overlap, or one to be covered, because
of what an expression happens to mean.
"""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Literal as OneOf

from milepost.jobs import LineKind
from milepost.rules.conditions import DateRange, Range
from milepost.rules.overlap.formulas import Literal, Test
from milepost.rules.overlap.words import some_text_fits, text_fits
from milepost.rules.patterns import is_pattern, pattern_test

Tests = frozenset[Test]
Verdict = OneOf["true", "false", "open"]

_SEVERAL_VALUES = ("customer_tag", "job_tag")
_WILD = re.compile(r"[*?\[]")
_FLAGS = re.compile(r"\(\?[a-zA-Z]*-")
_A_DAY = timedelta(days=1)


@lru_cache(maxsize=200_000)
def is_possible(dimension: str, passed: Tests, failed: Tests) -> bool:
    """Whether some value, or none at all, passes all of the first tests and fails all of the second."""
    if dimension == "kind":
        return any(all(kind in one for one in _kinds(passed)) and not _in_any(kind, failed) for kind in LineKind)
    if not passed:
        return True  # nothing is known, so no test passes
    if passed & failed:
        return False
    first = next(iter(passed))
    if isinstance(first, Range | DateRange):
        return _between(passed, failed)
    if dimension in _SEVERAL_VALUES:
        return all(_text(frozenset({one}), failed) for one in passed)
    return _text(passed, failed)


@lru_cache(maxsize=200_000)
def verdict(literal: Literal, passed: Tests, failed: Tests) -> Verdict:
    """Whether a literal is settled by what is known of its dimension."""
    test = frozenset({literal.test})
    if not is_possible(literal.dimension, passed | test, failed):
        return "false" if literal.holds else "true"
    if not is_possible(literal.dimension, passed, failed | test):
        return "true" if literal.holds else "false"
    return "open"


def _kinds(tests: Tests) -> Iterable[frozenset[LineKind]]:
    return (test for test in tests if isinstance(test, frozenset))


def _in_any(kind: LineKind, tests: Tests) -> bool:
    return any(kind in one for one in _kinds(tests))


def _text(passed: Tests, failed: Tests) -> bool:
    wanted, unwanted = _by_form(passed), _by_form(failed)
    exact = next((glob for glob in wanted[0] if not _WILD.search(glob)), None)
    if exact is None:
        return some_text_fits(wanted[0], unwanted[0])
    if not exact:
        return False
    fits = all(text_fits(glob, exact) for glob in wanted[0]) and not any(text_fits(glob, exact) for glob in unwanted[0])
    return (
        fits
        and not any(_fails(pattern, exact) for pattern in wanted[1])
        and not any(_finds(pattern, exact) for pattern in unwanted[1])
    )


def _fails(pattern: str, exact: str) -> bool:
    return _is_certain(pattern, exact) and not pattern_test(pattern)(exact)


def _finds(pattern: str, exact: str) -> bool:
    return _is_certain(pattern, exact) and pattern_test(pattern)(exact)


def _is_certain(pattern: str, exact: str) -> bool:
    """Whether an expression says the same of every text that a glob gives, however its letters are written.

    Not where a flag makes it look at the case, nor beyond ASCII: Straße and STRASSE fit the same glob.
    """
    return exact.isascii() and pattern.isascii() and not _FLAGS.search(pattern)


def _by_form(tests: Tests) -> tuple[frozenset[str], frozenset[str]]:
    """The globs and the regular expressions among them."""
    texts = frozenset(test for test in tests if isinstance(test, str))
    patterns = frozenset(text for text in texts if is_pattern(text))
    return texts - patterns, patterns


def _between(passed: Tests, failed: Tests) -> bool:
    numbers = [test for test in (*passed, *failed) if isinstance(test, Range)]
    if numbers:
        points = _around([bound for one in numbers for _, bound in one if bound is not None])
        wanted = [test for test in passed if isinstance(test, Range)]
        unwanted = [test for test in failed if isinstance(test, Range)]
        return any(all(one.holds(p) for one in wanted) and not any(one.holds(p) for one in unwanted) for p in points)
    days = [test for test in (*passed, *failed) if isinstance(test, DateRange)]
    shown = _days([day for one in days for _, day in one if day is not None])
    inside = [test for test in passed if isinstance(test, DateRange)]
    outside = [test for test in failed if isinstance(test, DateRange)]
    return any(all(one.holds(d) for one in inside) and not any(one.holds(d) for one in outside) for d in shown)


def _around(bounds: Iterable[Decimal]) -> list[Decimal]:
    """The bounds, a number between any two that are neighbours, and one on either side: no range tells others apart."""
    edges = sorted(set(bounds))
    between = [(low + high) / 2 for low, high in pairwise(edges)]
    return [edges[0] - 1, *edges, *between, edges[-1] + 1]


def _days(ends: Iterable[date]) -> list[date]:
    """The ends of the ranges and the days beside them, as far as the calendar goes."""
    days = set(ends)
    days |= {day - _A_DAY for day in days if day > date.min} | {day + _A_DAY for day in days if day < date.max}
    return sorted(days)
