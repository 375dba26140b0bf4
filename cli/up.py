"""`milepost up`: the Prefect server and the runner of all deployments, in one place on a single machine."""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from cli.prefect_api import ADDRESS_FILE, use_prefect
from cli.server import prefect_server, require_free
from cli.show import out
from milepost.settings import installation


def up(
    port: Annotated[int, typer.Option(help="The port of the Prefect server and its UI, on 127.0.0.1.")] = 4200,
) -> None:
    """Serve everything on this machine until Ctrl-C: the Prefect server with its UI, schedules and flow runs.

    With PREFECT_API_URL set, that server is used and only the deployments are served.
    """
    asyncio.run(_up(port))


async def _up(port: int) -> None:
    home = installation().home
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        if "PREFECT_API_URL" in os.environ:
            use_prefect(quiet=False)
            address = os.environ["PREFECT_API_URL"].removesuffix("/api")
        else:
            require_free(port)
            out.print("Starting the Prefect server …")
            address = await stack.enter_async_context(prefect_server(home / "prefect", port))
            stack.callback(_announce(home, address).unlink, missing_ok=True)
            use_prefect(quiet=False)
        out.print(f"[green]✓[/] Milepost is up. Prefect UI: {address}   Stop with Ctrl-C.")
        await serve_until(stopping)
    out.print("Milepost is down.")


async def serve_until(stopping: asyncio.Event) -> None:
    """Serve the deployments until told to stop; runs under way are ended with the runner."""
    from prefect.runner import Runner  # noqa: PLC0415  Prefect reads its settings when it is imported

    from flows.deployments import served_deployments  # noqa: PLC0415

    runner = Runner(name="milepost", pause_on_shutdown=False)
    for deployment in await served_deployments():
        await runner.aadd_deployment(deployment)
    serving = asyncio.create_task(runner.start())
    await asyncio.wait({serving, asyncio.create_task(stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        await asyncio.to_thread(runner.stop)
        serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


def _announce(home: Path, address: str) -> Path:
    """Tell the other commands of this home where the server is."""
    file = home / ADDRESS_FILE
    file.write_text(json.dumps({"address": address, "pid": os.getpid()}))
    return file
