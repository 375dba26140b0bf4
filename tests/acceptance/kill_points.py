"""The points between the writes of a process, at one of which it may be told to kill itself by SIGKILL.

A write is a commit of the ledger, or a request to another system that changes something there; each has two points,
just before it and just after. Only third parties' code is hooked: what runs is the product.
"""

import json
import os
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.engine.default import DefaultDialect

WRITES = ("PUT", "POST", "PATCH", "DELETE")


class Points:
    """Counts the points that a run passes, and ends the process at the one that was chosen."""

    def __init__(self, report: Path, kill_at: int | None) -> None:
        self._report = report
        self._kill_at = kill_at
        self.passed: list[str] = []

    def __call__(self, what: str) -> None:
        """A point was reached."""
        chosen = len(self.passed) == self._kill_at
        self.passed.append(what)
        if chosen:
            self.tell()
            os.kill(os.getpid(), signal.SIGKILL)

    def tell(self) -> None:
        """Leave word of what was passed."""
        self._report.write_text(json.dumps(self.passed))


def hook(point: Points, *, but: str = "") -> None:
    """Watch every commit, and every request that writes; `but` begins the addresses of those that do not count."""
    send, commit, open_ = (
        httpx.AsyncHTTPTransport.handle_async_request,
        aiosqlite.dialect.do_commit,
        urllib.request.AbstractHTTPHandler.do_open,
    )

    async def handle_async_request(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        name = _name(request.method, str(request.url), but)
        return await _around_async(point, name, lambda: send(self, request))

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        point("before commit")
        commit(self, connection)  # type: ignore[no-untyped-call]
        point("after commit")

    def do_open(self: Any, http_class: Any, req: Any, **more: Any) -> Any:
        name = _name(req.get_method(), req.full_url, but)
        point(f"before {name}")
        answer = open_(self, http_class, req, **more)
        point(f"after {name}")
        return answer

    httpx.AsyncHTTPTransport.handle_async_request = handle_async_request  # type: ignore[method-assign]
    for dialect in (aiosqlite.dialect, psycopg.dialect_async):
        dialect.do_commit = do_commit  # type: ignore[method-assign]
    urllib.request.AbstractHTTPHandler.do_open = do_open  # type: ignore[method-assign]


async def _around_async(point: Points, name: str, call: Callable[[], Any]) -> httpx.Response:
    if not name:
        answer: httpx.Response = await call()
        return answer
    point(f"before {name}")
    answer = await call()
    point(f"after {name}")
    return answer


def _name(method: str, url: str, but: str) -> str:
    """`PUT Invoices`, `POST chat.postMessage`; empty for what is no write of ours."""
    if method not in WRITES or (but and url.startswith(but)):
        return ""
    return f"{method} {httpx.URL(url).path.rstrip('/').rpartition('/')[2]}"
