"""`milepost rules show|list|schema`: rule books as their files have them, and which versions are published."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.markup import escape
from rich.table import Table

from cli.days import day
from cli.rules.kept import shelf_here
from cli.rules.shared import (
    AsJson,
    Folder,
    out,
    print_json,
    root_folder,
    table_of,
    usage_errors,
)
from milepost.rules.asked import asked_in_words
from milepost.rules.conditions import JobWhen
from milepost.rules.model import Milestone, Rule, RuleBook
from milepost.rules.schema import schema_text
from milepost.rules.versions import BookFolder


def show(
    book: Annotated[str, typer.Argument(help="A book's name.")],
    version: Annotated[int | None, typer.Option(help="This version instead of the one in force.")] = None,
    on: Annotated[date | None, typer.Option(help="In force on this date.", parser=day, metavar="DATE")] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Show the version of a book that is in force: its rules in order, and its milestones.

    In force is what is published; of a book that is not published yet, what its files say.
    """
    with usage_errors():
        found = _version(BookFolder(root_folder(folder)), book, version, on or _today())
    if as_json:
        print_json({**summary(found), "rule_book": found.model_dump(mode="json", exclude_none=True)})
        return
    out.print(f"[bold]{escape(found.organisation)}[/bold]  {escape(_title(found))}")
    out.print(_rules_table(found))
    out.print(_milestones_table(found))


def list_books(folder: Folder = None, as_json: AsJson = False) -> None:
    """List the books, their versions, which are published, and which is in force today."""
    with usage_errors():
        books = BookFolder(root_folder(folder))
        rows = [row for name in books.books() for row in _version_rows(books, name)]
    if as_json:
        print_json(rows)
        return
    table = table_of("Book", "Version", "Effective from", "State", "File")
    for row in rows:
        cells = (row["book"], str(row["version"]), row["effective_from"], _state(row), Path(row["path"]).name)
        table.add_row(*map(escape, cells))
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


def _version(books: BookFolder, book: str, version: int | None, on: date) -> RuleBook:
    if version:
        return books.version(book, version)
    shelf = shelf_here(book)
    return shelf.in_force(on) if shelf else books.in_force(book, on)


def _today() -> date:
    return datetime.now(UTC).date()


def _title(book: RuleBook) -> str:
    return f"{book.origin.book} version {book.version}, from {book.effective_from}  {book.origin.path}"


def summary(book: RuleBook) -> dict[str, Any]:
    """A book in a few words, as JSON."""
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
    """In force is what is published; of a book that is not published yet, what its files say."""
    shelf, versions = shelf_here(name), books.versions(name)
    published = {version.version for version in shelf.published}
    billing = shelf.published_on(_today())
    begun = [v.version for v in versions if v.effective_from <= _today()]
    in_force = (billing.version if billing else None) if shelf else max(begun, default=None)
    return [
        {
            "book": name,
            "version": v.version,
            "effective_from": v.effective_from.isoformat(),
            "published": v.version in published,
            "in_force": v.version == in_force,
            "path": str(v.path),
        }
        for v in versions
    ]


def _state(row: Mapping[str, Any]) -> str:
    """What is not published bills nothing, so it is never called in force."""
    if not row["published"]:
        return "not published"
    return "in force" if row["in_force"] else "published"


def _rules_table(book: RuleBook) -> Table:
    table = table_of("Line", "Rule", "When", "Then")
    for rule in book.lines:
        line = str(book.origin.lines.get(f"lines.{rule.id}", ""))
        table.add_row(line, escape(rule.id), escape(_conditions(rule.when, "any line")), escape(_coding(rule)))
    return table


def _milestones_table(book: RuleBook) -> Table:
    conditional = any(asked_in_words(milestone.when) for milestone in book.milestones)
    table = table_of("Line", "Milestone", "On status", "Amount", "Account", *(["When"] if conditional else []))
    for milestone in book.milestones:
        line = str(book.origin.lines.get(f"milestones.{milestone.code}", ""))
        name = f"{milestone.code} {milestone.name}"
        cells = (name, ", ".join(milestone.on_status), _amount(milestone), milestone.account or "the lines' own")
        when = [_conditions(milestone.when, "every job")] if conditional else []
        table.add_row(line, *map(escape, (*cells, *when)))
    return table


def _conditions(when: JobWhen, otherwise: str) -> str:
    """Each condition as `code: AH*`; what stands under `not` without saying so twice."""
    asked = asked_in_words(when)
    if "not" in asked:
        asked["not"] = asked["not"].removeprefix("not ")
    return "\n".join(f"{name}: {words}" for name, words in asked.items()) or otherwise


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
