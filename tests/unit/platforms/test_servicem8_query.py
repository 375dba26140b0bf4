"""What is asked of ServiceM8 is a filter that it understands: anything else would bring every record."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.platforms.servicem8.query import Clause, Row, among, filter_text, query_string
from milepost.platforms.servicem8.settings import STATUSES
from sandbox.servicem8.filters import parse_filter, raw_parameter


@pytest.mark.parametrize(
    ("clauses", "text"),
    [
        ([Clause("status", "eq", "Completed")], "status eq 'Completed'"),
        ([Clause("active", "eq", 1)], "active eq 1"),
        ([Clause("amount", "gt", Decimal("10.50"))], "amount gt 10.50"),
        (
            [Clause("status", "ne", "Quote"), Clause("edit_date", "gt", "2026-11-19 00:00:00")],
            "status ne 'Quote' and edit_date gt '2026-11-19 00:00:00'",
        ),
        ([Clause("name", "eq", "O'Brien and Sons")], "name eq 'O''Brien and Sons'"),
    ],
)
def test_clauses_are_joined_by_and_with_texts_in_quotes(clauses: list[Clause], text: str) -> None:
    assert filter_text(clauses) == text


def test_a_query_is_url_encoded_with_nothing_left_that_would_switch_the_filter_off() -> None:
    query = query_string([Clause("status", "eq", "Work Order")], cursor="-1")
    assert query == "?%24filter=status%20eq%20%27Work%20Order%27&cursor=-1"


@pytest.mark.parametrize(
    "clauses", [[], [Clause("active", "eq", 1)] * 11, [Clause("a eq 1 or b", "eq", 1)], [Clause("", "eq", 1)]]
)
def test_a_filter_that_would_be_ignored_is_refused(clauses: list[Clause]) -> None:
    with pytest.raises(ValueError, match=r"filter has 1 to 10 clauses|name of a field"):
        filter_text(clauses)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=10))
def test_any_text_arrives_as_it_was_meant(values: list[str]) -> None:
    query = query_string([Clause("name", "eq", value) for value in values], cursor="-1")
    understood = parse_filter(raw_parameter(query[1:].encode("ascii"), "$filter"), ["name"])
    assert understood is not None
    assert [(c.field, c.op, c.value) for c in understood] == [("name", "eq", value) for value in values]


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (["Completed"], "status eq 'Completed'"),
        (["Completed", "Work Order", "Quote"], "status ne 'Unsuccessful'"),
        (["Completed", "Quote"], "status ne 'Work Order' and status ne 'Unsuccessful'"),
    ],
)
def test_one_of_several_is_said_without_or(wanted: list[str], text: str) -> None:
    assert filter_text(among("status", wanted, STATUSES)) == text


def test_all_of_the_known_values_need_no_clause() -> None:
    assert among("status", STATUSES, STATUSES) == []


@pytest.mark.parametrize(
    ("clause", "row", "holds"),
    [
        (Clause("status", "eq", "Quote"), {"status": "Quote"}, True),
        (Clause("status", "ne", "Quote"), {"status": "Quote"}, False),
        (Clause("status", "eq", "Quote"), {}, False),
        (Clause("active", "eq", 1), {"active": 1}, True),
        (Clause("active", "eq", 1), {"active": "1"}, True),
        (Clause("active", "eq", 1), {"active": "yes"}, True),
        (Clause("amount", "gt", 9), {"amount": "10.00"}, True),
        (Clause("amount", "lt", 9), {"amount": "10.00"}, False),
        (Clause("edit_date", "gt", "2026-11-19 00:00:00"), {"edit_date": "2026-11-19 00:00:01"}, True),
        (Clause("edit_date", "gt", "2026-11-19 00:00:00"), {"edit_date": "2026-11-19 00:00:00"}, False),
        (Clause("edit_date", "lt", "2026-11-19 00:00:00"), {"edit_date": None}, True),
    ],
)
def test_rows_are_checked_again_by_the_same_clauses(clause: Clause, row: Row, holds: bool) -> None:
    assert clause.holds(row) is holds
