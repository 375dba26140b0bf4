"""`milepost rules lint`: what a book that loads will hardly do as it was meant, and what its organisation would refuse."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.prefect_api import run, use_prefect
from cli.rules.kept import shelf_here
from cli.rules.shared import PERSON_NEEDED, AsJson, Folder, files_of, out, print_errors, print_json, usage_errors
from milepost.errors import ConfigError
from milepost.platforms.statuses import known_statuses
from milepost.rules.issues import Issue, Severity, in_order
from milepost.rules.lint import lint_book
from milepost.rules.lint.statuses import lint_statuses
from milepost.rules.model import RuleBook
from milepost.rules.problems import Located, RuleBookErrors
from milepost.rules.standing import FileState, number_of, standings
from milepost.rules.versions import BookFolder
from milepost.settings import installation
from milepost.steps.lint_books import ReadChart, chart_to_lint, issues_of
from milepost.steps.workspace import open_workspace

_MARKS = {
    Severity.ERROR: "[red]✗ error[/]",
    Severity.WARNING: "[yellow]! warning[/]",
    Severity.HINT: "[cyan]· hint[/]",
}


@dataclass(frozen=True, slots=True)
class _Against:
    """What a book is held against beside itself: the chart of a connection, and the statuses of its job system."""

    chart: ReadChart
    statuses: tuple[str, ...]


@dataclass(slots=True)
class _Linted:
    """What was looked at, and what was found. errors: of files that cannot be loaded at all."""

    books: list[tuple[RuleBook, list[Issue]]] = field(default_factory=list)
    errors: list[Located] = field(default_factory=list)

    @property
    def issues(self) -> list[Issue]:
        return [issue for _, found in self.books for issue in found]

    @property
    def is_ok(self) -> bool:
        return not self.errors and all(issue.severity is not Severity.ERROR for issue in self.issues)


def lint(
    books: Annotated[
        list[str],
        typer.Argument(help="A book's name, its folder, a folder of books, or one version's file.", metavar="BOOK|PATH..."),
    ],
    version: Annotated[int | None, typer.Option(help="This version only.", min=1)] = None,
    connection: Annotated[
        str | None, typer.Option(help="Hold it against this connection's organisation and job system, too.")
    ] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Look for rules that no line reaches, stages that do not add up, and what Xero would refuse, each with its fix.

    Of a book, its highest version and all that are not published are looked at. Exit code 1 when there is an error.
    """
    with usage_errors():
        files = [found for book in books for found in _chosen(files_of(book, folder), book, version)]
        against = _look_up(connection) if connection else None
        linted = _lint(files, against)
    if as_json:
        _print_document(linted, against)
    else:
        _print(linted, against)
    raise typer.Exit(0 if linted.is_ok else PERSON_NEEDED)


def _chosen(files: Sequence[tuple[BookFolder, Path]], asked: str, version: int | None) -> list[tuple[BookFolder, Path]]:
    """Of each book the version asked for; else its highest file and those not published. A file that is named is taken."""
    if Path(asked).is_file():
        return list(files)
    if version is not None:
        chosen = [(books, path) for books, path in files if number_of(path) == version]
        if not chosen:
            raise ConfigError(f"rule book '{asked}' has no version {version}")
        return chosen
    wanted = {path for name, books in {path.parent: books for books, path in files}.items() for path in _new(books, name)}
    return [(books, path) for books, path in files if path in wanted]


def _new(books: BookFolder, book: Path) -> Iterable[Path]:
    found = [one for one in standings(books, shelf_here(book.name)) if one.path is not None]
    unpublished = [one.path for one in found if one.state is not FileState.SAME]
    return [path for path in (*unpublished, found[-1].path) if path is not None]


def _look_up(connection: str) -> _Against:
    """Read the chart of a connection. Raises RemoteError when Xero cannot be asked and never was."""
    use_prefect()
    return run(_against(connection))


async def _against(connection: str) -> _Against:
    from blocks.store import load_connection  # noqa: PLC0415  Prefect takes a second to import

    settings = await load_connection(connection)
    async with open_workspace(settings, installation()) as workspace:
        return _Against(await chart_to_lint(workspace), known_statuses(settings.platform))


def _lint(files: Iterable[tuple[BookFolder, Path]], against: _Against | None) -> _Linted:
    linted = _Linted()
    for books, path in files:
        try:
            book = books.load(path)
        except RuleBookErrors as problem:
            linted.errors += problem.errors
            continue
        linted.books.append((book, _issues(book, against)))
    return linted


def _issues(book: RuleBook, against: _Against | None) -> list[Issue]:
    found = lint_book(book, today=datetime.now(UTC).date())
    if against is not None:
        found += issues_of(book, against.chart.chart)
        found += lint_statuses(book, against.statuses) if against.statuses else ()
    return in_order(found)


def _print(linted: _Linted, against: _Against | None) -> None:
    if against is not None:
        out.print(_of_chart(against.chart), soft_wrap=True)
    for book, found in linted.books:
        out.print(f"[bold]{escape(_title(book))}[/]: {_counted(found)}", soft_wrap=True)
        for issue in found:
            _print_issue(issue)
    print_errors(linted.errors, out)


def _print_issue(issue: Issue) -> None:
    trail = f"  {escape(issue.trail)}" if issue.trail else ""
    out.print(f"{_MARKS[issue.severity]} [dim]{escape(issue.where)}[/]{trail}", soft_wrap=True)
    out.print(f"    {escape(issue.message)}", soft_wrap=True)
    out.print(f"    [dim]→[/] {escape(issue.fix)} [dim]({issue.code})[/]", soft_wrap=True)
    if issue.suggestion is not None:
        out.print(f"    [dim]write[/] {escape(issue.suggestion)}", soft_wrap=True)


def _title(book: RuleBook) -> str:
    return f"{book.origin.path}, version {book.version} from {book.effective_from}"


def _counted(found: Sequence[Issue]) -> str:
    """`1 error, 2 warnings`."""
    counts = Counter(issue.severity for issue in found)
    told = [f"{counts[kind]} {kind}{'s' if counts[kind] > 1 else ''}" for kind in Severity if counts[kind]]
    return ", ".join(told) or "in order"


def _of_chart(read: ReadChart) -> str:
    name = escape(read.chart.organisation.name)
    if not read.why_kept:
        return f"Held against the chart of {name}, read just now."
    minutes = int((datetime.now(UTC) - read.read_at).total_seconds() // 60)
    return f"[yellow]![/] Held against the chart of {name} as it was {minutes} minutes ago: {escape(read.why_kept)}"


def _print_document(linted: _Linted, against: _Against | None) -> None:
    print_json(
        {
            "ok": linted.is_ok,
            "chart": _chart_document(against.chart) if against else None,
            "books": [
                {"book": book.origin.book, "version": book.version, "path": book.origin.path} for book, _ in linted.books
            ],
            "issues": [issue_document(issue) for issue in linted.issues],
            "errors": [{**asdict(error), "text": str(error)} for error in linted.errors],
        }
    )


def _chart_document(read: ReadChart) -> dict[str, Any]:
    return {
        "organisation": read.chart.organisation.name,
        "read_at": read.read_at.isoformat(),
        "why_kept": read.why_kept or None,
    }


def issue_document(issue: Issue) -> dict[str, Any]:
    """An issue as JSON."""
    return {**asdict(issue), "text": str(issue)}
