"""A Prefect server of our own on loopback, as a child process: for `milepost up` and the demo."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli.prefect_api import drain
from milepost.errors import ConfigError

HOST = "127.0.0.1"
SECONDS_TO_START = 90
SECONDS_TO_STOP = 10
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: its address, its process, and the file with what it says."""

    address: str
    process: "subprocess.Popen[bytes]"
    log: Path

    async def died(self) -> None:
        """Return when the server has ended without being asked to."""
        while self.process.poll() is None:  # noqa: ASYNC110  nothing tells us but the process itself
            await asyncio.sleep(1)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def require_free(port: int, chosen_by: str = "--port") -> None:
    """Raise ConfigError when something listens on the port already, or this user may not; `chosen_by` is the way out."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise ConfigError(f"Port {port} is not for ordinary users. Choose one above 1023 with {chosen_by}.") from error
        except OSError as error:
            raise ConfigError(
                f"Port {port} of {HOST} is taken, perhaps by another `milepost up` or Prefect server. "
                f"Stop that one, or choose another port with {chosen_by}."
            ) from error


def environment(home: Path, port: int) -> dict[str, str]:
    """Prefect's settings for a server of ours and for those who talk to it."""
    address = f"http://{HOST}:{port}"
    settings = {
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
    if secret := os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        settings["PREFECT_API_AUTH_STRING"] = os.environ.get("PREFECT_API_AUTH_STRING", secret)
    return settings


@asynccontextmanager
async def prefect_server(home: Path, port: int) -> AsyncIterator[Server]:
    """Start the server and set this process's environment to talk to it. Import Prefect only inside.

    Raises ConfigError when it does not start. It ends with this process, even if that is killed.
    """
    os.environ.update(environment(home, port))
    server = Server(f"http://{HOST}:{port}", _start(home / "server.log", port), home / "server.log")
    try:
        await _healthy(server)
        yield server
    finally:
        await _stop(server.process)


def _start(log: Path, port: int) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that Ctrl-C reaches this process only; the pipe tells it when this process is gone."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cli.guarded", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603  our own arguments
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )


async def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        await drain()
        process.terminate()
    try:
        await asyncio.to_thread(process.wait, SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
    if process.stdin:
        process.stdin.close()


async def _healthy(server: Server) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(int(SECONDS_TO_START / _PAUSE)):
            if server.process.poll() is not None:
                raise ConfigError(
                    f"The Prefect server ended at once (code {server.process.returncode}). Its log says why: {server.log}"
                )
            try:
                if (await client.get(f"{server.address}/api/health", timeout=2)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(_PAUSE)
    raise ConfigError(f"The Prefect server did not answer within {SECONDS_TO_START} s. Its log may say why: {server.log}")
