"""From what an API or a file says to exact values: numbers, dates, moments, words. Nothing is guessed.

Unknown (nothing, or empty text) is None. What does not fit raises `Misfit`, which says what was expected and what came.
"""

import html
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from milepost.exact_json import LONGEST_NUMBER
from milepost.jobs import local_date

_PLAIN = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?")
_EUROPEAN = re.compile(r"[+-]?(\d{1,3}([. ]\d{3})+|\d+)?(,\d+)?")
_TOO_LARGE = Decimal("1e15")
_YES = frozenset({"true", "1", "yes", "y", "on"})
_NO = frozenset({"false", "0", "no", "n", "off"})
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_NEW_LINE_TAG = re.compile(r"<(br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]*>", re.IGNORECASE)
_HIDDEN = re.compile(r"<(script|style)\b", re.IGNORECASE)
_ENDS = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("script", "style")}


class Misfit(ValueError):
    """A value that is not what its field needs. `got` quotes it, at most 40 characters, so that a person finds it."""

    def __init__(self, expected: str, got: str) -> None:
        self.expected = expected
        self.got = got
        super().__init__(f"expected {expected}, got {got}")


def shown(value: Any) -> str:
    """A value that failed as a number, date or word, in at most 40 characters; of a record only its keys' number."""
    if isinstance(value, dict):
        return f"a record of {len(value)} fields"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value)[:41])
    short = text if len(text) <= 40 else text[:39] + "…"
    return f"the text '{short}'" if isinstance(value, str) else short


def in_words(error: ValidationError) -> str:
    """What a record was refused for, by its fields; no value is repeated."""
    told = error.errors(include_url=False, include_input=False, include_context=False)[:3]
    return "; ".join(f"field '{'.'.join(map(str, one['loc']))}': {one['msg']}" for one in told)


def as_text(value: Any) -> str | None:
    """Text without white space at its ends; a number as it is written. A list or record is a Misfit."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= LONGEST_NUMBER:
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    raise Misfit("text", shown(value))


def as_decimal(value: Any, *, decimal_comma: bool = False) -> Decimal | None:
    """An exact number. Text may group its thousands (`1,234.50`; with `decimal_comma`, `1.234,50`) and nothing else."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise Misfit("a number", shown(value))
    number = _number(value, decimal_comma=decimal_comma) if isinstance(value, str) else Decimal(value)
    if not number.is_finite() or abs(number) >= _TOO_LARGE:
        raise Misfit("a number below 1,000,000,000,000,000", shown(value))
    return number


def _number(text: str, *, decimal_comma: bool) -> Decimal:
    plain = text.strip().replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
    form = _EUROPEAN if decimal_comma else _PLAIN
    if not form.fullmatch(plain) or not plain.isascii():
        raise Misfit("a number", shown(text))
    ungrouped = re.sub("[. ]", "", plain).replace(",", ".") if decimal_comma else plain.replace(",", "")
    try:
        return Decimal(ungrouped)
    except InvalidOperation as error:
        raise Misfit("a number", shown(text)) from error


def as_cents(value: Any) -> Decimal | None:
    """Whole cents to currency: 1250 is 12.50. A fraction of a cent is a Misfit: it is no amount in cents."""
    number = as_decimal(value)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise Misfit("whole cents", shown(value))
    return number.scaleb(-2)


def as_percent(value: Any) -> Decimal | None:
    """A fraction to percent: 0.15 is 15."""
    number = as_decimal(value)
    return None if number is None else number.scaleb(2)


def as_whole(value: Any) -> int | None:
    """A whole number."""
    number = as_decimal(value)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise Misfit("a whole number", shown(value))
    return int(number)


def as_boolean(value: Any) -> bool | None:
    """Yes or no in the usual spellings: true, 1, yes, y, on and their opposites."""
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if not word:
        return None
    if word in _YES or word in _NO:
        return word in _YES
    raise Misfit("yes or no", shown(value))


def as_moment(value: Any, zone: ZoneInfo, form: str | None = None) -> datetime | None:
    """A moment in UTC.

    `form` is None for ISO 8601, `epoch` or `epoch_ms` for seconds or milliseconds since 1970, else as `strptime` has
    it. Text without an offset is in `zone`; a day alone is its midnight there. `0000-00-00` is unknown.
    """
    if value is None or (isinstance(value, str) and (not value.strip() or value.startswith("0000-00-00"))):
        return None
    try:
        found = _epoch(value, form) if form in ("epoch", "epoch_ms") else _parsed(str(value).strip(), form)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Misfit(f"a moment {_form_name(form)}", shown(value)) from error


def as_day(value: Any, zone: ZoneInfo, form: str | None = None) -> date | None:
    """A calendar day. A moment with an offset is read on the calendar of `zone`; see `as_moment` for the forms."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    moment = as_moment(value, zone, form)
    return local_date(moment, zone.key)


def _epoch(value: Any, form: str | None) -> datetime:
    number = as_decimal(value)
    if number is None:
        raise ValueError("nothing")
    return datetime.fromtimestamp(float(number if form == "epoch" else number / 1000), UTC)


def _parsed(text: str, form: str | None) -> datetime:
    if form is None:
        return datetime.fromisoformat(text) if len(text) > 10 else datetime.combine(_iso_day(text), time())
    return datetime.strptime(text, form)  # noqa: DTZ007 - the caller gives the zone


def _iso_day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError("not a day")
    return date.fromisoformat(text)


def _form_name(form: str | None) -> str:
    return {
        None: "such as 2026-07-31T16:30:00Z",
        "epoch": "in seconds since 1970",
        "epoch_ms": "in milliseconds since 1970",
    }.get(form, f"in the form {form}")


def as_texts(value: Any, separator: str = ",") -> tuple[str, ...]:
    """A list of texts; one text is cut at the separator."""
    if value is None:
        return ()
    parts: Iterable[Any] = value.split(separator) if isinstance(value, str) else value
    if not isinstance(parts, list):
        parts = [parts]
    return tuple(text for text in map(as_text, parts) if text)


def without_html(text: str) -> str:
    """HTML as plain text: a new line at each paragraph, item or break, entities as characters."""
    lines = _NEW_LINE_TAG.sub("\n", _without_hidden(text))
    plain = html.unescape(_TAG.sub("", lines)).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\n\s*\n+", "\n", plain).strip()


def _without_hidden(text: str) -> str:
    """Without scripts and styles. One that is not closed is left: looking for the end of each would take for ever."""
    kept, at = [], 0
    while (begin := _HIDDEN.search(text, at)) and (end := _ENDS[begin[1].lower()].search(text, begin.end())):
        kept.append(text[at : begin.start()])
        at = end.end()
    return "".join((*kept, text[at:]))


def holds_html(text: str) -> bool:
    """Whether a text looks like HTML and not like a person's `<` or `>`."""
    return bool(re.search(r"</[a-z][a-z0-9]*>|<br\s*/?>|&(nbsp|amp|lt|gt|#\d+);", text, re.IGNORECASE))
