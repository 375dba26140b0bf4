"""`milepost status`: every connection at a glance: can it bill, what waits, what it used of its calls."""

import asyncio
import os
from datetime import timedelta
from typing import Any

from cli.connection import MARKS
from cli.prefect_api import running_server
from cli.show import Json, as_json, say, table, text
from milepost.ledger import billings, calllog, connections, runs
from milepost.ledger.connections import ConnectionRow
from milepost.ledger.database import open_database
from milepost.settings import installation
from milepost.steps.workspace import utcnow

_COUNTED = {"done": "invoiced", "held": "held", "failed": "failed", "sending": "unanswered"}


def status(json: Json = False) -> None:
    """Every connection at a glance: can it bill, and what waits for a person?"""
    documents = asyncio.run(_gather())
    if json:
        as_json(documents)
        return
    if not documents:
        say("No connection yet: milepost connection add --from FILE.yaml")
        return
    columns = ("connection", "status", *_COUNTED.values(), "calls 24 h", "last run")
    table("", columns, [_row(document) for document in documents], right=columns[2:], whole=columns[:2])
    for document in documents:
        if document["status_why"]:
            say(f"[yellow]![/] {text(document['connection'])}: {text(document['status_why'])}")
    address = os.environ.get("PREFECT_API_URL", "").removesuffix("/api") or running_server(installation().home)
    say(f"Prefect: {text(address)}" if address else "[dim]Nothing is served from here; to poll by itself: milepost up[/]")


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
    # A column of noughts says nothing: what went wrong is shown where something did.
    numbers = {key: counts.get(key, 0) for key in _COUNTED}
    shown = [str(number) if number or key in ("done", "held") else "" for key, number in numbers.items()]
    last_run = (document["last_run"] or "never")[:16].replace("T", " ")
    return (text(document["connection"]), words[document["status"]], *shown, str(document["xero_calls_24h"]), last_run)
