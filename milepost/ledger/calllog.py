"""The log: one row for each call to Xero, a platform, Slack or a mail server, and for what the ledger itself did.

It shows people what happened and counts the day's calls. Details are codes and counts, never names or addresses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.tables import connections, log


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that happened. system: xero, platform, slack, email or ledger. `id` is None until it is kept."""

    at: datetime
    connection: str
    system: str
    operation: str
    status: str
    run_id: str | None = None
    entity: str = ""
    entity_id: str = ""
    http_status: int | None = None
    duration_ms: int | None = None
    bytes_in: int | None = None
    correlation_id: str | None = None
    detail: str = ""
    id: int | None = None


_KEPT = tuple(field.name for field in fields(LogEntry) if field.name != "id")


async def append(c: AsyncConnection, entries: Sequence[LogEntry]) -> None:
    """Keep the entries, in order."""
    if entries:
        rows = [{name: getattr(entry, name) for name in _KEPT} for entry in entries]
        await c.execute(insert(log), rows)


async def recent(
    c: AsyncConnection,
    connection: str,
    *,
    limit: int = 100,
    before: int | None = None,
    system: str | None = None,
    status: str | None = None,
) -> list[LogEntry]:
    """The latest entries, latest first. before: the id of the last entry of the page before."""
    query = select(log).where(log.c.connection == connection)
    if before is not None:
        query = query.where(log.c.id < before)
    if system is not None:
        query = query.where(log.c.system == system)
    if status is not None:
        query = query.where(log.c.status == status)
    rows = (await c.execute(query.order_by(log.c.id.desc()).limit(limit))).mappings()
    return [LogEntry(**row) for row in rows]


async def calls_today(c: AsyncConnection, tenant_or_connection: str, since: datetime) -> int:
    """Calls to Xero since a moment: of one connection by its name, or of all that bill into one tenant by its id."""
    return await _total(c, func.count(), tenant_or_connection, since)


async def bytes_since(c: AsyncConnection, tenant_or_connection: str, since: datetime) -> int:
    """Bytes that Xero answered since a moment, counted as `calls_today` counts."""
    return await _total(c, func.coalesce(func.sum(log.c.bytes_in), 0), tenant_or_connection, since)


async def prune(c: AsyncConnection, before: datetime) -> int:
    """Forget entries older than a moment; how many there were."""
    return (await c.execute(delete(log).where(log.c.at < before))).rowcount


async def _total(c: AsyncConnection, sum_: ColumnElement[Any], whose: str, since: datetime) -> int:
    of_tenant = select(connections.c.name).where(connections.c.tenant_id == whose)
    query = select(sum_).where(log.c.system == "xero", log.c.at >= since)
    whole = query.where(or_(log.c.connection == whose, log.c.connection.in_(of_tenant)))
    return int((await c.execute(whole)).scalar_one())
