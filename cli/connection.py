"""`milepost connection …`: add one from a file, list, show, connect to Xero, test, disconnect."""

import asyncio
import os
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.hook import hook, hook_url, xero_hook_url
from cli.names import ConnectionName
from cli.prefect_api import run, use_prefect
from cli.show import Json, as_json, err, say, table, text
from milepost.connection import Connection
from milepost.connection_file import read_connection
from milepost.ledger import books, connections
from milepost.ledger.connections import ConnectionRow, ConnectionStatus
from milepost.ledger.database import open_database
from milepost.rules.problems import nearest
from milepost.settings import installation
from milepost.steps.workspace import books_folder, register, unpublished, utcnow

app = typer.Typer(no_args_is_help=True)

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
    run(save(settings))
    missing = run(missing_book(settings))
    if json:
        document = {"name": settings.name, "platform": settings.platform.kind, "rule_book": settings.rule_book}
        as_json({**document, "rule_book_published": missing is None})
        return
    book = text(settings.rule_book)
    say(f"[green]✓[/] connection {text(settings.name)} added: {settings.platform.kind}, rule book {book}")
    if missing:
        say(f"[yellow]![/] {text(missing)}")
    grant = settings.xero.grant
    following = "connect" if grant == "authorization_code" else "test"
    say(f"  [dim]→[/] milepost connection {following} {text(settings.name)}")


async def save(settings: Connection) -> None:
    """Keep a connection. What there is of its rule book must load, and a name must not be a slip of another's: nothing is
    kept of a connection that cannot work. A book that is still to be written is proposed from the connection itself.
    """
    from blocks.store import save_connection  # noqa: PLC0415  Prefect takes a second to import
    from milepost.rules.versions import BookFolder  # noqa: PLC0415

    folder = BookFolder(books_folder(settings))
    is_new = settings.rule_book not in folder.books() and not nearest(settings.rule_book, folder.books())
    if await missing_book(settings) and not is_new:
        folder.latest(settings.rule_book)
    await save_connection(settings)
    async with open_database(installation()) as db, db.write() as c:
        await register(c, settings, utcnow())


async def missing_book(settings: Connection) -> str | None:
    """What to do where no version of the connection's rule book is published; None where one is."""
    async with open_database(installation()) as db, db.read() as c:
        is_published = bool(await books.published_numbers(c, settings.rule_book))
    if is_published:
        return None
    folder = books_folder(settings)
    if (folder / settings.rule_book).is_dir():
        return str(unpublished(settings))
    own = f" --folder {settings.rule_books_dir}" if settings.rule_books_dir else ""
    return (
        f"connection {settings.name!r} bills by rule book {settings.rule_book!r}, which is not written yet. Have a first "
        f"version proposed: milepost rules new {settings.rule_book} --connection {settings.name}{own}"
    )


app.command("hook")(hook)


@app.command("list")
def list_all(json: Json = False) -> None:
    """All connections with their status."""
    rows = asyncio.run(rows_of_all())
    if json:
        as_json([_document(row) for row in rows])
        return
    columns = ("name", "status", "platform", "Xero organisation", "rule book")
    shown = [
        (text(r.name), MARKS[r.status], text(r.platform_kind), text(r.tenant_name or ""), text(r.rule_book)) for r in rows
    ]
    table("", columns, shown, whole=("name", "status"))
    for row in rows:
        if row.status_why:
            say(f"[yellow]![/] {text(row.name)}: {text(row.status_why)}")
    if not rows:
        say("No connection yet: milepost connection add --from FILE.yaml")


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
def show(name: ConnectionName, json: Json = False) -> None:
    """One connection: its settings, secrets hidden, and where it stands."""
    use_prefect()
    settings, row = run(_both(name))
    url = asyncio.run(hook_url(name))
    document = {**_document(row), "settings": settings.model_dump(mode="json"), "platform_hook": url}
    if json:
        as_json(document)
        return
    say(f"[bold]{text(name)}[/] {MARKS[row.status]} {text(row.status_why)}")
    lines = [("Xero organisation", row.tenant_name or "not known yet")]
    lines += [("webhooks of the job system", url), ("webhooks of Xero", xero_hook_url())]
    lines += _lines(settings.model_dump(mode="json", exclude_defaults=True))
    widest = max(len(key) for key, _ in lines)
    for key, value in lines:
        say(f"  {key:<{widest}}  {text(value)}")


def _lines(settings: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """What is set, a line each: `xero.client_id`; secrets are stars already."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{before}{key}.")
        elif value is not None and not (before == "" and key == "name"):
            yield f"{before}{key}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


async def _both(name: str) -> tuple[Connection, ConnectionRow]:
    from blocks.store import load_connection  # noqa: PLC0415

    settings = await load_connection(name)
    async with open_database(installation()) as db, db.read() as c:
        return settings, await connections.get_connection(c, name)


@app.command("test")
def try_out(name: ConnectionName, json: Json = False) -> None:
    """Read-only checks of the job system, Xero, the rule book and the alert channels; each with its fix."""
    use_prefect()
    from cli.checks import check_connection  # noqa: PLC0415

    checks = run(check_connection(name))
    if json:
        as_json([{"check": c.what, "ok": c.ok, "says": c.says, "fix": c.fix} for c in checks])
    else:
        for check in checks:
            say(f"{'[green]✓[/]' if check.ok else '[red]✗[/]'} [bold]{check.what:<17}[/] {text(check.says)}")
            if check.fix:
                say(f"  [dim]→[/] {text(check.fix)}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


@app.command("connect")
def connect(
    name: ConnectionName,
    port: Annotated[
        int, typer.Option(help="The port of the redirect address, as registered with the app.", min=1, max=65535)
    ] = 8976,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    json: Json = False,
) -> None:
    """Sign in to Xero: opens the browser, waits for the redirect to http://localhost:PORT/callback, keeps the tokens.

    The app on developer.xero.com must have exactly this redirect address.
    """
    use_prefect()
    from cli.consent import sign_in  # noqa: PLC0415

    def show(url: str) -> None:
        err.print(f"Sign in to Xero in your browser:\n{text(url)}", soft_wrap=True)
        if browser:
            webbrowser.open(url)

    signed = run(sign_in(name, port=port, show=show))
    if json:
        as_json(
            {"name": name, "organisation": signed.tenant.name, "tenant_id": signed.tenant.tenant_id, "before": signed.before}
        )
        return
    say(f"[green]✓[/] {text(name)} is connected to {text(signed.tenant.name)}")
    if signed.before:
        say(
            f"[yellow]![/] {text(name)} billed into {text(signed.before)} before; from now on it bills into "
            f"{text(signed.tenant.name)}. Its customers are looked up anew there."
        )


@app.command("disconnect")
def disconnect(
    name: ConnectionName, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, json: Json = False
) -> None:
    """Disconnect from Xero. All links and billings are kept, so that connecting again doubles nothing."""
    if not yes:
        typer.confirm(f"Disconnect {name} from Xero? Nothing is billed until it is connected again.", abort=True, err=True)
    use_prefect()
    from cli.consent import sign_out  # noqa: PLC0415

    trouble = run(sign_out(name))
    if json:
        as_json({"name": name, "status": ConnectionStatus.DISCONNECTED.value, "left_in_xero": trouble})
        return
    say(f"[green]✓[/] {text(name)} is disconnected; its links and billings are kept")
    if trouble:
        say(f"[yellow]![/] Xero was not told: {text(trouble)} Remove the app there too: Settings, Connected apps.")
