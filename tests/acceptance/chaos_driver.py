"""Polls a connection in child processes, several at once, each of which may be told to kill itself at its n-th write.

A process of its own, which imports everything once and forks a child for each line of JSON on its standard input:
`{"id", "home", "url", "key", "connection", "ahead", "kill_at"}`. What became of each is printed: `{"id", "killed", "error",
"points"}`. The steps are the product's; the clock runs `ahead` seconds before the world's, so that no wait costs any time.
"""

import asyncio
import json
import os
import select
import signal
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from sqlalchemy.exc import OperationalError

from milepost.connection import Connection
from milepost.errors import MilepostError
from milepost.ledger import runs
from milepost.settings import Installation
from milepost.steps import tell
from milepost.steps.run import BillingRun
from milepost.steps.workspace import open_workspace
from tests.acceptance.kill_points import Points, hook
from tests.integration.steps_world import take_steps

_LOOK = 0.02
_MOST = 1_000_000


async def poll(task: dict[str, Any]) -> None:
    """One run: recovery, the way of a job, and the notes on the jobs."""
    installation = Installation(Path(task["home"]), task["url"], task["key"].encode(), "http://127.0.0.1:4280")
    connection = Connection.model_validate(task["connection"])
    ahead = timedelta(seconds=task["ahead"])

    def clock() -> datetime:
        return datetime.now(UTC) + ahead

    async with open_workspace(connection, installation, clock, for_person=False) as workspace:
        run = BillingRun(str(uuid4()), "poll", workspace)
        async with workspace.db.write() as c:
            await runs.start_run(c, run.id, workspace.name, "poll", None, clock())
        await take_steps(run)
        await tell.write_back(workspace)
        async with workspace.db.write() as c:
            await runs.end_run(c, run.id, run.counts, clock())


def child(task: dict[str, Any], report: Path) -> NoReturn:
    """One run in a process of its own. Ended early by a remote or by a database that is busy too long is no bug."""
    point = Points(report, task["kill_at"])
    hook(point)
    said = ""
    try:
        asyncio.run(poll(task))
    except (MilepostError, OperationalError) as error:
        said = type(error).__name__
    except BaseException:  # noqa: BLE001  told, and the process ends either way
        said = traceback.format_exc()
    point.tell()
    Path(f"{report}.error").write_text(said)
    os._exit(0)


def main() -> None:
    """Fork for each line at once, and tell of each child that ended; no event loop and no thread is ever started here."""
    running: dict[int, tuple[str, Path]] = {}
    is_open, said = True, b""
    while is_open or running:
        if is_open and select.select([sys.stdin], [], [], _LOOK)[0]:
            new = os.read(sys.stdin.fileno(), _MOST)  # unbuffered, so that select sees all that waits
            is_open, said = bool(new), said + new
        *lines, said = said.split(b"\n")
        for line in lines:
            start(json.loads(line), running)
        reap(running, wait=not is_open)


def start(task: dict[str, Any], running: dict[int, tuple[str, Path]]) -> None:
    """Fork a child for a task."""
    report = Path(task["home"]) / f"{task['id']}.points"
    pid = os.fork()
    if pid == 0:
        child(task, report)
    running[pid] = (task["id"], report)


def reap(running: dict[int, tuple[str, Path]], *, wait: bool) -> None:
    """Tell of the children that ended; `wait` for one if there is any."""
    while running:
        pid, status = os.waitpid(-1, 0 if wait else os.WNOHANG)
        if not pid:
            return
        identity, report = running.pop(pid)
        error = Path(f"{report}.error")
        told = {
            "id": identity,
            "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
            "error": error.read_text() if error.exists() else "",
            "points": json.loads(report.read_text()) if report.exists() else [],
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
