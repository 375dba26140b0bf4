"""`milepost log CONNECTION`: the sync log, newest first: each call with its outcome, duration and correlation id."""

import asyncio
from typing import Annotated

import typer

from cli.show import as_json, out, table, text
from milepost.ledger import calllog, connections
from milepost.ledger.calllog import LogEntry
from milepost.ledger.database import open_database
from milepost.settings import installation


def log(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION")],
    limit: Annotated[int, typer.Option(help="How many entries.", min=1, max=10_000)] = 50,
    system: Annotated[str | None, typer.Option(help="Only one system: xero, platform.")] = None,
    status: Annotated[str | None, typer.Option(help="Only one outcome, such as ok or refused.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """The sync log: operation, entity, status, duration, correlation id."""
    entries = asyncio.run(_recent(connection, limit, system, status))
    if json:
        as_json([_document(entry) for entry in entries])
        return
    rows = [
        (f"{e.at:%Y-%m-%d %H:%M:%S}", e.system, text(e.operation), text(e.entity), e.status, str(e.http_status or ""),
         str(e.duration_ms if e.duration_ms is not None else ""), text(e.correlation_id))
        for e in entries
    ]  # fmt: skip
    columns = ("at (UTC)", "system", "operation", "entity", "status", "HTTP", "ms", "correlation id")
    table(f"Sync log of {connection}", columns, rows, right=("HTTP", "ms"))
    if not entries:
        out.print("Nothing was called yet.")


async def _recent(connection: str, limit: int, system: str | None, status: str | None) -> list[LogEntry]:
    async with open_database(installation()) as db, db.read() as c:
        await connections.get_connection(c, connection)
        return await calllog.recent(c, connection, limit=limit, before=None, system=system, status=status)


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
