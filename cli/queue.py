"""`milepost queue`: what waits and until when; try it again now; say that it was handled by hand."""

import asyncio
import getpass
from datetime import datetime
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.billing import run_flow
from cli.names import connection_names
from cli.prefect_api import run, use_prefect
from cli.run_show import as_document, show_run
from cli.show import LOOKS, Json, as_json, say, table, text
from milepost.errors import ConfigError, UnknownName
from milepost.ledger import connections, jobs, queue
from milepost.ledger.billing_rows import RETRIES_EXHAUSTED
from milepost.ledger.billings import BillingRow
from milepost.ledger.database import open_database
from milepost.ledger.jobs import UnreadJob
from milepost.settings import installation
from milepost.steps.by_hand import handle_by_hand
from milepost.steps.run import BillingRun
from milepost.steps.workspace import open_workspace, utcnow

_HIGHEST = 100


class _ListsByDefault(TyperGroup):
    """`milepost queue acme` is short for `milepost queue list acme`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` before what is no command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_ListsByDefault, no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="ID|JOB", help="A billing's id, or a job's number or id.")]
Names = Annotated[list[str], typer.Argument(metavar="ID|JOB...", help="Billings' ids, or jobs' numbers or ids.")]
Of = Annotated[
    str | None,
    typer.Option("--connection", help="Only of this connection.", autocompletion=connection_names),
]


@app.command("list")
def list_(
    connection: Annotated[
        str | None, typer.Argument(metavar="[CONNECTION]", help="The connection's name.", autocompletion=connection_names)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Of every connection.")] = False,
    json: Json = False,
) -> None:
    """What waits, by its next try: since when, how often it was tried, why, and what to do. Code 1 when anything does."""
    if (connection is None) is not every:
        raise typer.BadParameter("give a connection's name, or --all")
    now = utcnow()
    documents = asyncio.run(_documents(connection, now))
    if json:
        as_json(documents)
    else:
        _show(documents, several=every)
    if documents:
        raise typer.Exit(1)


async def _documents(connection: str | None, now: datetime) -> list[dict[str, Any]]:
    async with open_database(installation()) as db, db.read() as c:
        if connection is not None:
            await connections.get_connection(c, connection)
        names = [connection] if connection else [row.name for row in await connections.list_connections(c)]
        found = []
        for name in names:
            found += [_of_billing(row, now) for row in await queue.waiting(c, name)]
            found += [_of_unread(one, now) for one in await jobs.unread_jobs_of(c, name)]
    return sorted(found, key=lambda document: document["next_attempt_at"] or "~")


def _of_billing(row: BillingRow, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "connection": row.connection,
        "job": row.job_number,
        "milestone": row.milestone,
        "status": row.status.value,
        "since": row.created_at.isoformat(),
        "age_minutes": _minutes(now, row.created_at),
        "attempts": row.attempts,
        "failures": row.failures,
        "next_attempt_at": row.next_attempt_at.isoformat() if row.next_attempt_at else None,
        "code": row.trouble_code or ("answer_lost" if row.status == "sending" else None),
        "why": row.trouble_why or "It was sent, and its answer is not known yet.",
        "fix": row.trouble_fix or ("" if row.trouble_why else "A run finds out."),
    }


def _of_unread(one: UnreadJob, now: datetime) -> dict[str, Any]:
    return {
        "id": one.job_id,
        "connection": one.connection,
        "job": one.job_id,
        "milestone": None,
        "status": "skipped" if one.given_up else "failed" if one.next_attempt_at else "held",
        "since": one.since.isoformat(),
        "age_minutes": _minutes(now, one.since),
        "attempts": one.failures,
        "failures": one.failures,
        "next_attempt_at": one.next_attempt_at.isoformat() if one.next_attempt_at else None,
        "code": RETRIES_EXHAUSTED if one.given_up else "job_unreadable",
        "why": one.why,
        "fix": one.fix,
    }


def _minutes(now: datetime, since: datetime) -> int:
    return int((now - since).total_seconds() // 60)


def _show(documents: list[dict[str, Any]], *, several: bool) -> None:
    columns = ("connection", "job", "stage", "status", "age", "tries", "next try (UTC)", "code")
    rows = [_row(document, several=several) for document in documents]
    table("", columns, rows, right=("age", "tries"), whole=("job", "status", "next try (UTC)", "code"))
    for why, fix in dict.fromkeys((document["why"], document["fix"]) for document in documents):
        told = [document for document in documents if (document["why"], document["fix"]) == (why, fix)]
        numbers = ", ".join(text(document["job"]) for document in told[:_HIGHEST])
        say(f"[bold]{numbers}[/]: {text(why)}" + (f"\n  [dim]→[/] {text(fix)}" if fix else ""))
    say("What a code means: milepost troubles CODE" if documents else "Nothing waits.")


def _row(document: dict[str, Any], *, several: bool) -> tuple[str, ...]:
    again = document["next_attempt_at"]
    return (
        text(document["connection"]) if several else "",
        text(document["job"]),
        text(document["milestone"]),
        LOOKS[document["status"]],
        _age(document["age_minutes"]),
        str(document["attempts"] or ""),
        again[5:16].replace("T", " ") if again else "",
        text(document["code"]),
    )


def _age(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


@app.command()
def retry(
    names: Names,
    connection: Of = None,
    current_rules: Annotated[
        bool, typer.Option("--current-rules", help="By the newest published version of the rule book, whatever the date.")
    ] = False,
    json: Json = False,
) -> None:
    """Try it again now, whatever its time; what was given up begins the ladder anew. Code 1 when it still waits."""
    wanted = asyncio.run(_climb_anew(names, connection))
    runs = [run_flow(name, ids, plan_only=False, current_rules=current_rules) for name, ids in wanted.items()]
    if json:
        as_json([as_document(one) for one in runs])
    else:
        for one in runs:
            show_run(one)
    if any(_needs_somebody(one) for one in runs):
        raise typer.Exit(1)


def _needs_somebody(one: BillingRun) -> bool:
    return one.needs_a_person or one.stopped_by is not None


async def _climb_anew(names: list[str], connection: str | None) -> dict[str, list[str]]:
    """By connection, the ids of the jobs that are meant."""
    wanted: dict[str, list[str]] = {}
    async with open_database(installation()) as db:
        async with db.read() as c:
            found = [await _waiting_under(c, name, connection) for name in names]
        async with db.write() as c:
            now = utcnow()
            await queue.climb_anew(c, [row.id for rows, _ in found for row in rows], now)
            for one in (one for _, unread in found for one in unread):
                await jobs.read_soon(c, one.connection, [one.job_id], now)
    for rows, unread in found:
        every: list[BillingRow | UnreadJob] = [*rows, *unread]
        for waits in every:
            wanted.setdefault(waits.connection, [])
            if waits.job_id not in wanted[waits.connection]:
                wanted[waits.connection].append(waits.job_id)
    return wanted


async def _waiting_under(c: Any, name: str, connection: str | None) -> tuple[list[BillingRow], list[UnreadJob]]:
    rows, unread = await queue.named(c, name, connection)
    if not rows and not unread:
        raise UnknownName(f"nothing waits under {name!r}. See what does: milepost queue list --all")
    of = sorted({row.connection for row in rows} | {one.connection for one in unread})
    if len(of) > 1:
        raise ConfigError(f"{name!r} waits on several connections ({', '.join(of)}). Choose one with --connection.")
    return rows, unread


@app.command("by-hand")
def by_hand(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it later.")],
    invoice: Annotated[str | None, typer.Option(metavar="NUMBER", help="The invoice that was made instead.")] = None,
    connection: Of = None,
    by: Annotated[str | None, typer.Option(help="Who has done it; by default the system's user.")] = None,
    json: Json = False,
) -> None:
    """Mark a billing as handled by hand: no run bills it any more. With --invoice, that invoice is linked to it."""
    who, why = (by or getpass.getuser()).strip(), reason.strip()
    if not why or not who:
        raise typer.BadParameter("say why", param_hint="--reason")
    use_prefect()
    row = run(_handle(name, connection, who, why, invoice))
    if json:
        as_json({"id": row.id, "job": row.job_number, "milestone": row.milestone, "status": row.status.value,
                 "invoice_number": row.invoice_number, "by": row.by_hand, "why": row.trouble_why})  # fmt: skip
        return
    linked = f" by invoice {text(row.invoice_number)}" if row.invoice_number else ""
    say(f"[green]✓[/] job {text(row.job_number)}, {text(row.milestone)}: handled by hand{linked}. No run bills it any more.")


async def _handle(name: str, connection: str | None, who: str, reason: str, invoice: str | None) -> BillingRow:
    from blocks.store import load_connection  # noqa: PLC0415
    from milepost.ledger import billings  # noqa: PLC0415

    async with open_database(installation()) as db, db.read() as c:
        rows, _ = await _waiting_under(c, name, connection)
    if len(rows) != 1:
        ids = "; ".join(f"{row.milestone}: {row.id}" for row in rows) or "the job itself could not be read"
        raise ConfigError(f"{name!r} is not one billing ({ids}). Give a billing's id.")
    async with open_workspace(await load_connection(rows[0].connection), installation()) as workspace:
        await handle_by_hand(workspace, rows[0], who, reason, invoice)
        async with workspace.db.read() as c:
            row = await billings.get(c, rows[0].id)
    assert row is not None
    return row
