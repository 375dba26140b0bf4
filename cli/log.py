"""`milepost log CONNECTION`: the sync log, newest first: each call with its outcome, duration and correlation id."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from cli.names import ConnectionName
from cli.show import Json, as_json, is_wide, say, table, text
from milepost.ledger import calllog, connections
from milepost.ledger.calllog import LogEntry
from milepost.ledger.database import open_database
from milepost.settings import installation


class System(StrEnum):
    """The systems that are called."""

    XERO = "xero"
    PLATFORM = "platform"


def log(
    connection: ConnectionName,
    limit: Annotated[int, typer.Option(help="How many entries.", min=1, max=10_000)] = 50,
    system: Annotated[System | None, typer.Option(help="Only the calls of one system.")] = None,
    status: Annotated[str | None, typer.Option(help="Only one outcome, such as ok or refused.")] = None,
    json: Json = False,
) -> None:
    """The sync log, newest first: operation, entity, outcome, duration, and Xero's correlation id."""
    entries = asyncio.run(_recent(connection, limit, system.value if system else None, status))
    if json:
        as_json([_document(entry) for entry in entries])
        return
    columns = ("at (UTC)", "system", "operation", "entity", "outcome", "HTTP", "ms", "correlation id")
    table("", columns, [_row(e) for e in entries], right=("HTTP", "ms"), whole=("at (UTC)", "system", "correlation id"))
    if not entries:
        say("No call fits." if system or status else "Nothing was called yet.")
    elif any(entry.correlation_id for entry in entries) and not is_wide():
        say("[dim]Correlation ids are shown on a wider terminal, and by --json.[/]")


async def _recent(connection: str, limit: int, system: str | None, status: str | None) -> list[LogEntry]:
    async with open_database(installation()) as db, db.read() as c:
        await connections.get_connection(c, connection)
        return await calllog.recent(c, connection, limit=limit, before=None, system=system, status=status)


def _row(entry: LogEntry) -> tuple[str, ...]:
    duration = entry.duration_ms
    return (
        f"{entry.at:%m-%d %H:%M:%S}",
        entry.system,
        text(entry.operation),
        text(entry.entity),
        entry.status if entry.status == "ok" else f"[yellow]{text(entry.status)}[/]",
        str(entry.http_status or ""),
        "" if duration is None else str(duration),
        text(entry.correlation_id) if is_wide() else "",
    )


def _document(entry: LogEntry) -> dict[str, object]:
    return {
        "at": entry.at.isoformat(),
        "run": entry.run_id,
        "system": entry.system,
        "operation": entry.operation,
        "entity": entry.entity,
        "status": entry.status,
        "http_status": entry.http_status,
        "duration_ms": entry.duration_ms,
        "bytes_in": entry.bytes_in,
        "correlation_id": entry.correlation_id,
    }
