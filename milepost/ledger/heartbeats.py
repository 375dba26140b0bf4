"""The heartbeat of a request that is being sent, or looked for: its lease is renewed for as long as its process is at it.

So one that a living process waits with, however long, is left alone, and a dead one's is taken up soon.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from milepost.ledger.database import Database
from milepost.ledger.leases import BEATS
from milepost.ledger.owner import this_process
from milepost.ledger.requests import extend_lease

_log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


@asynccontextmanager
async def kept_alive(db: Database, request_id: str, clock: Clock, for_: timedelta) -> AsyncIterator[None]:
    """Renew this process's lease on a request for the block, by `for_` each time. What is short writes nothing."""
    beating = asyncio.create_task(_beat(db, request_id, clock, for_))
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _beat(db: Database, request_id: str, clock: Clock, for_: timedelta) -> None:
    """Until it is not ours any more. A ledger that is busy or away is asked again at the next beat."""
    is_ours = True
    while is_ours:
        await asyncio.sleep(for_.total_seconds() / BEATS)
        try:
            async with db.write() as c:
                is_ours = await extend_lease(c, request_id, this_process(), clock() + for_)
        except (DBAPIError, PoolTimeout) as error:
            _log.warning("request %s: its lease could not be renewed (%s)", request_id, type(error).__name__)
