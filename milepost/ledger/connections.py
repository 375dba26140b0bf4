"""What the ledger knows of each connection: its status, its Xero organisation, and how far it has polled.

Its settings and secrets are in Prefect's blocks, not here.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.errors import UnknownName
from milepost.ledger.bulk import upsert
from milepost.ledger.tables import connections
from milepost.rules.problems import nearest


class ConnectionStatus(StrEnum):
    """Whether a connection can bill. `token_expired` and `disconnected` are mended by connecting again."""

    PENDING = "pending"
    CONNECTED = "connected"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105  a status, not a secret
    ERROR = "error"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection as the ledger has it. `live_from`: jobs completed before it are not billed."""

    name: str
    platform_kind: str
    rule_book: str
    status: ConnectionStatus
    status_why: str
    tenant_id: str | None
    tenant_name: str | None
    xero_connection_id: str | None
    token_set: str | None
    poll_cursor: str | None
    live_from: date | None
    created_at: datetime
    updated_at: datetime


async def save_connection(
    c: AsyncConnection,
    name: str,
    platform_kind: str,
    rule_book: str,
    now: datetime,
    *,
    live_from: date | None = None,
) -> None:
    """Add a connection as pending, or change its platform kind and rule book and leave the rest as it is."""
    row: dict[str, Any] = {
        "name": name,
        "platform_kind": platform_kind,
        "rule_book": rule_book,
        "status": ConnectionStatus.PENDING,
        "status_why": "",
        "created_at": now,
        "updated_at": now,
    }
    if live_from is not None:
        row["live_from"] = live_from
    await upsert(c, connections, [row], keep=["status", "status_why", "created_at"])


async def get_connection(c: AsyncConnection, name: str) -> ConnectionRow:
    """The connection of this name. Raises UnknownName, which names the nearest one."""
    row = (await c.execute(select(connections).where(connections.c.name == name))).mappings().first()
    if row is None:
        raise await _unknown(c, name)
    return _connection(row)


async def list_connections(c: AsyncConnection) -> list[ConnectionRow]:
    """All connections, by name."""
    rows = (await c.execute(select(connections).order_by(connections.c.name))).mappings()
    return [_connection(row) for row in rows]


async def set_status(c: AsyncConnection, name: str, status: ConnectionStatus, why: str, now: datetime) -> None:
    """Record whether the connection can bill, and why not. Raises UnknownName."""
    await _change(c, name, now, status=status, status_why=why)


async def set_tenant(
    c: AsyncConnection,
    name: str,
    tenant_id: str,
    tenant_name: str,
    xero_connection_id: str | None,
    token_set: str,
    now: datetime,
) -> None:
    """Record the Xero organisation that the connection bills into, and which tokens open it. Raises UnknownName."""
    await _change(
        c,
        name,
        now,
        tenant_id=tenant_id,
        tenant_name=tenant_name,
        xero_connection_id=xero_connection_id,
        token_set=token_set,
    )


async def set_token_set(c: AsyncConnection, name: str, token_set: str, now: datetime) -> None:
    """Record which tokens open the connection, before it is known which organisation they open. Raises UnknownName."""
    await _change(c, name, now, token_set=token_set)


async def set_cursor(c: AsyncConnection, name: str, cursor: str | None, now: datetime) -> None:
    """Record how far the platform was polled; in the transaction that saved the jobs found. Raises UnknownName."""
    await _change(c, name, now, poll_cursor=cursor)


async def _change(c: AsyncConnection, name: str, now: datetime, **values: Any) -> None:
    statement = update(connections).where(connections.c.name == name)
    if not (await c.execute(statement.values(updated_at=now, **values))).rowcount:
        raise await _unknown(c, name)


async def _unknown(c: AsyncConnection, name: str) -> UnknownName:
    known = [row.name for row in await list_connections(c)]
    if not known:
        hint = "There is none yet: add one with milepost connection add --from FILE.yaml"
    elif near := nearest(name, known):
        hint = f"Did you mean {near!r}?"
    else:
        hint = f"There are: {', '.join(known)}."
    return UnknownName(f"There is no connection named {name!r}. {hint}")


def _connection(row: Any) -> ConnectionRow:
    return ConnectionRow(**{**row, "status": ConnectionStatus(row["status"])})
