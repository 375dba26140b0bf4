"""Which Prefect server the command talks to, settled before Prefect is imported (it reads its settings then).

PREFECT_API_URL where it is set; else the server of a running `milepost up`; else one that Prefect starts for this command,
with its database in MILEPOST_HOME.
"""

import json
import os
from pathlib import Path

import httpx

from milepost.settings import installation

QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
"""Flows log to the server; on the terminal the command speaks for itself."""
ADDRESS_FILE = "prefect.json"


def use_prefect(*, quiet: bool = True) -> None:
    """Set Prefect's environment for this process."""
    home = installation().home
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "milepost,notifications,flows")
    if quiet:
        os.environ.update({key: os.environ.get(key, value) for key, value in QUIET.items()})
    if "PREFECT_API_URL" in os.environ:
        return
    os.environ.setdefault("PREFECT_HOME", str(home / "prefect"))
    if address := running_server(home):
        os.environ["PREFECT_API_URL"] = f"{address}/api"
        os.environ.setdefault("PREFECT_UI_URL", address)
        return
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "60")


def running_server(home: Path) -> str | None:
    """The address of the server that `milepost up` runs for this home, if it answers."""
    try:
        address = str(json.loads((home / ADDRESS_FILE).read_text())["address"])
        return address if httpx.get(f"{address}/api/health", timeout=2).is_success else None
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        return None
