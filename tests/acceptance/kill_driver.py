"""Runs the real flow in a child process that kills itself, by SIGKILL, before or after its n-th write.

A process of its own: it imports everything once, then forks a child for each line of JSON on its standard input,
`{"id", "installation", "console", "connection", "kill_at"}`, several at a time, and prints what became of each,
`{"id", "killed", "points"}`.
A write is a commit of the ledger, or a request to another system that changes something there; each has two points,
just before it and just after. Only third parties' code is hooked: what runs is the product.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import httpx
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.engine.default import DefaultDialect

from flows.billing import poll_jobs

AT_ONCE = 3
WRITES = ("PUT", "POST", "PATCH", "DELETE")
_PREFECT = os.environ["PREFECT_API_URL"]


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


def hook(point: Points) -> None:
    """Watch every commit, and every request but those to Prefect."""
    send, commit, open_ = (
        httpx.AsyncHTTPTransport.handle_async_request,
        aiosqlite.dialect.do_commit,
        urllib.request.AbstractHTTPHandler.do_open,
    )

    async def handle_async_request(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        name = _name(request.method, str(request.url))
        return await _around_async(point, name, lambda: send(self, request))

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        point("before commit")
        commit(self, connection)  # type: ignore[no-untyped-call]
        point("after commit")

    def do_open(self: Any, http_class: Any, req: Any, **more: Any) -> Any:
        name = _name(req.get_method(), req.full_url)
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
    await answer.aread()
    point(f"after {name}")
    return answer


def _name(method: str, url: str) -> str:
    """`PUT Invoices`, `POST chat.postMessage`; empty for what is no write of ours."""
    if method not in WRITES or url.startswith(_PREFECT):
        return ""
    return f"{method} {httpx.URL(url).path.rstrip('/').rpartition('/')[2]}"


def child(task: dict[str, Any], report: Path) -> NoReturn:
    """One run of the flow, in a process of its own; ends without any of Python's tidying up."""
    os.environ |= {**task["installation"], "MILEPOST_CONSOLE_URL": task["console"]}
    point = Points(report, task["kill_at"])
    hook(point)
    code = 0
    try:
        asyncio.run(poll_jobs(task["connection"], return_state=True))  # type: ignore[arg-type]
    except BaseException:  # noqa: BLE001  told, and the process ends either way
        traceback.print_exc()
        code = 1
    point.tell()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Fork for each line, as many at once as there are places; no event loop and no thread is ever started here."""
    running: dict[int, tuple[str, Path]] = {}
    for line in sys.stdin:
        if len(running) >= AT_ONCE:
            reap(running)
        task = json.loads(line)
        report = Path(task["installation"]["MILEPOST_HOME"]) / f"{task['id']}.points"
        pid = os.fork()
        if pid == 0:
            child(task, report)
        running[pid] = (task["id"], report)
    while running:
        reap(running)


def reap(running: dict[int, tuple[str, Path]]) -> None:
    """Wait for one child and print what became of it."""
    pid, status = os.wait()
    identity, report = running.pop(pid)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    told = {"id": identity, "killed": killed, "status": status, "points": json.loads(report.read_text())}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
