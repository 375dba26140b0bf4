"""The filters of templates, and how values become text.

Each bounds what it makes, and treats the unknown (None) as empty.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from jinja2 import Undefined
from pydantic import BaseModel

from milepost.money import round2

MAX_TEXT = 20_000
"""Characters that a template, or any step in it, may make."""

_DAY_FORMAT = re.compile(r"(?:[^%]|%-d|%[dmbByYaAjHMIp%])*")


def plain_text(value: object) -> object:
    """What `{{ value }}` writes: unknown is empty, numbers have no trailing zeros, records and lists are refused."""
    if isinstance(value, str | int | float | date | Undefined):
        return value
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, BaseModel):
        raise ValueError(f"a whole {type(value).__name__.lower()} is no text; name one of its fields")
    if isinstance(value, tuple | list | dict):
        raise ValueError("a list is no text; write it with: | join(', ')")
    raise ValueError(f"a {type(value).__name__} is no text")


def _number(value: Decimal) -> str:
    if not value.is_finite() or abs(value.adjusted()) > 30:
        raise ValueError("a number is out of range")
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _as_text(value: object) -> str:
    return _bounded(str(plain_text(value)))


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ValueError(f"a text is longer than {MAX_TEXT} characters")
    return text


def _as_number(value: object) -> Decimal:
    if isinstance(value, Decimal | int | float):
        return Decimal(str(value))
    raise ValueError("a number is needed here")


def default(value: object, other: object = "") -> object:
    """`other` where the value is unknown or empty."""
    return other if isinstance(value, Undefined) or value is None or value == "" else value


def upper(value: object) -> str:
    """In capitals."""
    return _as_text(value).upper()


def lower(value: object) -> str:
    """In small letters."""
    return _as_text(value).lower()


def title(value: object) -> str:
    """Each word begins with a capital, and the rest of it stays as it is."""
    return re.sub(r"(?<![\w'])\w", lambda match: match.group().upper(), _as_text(value))


def capitalize(value: object) -> str:
    """The first letter is a capital, and the rest stays as it is."""
    text = _as_text(value)
    return text[:1].upper() + text[1:]


def trim(value: object) -> str:
    """Without white space at both ends."""
    return _as_text(value).strip()


def replace(value: object, old: str, new: str) -> str:
    """Every `old` in the text becomes `new`."""
    text = _as_text(value)
    old, new = str(old), str(new)
    if not old:
        raise ValueError("replace needs a text to look for")
    if len(text) + text.count(old) * len(new) > MAX_TEXT:
        raise ValueError(f"a text is longer than {MAX_TEXT} characters")
    return text.replace(old, new)


def truncate(value: object, length: int = 255, end: str = "...") -> str:
    """At most `length` characters, `end` included, cut between words where there is a gap."""
    if length < 1:
        raise ValueError("truncate needs a length of at least 1")
    text, end = _as_text(value), str(end)
    if len(text) <= length:
        return text
    kept = text[: max(0, length - len(end))]
    between = kept.rsplit(None, 1)[0] if " " in kept.strip() else kept
    return (between.rstrip() + end)[:length]


def round_to(value: object, places: int = 0) -> Decimal | None:
    """Rounded half up to 0 to 6 places; the unknown stays unknown."""
    if value is None:
        return None
    if places not in range(7):
        raise ValueError("round takes 0 to 6 places")
    return _as_number(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def money(value: object) -> str:
    """With two places and a comma at the thousands: 1,234.50."""
    return "" if value is None else f"{round2(_as_number(value)):,.2f}"


def day(value: object, form: str = "%-d %b %Y") -> str:
    """A date in the given form: `%-d %b %Y` is 3 Jul 2026, `%d/%m/%Y` is 03/07/2026."""
    if value is None:
        return ""
    if not isinstance(value, date):
        raise ValueError("day takes a date, such as job.completed_on")
    if len(form) > 100 or not _DAY_FORMAT.fullmatch(form):
        raise ValueError("a date's form takes %d %-d %m %b %B %y %Y %a %A %j %H %M %I %p only")
    return value.strftime(form.replace("%-d", str(value.day)))


def join(value: object, between: str = ", ") -> str:
    """The members of a list, such as job.tags, one after another."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError("join takes a list, such as job.tags")
    return _bounded(str(between).join(_as_text(member) for member in value))


FILTERS: Mapping[str, Callable[..., object]] = {
    "default": default,
    "upper": upper,
    "lower": lower,
    "title": title,
    "capitalize": capitalize,
    "trim": trim,
    "replace": replace,
    "truncate": truncate,
    "round": round_to,
    "money": money,
    "day": day,
    "join": join,
}
