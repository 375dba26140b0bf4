"""What the rule commands share: where the books are, how errors end a command, tables and JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from milepost.errors import ConfigError
from milepost.rules.problems import Located, RuleBookErrors
from milepost.rules.versions import BookFolder

PERSON_NEEDED, WRONG_USAGE = 1, 2

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Folder = Annotated[Path | None, typer.Option(help="Where the rule books are; by default mappings/.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def usage_errors() -> Iterator[None]:
    """What was asked for does not exist: one line, exit code 2. A book that cannot be loaded: its errors, exit code 1."""
    try:
        yield
    except RuleBookErrors as problem:
        print_errors(problem.errors, err)
        raise typer.Exit(PERSON_NEEDED) from problem
    except ConfigError as problem:
        err.print(escape(str(problem)), soft_wrap=True)
        raise typer.Exit(WRONG_USAGE) from problem


def root_folder(folder: Path | None) -> Path:
    """The folder named, else `mappings/` here, else the books that came with Milepost."""
    here = Path("mappings")
    return folder or (here if here.is_dir() else Path(__file__).parents[2] / "mappings")


def place_of(book: str, folder: Path | None) -> tuple[BookFolder, str]:
    """The folder of books and the book's name that a name or a book's own folder stands for."""
    path, books = Path(book), BookFolder(root_folder(folder))
    if path.is_dir() and book not in books.books():
        return BookFolder(path.absolute().parent), path.absolute().name
    return books, book


def files_of(book: str, folder: Path | None) -> list[tuple[BookFolder, Path]]:
    """The version files that a name, a book's folder, a folder of books, or a file stands for."""
    path = Path(book)
    if path.is_file():
        return [(BookFolder(path.parent.parent), path)]
    if path.suffix in (".yaml", ".yml"):
        raise ConfigError(f"there is no file {path}")
    books, name = BookFolder(root_folder(folder)), book
    if path.is_dir() and book not in books.books():
        if (root := BookFolder(path)).books():
            return [(root, version) for each in root.books() for version in root.files(each)]
        books, name = BookFolder(path.absolute().parent), path.absolute().name
    return [(books, version) for version in books.files(name)]


def print_errors(errors: tuple[Located, ...] | list[Located], console: Console) -> None:
    for error in errors:
        console.print(escape(str(error)), soft_wrap=True)
    if errors:
        console.print(f"{len(errors)} error{'s' if len(errors) > 1 else ''}")


def table_of(*headings: str) -> Table:
    table = Table(show_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
