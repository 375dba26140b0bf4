"""Leases: who alone may do a thing now, across processes, hosts and both databases; and who is known to be alive.

    async with lease(db, "tokens|acme", for_=timedelta(seconds=30), wait=timedelta(minutes=1)) as held:
        ...                     # nobody else is in here while `held.is_lost` is False
    await take(c, "worker|7", owner, for_)      # the parts, for whoever keeps a lease beyond one block

A lease is a row with an owner and an end. It is taken when there is none, when its end has passed, or when its owner is a
process known to be gone, by one compare-and-set; it is renewed by a heartbeat, and its row goes when it is given back.
No transaction is open while a lease is held or waited for. It keeps others away, it proves nothing: a process that slept
past its end may meet the next owner, so what must be exact has a compare-and-set of its own as well.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.errors import MilepostError
from milepost.ledger.bulk import insert_into
from milepost.ledger.clocks import database_now
from milepost.ledger.database import Database
from milepost.ledger.owner import is_dead, this_process
from milepost.ledger.tables import leases

_log = logging.getLogger(__name__)

BEATS = 3
"""Renewals within the length of a lease: two may be missed."""
_PAUSE_MS = (50, 200)


class LeaseTaken(MilepostError):
    """Another holds the lease, and did not give it back while one waited."""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A lease as the ledger has it. `holding` tells one taking of it from the next by the same owner."""

    key: str
    owner: str
    holding: str
    until: datetime
    taken_at: datetime


@dataclass(slots=True)
class Held:
    """A lease in hand. `is_lost`: it was not renewed in time and another has it, or may have."""

    key: str
    holding: str
    is_lost: bool = False


async def take(c: AsyncConnection, key: str, owner: str, for_: timedelta) -> str | None:
    """Take a lease if it is free; the name of this holding of it, None when another has it."""
    now, holding = await database_now(c), uuid4().hex
    values = {"owner": owner, "holding": holding, "until": now + for_, "taken_at": now}
    first = insert_into(c, leases).values(key=key, **values).on_conflict_do_nothing().returning(leases.c.key)
    if (await c.execute(first)).first() is not None:
        return holding
    row = await get(c, key)
    if row is None or (row.until > now and is_dead(row.owner) is not True):
        return None
    theirs = update(leases).where(leases.c.key == key, leases.c.holding == row.holding, leases.c.until == row.until)
    return holding if (await c.execute(theirs.values(values))).rowcount else None


async def renew(c: AsyncConnection, key: str, holding: str, for_: timedelta) -> bool:
    """Move a lease's end to `for_` from now; False when another has taken it since."""
    ours = update(leases).where(leases.c.key == key, leases.c.holding == holding)
    return bool((await c.execute(ours.values(until=await database_now(c) + for_))).rowcount)


async def give_back(c: AsyncConnection, key: str, holding: str) -> bool:
    """End a lease; False when another had taken it."""
    return bool((await c.execute(delete(leases).where(leases.c.key == key, leases.c.holding == holding))).rowcount)


async def get(c: AsyncConnection, key: str) -> LeaseRow | None:
    """Who has a lease, or had it last and has not given it back."""
    row = (await c.execute(select(leases).where(leases.c.key == key))).mappings().first()
    return LeaseRow(**row) if row else None


async def is_held(c: AsyncConnection, key: str) -> bool:
    """Whether somebody alive has it: for work that belongs to whoever does."""
    row = await get(c, key)
    return row is not None and row.until > await database_now(c) and is_dead(row.owner) is not True


@asynccontextmanager
async def lease(
    db: Database, key: str, owner: str | None = None, *, for_: timedelta, wait: timedelta = timedelta()
) -> AsyncIterator[Held]:
    """Hold a lease for the block, renewed by a heartbeat for as long as it lasts.

    owner: this process, unless somebody else is meant. for_: how long it outlives its owner, where that cannot be seen
    to be gone. wait: how long to wait for it. Raises LeaseTaken.
    """
    held = Held(key, await _waited_for(db, key, owner or this_process(), for_, wait))
    beating = asyncio.create_task(_beat(db, held, for_))
    try:
        yield held
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
        await asyncio.shield(_end(db, held))


async def _waited_for(db: Database, key: str, owner: str, for_: timedelta, wait: timedelta) -> str:
    """Looked for again after a short pause of random length, so that those who wait do not keep meeting."""
    until = asyncio.get_running_loop().time() + wait.total_seconds()
    while True:
        async with db.write() as c:
            if holding := await take(c, key, owner, for_):
                return holding
        if asyncio.get_running_loop().time() >= until:
            raise LeaseTaken(f"Another process is at it ({key.partition('|')[0]}). Nothing was done; try again later.")
        least, most = _PAUSE_MS
        await asyncio.sleep((least + secrets.randbelow(most - least)) / 1000)


async def _beat(db: Database, held: Held, for_: timedelta) -> None:
    """Renew until cancelled or lost. A ledger that is busy or away is asked again at the next beat."""
    while not held.is_lost:
        await asyncio.sleep(for_.total_seconds() / BEATS)
        try:
            async with db.write() as c:
                held.is_lost = not await renew(c, held.key, held.holding, for_)
        except (DBAPIError, PoolTimeout) as error:
            _log.warning("a lease could not be renewed: %s", type(error).__name__)


async def _end(db: Database, held: Held) -> None:
    """Give it back; where the ledger is away, it runs out by itself."""
    try:
        async with db.write() as c:
            await give_back(c, held.key, held.holding)
    except (DBAPIError, PoolTimeout) as error:
        _log.warning("a lease could not be given back: %s", type(error).__name__)
