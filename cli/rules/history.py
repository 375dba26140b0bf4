"""`milepost rules history BOOK`: every version, when it was published by whom, what it billed, and how its file stands."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.rules.publish import SHORT_HASH, published_document
from cli.rules.shared import AsJson, Folder, out, place_of, print_json, table_of, usage_errors
from cli.show import is_wide
from milepost.errors import UnknownName
from milepost.ledger import books
from milepost.ledger.database import open_database
from milepost.rules.problems import did_you_mean
from milepost.rules.shelf import BookShelf
from milepost.rules.standing import FileState, Standing, remarks, standings
from milepost.rules.versions import BookFolder
from milepost.settings import installation
from milepost.steps.workspace import utcnow

_NARROW_HASH = 8
"""Characters of a hash where the table has 80 columns."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the ledger knows of a book."""

    shelf: BookShelf
    billings: Mapping[int, int]
    all_books: list[str]


def history(
    book: Annotated[str, typer.Argument(help="A book's name, or its folder.", metavar="BOOK|PATH")],
    text: Annotated[
        int | None, typer.Option(help="Print the text of this published version instead, exactly.", metavar="VERSION")
    ] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Show every version of a book: effective when, published when and by whom, billings made by it, and its file."""
    with usage_errors():
        files, name = place_of(book, folder)
        kept = asyncio.run(_kept(name))
        if text is not None:
            _print_text(kept.shelf, text)
            return
        found = _standings(files, kept)
    if as_json:
        print_json([_row(standing, kept, files) for standing in found])
        return
    rows = [_row(standing, kept, files) for standing in found]
    table = table_of("Version", "From", "Published", "By", "Hash", "Billings", "File")
    for row in rows:
        table.add_row(*map(escape, _cells(row)))
    out.print(table)
    for row in rows:
        if row["in_force"]:
            out.print(f"Version {row['version']} is in force.")
    for remark in remarks(files, kept.shelf):
        out.print(f"[yellow]![/] {escape(remark)}", soft_wrap=True)


async def _kept(book: str) -> _Kept:
    async with open_database(installation()) as db, db.read() as c:
        shelf = await books.shelf_of(c, book)
        return _Kept(shelf, await books.billings_by_version(c, book), await books.published_books(c))


def _standings(files: BookFolder, kept: _Kept) -> list[Standing]:
    try:
        return standings(files, kept.shelf)
    except UnknownName as error:
        if meant := did_you_mean(kept.shelf.book, kept.all_books):
            raise UnknownName(f"{error}; nor is one published{meant}") from error
        raise


def _print_text(shelf: BookShelf, version: int) -> None:
    found = next((one for one in shelf.published if one.version == version), None)
    if found is None:
        raise UnknownName(f"rule book '{shelf.book}' has no published version {version}")
    typer.echo(found.text, nl=False)


def _row(standing: Standing, kept: _Kept, files: BookFolder) -> dict[str, Any]:
    published, in_force = standing.published, kept.shelf.published_on(utcnow().date())
    known = published_document(published) if published else {}
    begins = files.first_day_of(standing.path) if standing.path else None
    return {
        "version": standing.version,
        "effective_from": begins.isoformat() if begins else None,
        "sha256": None,
        "published_at": None,
        "published_by": None,
        **known,
        "path": str(standing.path) if standing.path else None,
        "in_force": in_force is not None and in_force.version == standing.version,
        "billings": kept.billings.get(standing.version, 0),
        "file": standing.state.value,
    }


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    is_published = row["sha256"] is not None
    return (
        str(row["version"]),
        row["effective_from"] or "",
        row["published_at"][:10] if is_published else "not yet",
        row["published_by"] or "",
        row["sha256"][: SHORT_HASH if is_wide() else _NARROW_HASH] if is_published else "",
        str(row["billings"]) if is_published else "",
        "" if row["file"] == FileState.UNPUBLISHED else row["file"],
    )
