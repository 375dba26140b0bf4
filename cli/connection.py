"""`milepost connection …`: add one from a file, list, show, connect to Xero, test, disconnect."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from cli.prefect_api import use_prefect
from cli.show import as_json, out, table, text
from milepost.connection import Connection
from milepost.connection_file import read_connection
from milepost.ledger import connections
from milepost.ledger.connections import ConnectionRow, ConnectionStatus
from milepost.ledger.database import open_database
from milepost.settings import installation
from milepost.steps.workspace import books_folder, open_workspace, register, utcnow

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The connection's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

MARKS = {
    ConnectionStatus.PENDING: "[cyan]○ pending[/]",
    ConnectionStatus.CONNECTED: "[green]✓ connected[/]",
    ConnectionStatus.TOKEN_EXPIRED: "[yellow]! token expired[/]",
    ConnectionStatus.ERROR: "[red]✗ error[/]",
    ConnectionStatus.DISCONNECTED: "[dim]– disconnected[/]",
}


@app.command("add")
def add(
    file: Annotated[Path, typer.Option("--from", help="A connection file (YAML).", exists=True, dir_okay=False)],
    json: Json = False,
) -> None:
    """Create or renew a connection from a file: its blocks in Prefect and its row in the ledger. Calls nothing else."""
    settings = read_connection(file, os.environ)
    use_prefect()
    asyncio.run(save(settings))
    if json:
        as_json({"name": settings.name, "platform": settings.platform.kind, "rule_book": settings.rule_book})
        return
    out.print(
        f"[green]✓[/] connection {text(settings.name)} added: {settings.platform.kind}, rule book {text(settings.rule_book)}"
    )
    grant = settings.xero.grant
    following = "connect" if grant == "authorization_code" else "test"
    out.print(f"  [dim]→[/] milepost connection {following} {text(settings.name)}")


async def save(settings: Connection) -> None:
    """Keep a connection: the rule book must load first, so that nothing is kept of one that cannot work."""
    from blocks.store import save_connection  # noqa: PLC0415  Prefect takes a second to import
    from milepost.rules.versions import BookFolder  # noqa: PLC0415

    BookFolder(books_folder(settings)).latest(settings.rule_book)
    await save_connection(settings)
    async with open_database(installation()) as db, db.write() as c:
        await register(c, settings, utcnow())


@app.command("list")
def list_all(json: Json = False) -> None:
    """All connections with their status."""
    rows = asyncio.run(rows_of_all())
    if json:
        as_json([_document(row) for row in rows])
        return
    shown = [
        (
            text(r.name),
            MARKS[r.status],
            text(r.platform_kind),
            text(r.tenant_name or ""),
            text(r.rule_book),
            text(r.status_why),
        )
        for r in rows
    ]
    table("Connections", ("name", "status", "platform", "Xero organisation", "rule book", ""), shown)
    if not rows:
        out.print("No connection yet: milepost connection add --from FILE.yaml")


async def rows_of_all() -> list[ConnectionRow]:
    """Every connection's row."""
    async with open_database(installation()) as db, db.read() as c:
        return await connections.list_connections(c)


def _document(row: ConnectionRow) -> dict[str, str | None]:
    return {
        "name": row.name,
        "status": row.status.value,
        "status_why": row.status_why,
        "platform": row.platform_kind,
        "organisation": row.tenant_name,
        "tenant_id": row.tenant_id,
        "rule_book": row.rule_book,
        "live_from": row.live_from.isoformat() if row.live_from else None,
    }


@app.command("show")
def show(name: Name, json: Json = False) -> None:
    """One connection: its settings, secrets hidden, and where it stands."""
    use_prefect()
    settings, row = asyncio.run(_both(name))
    document = {**_document(row), "settings": settings.model_dump(mode="json")}
    if json:
        as_json(document)
        return
    out.print(f"[bold]{text(name)}[/] {MARKS[row.status]} {text(row.status_why)}")
    out.print(f"  Xero: {text(row.tenant_name or 'not connected yet')}, {settings.xero.grant.replace('_', ' ')}")
    out.print(f"  rule book: {text(settings.rule_book)}, job system: {settings.platform.kind}")
    out.print_json(data=document["settings"])


async def _both(name: str) -> tuple[Connection, ConnectionRow]:
    from blocks.store import load_connection  # noqa: PLC0415

    settings = await load_connection(name)
    async with open_database(installation()) as db, db.read() as c:
        return settings, await connections.get_connection(c, name)


@app.command("test")
def try_out(name: Name, json: Json = False) -> None:
    """Read-only checks of the job system, Xero, the rule book and the alert channels; each with its fix."""
    use_prefect()
    from cli.checks import check_connection  # noqa: PLC0415

    checks = asyncio.run(check_connection(name))
    if json:
        as_json([{"check": c.what, "ok": c.ok, "says": c.says, "fix": c.fix} for c in checks])
    else:
        marks = {True: "[green]✓[/]", False: "[red]✗[/]"}
        table(
            f"Test of {name}",
            ("", "check", "says", "fix"),
            [(marks[c.ok], c.what, text(c.says), text(c.fix)) for c in checks],
        )
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


@app.command("connect")
def connect(
    name: Name,
    port: Annotated[int, typer.Option(help="The port of the redirect address, as registered with the app.")] = 8976,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Sign in to Xero: opens the browser, waits for the redirect to http://localhost:PORT/callback, keeps the tokens."""
    use_prefect()
    from cli.consent import sign_in  # noqa: PLC0415

    tenant = asyncio.run(sign_in(name, port=port, open_browser=browser))
    out.print(f"[green]✓[/] {text(name)} is connected to {text(tenant.name)}")


@app.command("disconnect")
def disconnect(name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Disconnect from Xero. All links and billings are kept, so that connecting again doubles nothing."""
    if not yes:
        typer.confirm(f"Disconnect {name} from Xero? Nothing is billed until it is connected again.", abort=True)
    use_prefect()
    asyncio.run(_disconnect(name))
    out.print(f"[green]✓[/] {text(name)} is disconnected; its links and billings are kept")


async def _disconnect(name: str) -> None:
    from blocks.store import load_connection  # noqa: PLC0415
    from milepost.xero.oauth import delete_connection  # noqa: PLC0415

    settings = await load_connection(name)
    async with open_workspace(settings, installation()) as workspace:
        async with workspace.db.read() as c:
            row = await connections.get_connection(c, name)
        if row.xero_connection_id:
            token = await workspace.tokens.access_token()
            await delete_connection(settings.xero, workspace.http, token, row.xero_connection_id)
        await workspace.note_status(ConnectionStatus.DISCONNECTED, "disconnected on request")
