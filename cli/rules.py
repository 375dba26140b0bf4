"""`milepost rules`: check, show and list rule books, and write their JSON schema. It reads files only."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from milepost.errors import ConfigError
from milepost.rules.model import Milestone, Percent, Rule, RuleBook, When
from milepost.rules.problems import Located, RuleBookErrors
from milepost.rules.schema import schema_text
from milepost.rules.versions import BookFolder

PERSON_NEEDED, WRONG_USAGE = 1, 2

app = typer.Typer(no_args_is_help=True, help="Rule books: check, show and list them; write their JSON schema.")
_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)

Folder = Annotated[Path | None, typer.Option(help="Where the rule books are; by default mappings/.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(
    books: Annotated[
        list[str], typer.Argument(help="A book's name, its folder, or one version's file.", metavar="BOOK|PATH...")
    ],
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Load books as billing would, and name every error with file, line and column. Exit code 1 when there is one."""
    loaded: list[RuleBook] = []
    errors: list[Located] = []
    with _usage_errors():
        for book_folder, path in [found for book in books for found in _files_of(book, folder)]:
            try:
                loaded.append(book_folder.load(path))
            except RuleBookErrors as problem:
                errors.extend(problem.errors)
    if as_json:
        summaries = [_summary(book) for book in loaded]
        _print_json({"ok": not errors, "books": summaries, "errors": [{**asdict(e), "text": str(e)} for e in errors]})
    else:
        _print_checked(loaded, errors)
    raise typer.Exit(PERSON_NEEDED if errors else 0)


@app.command()
def show(
    book: Annotated[str, typer.Argument(help="A book's name.")],
    version: Annotated[int | None, typer.Option(help="This version instead of the one in force.")] = None,
    on: Annotated[datetime | None, typer.Option(help="In force on this date.", formats=["%Y-%m-%d"])] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Show the version of a book that is in force: its rules in order, and its milestones."""
    with _usage_errors():
        books = BookFolder(_root(folder))
        found = books.version(book, version) if version else books.in_force(book, on.date() if on else _today())
    if as_json:
        _print_json({**_summary(found), "rule_book": found.model_dump(mode="json", exclude_none=True)})
        return
    _out.print(f"[bold]{escape(found.organisation)}[/bold]  {escape(_title(found))}")
    _out.print(_rules_table(found))
    _out.print(_milestones_table(found))


@app.command("list")
def list_books(folder: Folder = None, as_json: AsJson = False) -> None:
    """List the books, their versions, and which is in force today."""
    with _usage_errors():
        books = BookFolder(_root(folder))
        rows = [row for name in books.books() for row in _version_rows(books, name)]
    if as_json:
        _print_json(rows)
        return
    table = _table("Book", "Version", "Effective from", "In force", "File")
    for row in rows:
        table.add_row(*map(escape, (row["book"], str(row["version"]), row["effective_from"], _mark(row), row["path"])))
    _out.print(table)


@app.command()
def schema(
    write: Annotated[Path | None, typer.Option(help="Write it to this file instead of printing it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the JSON schema that editors use to complete and check rule books."""
    if write is None:
        typer.echo(schema_text(), nl=False)
        return
    write.write_text(schema_text(), encoding="utf-8")
    if as_json:
        _print_json({"wrote": str(write)})
    else:
        _out.print(f"wrote {escape(str(write))}")


@contextmanager
def _usage_errors() -> Iterator[None]:
    """What was asked for does not exist: one line, exit code 2. A book that cannot be loaded: its errors, exit code 1."""
    try:
        yield
    except RuleBookErrors as problem:
        _print_errors(problem.errors, _err)
        raise typer.Exit(PERSON_NEEDED) from problem
    except ConfigError as problem:
        _err.print(escape(str(problem)), soft_wrap=True)
        raise typer.Exit(WRONG_USAGE) from problem


def _root(folder: Path | None) -> Path:
    """The folder named, else `mappings/` here, else the books that came with Milepost."""
    here = Path("mappings")
    return folder or (here if here.is_dir() else Path(__file__).parents[1] / "mappings")


def _files_of(book: str, folder: Path | None) -> list[tuple[BookFolder, Path]]:
    """The version files that a name, a folder or a file stands for."""
    path = Path(book)
    if path.is_file():
        return [(BookFolder(path.parent.parent), path)]
    if path.suffix in (".yaml", ".yml"):
        raise ConfigError(f"there is no file {path}")
    books, name = BookFolder(_root(folder)), book
    if path.is_dir() and book not in books.books():
        books, name = BookFolder(path.absolute().parent), path.absolute().name
    return [(books, version) for version in books.files(name)]


def _today() -> date:
    return datetime.now(UTC).date()


def _title(book: RuleBook) -> str:
    return f"{book.origin.book} version {book.version}, from {book.effective_from}  {book.origin.path}"


def _summary(book: RuleBook) -> dict[str, Any]:
    return {
        "book": book.origin.book,
        "version": book.version,
        "effective_from": book.effective_from.isoformat(),
        "path": book.origin.path,
        "sha256": book.origin.sha256,
        "rules": len(book.lines),
        "milestones": [milestone.code for milestone in book.milestones],
    }


def _version_rows(books: BookFolder, name: str) -> list[dict[str, Any]]:
    versions = books.versions(name)
    begun = [v.version for v in versions if v.effective_from <= _today()]
    return [
        {
            "book": name,
            "version": v.version,
            "effective_from": v.effective_from.isoformat(),
            "in_force": v.version == max(begun, default=None),
            "path": str(v.path),
        }
        for v in versions
    ]


def _mark(row: Mapping[str, Any]) -> str:
    return "yes" if row["in_force"] else ""


def _print_checked(books: list[RuleBook], errors: list[Located]) -> None:
    if books:
        table = _table("Book", "Version", "Effective from", "Rules", "Milestones", "")
        for book in books:
            codes = ", ".join(milestone.code for milestone in book.milestones)
            cells = (book.origin.book, str(book.version), str(book.effective_from), str(len(book.lines)), codes, "loads")
            table.add_row(*map(escape, cells))
        _out.print(table)
    _print_errors(errors, _out)


def _print_errors(errors: tuple[Located, ...] | list[Located], console: Console) -> None:
    for error in errors:
        console.print(escape(str(error)), soft_wrap=True)
    if errors:
        console.print(f"{len(errors)} error{'s' if len(errors) > 1 else ''}")


def _rules_table(book: RuleBook) -> Table:
    table = _table("Line", "Rule", "When", "Then")
    for rule in book.lines:
        line = str(book.origin.lines.get(f"lines.{rule.id}", ""))
        table.add_row(line, escape(rule.id), escape(_conditions(rule.when)), escape(_coding(rule)))
    return table


def _milestones_table(book: RuleBook) -> Table:
    table = _table("Line", "Milestone", "On status", "Amount", "Account")
    for milestone in book.milestones:
        line = str(book.origin.lines.get(f"milestones.{milestone.code}", ""))
        name = f"{milestone.code} {milestone.name}"
        cells = (name, ", ".join(milestone.on_status), _amount(milestone), milestone.account or "the lines' own")
        table.add_row(line, *map(escape, cells))
    return table


def _conditions(when: When) -> str:
    given = {name: value for name, value in when if value is not None}
    return "\n".join(f"{name}: {' or '.join(map(str, value))}" for name, value in given.items()) or "any line"


def _coding(rule: Rule) -> str:
    given = {name: value for name, value in rule.then if value is not None and name in rule.then.model_fields_set}
    return "\n".join(f"{name}: {_plain(value)}" for name, value in given.items())


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {text}" for key, text in value.items())
    return str(value)


def _amount(milestone: Milestone) -> str:
    amount = milestone.amount
    if isinstance(amount, BaseModel):
        return f"{amount.percent} %" if isinstance(amount, Percent) else str(amount.flat)
    return amount


def _table(*headings: str) -> Table:
    table = Table(show_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
