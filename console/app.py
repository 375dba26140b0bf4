"""The application that `milepost up` serves at MILEPOST_CONSOLE_URL: its routes, and what lives as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from console.hooks import Hooks, routes
from console.limits import Limits
from flows.events import SECONDS_TO_GATHER, EventWorker
from flows.warm import Warm
from milepost.ledger.database import open_database
from milepost.settings import Installation
from milepost.steps.workspace import Clock, utcnow


def create_app(
    installation: Installation, *, clock: Clock = utcnow, limits: Limits | None = None, gather: float = SECONDS_TO_GATHER
) -> FastAPI:
    """The application. Events are worked in this process from its start to its end.

    gather: seconds for which Xero's events are gathered before what they name is read.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warm = Warm()
        async with open_database(installation) as db:
            worker = EventWorker(db, warm, clock, gather=gather)
            app.state.hooks = Hooks(db, warm, worker, clock, limits or Limits())
            working = asyncio.create_task(worker.run())
            try:
                yield
            finally:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working

    app = FastAPI(title="Milepost", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(routes)
    return app
