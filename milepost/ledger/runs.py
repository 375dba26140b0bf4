"""Runs: one row for each time a flow billed a connection, with what came of it in counts.

A run that lives holds a lease; one that does not, and has not ended, was killed: the connection's next run says so.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger import leases
from milepost.ledger.bulk import upsert
from milepost.ledger.database import Database
from milepost.ledger.tables import runs

LEASE = timedelta(minutes=2)
"""How long a run outlives a process that is not seen to end."""
DIED = {"died": 1}
"""The counts of a run that was killed: what came of its work is in the billings."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run. `trigger`: poll, webhook, person or retry. `ended_at` is None while it runs.

    A run that was killed ends when the next one notices, and its counts are DIED.
    """

    id: str
    connection: str
    trigger: str
    flow_run_id: str | None
    started_at: datetime
    ended_at: datetime | None
    counts: Mapping[str, int]


async def start_run(
    c: AsyncConnection, run_id: str, connection: str, trigger: str, flow_run_id: str | None, now: datetime
) -> None:
    """Record that a run began; again, where a person has Prefect retry the same flow run."""
    row = {
        "id": run_id,
        "connection": connection,
        "trigger": trigger,
        "flow_run_id": flow_run_id,
        "started_at": now,
        "ended_at": None,
        "counts": "{}",
    }
    await upsert(c, runs, [row])


async def end_run(c: AsyncConnection, run_id: str, counts: Mapping[str, int], now: datetime) -> None:
    """Record that a run ended, and its counts; once."""
    statement = update(runs).where(runs.c.id == run_id, runs.c.ended_at.is_(None))
    await c.execute(statement.values(ended_at=now, counts=json.dumps(dict(counts))))


@asynccontextmanager
async def alive(db: Database, run_id: str) -> AsyncIterator[None]:
    """Hold the run's lease for the block. One that is tried again elsewhere waits for what is left of its first lease."""
    async with leases.lease(db, _key(run_id), for_=LEASE, wait=2 * LEASE):
        yield


async def end_dead(c: AsyncConnection, connection: str, now: datetime) -> list[str]:
    """End the connection's runs that nobody is at any more; their ids."""
    query = select(runs.c.id).where(runs.c.connection == connection, runs.c.ended_at.is_(None)).order_by(runs.c.id)
    dead = [run_id for run_id in (await c.execute(query)).scalars() if not await leases.is_held(c, _key(run_id))]
    for run_id in dead:
        await end_run(c, run_id, DIED, now)
    return dead


def _key(run_id: str) -> str:
    return f"run|{run_id}"


async def recent(c: AsyncConnection, connection: str, limit: int) -> list[RunRow]:
    """The latest runs of a connection, latest first."""
    query = select(runs).where(runs.c.connection == connection).order_by(runs.c.started_at.desc(), runs.c.id)
    rows = (await c.execute(query.limit(limit))).mappings()
    return [RunRow(**{**row, "counts": json.loads(row["counts"])}) for row in rows]
