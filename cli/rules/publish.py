"""`milepost rules publish BOOK`: the new versions of a book into the ledger, once everything about them is in order."""

import asyncio
import getpass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.rules.shared import (
    PERSON_NEEDED,
    AsJson,
    Folder,
    err,
    out,
    place_of,
    print_json,
    table_of,
    usage_errors,
)
from milepost.ledger.database import open_database
from milepost.rules.issues import Severity
from milepost.rules.lint import lint_book
from milepost.rules.model import RuleBook
from milepost.rules.shelf import Published
from milepost.rules.trials.suite import failed_trials
from milepost.rules.versions import BookFolder
from milepost.settings import installation
from milepost.steps.publish import Gate, Publication, publish_book
from milepost.steps.workspace import utcnow

SHORT_HASH = 12


def failed_lint(book: RuleBook, folder: Path) -> list[str]:  # noqa: ARG001  a gate may look at the folder
    """The errors that lint finds in a version; warnings keep nothing back."""
    return [str(issue) for issue in lint_book(book, today=utcnow().date()) if issue.severity is Severity.ERROR]


def failed_tests(book: RuleBook, folder: Path) -> list[str]:
    """The failed tests of the highest version: the files beside the book are written for that one."""
    highest = BookFolder(folder.parent).versions(folder.name)[-1].version
    return failed_trials(book, folder) if book.version == highest else []


GATES: tuple[Gate, ...] = (failed_lint, failed_tests)
"""What every version must pass before it is published, in order."""


def publish(
    book: Annotated[str, typer.Argument(help="A book's name, or its folder.", metavar="BOOK|PATH")],
    folder: Folder = None,
    by: Annotated[str | None, typer.Option(help="Who publishes; by default your login.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Publish the new versions of a book: from then on they bill, on every machine, and never change.

    Each is loaded, linted and tested first. Exit code 1 when one may not be published; then none is.
    """
    with usage_errors():
        files, name = place_of(book, folder)
        done = asyncio.run(publish_from(files.root, name, by or _login()))
    if as_json:
        print_json(_document(done))
    else:
        _show(done)
    raise typer.Exit(PERSON_NEEDED if done.refused else 0)


async def publish_from(folder: Path, book: str, by: str | None) -> Publication:
    """Publish a book of this folder into the installation's ledger."""
    async with open_database(installation()) as db:
        return await publish_book(db, BookFolder(folder), book, gates=GATES, by=by, now=utcnow())


def _login() -> str | None:
    """Who is logged in; None where the machine cannot say, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def _show(done: Publication) -> None:
    for why in done.refused:
        err.print(f"[red]✗[/] {escape(why)}", soft_wrap=True)
    if done.refused:
        err.print("Nothing was published.")
        book = escape(done.book)
        err.print(f"To see all of it: milepost rules lint {book}, milepost rules test {book}", soft_wrap=True)
        return
    if not done.published:
        out.print(f"Every version of {escape(done.book)} is published already.")
        return
    table = table_of("Book", "Version", "Effective from", "Hash")
    for version in done.published:
        cells = (version.book, str(version.version), str(version.effective_from), version.sha256[:SHORT_HASH])
        table.add_row(*map(escape, cells))
    out.print(table)
    for warning in done.warnings:
        out.print(f"[yellow]![/] {escape(warning)}", soft_wrap=True)
    out.print("[green]✓[/] published; jobs that it may bill otherwise are looked at again by the next poll", soft_wrap=True)


def _document(done: Publication) -> dict[str, Any]:
    return {
        "ok": not done.refused,
        "book": done.book,
        "published": [published_document(version) for version in done.published],
        "refused": list(done.refused),
        "warnings": list(done.warnings),
    }


def published_document(version: Published) -> dict[str, Any]:
    """A published version as JSON."""
    return {
        "version": version.version,
        "effective_from": version.effective_from.isoformat(),
        "sha256": version.sha256,
        "published_at": version.published_at.isoformat(),
        "published_by": version.published_by,
        "path": version.path,
    }
