"""Serving the application of `console` from this process, on loopback alone: a reverse proxy brings it outside."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import uvicorn

from cli.server import HOST, require_free
from milepost.errors import ConfigError
from milepost.settings import DEFAULT_CONSOLE_URL, Installation

_PAUSE = 0.05


def console_port(installation: Installation) -> int:
    """The port that MILEPOST_CONSOLE_URL names; the usual one where it names none, as behind a proxy."""
    try:
        named = urlsplit(installation.console_url).port
    except ValueError as error:
        raise ConfigError(f"MILEPOST_CONSOLE_URL is not a URL: {error}. An example: {DEFAULT_CONSOLE_URL}") from error
    return named or urlsplit(DEFAULT_CONSOLE_URL).port or 0


class _Server(uvicorn.Server):
    """uvicorn takes over SIGINT and SIGTERM; here the command keeps them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def console_server(installation: Installation) -> AsyncIterator["asyncio.Task[None]"]:
    """Serve the console and take webhooks in until the block ends; the task ends when the server does by itself.

    Raises ConfigError when its port is taken or its ledger cannot be opened.
    """
    from console.app import create_app  # noqa: PLC0415  Prefect reads its settings when it is imported

    port = console_port(installation)
    require_free(port, "MILEPOST_CONSOLE_URL")
    config = uvicorn.Config(
        create_app(installation), host=HOST, port=port, log_config=None, access_log=False, server_header=False, ws="none"
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise ConfigError(
                    f"The console could not be served on port {port} of {HOST}. Does the ledger open? Try: milepost status"
                )
            await asyncio.sleep(_PAUSE)
        yield serving
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
