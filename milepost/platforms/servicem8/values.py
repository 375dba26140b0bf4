"""The kinds of value in ServiceM8's records: text money, 0/1 flags, and stamps in the account's own time zone."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from milepost.exact_json import read_json
from milepost.platforms.convert import Misfit, as_decimal

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
LARGEST = Decimal(10) ** 12
"""Far above any figure of a job; the product of two can still be rounded to cents."""
_ZERO_DATE = "0000-00-00"
_FLAGS = {"": False, "0": False, "false": False, "1": True, "true": True}


def as_text(value: object) -> object:
    """A number as it is written; what is neither text nor number stays what it is, and is refused."""
    if value is None:
        return ""
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite()
    return str(value) if is_number else value


def _amount(value: object) -> object:
    """Nothing for an empty text: an unknown price is not 0. Text may group its thousands: `1,234.50`."""
    try:
        return as_decimal(value) if isinstance(value, str) else value
    except Misfit:
        return value


def _within_reason(amount: Decimal | None) -> Decimal | None:
    if amount is not None and abs(amount) >= LARGEST:
        raise ValueError(f"should be a number below {LARGEST:,}")
    return amount


def _flag(value: object) -> object:
    return _FLAGS.get(str("" if value is None else value).strip().lower(), value)


def _stamp(value: object) -> object:
    if value in (None, "") or str(value).startswith(_ZERO_DATE):
        return None
    if not isinstance(value, str) or not STAMP.fullmatch(value):
        raise ValueError("should be a time such as 2026-11-18 16:42:10")
    return datetime.fromisoformat(value)


def _day(value: object) -> object:
    if value in (None, "") or str(value).startswith(_ZERO_DATE):
        return None
    return str(value)[:10]


def _uuids(value: object) -> object:
    """A JSON array in a text, as badges come; an empty text is none."""
    parsed = read_json(value) if isinstance(value, str) and value.strip() else value
    return tuple(map(str, parsed)) if isinstance(parsed, list) else ()


Text = Annotated[str, BeforeValidator(as_text)]
Amount = Annotated[Decimal | None, BeforeValidator(_amount), AfterValidator(_within_reason)]
Flag = Annotated[bool, BeforeValidator(_flag)]
LocalStamp = Annotated[datetime | None, BeforeValidator(_stamp)]
"""A time on the account's own clocks, without a zone; `normalise` gives it one."""
Day = Annotated[date | None, BeforeValidator(_day)]
Uuids = Annotated[tuple[str, ...], BeforeValidator(_uuids)]
