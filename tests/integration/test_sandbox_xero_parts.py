"""Properties of the local Xero's pure parts: money, wire form, `where`, and the store's rollback."""

import json
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.xero import wire
from sandbox.xero.money import LineAmountTypes, line_amount, tax_amount, totals
from sandbox.xero.store import Store
from sandbox.xero.where import parse_where
from sandbox.xero.wire import ApiError
from sandbox.xero.xml import to_xml

CENT = Decimal("0.01")
AMOUNTS = st.decimals("-99999.99", "99999.99", places=2)
PERCENTS = st.sampled_from([Decimal(value) for value in ("0", "5", "10", "15", "20", "12.5")])
TYPES: st.SearchStrategy[LineAmountTypes] = st.sampled_from(["Exclusive", "Inclusive", "NoTax"])


@settings(deadline=None)
@given(st.lists(st.tuples(AMOUNTS, PERCENTS), max_size=8), TYPES)
def test_a_documents_total_is_its_lines_plus_tax_unless_they_hold_it(rows: Any, types: LineAmountTypes) -> None:
    pairs = [(amount, tax_amount(amount, percent, types)) for amount, percent in rows]
    sums = totals(pairs, types)
    lines, tax = sum((a for a, _ in pairs), Decimal(0)), sum((t for _, t in pairs), Decimal(0))
    assert sums.total_tax == tax
    assert sums.total == (lines if types == "Inclusive" else lines + tax)


@settings(deadline=None)
@given(AMOUNTS, PERCENTS)
def test_inclusive_tax_is_the_exclusive_tax_of_what_is_left_to_a_cent(amount: Decimal, percent: Decimal) -> None:
    inside = tax_amount(amount, percent, "Inclusive")
    assert abs(tax_amount(amount - inside, percent, "Exclusive") - inside) <= CENT


@settings(deadline=None)
@given(st.decimals("0", "999", places=4), st.decimals("-999", "999", places=4), st.decimals("0", "100", places=2))
def test_a_discount_rate_leaves_its_complement(quantity: Decimal, unit: Decimal, rate: Decimal) -> None:
    whole = quantity * unit * (100 - rate) / 100
    assert line_amount(quantity, unit, rate) == whole.quantize(CENT, ROUND_HALF_UP)


@settings(deadline=None)
@given(st.decimals("-999999999", "999999999", places=6), st.integers(0, 6))
def test_numbers_are_written_with_a_fixed_scale_and_never_as_text(value: Decimal, places: int) -> None:
    text = wire.dumps({"n": wire.number(value, places)}).decode()
    written = text.removeprefix('{"n":').removesuffix("}")
    assert Decimal(written) == value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    assert len(written.partition(".")[2]) == places


@settings(deadline=None)
@given(st.text())
def test_text_comes_back_as_it_went(text: str) -> None:
    assert json.loads(wire.dumps({"t": text})) == {"t": text}


def test_dates_are_escaped_and_xml_escapes_markup() -> None:
    assert wire.dumps([wire.document_date(wire.read_date("2019-07-22"))]) == rb'["\/Date(1563753600000+0000)\/"]'  # type: ignore[arg-type]
    assert b"<Name>A &amp; B &lt;Ltd&gt;</Name>" in to_xml({"Contacts": [{"Name": "A & B <Ltd>"}]})


@pytest.mark.parametrize(
    "value", ["2019-07-22", "2019-07-22T10:00:00", "/Date(1563753600000)/", "/Date(1563753600000+0000)/"]
)
def test_dates_are_read_in_the_forms_clients_send(value: str) -> None:
    day = wire.read_date(value)
    assert day is not None
    assert day.isoformat() == "2019-07-22"


@dataclass(frozen=True)
class Row:
    id: str
    name: str
    amount: Decimal = Decimal(0)


FIELDS: dict[str, Any] = {"name": lambda row: row.name, "amount": lambda row: row.amount}


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20))
def test_any_text_can_be_quoted_in_where(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    predicate = parse_where(f'Name=="{quoted}"', FIELDS, "Row")
    assert predicate(Row("1", name))
    assert not predicate(Row("2", name + "x"))


WHERES = [
    ('name=="a" AND amount>=2', [("a", 2)]),
    ('name=="a" OR amount==9', [("a", 1), ("a", 2), ("b", 9)]),
    ('(name=="b" || name=="c") && amount<9', [("c", 3)]),
    ('name.StartsWith("A") AND amount!=1', [("a", 2)]),
    ('name!="a" and amount<>3', [("b", 9)]),
    ('name.ToLower()=="a"', [("a", 1), ("a", 2)]),
]


@pytest.mark.parametrize(("text", "expected"), WHERES)
def test_where_combines_comparisons(text: str, expected: list[tuple[str, int]]) -> None:
    rows = [Row(str(n), name, Decimal(amount)) for n, (name, amount) in enumerate([("a", 1), ("a", 2), ("b", 9), ("c", 3)])]
    predicate = parse_where(text, FIELDS, "Row")
    assert [(row.name, int(row.amount)) for row in rows if predicate(row)] == expected


@pytest.mark.parametrize("text", ["name==", 'name=="a" name=="b"', '=="a"', '(name=="a"', 'name=="a', "nmae==1", "name~1"])
def test_broken_where_is_a_query_error(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_where(text, FIELDS, "Row")
    assert json.loads(refused.value.reply.body)["Type"] == "QueryParseException"


CHANGES = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["x", "y", None])), max_size=12)


@settings(deadline=None)
@given(CHANGES, CHANGES)
def test_a_rollback_restores_documents_and_indexes(before: Any, after: Any) -> None:
    store: Store[Row] = Store(name=lambda row: row.name)

    def change(rows: Any) -> None:
        for id_, name in rows:
            if name is None:
                store.remove(id_)
            else:
                store.save(Row(id_, name))

    def contents() -> Any:
        return {r.id: r for r in store}, {n: {r.id for r in store.find("name", n)} for n in "xy"}

    change(before)
    held = contents()
    store.begin()
    change(after)
    store.rollback()
    assert contents() == held
