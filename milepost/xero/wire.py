"""Xero's JSON, in and out: Decimals exact, dates as Xero writes them, keys in whatever case they come.

Below everything else in this package; the frozen body of every write is made by `dumps`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

from milepost.errors import RemoteError
from milepost.exact_json import read_json

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
NOTHING = Decimal(0)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_MESSAGE = 2000
_NO_AMOUNT = Decimal(10) ** 15
_ID = re.compile(r"[\w-]{1,64}")
_MS_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")


def dumps(payload: Any) -> str:
    """Compact JSON. A Decimal is written digit by digit as it is; a float, or any other type, raises TypeError.

    A lone surrogate, which no reader of UTF-8 could take, becomes "?".
    """
    return _encode(payload).encode("utf-8", "replace").decode()


def _encode(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return encode_basestring(value)
        case int():
            return int.__repr__(value)
        case Decimal():
            return _number(value)
        case Mapping():
            return "{" + ",".join(f"{_key(key)}:{_encode(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_encode, value)) + "]"
    raise TypeError(f"{type(value).__name__} cannot be sent to Xero: amounts are Decimal, dates are text")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be text, not {type(key).__name__}")
    return encode_basestring(key)


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("an amount must be a finite number")
    return format(value, "f")


def loads(text: str | bytes) -> Any:
    """JSON with every fraction as Decimal and whole numbers as int. Raises ValueError for anything else than JSON."""
    return read_json(text, strict=True)


def xero_date(value: str | None) -> date | None:
    """The calendar date of `/Date(ms+0000)/` or ISO text; None for nothing.

    Document dates are midnight UTC (Xero developer docs, "Requests and responses"), so the UTC date is taken as it is.
    """
    moment = xero_moment(value)
    return moment.date() if moment else None


def xero_moment(value: str | None) -> datetime | None:
    """The moment of `/Date(ms+0000)/` or ISO text, aware, in UTC; ISO text without an offset is UTC already."""
    if not value:
        return None
    try:
        if match := _MS_DATE.fullmatch(value):
            return _EPOCH + timedelta(milliseconds=int(match[1]))
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError):
        read = None
    if read is None:
        raise RemoteError("Xero", "reading its answer", f"{value!r} is not a date", permanent=True)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def lower_keys(element: Any) -> dict[str, Any]:
    """The element's own keys in lower case: Xero has sent both `InvoiceID` and `invoiceID`. Empty for a non-object."""
    return {key.lower(): value for key, value in element.items()} if isinstance(element, Mapping) else {}


def elements(data: Any, collection: str) -> list[dict[str, Any]]:
    """The objects of a collection (`Invoices`) in an answer, keys in lower case; of a ValidationException, its Elements."""
    body = lower_keys(data)
    rows = body.get(collection.lower())
    if rows is None:
        rows = body.get("elements")
    return [lower_keys(row) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def text(value: Any) -> str | None:
    """A text field; None for null and for empty, which Xero uses alike, and for what is neither text nor number."""
    return str(value) if isinstance(value, str | int | Decimal) and value != "" else None


def guid(value: Any) -> str | None:
    """An id; None for the zero GUID, which Xero gives to what it did not create, and for what is no id."""
    return value if isinstance(value, str) and _ID.fullmatch(value) and value != ZERO_GUID else None


def is_refused(row: Mapping[str, Any]) -> bool:
    """Whether an element of an answer says of itself that it was not taken; keys in lower case."""
    marks = ("haserrors", "hasvalidationerrors")
    return (
        bool(messages(row.get("validationerrors")))
        or any(row.get(mark) is True for mark in marks)
        or row.get("statusattributestring") == "ERROR"
        or ZERO_GUID in (row.get("invoiceid"), row.get("contactid"))
    )


def amount(value: Any) -> Decimal | None:
    """A number as Decimal; None where there is none that an amount could be."""
    number = Decimal(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else None
    return number if number is not None and abs(number) < _NO_AMOUNT else None


def messages(*groups: Any) -> tuple[str, ...]:
    """The texts of lists of `{"Message": ...}` (Xero's bulk example has `Description` instead), each once, in order."""
    found = (_message(row) for group in groups if isinstance(group, Iterable) for row in group)
    return tuple(dict.fromkeys(message for message in found if message))


def _message(row: Any) -> str | None:
    folded = lower_keys(row)
    found = text(folded.get("message")) or text(folded.get("description"))
    return found[:_LONGEST_MESSAGE] if found else None
