"""`milepost rules test BOOK`: the book's tests as a table, what differs side by side, and what no test reaches."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.rules.shared import (
    PERSON_NEEDED,
    AsJson,
    Folder,
    out,
    print_json,
    root_folder,
    table_of,
    usage_errors,
)
from milepost.errors import ConfigError
from milepost.rules.load import load_book
from milepost.rules.model import RuleBook
from milepost.rules.trials.load import ORGANISATION, TESTS, load_trials, trial_files
from milepost.rules.trials.run import TrialResult
from milepost.rules.trials.suite import Suite, run_suite
from milepost.rules.versions import BookFolder


@dataclass(frozen=True, slots=True)
class _Asked:
    """The version to test, and the files of tests."""

    book: RuleBook
    files: list[Path]


def run_tests(
    book: Annotated[
        str, typer.Argument(help="A book's name, its folder, one version's file, or one file of tests.", metavar="BOOK|PATH")
    ],
    version: Annotated[
        int | None, typer.Option(help="Test this version; by default the highest.", show_default=False)
    ] = None,
    only: Annotated[str, typer.Option("-k", help="Only the tests whose name holds this text.", metavar="TEXT")] = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Run a book's tests, in its folder tests/, and say what came otherwise than expected. Exit code 1 when one fails."""
    with usage_errors():
        asked = _asked(book, version, folder)
        suite = run_suite(asked.book, load_trials(asked.files), only)
        if only and asked.files and not suite.results:
            raise ConfigError(f"no test of {asked.book.origin.book} has '{only}' in its name")
    if as_json:
        print_json(_document(asked.book, suite))
    else:
        _show(asked, suite)
    raise typer.Exit(PERSON_NEEDED if suite.failed else 0)


def _asked(name: str, version: int | None, folder: Path | None) -> _Asked:
    """What a name or path stands for. Raises UnknownName, ConfigError or RuleBookErrors."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise ConfigError(f"there is no file {path}")
        if path.absolute().parent.name == TESTS:
            home = path.absolute().parents[1]
            files = trial_files(home) if path.name == ORGANISATION else [path]
            return _Asked(_version_in(home, version), files)
        if version is not None:
            raise ConfigError("a version's file is tested as it is; leave --version out")
        return _Asked(load_book(path), trial_files(path.absolute().parent))
    books = BookFolder(root_folder(folder))
    is_folder = path.is_dir() and name not in books.books()
    home = path.absolute() if is_folder else books.root / name
    return _Asked(_version_in(home, version), trial_files(home))


def _version_in(home: Path, version: int | None) -> RuleBook:
    books = BookFolder(home.parent)
    return books.version(home.name, version) if version else books.latest(home.name)


def _show(asked: _Asked, suite: Suite) -> None:
    book = asked.book
    out.print(f"[bold]{escape(book.origin.book)}[/bold] version {book.version}  {escape(book.origin.path)}", soft_wrap=True)
    if not asked.files:
        out.print(f"There are no tests yet. Write them into {escape(_tests_folder(book))}, or capture one from a job:")
        out.print(f"  milepost rules capture CONNECTION JOB --book {escape(book.origin.book)}", soft_wrap=True)
        return
    table = table_of("", "Test", "File")
    for result in suite.results:
        mark = "[green]✓[/]" if result.passed else "[red]✗[/]"
        table.add_row(mark, escape(result.name), escape(_short(result.where)))
    out.print(table)
    for result in suite.failed:
        _show_failure(result)
    out.print()
    _show_untouched(suite)
    passed = len(suite.results) - len(suite.failed)
    out.print(f"{passed} passed" + (f", [red]{len(suite.failed)} failed[/]" if suite.failed else ""))


def _show_failure(result: TrialResult) -> None:
    out.print(f"\n[red]✗[/] [bold]{escape(result.name)}[/]  {escape(result.where)}", soft_wrap=True)
    table = table_of("", "Expected", "Got")
    for one in result.differences:
        table.add_row(*map(escape, (one.what, one.expected, one.got)))
    out.print(table)


def _show_untouched(suite: Suite) -> None:
    if suite.untouched:
        out.print(f"[yellow]![/] No test reaches {escape(', '.join(suite.untouched))}.", soft_wrap=True)


def _tests_folder(book: RuleBook) -> str:
    return f"{Path(book.origin.path).parent / TESTS}/"


def _short(where: str) -> str:
    """From the folder of tests on: the table is of one book."""
    return where.rsplit(f"{TESTS}/", 1)[-1]


def _document(book: RuleBook, suite: Suite) -> dict[str, Any]:
    return {
        "ok": not suite.failed,
        "book": book.origin.book,
        "version": book.version,
        "tests": [_result(result) for result in suite.results],
        "untouched": list(suite.untouched),
    }


def _result(result: TrialResult) -> dict[str, Any]:
    found = [{"what": one.what, "expected": one.expected, "got": one.got} for one in result.differences]
    return {
        "name": result.name,
        "path": result.path,
        "line": result.line,
        "passed": result.passed,
        "differences": found,
        "touched": sorted(result.touched),
    }
