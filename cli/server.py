"""A Prefect server of our own on loopback, as a child process: for `milepost up` and the demo."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from milepost.errors import ConfigError

HOST = "127.0.0.1"
SECONDS_TO_START = 90
SECONDS_TO_DRAIN = 5.0


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def require_free(port: int) -> None:
    """Raise ConfigError when something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigError(
                f"Port {port} of {HOST} is taken, perhaps by another `milepost up` or Prefect server. "
                f"Stop that one, or choose another port with --port."
            ) from error


def environment(home: Path, port: int) -> dict[str, str]:
    """Prefect's settings for a server of ours and for those who talk to it."""
    address = f"http://{HOST}:{port}"
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"{address}/api",
        "PREFECT_UI_URL": address,
        "PREFECT_UI_API_URL": f"{address}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    }


@asynccontextmanager
async def prefect_server(home: Path, port: int) -> AsyncIterator[str]:
    """Start the server and set this process's environment to talk to it; its address. Import Prefect only inside."""
    home.mkdir(parents=True, exist_ok=True)
    os.environ.update(environment(home, port))
    log = home / "server.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)  # noqa: S603, ASYNC220
    try:
        await _healthy(process, f"http://{HOST}:{port}", log)
        yield f"http://{HOST}:{port}"
    finally:
        await _drain()
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 10)
        except subprocess.TimeoutExpired:
            process.kill()


async def _drain() -> None:
    """Let Prefect's own threads send what they hold while the server is there; without it they would try for ever."""
    if "prefect.events.worker" not in sys.modules:
        return
    from prefect.events.worker import EventsWorker  # noqa: PLC0415  importing it would load all of Prefect
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415

    for worker in (EventsWorker, APILogWorker):
        draining = worker.drain_all(timeout=SECONDS_TO_DRAIN, at_exit=True)
        if not isinstance(draining, tuple):
            await draining


async def _healthy(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(SECONDS_TO_START * 10):
            if process.poll() is not None:
                raise ConfigError(f"The Prefect server ended at once (code {process.returncode}); its log is {log}.")
            try:
                if (await client.get(f"{address}/api/health", timeout=2)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise ConfigError(f"The Prefect server did not answer within {SECONDS_TO_START} s; its log is {log}.")
