"""`milepost rules diff BOOK OLD NEW`: what differs between two versions, in the book and over a connection's past jobs."""

import asyncio
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.names import connection_names
from cli.rules.diff_show import show_diff
from cli.rules.shared import AsJson, Folder, err, print_json, root_folder, usage_errors
from milepost.billing.replay import presumed_facts
from milepost.errors import ConfigError, UnknownName
from milepost.ledger import books, connections
from milepost.ledger.bulk import chunks
from milepost.ledger.database import Database, open_database
from milepost.rules.diff import BookDiff, Comparison, PastJob, diff_books
from milepost.rules.diff_markdown import diff_markdown
from milepost.rules.model import RuleBook
from milepost.rules.versions import BookFolder
from milepost.settings import installation
from milepost.steps.recall import jobs_since, past_rows, recall_chart

_DAYS = re.compile(r"(\d{1,5})d")


def diff(
    book: Annotated[str, typer.Argument(help="A book's name.")],
    old: Annotated[int | None, typer.Argument(help="The version before; by default the one below NEW.")] = None,
    new: Annotated[int | None, typer.Argument(help="The version after; by default the highest.")] = None,
    connection: Annotated[
        str | None, typer.Option(help="Compare over this connection's past jobs.", autocompletion=connection_names)
    ] = None,
    since: Annotated[str, typer.Option(help="Jobs completed or changed since: 90d, or a date.", metavar="90d|DATE")] = "90d",
    folder: Folder = None,
    as_json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, as for a pull request.")] = False,
) -> None:
    """Show what another version changes: lines coded otherwise, money moved between accounts, jobs held or free.

    Both versions decide the past jobs that the ledger keeps, as if nothing of them were billed yet. Nothing is written.
    """
    with usage_errors():
        begin = _day(since, datetime.now(UTC).date())
        result = asyncio.run(_compared(book, (old, new), connection, begin, root_folder(folder)))
    words = f" of {connection} since {begin}" if connection else ""
    if as_json:
        print_json(_document(result, connection, begin))
    elif markdown:
        typer.echo(diff_markdown(result, words), nl=False)
    else:
        show_diff(result, words)


def _day(since: str, today: date) -> date:
    if days := _DAYS.fullmatch(since):
        return today - timedelta(days=int(days[1]))
    try:
        return date.fromisoformat(since)
    except ValueError as error:
        raise ConfigError(f"--since {since}: write so many days, as 90d, or a date, as 2026-07-01") from error


async def _compared(
    book: str, wanted: tuple[int | None, int | None], connection: str | None, since: date, folder: Path
) -> BookDiff:
    async with open_database(installation()) as db:
        old, new = await _versions(db, book, wanted, BookFolder(folder))
        if connection is None:
            return diff_books(old, new, ())
        return await _over_jobs(db, Comparison(old, new), connection, since)


async def _versions(
    db: Database, book: str, wanted: tuple[int | None, int | None], files: BookFolder
) -> tuple[RuleBook, RuleBook]:
    """Both versions: as they were published, else as their files are. Raises UnknownName."""
    async with db.read() as c:
        shelf = await books.shelf_of(c, book)
    published = {version.version: version for version in shelf.published}
    written = {version.version: version for version in files.versions(book)} if book in files.books() else {}
    known = sorted({*published, *written})
    if not known:
        files.files(book)  # names the nearest book
    chosen = _chosen(book, wanted, known)
    old, new = (shelf.version(n) if n in published else files.load(written[n].path) for n in chosen)
    return old, new


def _chosen(book: str, wanted: tuple[int | None, int | None], known: list[int]) -> tuple[int, int]:
    new = wanted[1] or known[-1]
    below = [number for number in known if number < new]
    old = wanted[0] or (below[-1] if below else None)
    if old is None:
        raise ConfigError(f"rule book '{book}' has no version below {new} to compare it with")
    for number in (old, new):
        if number not in known:
            raise UnknownName(f"rule book '{book}' has no version {number}; there are {', '.join(map(str, known))}")
    return old, new


async def _over_jobs(db: Database, comparison: Comparison, connection: str, since: date) -> BookDiff:
    async with db.read() as c:
        row = await connections.get_connection(c, connection)
        chart = await recall_chart(c, row)
        ids = await jobs_since(c, connection, since)
    today = datetime.now(UTC).date()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("deciding jobs twice", total=len(ids))
        for some in chunks(ids):
            async with db.read() as c:
                rows = await past_rows(c, connection, some)
            for past in rows:
                comparison.add(PastJob(past.job, presumed_facts(connection, chart, past.job, today), past.billed))
                bar.advance(task)
    return comparison.result()


def _document(result: BookDiff, connection: str | None, since: date) -> dict[str, Any]:
    return {
        "connection": connection,
        "since": since.isoformat() if connection else None,
        **result.model_dump(mode="json"),
        "newly_held": [change.model_dump(mode="json", exclude={"lines"}) for change in result.newly_held],
        "newly_free": [change.model_dump(mode="json", exclude={"lines"}) for change in result.newly_free],
    }
