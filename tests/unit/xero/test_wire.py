"""Xero's JSON: what goes out comes back the same, and nothing becomes a float."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.errors import RemoteError
from milepost.money import LineAmountTypes
from milepost.xero import wire

amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | texts | amounts
payloads = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(payloads)
def test_what_is_written_is_read_back_equal(payload: Any) -> None:
    assert wire.loads(wire.dumps(payload)) == payload


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e12"), max_value=Decimal("1e12")))
def test_no_digit_of_a_decimal_is_lost(amount: Decimal) -> None:
    written = wire.dumps(amount)
    assert "e" not in written.lower()
    assert Decimal(written) == amount


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1234567890123456.07"), "1234567890123456.07"),
        (Decimal("-0.0050"), "-0.0050"),
        (True, "true"),
        (None, "null"),
        ({"A": [1, "b"]}, '{"A":[1,"b"]}'),
        ('Zoë "& sons"\n', '"Zoë \\"& sons\\"\\n"'),
        ("\x00", '"\\u0000"'),
        ("half \ud83d an emoji", '"half ? an emoji"'),
        (LineAmountTypes.EXCLUSIVE, '"Exclusive"'),
        ((), "[]"),
    ],
)
def test_json_is_compact_and_exact(value: Any, written: str) -> None:
    assert wire.dumps(value) == written


@pytest.mark.parametrize("value", [1.5, [0.1], {"a": 2.0}, date(2026, 1, 1), {1: "key"}, b"x", {"a"}])
def test_what_could_be_sent_inexactly_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        wire.dumps(value)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity")])
def test_only_finite_amounts_are_sent(value: Decimal) -> None:
    with pytest.raises(ValueError, match="finite"):
        wire.dumps(value)


def test_fractions_are_read_as_decimal_with_their_scale() -> None:
    read = wire.loads('{"Total":89.00,"Quantity":1.0000,"Count":3}')
    assert str(read["Total"]) == "89.00"
    assert str(read["Quantity"]) == "1.0000"
    assert read["Count"] == 3
    assert isinstance(read["Count"], int)


@pytest.mark.parametrize("text", ["", "<html>", '{"a":NaN}', "{"])
def test_what_is_not_json_raises(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        wire.loads(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/Date(1563753600000+0000)/", date(2019, 7, 22)),
        ("/Date(1563753600000+1300)/", date(2019, 7, 22)),
        ("/Date(1563753600000)/", date(2019, 7, 22)),
        ("/Date(-62135596800000+0000)/", date(1, 1, 1)),
        ("2019-07-22T00:00:00", date(2019, 7, 22)),
        ("2019-07-22", date(2019, 7, 22)),
        ("", None),
        (None, None),
    ],
)
def test_a_document_date_is_its_utc_date(value: str | None, expected: date | None) -> None:
    assert wire.xero_date(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/Date(1588633397422)/", datetime(2020, 5, 4, 23, 3, 17, 422000, tzinfo=UTC)),
        ("2019-12-07T18:46:19.5165400", datetime(2019, 12, 7, 18, 46, 19, 516540, tzinfo=UTC)),
        ("2026-07-16T12:00:00Z", datetime(2026, 7, 16, 12, tzinfo=UTC)),
        ("2026-07-16T12:00:00+12:00", datetime(2026, 7, 16, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_moment_is_aware_and_utc(value: str | None, expected: datetime | None) -> None:
    assert wire.xero_moment(value) == expected


@pytest.mark.parametrize("value", ["yesterday", "/Date(soon)/", "/Date(99999999999999999999)/", "2026-13-01"])
def test_a_date_that_cannot_be_read_is_said_so(value: str) -> None:
    with pytest.raises(RemoteError, match="is not a date"):
        wire.xero_date(value)


@pytest.mark.parametrize(
    "data",
    [
        {"Invoices": [{"InvoiceID": "1"}]},
        {"invoices": [{"invoiceID": "1"}]},
        {"Type": "ValidationException", "Elements": [{"INVOICEID": "1"}]},
    ],
)
def test_elements_are_found_whatever_the_case_of_the_keys(data: Any) -> None:
    assert wire.elements(data, "Invoices") == [{"invoiceid": "1"}]


@pytest.mark.parametrize("data", [None, [], "text", {}, {"Invoices": None}, {"Invoices": ["x"]}])
def test_an_answer_without_elements_has_none(data: Any) -> None:
    assert wire.elements(data, "Invoices") == []


def test_messages_are_told_once_and_also_by_their_other_key() -> None:
    errors = [{"Message": "One"}, {"Description": "Two"}, {"message": "One"}, {"Message": ""}, "junk"]
    assert wire.messages(errors, None, [{"Message": "Three"}]) == ("One", "Two", "Three")


@pytest.mark.parametrize("value", [None, "", wire.ZERO_GUID])
def test_the_zero_guid_is_no_id(value: str | None) -> None:
    assert wire.guid(value) is None


@pytest.mark.parametrize(
    ("value", "expected"), [(Decimal("1.50"), Decimal("1.50")), (3, Decimal(3)), ("3", None), (True, None)]
)
def test_an_amount_is_a_number_of_json(value: Any, expected: Decimal | None) -> None:
    assert wire.amount(value) == expected
