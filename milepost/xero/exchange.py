"""One HTTP exchange with Xero as values: what is asked, and the reply or how the connection broke.

A broken connection is a value, not an exception, so that no traceback carries the request and its token along.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from milepost.bodies import UnreadableBody, send_bounded
from milepost.errors import AnswerLost, RemoteError
from milepost.xero import refusals
from milepost.xero.refusals import SYSTEM

BODY_LIMIT = 64_000_000
"""Bytes of an answer: a page of a thousand invoices has a few millions."""
_CONNECT_WITHIN = 5.0
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One HTTP call as it went, for the call log. `status`: ok refused limited error lost; `bytes_in` as received."""

    operation: str
    entity: str
    method: str
    status: str
    http_status: int | None
    duration_ms: int
    bytes_in: int
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Xero's answer to a write: 2xx, or 400 with a ValidationException. `data` holds names and amounts: not in the repr."""

    status: int
    data: Any = field(repr=False)
    correlation_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked: path and parameters below the API's base, its own headers, and the body of a write.

    leave_by: the moment (`time.time()`) after which it must not be sent any more.
    """

    method: str
    path: str
    operation: str
    entity: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    leave_by: float | None = None

    @property
    def resource(self) -> str:
        """The first segment of the path, such as Invoices."""
        return self.path.split("/", 1)[0]

    @property
    def what(self) -> str:
        """For messages; without ids and parameters."""
        return f"{self.method} {self.resource}"


@dataclass(frozen=True, slots=True)
class Reply:
    """Xero's response, or how the connection broke; `sent`: the request may have reached Xero.

    bytes_in: received, compressed as they came: Xero charges for them.
    """

    response: httpx.Response | None = field(repr=False)
    broke: str = ""
    sent: bool = True
    bytes_in: int = 0

    @property
    def status(self) -> int | None:
        """The HTTP status, where there was an answer."""
        return self.response.status_code if self.response is not None else None

    @property
    def correlation_id(self) -> str | None:
        """What Xero's support asks for."""
        return refusals.correlation_id(self.response) if self.response is not None else None

    @property
    def is_away(self) -> bool:
        """Xero could not be asked or could not answer; 501 is an answer."""
        return self.response is None or (self.response.is_server_error and self.status != httpx.codes.NOT_IMPLEMENTED)

    @property
    def has_run_out(self) -> bool:
        """The access token is not accepted, though another may be; a missing scope is not mended by a new token."""
        if self.response is None or self.status != httpx.codes.UNAUTHORIZED:
            return False
        return "AuthorizationUnsuccessful" not in refusals.detail(self.response)

    @property
    def word(self) -> str:
        """The call log's word for it."""
        if self.response is None:
            return "lost" if self.sent else "error"
        if self.status == httpx.codes.TOO_MANY_REQUESTS:
            return "limited"
        if self.response.is_server_error:
            return "error"
        return "refused" if self.response.is_client_error else "ok"


async def exchange(
    http: httpx.AsyncClient, base: str, call: Call, headers: Mapping[str, str], answer_within: float
) -> Reply:
    """Send it once; `answer_within` in seconds, and 5 s to connect."""
    request = http.build_request(
        call.method,
        base + call.path,
        params=call.params,
        headers={**headers, **call.headers},
        content=call.content,
        timeout=httpx.Timeout(answer_within, connect=_CONNECT_WITHIN),
    )
    try:
        response, received = await send_bounded(http, request, BODY_LIMIT)
    except UnreadableBody as error:
        return Reply(None, str(error))
    except httpx.RequestError as error:
        return Reply(None, type(error).__name__, sent=not isinstance(error, _NOTHING_SENT))
    return Reply(response, bytes_in=received)


def read(call: Call, reply: Reply) -> Any:
    """What a GET got. Raises RemoteError or AuthError."""
    response = reply.response
    if response is None:
        raise _unreachable(call, reply)
    if response.status_code == httpx.codes.NOT_MODIFIED:
        return {}
    if not response.is_success:
        raise refusals.refusal(response, call.what, call.resource)
    if (data := refusals.readable(response)) is None:
        why = f"its answer is no JSON: {refusals.excerpt(response.text) or 'empty'}"
        raise RemoteError(SYSTEM, call.what, why, permanent=False, status=reply.status, correlation_id=reply.correlation_id)
    return data


def written(call: Call, reply: Reply) -> Answer:
    """What a write got. Raises AnswerLost where it may or may not have happened, else RemoteError or AuthError."""
    response = reply.response
    if response is None:
        raise _lost(call, reply, f"the connection broke ({reply.broke})") if reply.sent else _unreachable(call, reply)
    data = refusals.readable(response)
    if reply.is_away or reply.status == httpx.codes.REQUEST_TIMEOUT:  # gateways say 408 of what they passed on, too
        raise _lost(call, reply, refusals.excerpt(response.text) or "it gave no reason")
    is_outcome = response.is_success or (reply.status == httpx.codes.BAD_REQUEST and refusals.is_validation(data))
    if response.is_redirect:  # somebody in between, of whom nothing is known
        raise _lost(call, reply, "it points to another address, which is not followed with our sign-in")
    if not is_outcome:
        raise refusals.refusal(response, call.what, call.resource)
    if data is None and response.content:
        raise _lost(call, reply, "its answer cannot be read")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, data, reply.correlation_id, headers)


def _unreachable(call: Call, reply: Reply) -> RemoteError:
    fix = "Check the network; it is tried again by itself."
    return RemoteError(SYSTEM, call.what, f"no answer ({reply.broke})", permanent=False, fix=fix)


def _lost(call: Call, reply: Reply, why: str) -> AnswerLost:
    fix = "Nothing is sent again before it is known whether it was done; this is found out by itself."
    return AnswerLost(
        SYSTEM,
        call.what,
        f"it was sent, but the outcome is unknown: {why.rstrip('.')}",
        permanent=False,
        fix=fix,
        status=reply.status,
        correlation_id=reply.correlation_id,
    )
