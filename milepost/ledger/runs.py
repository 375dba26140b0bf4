"""Runs: one row for each time a flow billed a connection, with what came of it in counts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.bulk import upsert
from milepost.ledger.tables import runs


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run. `trigger`: poll, webhook, person or retry. `ended_at` is None while it runs, and if it was killed."""

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
    """Record that a run ended, and its counts."""
    statement = update(runs).where(runs.c.id == run_id)
    await c.execute(statement.values(ended_at=now, counts=json.dumps(dict(counts))))


async def recent(c: AsyncConnection, connection: str, limit: int) -> list[RunRow]:
    """The latest runs of a connection, latest first."""
    query = select(runs).where(runs.c.connection == connection).order_by(runs.c.started_at.desc(), runs.c.id)
    rows = (await c.execute(query.limit(limit))).mappings()
    return [RunRow(**{**row, "counts": json.loads(row["counts"])}) for row in rows]
