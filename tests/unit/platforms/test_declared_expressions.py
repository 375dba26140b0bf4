"""JMESPath over exact numbers, and paths with places to fill."""

from decimal import Decimal
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.platforms.convert import Misfit
from milepost.platforms.declared.expressions import (
    check_expression,
    check_path,
    filled_path,
    search,
)

DATA = {
    "n": Decimal("1.10"),
    "whole": 3,
    "text": "12.30",
    "list": [Decimal("0.1"), Decimal("0.2"), 3],
    "rows": [{"kind": "a", "n": Decimal("2.5")}, {"kind": "b", "n": Decimal("1.5")}],
    "deep": {"er": {"x": "y"}},
    "nothing": None,
}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("n", Decimal("1.10")),
        ("deep.er.x", "y"),
        ("deep.er.x.z", None),
        ("nothing.x", None),
        ("@", DATA),
        ("sum(list)", Decimal("3.3")),
        ("avg(rows[].n)", Decimal(2)),
        ("max(list)", 3),
        ("abs(n)", Decimal("1.10")),
        ("to_number(text)", Decimal("12.30")),
        ("to_number('x')", None),
        ("to_string(n)", "1.10"),
        ("type(n)", "number"),
        ("rows[?n > `2`].kind | [0]", "a"),
        ("rows[?kind == 'b'] | [0].n", Decimal("1.5")),
        ("sort_by(rows, &n)[0].kind", "b"),
        ("multiply(n, `3`)", Decimal("3.30")),
        ("divide(whole, `60`)", Decimal(3) / 60),
        ("divide(nothing, `60`)", None),
        ("divide(whole, `0`)", None),
        ("join(' ', [text, deep.er.x])", "12.30 y"),
        ("nothing || text", "12.30"),
    ],
)
def test_expressions_find_exact_values(expression: str, found: Any) -> None:
    assert search(expression, DATA) == found


@pytest.mark.parametrize("expression", ["sum(text)", "multiply(text, n)", "join(',', [nothing])", "sort_by(rows, &x)"])
def test_a_function_that_cannot_take_what_it_got_is_a_misfit_without_the_value(expression: str) -> None:
    with pytest.raises(Misfit) as caught:
        search(expression, DATA)
    assert "12.30" not in str(caught.value)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.recursive(st.none() | st.text(max_size=3) | st.integers(), lambda inner: st.lists(inner, max_size=3)
                     | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    ),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join),
)  # fmt: skip
def test_the_short_way_finds_what_jmespath_finds(data: dict[str, Any], expression: str) -> None:
    assert search(expression, data) == jmespath.search(expression, data)


@pytest.mark.parametrize("expression", ["a[", "a..b", "", "a b", "{", "a[?b=]"])
def test_a_broken_expression_says_so_in_one_line(expression: str) -> None:
    with pytest.raises(ValueError, match="is no JMESPath expression") as caught:
        check_expression(expression)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "filled"),
    [
        ("/jobs/{id}", "/jobs/J%2F1"),
        ("/customers/{client.id}/x", "/customers/7/x"),
        ("/customers/{client.name}", "/customers/A%20%26%20B%2F..%3F"),
        ("/customers/{client.missing}", None),
        ("/jobs", "/jobs"),
    ],
)
def test_paths_are_filled_and_quoted(path: str, filled: str | None) -> None:
    assert filled_path(check_path(path), "J/1", {"client": {"id": 7, "name": "A & B/..?"}}) == filled


@pytest.mark.parametrize("path", ["/jobs/{id", "/jobs/id}", "/jobs/{}", "/jobs/{a b}", "/jo bs", "/{{id}}"])
def test_a_broken_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"brace|JMESPath|white space"):
        check_path(path)
