"""Faults to switch on in front of any simulated service, and the log of what it was asked.

Vendor-neutral: wrap any ASGI application in `FaultMiddleware`, outermost, and serve it with uvicorn.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Kind = Literal["slow", "drop_before", "drop_after", "status", "hold_before", "hold_after"]
_HOLD_STEP = 0.01


@dataclass
class Fault:
    """What shall go wrong, for which requests, and how often.

    `path` is an fnmatch glob on the request's path; `skip` matching requests pass first; `times` -1 lasts
    until cleared. `seconds` is the length of "slow" and the longest wait of a hold; `status`, `body` and
    `headers` belong to "status".
    """

    kind: Kind
    method: str = "*"
    path: str = "*"
    times: int = 1
    skip: int = 0
    seconds: float = 0.0
    status: int = 500
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown fault {self.kind!r}: use one of {', '.join(get_args(Kind))}")

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path, self.path)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Fault":
        """Raises ValueError for a key or a kind that does not exist."""
        if unknown := set(row) - {f.name for f in fields(cls)}:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        return cls(**row)


class Faults:
    """The faults that are switched on, oldest first; safe to change from another thread than the server's."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._waiting = list(faults)
        self._cleared = 0

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all faults and let held requests go on."""
        with self._lock:
            self._waiting.clear()
            self._cleared += 1

    def take(self, method: str, path: str) -> Fault | None:
        """The fault to apply to this request, already counted down; None to serve it as usual."""
        with self._lock:
            for fault in self._waiting:
                if not fault.matches(method, path) or fault.times == 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1 if fault.times > 0 else 0
                if fault.times == 0:
                    self._waiting.remove(fault)
                return fault
        return None

    async def hold(self, seconds: float) -> None:
        """Wait until `seconds` have passed or the faults are cleared."""
        cleared, until = self._cleared, time.monotonic() + seconds
        while self._cleared == cleared and time.monotonic() < until:  # noqa: ASYNC110 - cleared by any thread
            await asyncio.sleep(_HOLD_STEP)

    def to_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.to_json() for fault in self._waiting]

    @classmethod
    def from_json(cls, rows: list[dict[str, Any]]) -> "Faults":
        return cls(Fault.from_json(row) for row in rows)


@dataclass
class Entry:
    """One request: `status` and `ms` are None while it is served; `status` is 0 when no answer was given."""

    n: int
    at: datetime
    method: str
    path: str
    query: str
    tenant: str
    status: int | None = None
    ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}


class RequestLog:
    """Every request in order of arrival, without bodies. `prefix` is cut off a path before it is counted."""

    def __init__(self, prefix: str = "", tenant_header: str = "xero-tenant-id") -> None:
        self._prefix = prefix
        self._tenant_header = tenant_header.encode()
        self.entries: list[Entry] = []

    def arrived(self, scope: Scope) -> Entry:
        entry = Entry(
            n=len(self.entries) + 1,
            at=datetime.now(UTC),
            method=scope["method"],
            path=scope["path"],
            query=scope.get("query_string", b"").decode("latin-1"),
            tenant=dict(scope["headers"]).get(self._tenant_header, b"").decode("latin-1"),
        )
        self.entries.append(entry)
        return entry

    def counts(self) -> Counter[tuple[str, str]]:
        """Requests by method and first path segment (after the prefix), such as ("PUT", "Invoices")."""
        return Counter((e.method, self._segment(e.path)) for e in self.entries)

    def _segment(self, path: str) -> str:
        return path.removeprefix(self._prefix).strip("/").split("/", 1)[0]

    def clear(self) -> None:
        self.entries.clear()

    def to_json(self) -> list[dict[str, Any]]:
        return [entry.to_json() for entry in self.entries]


class FaultMiddleware:
    """Applies faults around an ASGI application and logs its requests; `latency` (s) is added to each."""

    def __init__(self, app: ASGIApp, faults: Faults, log: RequestLog, latency: float = 0.0) -> None:
        self.app = app
        self.faults = faults
        self.log = log
        self.latency = latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        entry, started = self.log.arrived(scope), time.perf_counter()
        answer = _Answer(entry, send)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            fault = self.faults.take(scope["method"], scope["path"])
            await self._serve(fault, scope, receive, answer)
        finally:
            entry.ms = round((time.perf_counter() - started) * 1000, 3)
            entry.status = entry.status or 0

    async def _serve(self, fault: Fault | None, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        match fault:
            case None:
                await self.app(scope, receive, answer.send)
            case Fault(kind="status"):
                await answer.give(fault)
            case Fault(kind="drop_before"):
                await _abort(receive, answer.transport_send)
            case Fault(kind="slow" | "hold_before"):
                await self._wait(fault)
                await self.app(scope, receive, answer.send)
            case Fault(kind="hold_after" | "drop_after"):
                kept: list[Message] = []
                await self.app(scope, receive, _keep_in(kept))
                await self._after(fault, kept, receive, answer)

    async def _wait(self, fault: Fault) -> None:
        await (asyncio.sleep(fault.seconds) if fault.kind == "slow" else self.faults.hold(fault.seconds))

    async def _after(self, fault: Fault, kept: list[Message], receive: Receive, answer: "_Answer") -> None:
        await self.faults.hold(fault.seconds)
        if fault.kind == "drop_after":
            await _abort(receive, answer.transport_send)
            return
        for message in kept:
            await answer.send(message)


class _Answer:
    """Passes messages on and notes the status in the log's entry."""

    def __init__(self, entry: Entry, send: Send) -> None:
        self.entry = entry
        self.transport_send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.entry.status = message["status"]
        await self.transport_send(message)

    async def give(self, fault: Fault) -> None:
        body = fault.body.encode()
        headers = {
            "content-type": "text/plain; charset=utf-8",
            **{k.lower(): v for k, v in fault.headers.items()},
        }
        headers["content-length"] = str(len(body))
        raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        await self.send({"type": "http.response.start", "status": fault.status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})


def _keep_in(messages: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        messages.append(message)

    return keep


async def _abort(receive: Receive, send: Send) -> None:
    """Close the client's TCP connection at once, with nothing sent, and wait until the server has noticed."""
    _transport_behind(send).abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport_behind(send: Send) -> asyncio.Transport:
    """The connection under uvicorn's `send`, also when other middleware has wrapped it in closures.

    ASGI itself has no way to cut a connection, and raising would make uvicorn answer 500.
    """
    seen: list[Any] = [send]
    for candidate in seen:
        transport = getattr(getattr(candidate, "__self__", None), "transport", None)
        if isinstance(transport, asyncio.Transport):
            return transport
        cells = getattr(candidate, "__closure__", None) or ()
        seen.extend(cell.cell_contents for cell in cells if callable(cell.cell_contents))
    raise RuntimeError("dropping a connection needs uvicorn: no transport was found behind send")
