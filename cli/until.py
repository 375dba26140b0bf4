"""Work that ends cleanly at Ctrl-C or SIGTERM, at any moment: everything it opened is closed on the way out."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

INTERRUPTED = 130
"""The exit code of a command that was told to stop before it was done, as shells have it."""


async def until_told(work: Coroutine[Any, Any, None]) -> bool:
    """Do the work; whether it was told to stop meanwhile. Being told again does not cut the closing short."""
    task = asyncio.ensure_future(work)
    told = asyncio.Event()

    def stop() -> None:
        if not told.is_set():
            told.set()
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not told.is_set():
            raise
    return told.is_set()
