"""What a job system answered, read strictly: JSON with exact numbers, or an error that says what came."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from milepost.errors import AnswerLost, AuthError, RateLimited, RemoteError

SAFE_METHODS = frozenset({"GET", "HEAD"})
MENDS_ITSELF = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed later."""

_GATEWAY_GAVE_UP = frozenset({502, 504})
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
    if content_type.endswith("html") or body.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        raise _unreadable(asked, response, "an HTML page came instead of JSON (a sign-in or error page?)")
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except ValueError as error:
        if asked.method not in SAFE_METHODS:
            return None
        kind = content_type or "a body without a content type"
        raise _unreadable(asked, response, f"the answer ({kind}) is not JSON") from error
    except RecursionError as error:
        raise _unreadable(asked, response, "the JSON is nested too deeply") from error


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _unreadable(asked: Asked, response: httpx.Response, why: str) -> RemoteError:
    return RemoteError(
        asked.system,
        str(asked),
        why,
        permanent=True,
        status=response.status_code,
        fix="Check the base URL and the path.",
    )


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
        target = response.headers.get("location", "")
        return f"It points to {redacted(httpx.URL(target))}: put the final address in the settings."
    return _FIXES.get(response.status_code, "")


def asked_to_wait(response: httpx.Response) -> timedelta | None:
    """How long the vendor asks to wait: `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isdecimal() and len(value) < 9:
        return timedelta(seconds=int(value))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(aware - datetime.now(UTC), timedelta())


def _excerpt(response: httpx.Response, body: bytes) -> str:
    """The vendor's own words, where the body has some that a person can read."""
    text = body[:20_000].decode(errors="replace").strip()
    if response.headers.get("content-type", "").startswith("text/plain"):
        return _shortened(text)
    try:
        return _shortened(_words(json.loads(text)))
    except (ValueError, RecursionError):
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
