"""`milepost rules new BOOK`: a first rule book, proposed from the live chart and the last jobs, to be finished by people."""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from cli.names import connection_names
from cli.prefect_api import run, use_prefect
from cli.rules.shared import AsJson, Folder, err, out, print_json, usage_errors
from milepost.connection import Connection
from milepost.errors import ConfigError, UnknownName
from milepost.ledger import books
from milepost.ledger.database import open_database
from milepost.rules.load import parse_book
from milepost.rules.model import RuleBook
from milepost.rules.propose import propose
from milepost.rules.schema import schema_text
from milepost.rules.versions import BookFolder
from milepost.settings import installation
from milepost.steps.sample import sample
from milepost.steps.workspace import open_workspace, utcnow

_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}"
_SCHEMA = "rule-book.schema.json"


@dataclass(frozen=True, slots=True)
class _Proposed:
    """The book that was written, how many jobs it was made from, and how often it asks for a decision."""

    book: RuleBook
    path: Path
    jobs: int
    decisions: int


def new(
    book: Annotated[str, typer.Argument(help="The new book's name: letters, digits, - and _.")],
    connection: Annotated[
        str, typer.Option(help="Propose from this connection's chart and jobs.", autocompletion=connection_names)
    ],
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Propose a first version of a book: rules for what the last jobs hold, and comments that ask what to decide.

    Accounts and taxes are those of the organisation in Xero. Nothing that exists is overwritten, nothing is published.
    """
    with usage_errors():
        use_prefect()
        proposed = run(_proposed(book, connection, folder))
    if as_json:
        print_json(_document(proposed))
    else:
        _show(proposed, connection, folder)


async def _proposed(name: str, connection: str, folder: Path | None) -> _Proposed:
    from blocks.store import load_connection  # noqa: PLC0415  Prefect takes a second to import

    settings = await load_connection(connection)
    path = _path(name, settings, folder)
    await _refuse_published(name)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        reading = bar.add_task("reading jobs", total=None)
        async with open_workspace(settings, installation()) as workspace:
            chart, jobs = await sample(workspace, lambda done, of: _moved(bar, reading, done, of))
    text = propose(name, chart, jobs, utcnow().date())
    book = parse_book(text, str(path), name)
    _write(path, text)
    return _Proposed(book, path, len(jobs), text.count("DECIDE:"))


def _path(name: str, settings: Connection, folder: Path | None) -> Path:
    """Where version 1 will be. Raises ConfigError for a name no folder can have, or a book that is there already."""
    if not re.fullmatch(_NAME, name):
        raise ConfigError(f"'{name}' cannot name a rule book; use letters, digits, - and _, such as acme-plumbing")
    root = folder or settings.rule_books_dir or Path("mappings")
    with suppress(UnknownName):
        there = BookFolder(root).files(name)
        raise ConfigError(f"rule book '{name}' is there already: {there[-1]}. Choose another name, or change that one.")
    return root / name / "v0001.yaml"


async def _refuse_published(name: str) -> None:
    async with open_database(installation()) as db, db.read() as c:
        published = await books.shelf_of(c, name)
    if published:
        raise ConfigError(f"rule book '{name}' has published versions already. Choose another name.")


def _moved(bar: Progress, task: TaskID, done: int, of: int | None) -> None:
    bar.update(task, completed=done, total=of)


def _write(path: Path, text: str) -> None:
    """The book, and beside the books the schema that editors check it by, unless it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already; nothing was overwritten. Choose another name.") from error
    with suppress(FileExistsError), (path.parent.parent / _SCHEMA).open("x", encoding="utf-8") as file:
        file.write(schema_text())


def _show(proposed: _Proposed, connection: str, folder: Path | None) -> None:
    book, where = proposed.book, f" --folder {folder}" if folder else ""
    name, billed = escape(book.origin.book), escape(connection)
    out.print(f"[green]✓[/] wrote {escape(str(proposed.path))}", soft_wrap=True)
    out.print(f"  {len(book.lines)} rules, taxes mapped: {len(book.taxes)}; from the chart in Xero and {proposed.jobs} jobs")
    if not proposed.jobs:
        out.print(
            "  [yellow]![/] no job was found to look at; the rules are for no kind of line in particular", soft_wrap=True
        )
    steps = (
        f"open it and decide what its {proposed.decisions} comments DECIDE ask",
        f"milepost rules check {name}{escape(where)}",
        f"milepost rules lint {name} --connection {billed}{escape(where)}",
        f"milepost rules capture {billed} JOB --book {name}{escape(where)}   for two or three typical jobs, as tests",
        f"put 'rule_book: {name}' into the connection's file, and: milepost connection add --from FILE.yaml",
        f"milepost rules publish {name}{escape(where)}",
        f"milepost plan {billed}   what would be billed; writes nothing",
    )
    for number, step in enumerate(steps, 1):
        out.print(f"  {number}. {step}", soft_wrap=True)


def _document(proposed: _Proposed) -> dict[str, object]:
    return {
        "book": proposed.book.origin.book,
        "path": str(proposed.path),
        "rules": [rule.id for rule in proposed.book.lines],
        "taxes": dict(proposed.book.taxes),
        "jobs": proposed.jobs,
        "to_decide": proposed.decisions,
    }
