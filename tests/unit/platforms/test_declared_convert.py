"""What an API says becomes exact values, or a misfit that says what was expected and what came."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.platforms import convert
from milepost.platforms.convert import Misfit

AUCKLAND = ZoneInfo("Pacific/Auckland")
LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        (0, "0"),
        ("0", "0"),
        ("12.50", "12.50"),
        (" 1,234.5 ", "1234.5"),
        ("-12,345,678.901", "-12345678.901"),
        (".5", "0.5"),
        ("\N{MINUS SIGN}3", "-3"),
        (Decimal("0.1"), "0.1"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_numbers_are_exact(value: Any, number: str | None) -> None:
    found = convert.as_decimal(value)
    assert found == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    "value",
    ["two", "1,23", "1.2.3", "12,5", "1 2", "NaN", "Infinity", "1e5", "0x1F", "$5", "٣", True, [], {}, "-", "+", ".",
     "1" * 16, Decimal("NaN"), Decimal("1E+400")],
)  # fmt: skip
def test_what_is_no_number_is_a_misfit(value: Any) -> None:
    with pytest.raises(Misfit, match="expected a number"):
        convert.as_decimal(value)


@settings(deadline=None)
@given(st.decimals(min_value=-(10**12), max_value=10**12, places=4))
def test_every_number_comes_back_however_its_thousands_are_grouped(number: Decimal) -> None:
    assert convert.as_decimal(str(number)) == number
    assert convert.as_decimal(f"{number:,f}") == number
    european = f"{number:,f}".translate(str.maketrans(",.", ".,"))
    assert convert.as_decimal(european, decimal_comma=True) == number


@settings(deadline=None)
@given(st.integers(min_value=-(10**14), max_value=10**14))
def test_cents_lose_nothing(cents: int) -> None:
    amount = convert.as_cents(cents)
    assert amount is not None
    assert amount * 100 == cents
    assert amount.as_tuple().exponent == -2


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_misfit(text: str) -> None:
    for decimal_comma in (False, True):
        try:
            found = convert.as_decimal(text, decimal_comma=decimal_comma)
        except Misfit:
            continue
        assert found is None or found.is_finite()


@pytest.mark.parametrize("value", ["12.5", Decimal("12.5"), "abc"])
def test_a_part_of_a_cent_is_no_amount_in_cents(value: Any) -> None:
    with pytest.raises(Misfit):
        convert.as_cents(value)


@pytest.mark.parametrize(("value", "percent"), [("0.15", "15"), (Decimal("0.175"), "17.5"), (1, "100"), (None, None)])
def test_a_fraction_becomes_percent(value: Any, percent: str | None) -> None:
    assert convert.as_percent(value) == (None if percent is None else Decimal(percent))


@pytest.mark.parametrize(
    ("value", "form", "moment"),
    [
        ("2026-07-31T16:30:00Z", None, "2026-07-31T16:30:00+00:00"),
        ("2026-07-31T16:30:00.123456+12:00", None, "2026-07-31T04:30:00.123456+00:00"),
        ("2026-07-31T16:30:00", None, "2026-07-31T04:30:00+00:00"),
        ("2026-01-31 16:30", None, "2026-01-31T03:30:00+00:00"),
        ("2026-07-31", None, "2026-07-30T12:00:00+00:00"),
        ("31/07/2026 16:30", "%d/%m/%Y %H:%M", "2026-07-31T04:30:00+00:00"),
        (1785515400, "epoch", "2026-07-31T16:30:00+00:00"),
        ("1785515400500", "epoch_ms", "2026-07-31T16:30:00.500000+00:00"),
    ],
)
def test_moments_are_read_in_the_accounts_zone(value: Any, form: str | None, moment: str) -> None:
    assert convert.as_moment(value, AUCKLAND, form) == datetime.fromisoformat(moment)


@pytest.mark.parametrize("value", [None, "", " ", "0000-00-00", "0000-00-00 00:00:00"])
def test_no_moment_is_unknown(value: Any) -> None:
    assert convert.as_moment(value, AUCKLAND) is None
    assert convert.as_day(value, AUCKLAND) is None


@pytest.mark.parametrize(
    ("value", "form"),
    [("yesterday", None), ("2026-13-01", None), ("20260731", None), (5, None), ("x", "epoch"), ("9e99", "epoch"),
     (10**14, "epoch"), ("31-07-2026", "%d/%m/%Y"), ([], None), (True, "epoch")],
)  # fmt: skip
def test_what_is_no_moment_says_the_form(value: Any, form: str | None) -> None:
    with pytest.raises(Misfit, match="expected a moment"):
        convert.as_moment(value, AUCKLAND, form)


@settings(deadline=None)
@given(st.integers(0, 3_000_000_000_000_000), st.integers(-14, 14))
def test_an_offset_is_never_lost(microseconds: int, hours: int) -> None:
    moment = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    naive = moment.replace(tzinfo=None)
    written = moment.astimezone(ZoneInfo("UTC")).isoformat()
    shifted = (naive + timedelta(hours=hours)).isoformat() + f"{hours:+03d}:00"
    assert convert.as_moment(written, AUCKLAND) == moment
    assert convert.as_moment(shifted, AUCKLAND) == moment


def test_a_day_is_the_one_on_the_accounts_calendar() -> None:
    assert convert.as_day("2026-07-31T13:00:00Z", AUCKLAND) == date(2026, 8, 1)
    assert convert.as_day("2026-07-31T13:00:00Z", LONDON) == date(2026, 7, 31)
    assert convert.as_day("2026-07-31", AUCKLAND) == date(2026, 7, 31)


@pytest.mark.parametrize(
    ("value", "answer"),
    [(True, True), ("TRUE", True), (1, True), ("yes", True), ("y", True), ("on", True), (False, False), ("0", False),
     ("No", False), ("off", False), (None, None), ("", None)],
)  # fmt: skip
def test_yes_and_no_in_their_usual_spellings(value: Any, answer: bool | None) -> None:
    assert convert.as_boolean(value) is answer


@pytest.mark.parametrize("value", ["maybe", 2, [], "ja"])
def test_anything_else_is_neither_yes_nor_no(value: Any) -> None:
    with pytest.raises(Misfit, match="yes or no"):
        convert.as_boolean(value)


@pytest.mark.parametrize(("value", "texts"), [
    (None, ()), ("a, b ,,c", ("a", "b", "c")), (["a", " ", 3], ("a", "3")), ([], ()), (7, ("7",)),
])  # fmt: skip
def test_lists_of_texts(value: Any, texts: tuple[str, ...]) -> None:
    assert convert.as_texts(value) == texts


def test_a_record_is_no_text_and_its_contents_are_not_shown() -> None:
    with pytest.raises(Misfit) as caught:
        convert.as_text({"name": "Jo", "email": "jo@example.com"})
    assert str(caught.value) == "expected text, got a record of 2 fields"


@pytest.mark.parametrize(("html", "plain"), [
    ("<p>Fit <b>new</b> tap</p><p>Test&nbsp;it</p>", "Fit new tap\nTest it"),
    ("a<br>b<br/>c", "a\nb\nc"),
    ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
    ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ("<script>alert(1)</script>Tea &amp; cake", "Tea & cake"),
])  # fmt: skip
def test_html_becomes_plain_text(html: str, plain: str) -> None:
    assert convert.without_html(html) == plain


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_survives_the_removal_of_html(text: str) -> None:
    assert isinstance(convert.without_html(text), str)


@pytest.mark.parametrize(("text", "is_html"), [
    ("<p>x</p>", True), ("a<br>b", True), ("R&amp;D", True), ("1 < 2 > 0", False), ("<- see", False), ("A & B", False),
])  # fmt: skip
def test_html_is_told_from_a_persons_signs(text: str, is_html: bool) -> None:
    assert convert.holds_html(text) is is_html
