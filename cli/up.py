"""`milepost up`: the Prefect server and the runner of all deployments, in one place on a single machine."""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.console import console_port, console_server
from cli.prefect_api import ADDRESS_FILE, running_server, use_prefect
from cli.server import Server, prefect_server, require_free
from cli.show import out, say, text
from cli.until import until_told
from milepost.errors import ConfigError, MilepostError
from milepost.settings import Installation, installation


def up(
    port: Annotated[
        int, typer.Option(help="The port of the Prefect server and its UI, on 127.0.0.1.", min=1, max=65535)
    ] = 4200,
) -> None:
    """Serve everything on this machine until Ctrl-C: the Prefect server with its UI, schedules and flow runs.

    With PREFECT_API_URL set, that server is used and only the deployments are served.
    """
    asyncio.run(until_told(_up(port)))
    out.print("Milepost is down.")


async def _up(port: int) -> None:
    where = installation()
    require_free(console_port(where), "MILEPOST_CONSOLE_URL")
    async with AsyncExitStack() as stack:
        server = None
        if address := os.environ.get("PREFECT_API_URL", "").removesuffix("/api"):
            use_prefect()
            from blocks.store import list_connections  # noqa: PLC0415  Prefect reads its settings when it is imported

            await list_connections()  # says so where that server is away or refuses us
        else:
            server = await _our_server(stack, where.home, port)
            address = server.address
        words = f"[green]✓[/] Milepost is up. Prefect UI: {text(address)}   Webhooks: {text(where.console_url)}/hooks/…"
        await serve(server, f"{words}   Stop with Ctrl-C.", console=where)


async def _our_server(stack: AsyncExitStack, home: Path, port: int) -> Server:
    if there := running_server(home):
        raise ConfigError(
            f"Milepost is up for {home} already, at {there}. Stop that one first, or set another MILEPOST_HOME."
        )
    require_free(port)
    out.print("Starting the Prefect server …")
    server = await stack.enter_async_context(prefect_server(home / "prefect", port))
    stack.enter_context(_announced(home, server.address))
    use_prefect()
    return server


@contextmanager
def _announced(home: Path, address: str) -> Iterator[None]:
    """Tell the other commands of this home where the server is, as long as it is there."""
    file = home / ADDRESS_FILE
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({"address": address, "pid": os.getpid()}))
    draft.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


async def serve(server: Server | None, words: str, run_now: str | None = None, console: Installation | None = None) -> None:
    """Serve the deployments, say so, and tell of each run, until cancelled; runs under way are ended with the runner.

    run_now: a deployment (FLOW/NAME) that is run at once. console: the installation whose console is served as well.

    Raises MilepostError when the server ends by itself.
    """
    from cli.serving import deployments_runner, ended, start_run, tell_runs  # noqa: PLC0415  Prefect is slow

    async with AsyncExitStack() as stack:
        runner = await deployments_runner()
        serving = [await stack.enter_async_context(console_server(console))] if console else []
        say(words)
        if run_now:
            await start_run(run_now)
        work = [asyncio.create_task(runner.start()), asyncio.create_task(tell_runs())]
        if server:
            work.append(asyncio.create_task(server.died()))
        try:
            done, _ = await asyncio.wait([*work, *serving], return_when=asyncio.FIRST_COMPLETED)
            if not (server and server.process.poll() is not None):
                for task in done:
                    task.result()
        finally:
            await ended(runner, work)
        if server:
            raise MilepostError(f"The Prefect server ended by itself. Its log may say why: {server.log}. Start again.")
