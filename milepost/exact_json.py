"""JSON from outside, read so that nothing in it can hurt: exact numbers, bounded depth, text that any database keeps.

Below every client: what a job system or Xero answers is read here first.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

DEEPEST = 100
"""Levels of nesting; what is read is walked again by recursion, which Python does some hundreds of levels deep."""
LONGEST_NUMBER = 400
"""Digits, and powers of ten: no figure is longer, and 1e999999999 written out would fill the memory."""
BEYOND = Decimal("Infinity")
"""Stands for a number that no figure can be, so that it troubles the one record that it is in and no other."""

_ODD_ESCAPE = re.compile(rb"\\u(0000|d[89a-f])", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(text: str | bytes, *, strict: bool = False) -> Any:
    """The data; fractions as Decimal, whole numbers as int, and BEYOND for NaN, Infinity and 1e999.

    Text loses its NULs, and its lone surrogates become U+FFFD. Raises ValueError, and nothing else, for what is no JSON.
    strict: NaN and Infinity, which JSON does not have, are no JSON.
    """
    try:
        data = json.loads(text, parse_float=_fraction, parse_int=_whole, parse_constant=_refused if strict else _beyond)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    is_odd = (
        b"\0" in raw or (_ODD_ESCAPE.search(raw) is not None) or (isinstance(text, str) and bool(_SURROGATE.search(text)))
    )
    _check_depth(data)
    return _cleaned(data) if is_odd else data


def clean_text(text: str) -> str:
    """Without NUL, and without halves of characters, which no reader of UTF-8 could take."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\0", ""))


def _fraction(text: str) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= LONGEST_NUMBER else BEYOND
    except InvalidOperation:
        return BEYOND
    return number if abs(number.adjusted()) <= LONGEST_NUMBER else BEYOND


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= LONGEST_NUMBER else BEYOND


def _beyond(_: str) -> Decimal:
    return BEYOND


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _check_depth(data: Any) -> None:
    level = [data]
    for _ in range(DEEPEST + 1):
        level = [item for outer in level for item in _items(outer) if isinstance(item, dict | list)]
        if not level:
            return
    raise ValueError("it is nested too deeply")


def _items(outer: Any) -> Any:
    return outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()


def _cleaned(data: Any) -> Any:
    """Recursive: the depth is known to be bounded."""
    clean: Callable[[Any], Any] = _cleaned
    match data:
        case str():
            return clean_text(data)
        case list():
            return [clean(item) for item in data]
        case dict():
            return {clean_text(key): clean(value) for key, value in data.items()}
    return data
