"""`milepost rules check`: do the books load, as billing would load them, and is every file of theirs what it seems?"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.rules.books import summary
from cli.rules.kept import shelf_here
from cli.rules.shared import (
    PERSON_NEEDED,
    AsJson,
    Folder,
    files_of,
    out,
    print_errors,
    print_json,
    table_of,
    usage_errors,
)
from milepost.rules.model import RuleBook
from milepost.rules.problems import Located, RuleBookErrors
from milepost.rules.standing import FileState, changed_why, standings
from milepost.rules.versions import BookFolder


@dataclass(slots=True)
class _Checked:
    """What was seen. changed: published versions whose file has another text; unread: files that nobody reads."""

    loaded: list[RuleBook] = field(default_factory=list)
    errors: list[Located] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        return not (self.errors or self.changed)


def check(
    books: Annotated[
        list[str],
        typer.Argument(help="A book's name, its folder, a folder of books, or one version's file.", metavar="BOOK|PATH..."),
    ],
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Load books as billing would, and name every error with file, line and column. Exit code 1 when there is one.

    A published version whose file was changed is an error too; a file that is no version is pointed out.
    """
    with usage_errors():
        checked = _checked([found for book in books for found in files_of(book, folder)])
    if as_json:
        _print_document(checked)
    else:
        _print_checked(checked)
    raise typer.Exit(0 if checked.is_ok else PERSON_NEEDED)


def _checked(files: Iterable[tuple[BookFolder, Path]]) -> _Checked:
    seen = _Checked()
    beside: dict[Path, BookFolder] = {}
    for folder, path in files:
        beside.setdefault(path.parent, folder)
        try:
            seen.loaded.append(folder.load(path))
        except RuleBookErrors as problem:
            seen.errors += problem.errors
    for book, folder in beside.items():
        seen.unread += folder.strangers(book.name)
        found = standings(folder, shelf_here(book.name))
        seen.changed += [changed_why(one) for one in found if one.state is FileState.CHANGED]
    return seen


def _print_document(checked: _Checked) -> None:
    print_json(
        {
            "ok": checked.is_ok,
            "books": [summary(book) for book in checked.loaded],
            "errors": [{**asdict(error), "text": str(error)} for error in checked.errors],
            "changed": checked.changed,
            "unread": [str(path) for path in checked.unread],
        }
    )


def _print_checked(checked: _Checked) -> None:
    if checked.loaded:
        table = table_of("Book", "Version", "Effective from", "Rules", "Milestones", "")
        for book in checked.loaded:
            codes = ", ".join(milestone.code for milestone in book.milestones)
            cells = (book.origin.book, str(book.version), str(book.effective_from), str(len(book.lines)), codes, "loads")
            table.add_row(*map(escape, cells))
        out.print(table)
    print_errors(checked.errors, out)
    for why in checked.changed:
        out.print(f"[red]✗[/] {escape(why)}", soft_wrap=True)
    for path in checked.unread:
        said = "is no version of the book, and nobody reads it; versions are named v0001.yaml, v0002.yaml, ..."
        out.print(f"[yellow]![/] {escape(str(path))} {said}", soft_wrap=True)
