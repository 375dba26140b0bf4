"""`milepost status`: every connection at a glance: can it bill, what waits, what it used of its calls."""

import asyncio
import os
from datetime import datetime, timedelta
from typing import Any

from cli.connection import MARKS
from cli.prefect_api import running_server
from cli.rules.shared import root_folder
from cli.show import Json, as_json, say, table, text
from milepost.ledger import billings, books, budgets, calllog, connections, runs
from milepost.ledger.connections import ConnectionRow
from milepost.ledger.database import open_database
from milepost.rules.shelf import BookShelf
from milepost.rules.standing import remarks
from milepost.rules.versions import BookFolder
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
    columns = ("connection", "status", *_COUNTED.values(), "last run")
    table("", columns, [_row(document) for document in documents], right=columns[2:], whole=columns[:2])
    used = ("organisation in Xero", "calls today", "allowed", "kept for people", "read this month")
    table("", used, list(dict.fromkeys(_used(document) for document in documents if document["xero"])), right=used[1:])
    for document in documents:
        if document["status_why"]:
            say(f"[yellow]![/] {text(document['connection'])}: {text(document['status_why'])}")
    for remark in dict.fromkeys(remark for document in documents for remark in document["rule_book_remarks"]):
        say(f"[yellow]![/] {text(remark)}")
    address = os.environ.get("PREFECT_API_URL", "").removesuffix("/api") or running_server(installation().home)
    say(f"Prefect: {text(address)}" if address else "[dim]Nothing is served from here; to poll by itself: milepost up[/]")


async def _gather() -> list[dict[str, Any]]:
    async with open_database(installation()) as db, db.read() as c:
        return [await _document(c, row) for row in await connections.list_connections(c)]


async def _document(c: Any, row: ConnectionRow) -> dict[str, Any]:
    counts = await billings.counts(c, row.name)
    recent = await runs.recent(c, row.name, 1)
    shelf = await books.shelf_of(c, row.rule_book)
    now = utcnow()
    return {
        "connection": row.name,
        "status": row.status.value,
        "status_why": row.status_why,
        "organisation": row.tenant_name,
        "rule_book_remarks": _remarks(shelf),
        "billings": counts,
        "xero_calls_24h": await calllog.calls_today(c, row.name, now - timedelta(hours=24)),
        "xero": await _xero(c, row, now),
        "last_run": recent[0].started_at.isoformat() if recent else None,
    }


async def _xero(c: Any, row: ConnectionRow, now: datetime) -> dict[str, int] | None:
    """What the organisation's day has left, by Xero's own word, and what was read from it since the first of the month."""
    spent = await budgets.spent(c, row.tenant_id, row.token_set) if row.tenant_id else None
    if spent is None:
        return None
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return {
        "calls_today": spent.calls,
        "calls_allowed": spent.allowed,
        "calls_kept_for_people": spent.kept_back,
        "bytes_this_month": await calllog.bytes_since(c, row.tenant_id or row.name, month),
    }


def _used(document: dict[str, Any]) -> tuple[str, ...]:
    xero = document["xero"]
    calls = (f"{xero[key]:,}" for key in ("calls_today", "calls_allowed", "calls_kept_for_people"))
    return (text(document["organisation"]), *calls, _size(xero["bytes_this_month"]))


def _size(count: int) -> str:
    """Xero charges by the gigabyte, of 1,000 megabytes."""
    return f"{count / 1_000_000:,.1f} MB" if count < 1_000_000_000 else f"{count / 1_000_000_000:,.2f} GB"


def _remarks(shelf: BookShelf) -> list[str]:
    """What is to be done about a rule book, as far as its files are here."""
    if not shelf:
        publish = f"milepost rules publish {shelf.book}"
        return [f"rule book {shelf.book!r} has no published version, so nothing is billed by it: {publish}"]
    return remarks(BookFolder(root_folder(None)), shelf)


def _row(document: dict[str, Any]) -> tuple[str, ...]:
    counts = document["billings"]
    words = {mark.value: shown for mark, shown in MARKS.items()}
    # A column of noughts says nothing: what went wrong is shown where something did.
    numbers = {key: counts.get(key, 0) for key in _COUNTED}
    shown = [str(number) if number or key in ("done", "held") else "" for key, number in numbers.items()]
    last_run = (document["last_run"] or "never")[:16].replace("T", " ")
    return (text(document["connection"]), words[document["status"]], *shown, last_run)
