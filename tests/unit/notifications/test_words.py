import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.words import cut, money, one_line, plain, slack, utf16_length

ANY_TEXT = st.text() | st.text(alphabet="<>&!@#|*_`\"'\\\n\r\t \u202e\u2067مرحבא💥\ud800", max_size=400)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two\nlines", "two lines"),
        ("tab\tand\r\nmore\x00", "tab and more"),
        ("  wide   open  ", "wide open"),
        ("un\u202edlof\u202c", "undlof"),
        ("half \ud83d pair", "half pair"),
        ("مرحبا بالعالم", "مرحبا بالعالم"),
        (1482, "1482"),
    ],
)
def test_a_text_stands_on_one_line_without_control_characters(text: object, expected: str) -> None:
    assert one_line(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!channel> come & see", "&lt;!channel&gt; come &amp; see"),
        ("<@U1>", "&lt;@U1&gt;"),
        ("<https://evil.example.com|Open the job>", "&lt;https://evil.example.com|Open the job&gt;"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_slack_control_characters_are_escaped(text: str, expected: str) -> None:
    assert slack(text, 300) == expected


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 5, "short"),
        ("one two three", 9, "one two…"),
        ("one two three", 8, "one two…"),
        ("unbreakable", 6, "unbre…"),
        ("a unbreakable", 8, "a unbre…"),
        ("💥💥💥", 5, "💥💥…"),
        ("💥💥💥", 4, "💥…"),
    ],
)
def test_a_long_text_is_cut_at_a_word(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


def test_an_escape_is_never_cut_in_two() -> None:
    assert slack("&" * 100, 12) == "&amp;&amp;…"


@given(ANY_TEXT, st.integers(1, 200))
def test_any_text_fits_and_holds_no_control_sequence(text: str, limit: int) -> None:
    shown = slack(text, limit)
    assert utf16_length(shown) <= limit
    assert not re.search(r"[<>\n]|&(?!amp;|lt;|gt;)", shown)
    shown.encode()


@given(ANY_TEXT, st.integers(1, 200))
def test_plain_text_fits_on_one_line(text: str, limit: int) -> None:
    shown = plain(text, limit)
    assert utf16_length(shown) <= limit
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [("1234.5", "NZD", "NZD 1,234.50"), ("-3", "AUD", "AUD -3.00"), ("0.005", None, "0.00")],
)
def test_money_is_shown_with_its_currency(amount: str, currency: str | None, expected: str) -> None:
    assert money(Decimal(amount), currency) == expected
