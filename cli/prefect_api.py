"""Which Prefect server the command talks to, settled before Prefect is imported (it reads its settings then).

PREFECT_API_URL where it is set; else the server of a running `milepost up`; else one that Prefect starts for this command,
with its database in MILEPOST_HOME.
"""

import asyncio
import json
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import httpx

from cli.show import hint
from milepost.settings import installation

QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL"}
"""Flows log to the server; on the terminal the command speaks for itself."""
ADDRESS_FILE = "prefect.json"
SECONDS_TO_DRAIN = 5.0
T = TypeVar("T")


def use_prefect() -> None:
    """Set Prefect's environment for this process."""
    home = installation().home
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "milepost,notifications,flows")
    for setting, level in QUIET.items():
        os.environ.setdefault(setting, level)
    if secret := os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        os.environ.setdefault("PREFECT_API_AUTH_STRING", secret)
    if os.environ.get("PREFECT_API_URL"):
        return
    os.environ.setdefault("PREFECT_HOME", str(home / "prefect"))
    if address := running_server(home):
        os.environ["PREFECT_API_URL"] = f"{address}/api"
        os.environ.setdefault("PREFECT_UI_URL", address)
        return
    hint("Starting Prefect for this command alone; while `milepost up` runs, this takes no time.")
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "60")


def running_server(home: Path) -> str | None:
    """The address of the server that `milepost up` runs for this home, if it does: an old file names nobody."""
    try:
        kept = json.loads((home / ADDRESS_FILE).read_text())
        address = str(kept["address"])
        os.kill(int(kept["pid"]), 0)
        return address if httpx.get(f"{address}/api/health", timeout=2, trust_env=False).is_success else None
    except PermissionError:  # of os.kill: the process is another user's
        return None
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError):
        return None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do the work in an event loop; what Prefect's own threads hold is sent while its server is there."""

    async def drained() -> T:
        try:
            return await work
        finally:
            await drain()

    return asyncio.run(drained())


async def drain() -> None:
    """Let Prefect's own threads send what they hold while the server is there; without it they would try for ever."""
    if "prefect.events.worker" not in sys.modules:
        return
    from prefect.events.worker import EventsWorker  # noqa: PLC0415  importing it would load all of Prefect
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415

    for worker in (EventsWorker, APILogWorker):
        draining = worker.drain_all(timeout=SECONDS_TO_DRAIN, at_exit=True)
        if not isinstance(draining, tuple):
            await draining
