"""The HTTP client of every job system: the first gathering and the note back on the way of a job.

It keeps the vendor's limits, repeats reads that failed for the moment but never a write, and turns every
failure into a `RemoteError` without secrets in it.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx

from milepost.bodies import ACCEPTED, UnreadableBody, read_body
from milepost.errors import AnswerLost, RemoteError
from milepost.platforms.answers import SAFE_METHODS, Answer, Asked, read_answer, redacted
from milepost.platforms.oauth import ClientCredentials
from milepost.platforms.pace import LONGEST_WAIT, Pace, Pause
from milepost.platforms.protocol import RatePolicy

__all__ = ["Answer", "Call", "ClientCredentials", "OnCall", "PlatformHttp"]

TIMEOUTS = httpx.Timeout(30.0, connect=10.0, pool=None)
"""Seconds. Waiting for a pooled connection has no limit: the pace lets only so many calls at it."""
BODY_LIMIT = 50_000_000
PAUSES = (0.5, 2.0)
"""Seconds before the second and the third try of a read, unless the vendor names its own."""

_ALWAYS = {"Accept": "application/json", "Accept-Encoding": ACCEPTED, "User-Agent": "Milepost"}
_WORTH_ANOTHER_TRY = frozenset({429, 502, 503, 504})
_log = logging.getLogger(__name__)

Params = Mapping[str, str | int] | Sequence[tuple[str, str | int]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the sync log keeps it. `status` is None where no answer came; `entity` holds no query."""

    operation: str
    entity: str
    status: int | None
    duration_ms: int
    bytes_in: int


OnCall = Callable[[Call], None]


class _WithoutSecrets(logging.Filter):
    """httpx logs each request's whole address; keys in the query must not get there."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(redacted(a) if isinstance(a, httpx.URL) else a for a in record.args)
        return True


logging.getLogger("httpx").addFilter(_WithoutSecrets())


class PlatformHttp:
    """An async HTTP client for one account of a job system; an async context manager.

    Paths are relative to `base_url`; a whole address is followed only within the same origin, so that
    credentials go nowhere else. `secrets` are texts to mask in errors; values of queries are masked anyway.
    """

    def __init__(
        self,
        system: str,
        base_url: str,
        policy: RatePolicy,
        *,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        on_call: OnCall | None = None,
        pause: Pause = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self.system = system
        self._secrets = tuple(secrets)
        self._params = _pairs(params)
        self._on_call = on_call
        self._pause = pause
        self._clock = clock
        self._body_limit = body_limit
        self._pace = Pace(system, policy, clock=clock, pause=pause)
        self._client = httpx.AsyncClient(
            base_url=base_url,
            auth=auth,
            headers=_ALWAYS | dict(headers or {}),
            timeout=TIMEOUTS,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=policy.concurrent),
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def get(
        self,
        path: str,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        entity: str = "",
    ) -> Answer:
        """Read, with up to three tries where the vendor is away or asks for a short wait.

        `entity` names what is read in the log; the path does where it is not given.
        """
        request = self._request("GET", path, params=params, headers=headers)
        for pause in (*PAUSES, None):
            try:
                return await self._once(request, entity)
            except RemoteError as error:
                wait = _another_try(error, pause)
                if wait is None:
                    raise
                _log.info("%s: reading again in %.1f s (status %s)", self.system, wait, error.status)
                await self._wait(wait, error)
        raise AssertionError("the last try returns or raises")

    async def get_json(
        self,
        path: str,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        entity: str = "",
    ) -> Any:
        """The JSON of `get`, fractions as Decimal."""
        return (await self.get(path, params, headers, entity=entity)).data

    async def post_json(self, path: str, payload: Any, *, entity: str = "") -> Answer:
        """Write once. Decimals are written as text. No answer: `AnswerLost`."""
        return await self.send("POST", path, content=_json(payload), entity=entity)

    async def post_form(self, path: str, form: Mapping[str, str], *, entity: str = "") -> Answer:
        """Write a form once."""
        return await self._once(self._request("POST", path, data=dict(form)), entity)

    async def send(
        self,
        method: str,
        path: str,
        *,
        content: str | bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        entity: str = "",
    ) -> Answer:
        """One request of any method, never repeated; its body is JSON unless `headers` say otherwise."""
        kind = {"Content-Type": "application/json"} if content is not None else {}
        request = self._request(method, path, content=content, params=params, headers=kind | dict(headers or {}))
        return await self._once(request, entity)

    def _request(self, method: str, path: str, **parts: Any) -> httpx.Request:
        pairs = [*_pairs(parts.pop("params", None)), *self._params]
        try:
            request = self._client.build_request(method, path, **parts)
        except httpx.InvalidURL as error:
            raise RemoteError(self.system, method, "the path makes no valid address", permanent=True) from error
        if pairs:
            request.url = request.url.copy_merge_params(httpx.QueryParams(pairs))
        base = self._client.base_url
        if (request.url.scheme, request.url.host, request.url.port) != (base.scheme, base.host, base.port):
            raise RemoteError(
                self.system,
                f"{method} {redacted(request.url)}",
                f"the address leads away from {base.host}, where our credentials must not go",
                permanent=True,
            )
        return request

    async def _once(self, request: httpx.Request, entity: str) -> Answer:
        asked = Asked(self.system, request.method, request.url, self._secrets)
        async with self._pace.turn():
            started = self._clock()
            status, body = None, b""
            try:
                response = await self._client.send(request, stream=True)
                status = response.status_code
                body = await self._body(asked, response)
            except httpx.HTTPError as error:
                raise _no_answer(asked, error) from error
            finally:
                self._tell(asked, entity, status, started, len(body))
        return read_answer(asked, response, body)

    async def _body(self, asked: Asked, response: httpx.Response) -> bytes:
        """The whole body; no more than the limit is ever held. A status that says enough holds without its body."""
        try:
            return await read_body(response, self._body_limit)
        except UnreadableBody as trouble:
            if not response.is_success or asked.method not in SAFE_METHODS:
                return b""
            fix = "It is tried again." if trouble.is_cut else "Ask for smaller pages, or tell the vendor."
            status = response.status_code
            why = str(trouble)
            raise RemoteError(
                asked.system, str(asked), why, permanent=not trouble.is_cut, status=status, fix=fix
            ) from trouble

    def _tell(self, asked: Asked, entity: str, status: int | None, started: float, size: int) -> None:
        if self._on_call:
            duration = round((self._clock() - started) * 1000)
            shown = entity or asked.without_secrets(asked.url.path)
            self._on_call(Call(asked.method, shown, status, duration, size))

    async def _wait(self, seconds: float, error: RemoteError) -> None:
        if error.retry_after is not None:
            self._pace.hold(seconds)
        await self._pause(seconds)


def _pairs(params: Params | None) -> list[tuple[str, str | int | float | bool | None]]:
    pairs = params.items() if isinstance(params, Mapping) else params or ()
    return [(name, str(value)) for name, value in pairs]


def _another_try(error: RemoteError, pause: float | None) -> float | None:
    """Seconds to wait before the next try of a read; None where none follows or the wait is too long."""
    is_cut = error.status is not None and error.status < httpx.codes.BAD_REQUEST
    may_pass = error.status is None or error.status in _WORTH_ANOTHER_TRY or is_cut
    if pause is None or error.permanent or not may_pass:
        return None
    if error.retry_after is None:
        return pause
    asked = error.retry_after.total_seconds()
    return max(asked, pause) if asked <= LONGEST_WAIT else None


def _no_answer(asked: Asked, error: httpx.HTTPError) -> RemoteError:
    """A read may be asked again; a write that may have arrived is lost, one that never left is not."""
    why = f"no answer ({type(error).__name__})"
    never_left = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol)
    if asked.method in SAFE_METHODS or never_left:
        is_wrong_address = isinstance(error, httpx.UnsupportedProtocol)
        return RemoteError(asked.system, str(asked), why, permanent=is_wrong_address)
    return AnswerLost(asked.system, str(asked), why, permanent=False)


def _json(payload: Any) -> bytes:
    return json.dumps(payload, default=_plain, ensure_ascii=False).encode()


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
