"""`milepost status`: every connection at a glance: can it bill, what waits, what it used of its calls."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any

import typer

from cli.connection import MARKS
from cli.show import as_json, out, table, text
from milepost.ledger import billings, calllog, connections, runs
from milepost.ledger.connections import ConnectionRow
from milepost.ledger.database import open_database
from milepost.settings import installation
from milepost.steps.workspace import utcnow


def status(json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Every connection at a glance."""
    documents = asyncio.run(_gather())
    if json:
        as_json(documents)
        return
    rows = [_row(document) for document in documents]
    columns = ("connection", "status", "invoiced", "held", "failed", "unanswered", "Xero calls, 24 h", "last run")
    table("Milepost", columns, rows, right=("invoiced", "held", "failed", "unanswered", "Xero calls, 24 h"))
    for document in documents:
        if document["status_why"]:
            out.print(f"[yellow]![/] {text(document['connection'])}: {text(document['status_why'])}", soft_wrap=True)
    if not documents:
        out.print("No connection yet: milepost connection add --from FILE.yaml")


async def _gather() -> list[dict[str, Any]]:
    async with open_database(installation()) as db, db.read() as c:
        return [await _document(c, row) for row in await connections.list_connections(c)]


async def _document(c: Any, row: ConnectionRow) -> dict[str, Any]:
    counts = await billings.counts(c, row.name)
    recent = await runs.recent(c, row.name, 1)
    return {
        "connection": row.name,
        "status": row.status.value,
        "status_why": row.status_why,
        "organisation": row.tenant_name,
        "billings": counts,
        "xero_calls_24h": await calllog.calls_today(c, row.name, utcnow() - timedelta(hours=24)),
        "last_run": recent[0].started_at.isoformat() if recent else None,
    }


def _row(document: dict[str, Any]) -> tuple[str, ...]:
    counts = document["billings"]
    words = {mark.value: shown for mark, shown in MARKS.items()}
    return (
        text(document["connection"]),
        words[document["status"]],
        str(counts.get("done", 0)),
        str(counts.get("held", 0)),
        str(counts.get("failed", 0)),
        str(counts.get("sending", 0)),
        str(document["xero_calls_24h"]),
        (document["last_run"] or "never")[:16].replace("T", " "),
    )
