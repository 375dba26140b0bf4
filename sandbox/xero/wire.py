"""How the Accounting API writes values: numbers of fixed scale, escaped dates, envelopes and errors.

Decimals never pass through float: they are carried as marked strings and unquoted after encoding.
"""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
NOT_FOUND_TEXT = "The resource you're looking for cannot be found"

_MARK = "\ue000"
_NUMBER = re.compile(f'"{_MARK}(-?[0-9.]+)"')
_DATE = re.compile(r'"/(Date\([0-9+-]+\))/"')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCALES = [Decimal(1).scaleb(-places) for places in range(7)]
_IN_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


def number(value: Decimal, places: int = 2) -> str:
    """The value as a JSON number with exactly `places` decimals (a marked string until `dumps`)."""
    return f"{_MARK}{value.quantize(_SCALES[places], ROUND_HALF_UP)}"


def document_date(value: date) -> str:
    """Midnight UTC of the date, with offset, as on invoices and payments."""
    return f"/Date({(value.toordinal() - _EPOCH.toordinal()) * 86_400_000}+0000)/"


def date_string(value: date) -> str:
    return f"{value.isoformat()}T00:00:00"


def milliseconds(value: datetime) -> int:
    return (value - _EPOCH) // timedelta(milliseconds=1)


def stamp(value: datetime) -> str:
    return f"/Date({milliseconds(value)}+0000)/"


def stamp_string(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def dumps(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_any_number)
    return _DATE.sub(r'"\/\1\/"', _NUMBER.sub(r"\1", text)).encode()


def _any_number(value: Decimal) -> str:
    return f"{_MARK}{value:f}"


def loads(body: bytes) -> Any:
    """JSON with Decimals; raises ApiError (400 PostDataInvalidException) for anything else."""
    try:
        return json.loads(body, parse_float=Decimal, parse_int=int)
    except ValueError as error:
        raise post_data_invalid(f"JSON request body could not be read, Error {error}") from error


def read_date(value: Any) -> date | None:
    """A date as clients send it: `YYYY-MM-DD...` or `/Date(ms)/`; None for absent or empty; else ApiError."""
    if value in (None, ""):
        return None
    try:
        if match := _IN_DATE.fullmatch(value):
            return (_EPOCH + timedelta(milliseconds=int(match[1]))).date()
        return datetime.fromisoformat(value).date()
    except (ValueError, TypeError) as error:
        message = "JSON for post data was invalid,Could not convert string to DateTime"
        raise post_data_invalid(message) from error


def read_decimal(value: Any) -> Decimal | None:
    """A number as clients send it (also as text); None for absent or empty; else ApiError."""
    if value is None or value == "":
        return None
    try:
        return Decimal(value) if not isinstance(value, bool) else Decimal(int(value))
    except (ArithmeticError, TypeError, ValueError) as error:
        raise post_data_invalid("JSON for post data was invalid,Could not convert string to decimal") from error


@dataclass
class Reply:
    """An answer before it is sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """A refusal of the whole request; `reply` is what the client gets."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"HTTP {reply.status}")
        self.reply = reply


def api_exception(number_: int, type_: str, message: str, *, status: int = 400) -> ApiError:
    payload = {"ErrorNumber": number_, "Type": type_, "Message": message}
    return ApiError(Reply(status, dumps(payload)))


def post_data_invalid(message: str) -> ApiError:
    return api_exception(14, "PostDataInvalidException", message)


def query_invalid(message: str) -> ApiError:
    return api_exception(16, "QueryParseException", message)


def not_implemented() -> ApiError:
    message = "The Api Method called is not implemented"
    return api_exception(20, "ApiMethodNotImplementedException", message, status=501)


def not_found() -> ApiError:
    return ApiError(Reply(404, NOT_FOUND_TEXT.encode(), HTML))


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> ApiError:
    """The shape of refusals by the gateway in front of the API: 401, 403."""
    payload: dict[str, Any] = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": str(uuid.uuid4()),
        "Extensions": {},
    }
    return ApiError(Reply(status, json.dumps(payload).encode(), JSON, headers or {}))


def validation_exception(elements: Sequence[dict[str, Any]]) -> ApiError:
    payload = {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": list(elements),
    }
    return ApiError(Reply(400, dumps(payload)))


def envelope(now: datetime, provider: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "Id": str(uuid.uuid4()),
        "Status": "OK",
        "ProviderName": provider,
        "DateTimeUTC": f"/Date({milliseconds(now)})/",
        **content,
    }


def messages(texts: Sequence[str]) -> list[dict[str, str]]:
    return [{"Message": text} for text in texts]
