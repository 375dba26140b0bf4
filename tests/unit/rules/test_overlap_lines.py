"""What is said to be unreached is reached by no line of a small world, matched as billing matches."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.jobs import LineKind
from milepost.rules.match import match_line
from milepost.rules.model import Rule
from milepost.rules.overlap import uncovered_kinds, unreached
from tests.unit.rules.books import job, line

KINDS = (LineKind.LABOUR, LineKind.MATERIAL)
TEXTS = st.sampled_from(["a", "b", "a*", "*b", "?", "*", "[!a]", "/a/", "ab"])
_CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(["labour", "material", ["labour", "material"]]),
    "code": TEXTS | st.lists(TEXTS, min_size=1, max_size=2),
    "customer_tag": TEXTS,
    "quantity": st.sampled_from([{"over": 1}, {"at_most": 1}, {"at_least": 1, "under": 3}, {"at_least": 3}]),
    "worked_on": st.sampled_from([{"since": "2026-07-01"}, {"until": "2026-06-30"}, {"until": "2026-07-01"}]),
}
_PLAIN = st.fixed_dictionaries({}, optional=_CONDITIONS).filter(len)
_WHEN = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(
        st.builds(lambda one: {"not": one}, inner),
        st.builds(lambda several: {"any": several}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda one, several: one | {"all": several}, _PLAIN, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=3,
)

_WORDS = (None, "a", "b", "ab", "x", "ax", "xb", "xx", "aab")
_LINES = [
    (job(tags=tags), line(kind, code=code, quantity=quantity, worked_on=day))
    for kind, code, tags, quantity, day in product(
        KINDS,
        _WORDS,
        ((), ("a",), ("b",), ("x",), ("a", "b"), ("ab", "x"), ("xb", "a", "aab")),
        (None, Decimal(0), Decimal(1), Decimal(2), Decimal(3)),
        (None, date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 2)),
    )
]


def _reached(rules: Sequence[Rule]) -> set[str]:
    return {found.rule.id for of, one in _LINES if (found := match_line(rules, of, one)).rule}


@settings(max_examples=40, deadline=None)
@given(st.lists(_WHEN, min_size=1, max_size=4))
def test_no_line_reaches_what_is_said_to_be_unreached(conditions: list[dict[str, Any]]) -> None:
    rules = tuple(
        Rule.model_validate({"id": f"r{place}", "when": when, "then": {"account": "1"}})
        for place, when in enumerate(conditions)
    )
    said = {f"r{one.place}" for one in unreached([rule.when for rule in rules])}
    assert not said & _reached(rules)


@settings(max_examples=40, deadline=None)
@given(st.lists(_WHEN, min_size=1, max_size=3))
def test_every_line_of_a_kind_that_is_covered_is_taken_by_some_rule(conditions: list[dict[str, Any]]) -> None:
    rules = tuple(
        Rule.model_validate({"id": f"r{place}", "when": when, "then": {"account": "1"}})
        for place, when in enumerate(conditions)
    )
    left = {one.kind for of, one in _LINES if match_line(rules, of, one).rule is None}
    assert left <= set(uncovered_kinds([rule.when for rule in rules]))
