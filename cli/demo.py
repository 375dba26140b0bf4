"""`milepost demo`: the real flows against a local Xero, job systems and Slack over real HTTP, and what came of it."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli import demo_show, demo_world
from cli.prefect_api import QUIET
from cli.server import free_port, prefect_server
from cli.show import as_json, out
from cli.up import serve_until
from sandbox.server import Sandbox, SandboxSettings

HOME = Path(".demo")
CONSOLE = "http://127.0.0.1:4280"


def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit when the story is told.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
) -> None:
    """Bill three businesses end to end on this machine, calling nothing outside it; stays up until Ctrl-C."""
    asyncio.run(_demo(once=once or json, json=json))


async def _demo(*, once: bool, json: bool) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with _services(fresh_home(HOME)) as (sandbox, address):
        acts = await demo_world.play(sandbox, quiet=json)
        if json:
            as_json(demo_show.as_document(acts, sandbox))
        else:
            demo_show.show_world(sandbox)
            out.print(
                f"\n[bold]Prefect UI:[/] {address}   runs, artifacts, blocks and deployments of what you have just seen"
            )
        if not once:
            await _stay(stopping)


def fresh_home(home: Path) -> Path:
    """An empty ledger each time, and Prefect's database as it was after its first start, which takes the longest."""
    home = home.absolute()
    home.mkdir(exist_ok=True)
    shutil.rmtree(home / "milepost", ignore_errors=True)
    prefect = home / "prefect"
    empty = home / "prefect-empty.db"
    for suffix in ("", "-wal", "-shm"):
        (prefect / f"prefect.db{suffix}").unlink(missing_ok=True)
    if empty.exists():
        prefect.mkdir(exist_ok=True)
        shutil.copyfile(empty, prefect / "prefect.db")
    return home


@asynccontextmanager
async def _services(home: Path) -> AsyncIterator[tuple[Sandbox, str]]:
    """The sandbox, and a Prefect server that this process talks to from here on."""
    os.environ["MILEPOST_HOME"] = str(home / "milepost")
    os.environ.pop("MILEPOST_DATABASE_URL", None)
    os.environ.setdefault("MILEPOST_CONSOLE_URL", CONSOLE)
    os.environ.update(QUIET)
    empty = home / "prefect-empty.db"
    if not empty.exists():
        async with prefect_server(home / "prefect", free_port()):
            pass
        shutil.copyfile(home / "prefect" / "prefect.db", empty)
    async with (
        Sandbox(SandboxSettings(xero=demo_world.xero_settings())) as sandbox,
        prefect_server(home / "prefect", free_port()) as address,
    ):
        yield sandbox, address


async def _stay(stopping: asyncio.Event) -> None:
    out.print("The deployments are served now: start one in the UI, or let the schedule. Stop with Ctrl-C.")
    await serve_until(stopping)
