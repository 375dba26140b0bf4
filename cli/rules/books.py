"""`milepost rules check|show|list|schema`: rule books as their files have them."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.markup import escape
from rich.table import Table

from cli.rules.shared import (
    PERSON_NEEDED,
    AsJson,
    Folder,
    files_of,
    out,
    print_errors,
    print_json,
    root_folder,
    table_of,
    usage_errors,
)
from milepost.rules.model import Milestone, Rule, RuleBook, When
from milepost.rules.problems import Located, RuleBookErrors
from milepost.rules.schema import schema_text
from milepost.rules.versions import BookFolder


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
    with usage_errors():
        for book_folder, path in [found for book in books for found in files_of(book, folder)]:
            try:
                loaded.append(book_folder.load(path))
            except RuleBookErrors as problem:
                errors.extend(problem.errors)
    if as_json:
        summaries = [_summary(book) for book in loaded]
        print_json({"ok": not errors, "books": summaries, "errors": [{**asdict(e), "text": str(e)} for e in errors]})
    else:
        _print_checked(loaded, errors)
    raise typer.Exit(PERSON_NEEDED if errors else 0)


def show(
    book: Annotated[str, typer.Argument(help="A book's name.")],
    version: Annotated[int | None, typer.Option(help="This version instead of the one in force.")] = None,
    on: Annotated[datetime | None, typer.Option(help="In force on this date.", formats=["%Y-%m-%d"])] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Show the version of a book that is in force: its rules in order, and its milestones."""
    with usage_errors():
        books = BookFolder(root_folder(folder))
        found = books.version(book, version) if version else books.in_force(book, on.date() if on else _today())
    if as_json:
        print_json({**_summary(found), "rule_book": found.model_dump(mode="json", exclude_none=True)})
        return
    out.print(f"[bold]{escape(found.organisation)}[/bold]  {escape(_title(found))}")
    out.print(_rules_table(found))
    out.print(_milestones_table(found))


def list_books(folder: Folder = None, as_json: AsJson = False) -> None:
    """List the books, their versions, and which is in force today."""
    with usage_errors():
        books = BookFolder(root_folder(folder))
        rows = [row for name in books.books() for row in _version_rows(books, name)]
    if as_json:
        print_json(rows)
        return
    table = table_of("Book", "Version", "Effective from", "In force", "File")
    for row in rows:
        table.add_row(*map(escape, (row["book"], str(row["version"]), row["effective_from"], _mark(row), row["path"])))
    out.print(table)


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
        print_json({"wrote": str(write)})
    else:
        out.print(f"wrote {escape(str(write))}")


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
        table = table_of("Book", "Version", "Effective from", "Rules", "Milestones", "")
        for book in books:
            codes = ", ".join(milestone.code for milestone in book.milestones)
            cells = (book.origin.book, str(book.version), str(book.effective_from), str(len(book.lines)), codes, "loads")
            table.add_row(*map(escape, cells))
        out.print(table)
    print_errors(errors, out)


def _rules_table(book: RuleBook) -> Table:
    table = table_of("Line", "Rule", "When", "Then")
    for rule in book.lines:
        line = str(book.origin.lines.get(f"lines.{rule.id}", ""))
        table.add_row(line, escape(rule.id), escape(_conditions(rule.when)), escape(_coding(rule)))
    return table


def _milestones_table(book: RuleBook) -> Table:
    table = table_of("Line", "Milestone", "On status", "Amount", "Account")
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
    if not isinstance(amount, BaseModel):
        return amount
    given = {name: value for name, value in amount if value is not None and name in amount.model_fields_set}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items())
