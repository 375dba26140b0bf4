"""Runs the real flow in a child process that kills itself, by SIGKILL, before or after its n-th write.

A process of its own: it imports everything once, then forks a child for each line of JSON on its standard input,
`{"id", "installation", "console", "connection", "kill_at"}`, several at a time, and prints what became of each,
`{"id", "killed", "points"}`.
What counts as a write is told in `kill_points`.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from flows.billing import bill_jobs, poll_jobs
from tests.acceptance.kill_points import Points, hook

AT_ONCE = 3
_PREFECT = os.environ["PREFECT_API_URL"]


def child(task: dict[str, Any], report: Path) -> NoReturn:
    """One run of the flow, in a process of its own; ends without any of Python's tidying up."""
    os.environ |= {**task["installation"], "MILEPOST_CONSOLE_URL": task["console"]}
    point = Points(report, task["kill_at"])
    hook(point, but=_PREFECT)
    code = 0
    try:
        asyncio.run(_flow(task))
    except BaseException:  # noqa: BLE001  told, and the process ends either way
        traceback.print_exc()
        code = 1
    point.tell()
    sys.stderr.flush()
    os._exit(code)


async def _flow(task: dict[str, Any]) -> None:
    """A poll; or, with the ids of jobs in `reissue`, a person who confirms that their invoices are made anew."""
    if jobs := task.get("reissue"):
        await bill_jobs(task["connection"], job_ids=jobs, reissue=True, return_state=True)
    else:
        await poll_jobs(task["connection"], return_state=True)


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
