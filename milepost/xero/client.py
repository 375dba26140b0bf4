"""The HTTP client of one organisation: governed, signed in, never repeating a write whose outcome is unknown.

Writes are replayed by the ledger alone, with the same body and key; here a call is only repeated where Xero refused it
unseen (a sign-in run out, a limit), and a read also while Xero is away.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import httpx

from milepost.connection import XeroSettings
from milepost.errors import RateLimited
from milepost.xero import exchange
from milepost.xero.exchange import Answer, Call, CallRecord, Reply
from milepost.xero.governor import Governor
from milepost.xero.oauth import Tokens
from milepost.xero.refusals import SYSTEM

__all__ = ["Answer", "CallRecord", "XeroClient"]

logger = logging.getLogger(__name__)

API_PATH = "/api.xro/2.0/"
READ_WITHIN = 30.0
WRITE_WITHIN = 60.0
READ_PAUSES = (0.3, 1.5)
"""Seconds: for the answer to a read, to a write, and before each further try of a read."""
KEY_LENGTH = 128
_LIMITED_TRIES = 3


class XeroClient:
    """Calls on one organisation. An async context manager that owns its HTTP connections.

    Raises RateLimited (nothing was done; `retry_after`), AuthError (a person must reconnect), AnswerLost (a write may or
    may not have happened) and any other RemoteError (nothing was done).
    """

    def __init__(
        self,
        settings: XeroSettings,
        tokens: Tokens,
        governor: Governor,
        tenant_id: str,
        on_call: Callable[[CallRecord], None] | None = None,
        *,
        write_within: float = WRITE_WITHIN,
        read_pauses: Sequence[float] = READ_PAUSES,
    ) -> None:
        self.governor = governor
        self.tenant_id = tenant_id
        self._base = settings.api_url.rstrip("/") + API_PATH
        self._tokens = tokens
        self._on_call = on_call
        self._write_within = write_within
        self._read_pauses = read_pauses
        self._http = httpx.AsyncClient(headers={"Accept": "application/json", "User-Agent": "Milepost"})

    def __repr__(self) -> str:
        return f"XeroClient(tenant_id={self.tenant_id!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        modified_since: datetime | None = None,
        entity: str = "",
    ) -> Any:
        """Read JSON, amounts as Decimal; {} where nothing has changed since. Tried three times while Xero is away."""
        headers = {"If-Modified-Since": _since(modified_since)} if modified_since else {}
        named = entity or path.split("/", 1)[0]
        call = Call("GET", path, f"get-{named.lower()}", named, params or {}, headers)
        reply = await self._admitted(call)
        for pause in self._read_pauses:
            if not reply.is_away:
                break
            await asyncio.sleep(pause)
            reply = await self._admitted(call)
        return exchange.read(call, reply)

    async def send(
        self,
        method: str,
        path: str,
        body: str,
        *,
        idempotency_key: str | None,
        params: Mapping[str, str] | None = None,
        operation: str = "",
        within: timedelta | None = None,
    ) -> Answer:
        """Write once. Validation failures come back in the Answer, to be read element by element.

        within: what did not get its turn by then is not sent at all, but refused as RateLimited.

        AnswerLost means that only recovery may tell what happened; after any other error nothing was written.
        """
        headers = {"Content-Type": "application/json; charset=utf-8", **_key_header(idempotency_key)}
        entity = path.split("/", 1)[0]
        named = operation or f"{method.lower()}-{entity.lower()}"
        leave_by = time.time() + within.total_seconds() if within is not None else None
        call = Call(method, path, named, entity, params or {}, headers, body.encode(), leave_by)
        return exchange.written(call, await self._admitted(call))

    async def _admitted(self, call: Call) -> Reply:
        """The reply, the call being repeated where Xero refused it unseen: a sign-in run out (once), a limit (twice)."""
        token, renewed, limited = await self._tokens.access_token(), False, 0
        while limited < _LIMITED_TRIES:
            reply = await self._governed(call, token)
            if reply.has_run_out and not renewed:
                token, renewed = await self._tokens.renew(after=token), True
            elif reply.status == httpx.codes.TOO_MANY_REQUESTS:
                limited += 1
            else:
                return reply
        why = "Xero's limit was hit again and again; others use up the same allowance"
        raise RateLimited(
            SYSTEM,
            call.what,
            why,
            permanent=False,
            fix="Nothing was done; it goes on by itself.",
            status=reply.status,
            retry_after=self.governor.opens_in(),
            correlation_id=reply.correlation_id,
        )

    async def _governed(self, call: Call, token: str) -> Reply:
        headers = {"Authorization": f"Bearer {token}"}
        if self.tenant_id:
            headers["xero-tenant-id"] = self.tenant_id
        answer_within = READ_WITHIN if call.content is None else self._write_within
        async with self.governor.slot() as slot:
            if call.leave_by is not None and time.time() > call.leave_by:  # by the wall's clock, which runs on in a sleep
                fix = "Nothing was sent; it goes on by itself."
                raise RateLimited(SYSTEM, call.what, "its turn came too late", permanent=False, fix=fix)
            started = time.perf_counter()
            reply = await exchange.exchange(self._http, self._base, call, headers, answer_within)
            if reply.response is not None:
                slot.saw(reply.response.headers, reply.response.status_code)
        self._record(call, reply, round((time.perf_counter() - started) * 1000))
        return reply

    def _record(self, call: Call, reply: Reply, duration_ms: int) -> None:
        told = reply.status or reply.broke
        logger.info(
            "xero %s %s: %s in %d ms, correlation id %s",
            call.method,
            call.path,
            told,
            duration_ms,
            reply.correlation_id,
        )
        if self._on_call is None:
            return
        record = CallRecord(
            operation=call.operation,
            entity=call.entity,
            method=call.method,
            status=reply.word,
            http_status=reply.status,
            duration_ms=duration_ms,
            bytes_in=reply.bytes_in,
            correlation_id=reply.correlation_id,
        )
        self._on_call(record)


def _since(moment: datetime) -> str:
    """UTC to the second and without a Z, as Xero's examples have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _key_header(key: str | None) -> dict[str, str]:
    """Xero refuses an empty key, so None leaves the header out."""
    if key is None:
        return {}
    if not 0 < len(key) <= KEY_LENGTH:
        raise ValueError(f"an Idempotency-Key has 1 to {KEY_LENGTH} characters")
    return {"Idempotency-Key": key}
