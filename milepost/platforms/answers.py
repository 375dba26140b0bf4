"""What a job system answered, read strictly: JSON with exact numbers, or an error that says what came."""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from milepost.errors import AnswerLost, AuthError, RateLimited, RemoteError
from milepost.exact_json import read_json

SAFE_METHODS = frozenset({"GET", "HEAD"})
MENDS_ITSELF = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed later."""

_GATEWAY_GAVE_UP = frozenset({502, 504})
_OF_ALL = (None, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
_SAYS = ("message", "error_description", "detail", "title", "error", "errorMessage", "description")
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_SECRET_NAME = re.compile(r"key|token|secret|passw|auth|sign|code", re.IGNORECASE)
_HARMLESS_VALUE = re.compile(r"[\d:TZ.+\- ]{1,40}")
_LONGEST_EXCERPT = 200
_FIXES: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "Give the key or app the permission to do this.",
    HTTPStatus.NOT_FOUND: "Check the path, and that the record still exists.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer. `data` is the JSON with Decimal for fractions, None where the body was empty.

    `url` is what was asked, keys in its query included: for resolving links, never for showing.
    """

    status: int
    headers: Mapping[str, str]
    data: Any = None
    url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as errors and logs may show it. `secrets` are texts that never appear there."""

    system: str
    method: str
    url: httpx.URL
    secrets: Sequence[str] = ()

    def __str__(self) -> str:
        return self.without_secrets(f"{self.method} {redacted(self.url)}")

    def without_secrets(self, text: str) -> str:
        """The text with every secret and e-mail address masked."""
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "***")
        return _EMAIL.sub("***", text)


def redacted(url: httpx.URL) -> str:
    """Host and path, with those query values that cannot be secret or personal: dates and numbers."""
    shown = "&".join(f"{name}={_shown(name, value)}" for name, value in url.params.multi_items())
    host = f"{url.scheme}://{url.netloc.decode()}" if url.host else ""
    return f"{host}{url.path}{'?' + shown if shown else ''}"


def _shown(name: str, value: str) -> str:
    return value if _HARMLESS_VALUE.fullmatch(value) and not _SECRET_NAME.search(name) else "***"


def read_answer(asked: Asked, response: httpx.Response, body: bytes) -> Answer:
    """The answer, or a `RemoteError` that says what came instead of it."""
    if not response.is_success:
        raise refusal(asked, response, body)
    return Answer(response.status_code, response.headers, _parse(asked, response, body), str(asked.url))


def _parse(asked: Asked, response: httpx.Response, body: bytes) -> Any:
    if not body.strip():
        return None
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        return read_json(_in_its_charset(response, body))
    except ValueError as error:
        if content_type.endswith("html") or body.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
            why = "an HTML page came instead of JSON (a sign-in or error page?)"
        elif asked.method not in SAFE_METHODS:
            return None
        elif "nested" in str(error):
            why = "the JSON is nested too deeply"
        else:
            why = f"the answer ({content_type or 'a body without a content type'}) is not JSON"
        raise unreadable(asked, response, why) from error


def _in_its_charset(response: httpx.Response, body: bytes) -> str | bytes:
    """JSON is UTF-8, whatever the header says; what is not is read as the charset that the header names."""
    charset = response.charset_encoding
    if charset is None or body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return body
    for encoding in ("utf-8-sig", charset):
        try:
            return body.decode(encoding)
        except (LookupError, UnicodeError):
            continue
    return body


def unreadable(asked: Asked, response: httpx.Response, why: str) -> RemoteError:
    """The error for a success whose body is of no use."""
    return RemoteError(
        asked.system,
        str(asked),
        why,
        permanent=True,
        status=response.status_code,
        fix="Check the base URL and the path.",
    )


def is_of_all(error: RemoteError) -> bool:
    """Whether the system as a whole refuses or is away; else it is the trouble of the one record that was asked for."""
    return isinstance(error, AuthError | RateLimited) or error.status in _OF_ALL


def refusal(asked: Asked, response: httpx.Response, body: bytes) -> RemoteError:
    """The error for a status that is no success; `permanent` where asking again will not help."""
    status = response.status_code
    why = asked.without_secrets(_excerpt(response, body)) or _reason(status)
    if status == HTTPStatus.UNAUTHORIZED:
        return AuthError(asked.system, str(asked), why, status=status, fix="Check the key or reconnect.")
    if status in _GATEWAY_GAVE_UP and asked.method not in SAFE_METHODS:
        return AnswerLost(asked.system, str(asked), why, permanent=False, status=status)
    kind = RateLimited if status == HTTPStatus.TOO_MANY_REQUESTS else RemoteError
    return kind(
        asked.system,
        str(asked),
        why,
        permanent=status not in MENDS_ITSELF,
        status=status,
        fix=_fix(response),
        retry_after=asked_to_wait(response),
    )


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "an unknown status"


def _fix(response: httpx.Response) -> str:
    if response.is_redirect:
        return f"It points to {_target(response)}: put the final address in the settings."
    return _FIXES.get(response.status_code, "")


def _target(response: httpx.Response) -> str:
    try:
        return redacted(httpx.URL(response.headers.get("location", "")))[:_LONGEST_EXCERPT]
    except httpx.InvalidURL:
        return "no valid address"


def asked_to_wait(response: httpx.Response) -> timedelta | None:
    """How long the vendor asks to wait: `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isdecimal() and len(value) < 9:
        return timedelta(seconds=int(value))
    try:
        moment = parsedate_to_datetime(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(aware - datetime.now(UTC), timedelta())
    except (ValueError, OverflowError):
        return None


def _excerpt(response: httpx.Response, body: bytes) -> str:
    """The vendor's own words, where the body has some that a person can read."""
    text = body[:20_000].decode(errors="replace").strip()
    if response.headers.get("content-type", "").startswith("text/plain"):
        return _shortened(text)
    try:
        return _shortened(_words(read_json(text)))
    except ValueError:
        return ""


def _words(data: Any) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return _words(data[0]) if data else ""
    if isinstance(data, dict):
        said = next((data[key] for key in (*_SAYS, "errors") if data.get(key)), "")
        return _words(said)
    return ""


def _shortened(text: str) -> str:
    one_line = " ".join(text.split()).rstrip(".")
    return one_line if len(one_line) <= _LONGEST_EXCERPT else one_line[: _LONGEST_EXCERPT - 1] + "…"
