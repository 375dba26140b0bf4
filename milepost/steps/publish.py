"""Publishing: the new versions of a rule book go from their files into the ledger, from where every worker bills by them.

All of a book's new versions or none. Whatever must hold of a version first is a gate: lint, and the book's own tests.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.errors import ConfigError
from milepost.ledger import books, connections, jobs
from milepost.ledger.database import Database
from milepost.rules.model import RuleBook
from milepost.rules.problems import RuleBookErrors
from milepost.rules.shelf import BookShelf, Published
from milepost.rules.standing import FileState, Standing, changed_why, out_of_order_why, standings
from milepost.rules.versions import BookFolder

Gate = Callable[[RuleBook, Path], list[str]]
"""Takes a version and its book's folder; says why it may not be published, and nothing when it may."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What came of publishing a book. `refused` says why nothing was; `warnings` what people should know all the same."""

    book: str
    published: tuple[Published, ...] = ()
    refused: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _New:
    """A version that is to be published, and its text."""

    book: RuleBook
    path: Path
    text: str


async def publish_book(
    db: Database, folder: BookFolder, book: str, *, gates: Sequence[Gate], by: str | None, now: datetime
) -> Publication:
    """Publish every version of the book that is not published yet, in order; one that may not be keeps all of them back.

    Jobs that the new versions may bill otherwise are decided again by the next poll. Raises UnknownName, ConfigError.
    """
    async with db.read() as c:
        shelf = await books.shelf_of(c, book)
    found = standings(folder, shelf)
    new, refused = _read_new(folder, found)
    refused = [
        *_refused(found, shelf),
        *refused,
        *(why for one in new for gate in gates for why in _through(gate, one)),
    ]
    if refused or not new:
        return Publication(book, refused=tuple(refused))
    try:
        return await _record(db, new, shelf, by, now)
    except ConfigError as error:  # somebody published the same number meanwhile
        return Publication(book, refused=(str(error),))


async def _record(db: Database, new: Sequence[_New], shelf: BookShelf, by: str | None, now: datetime) -> Publication:
    async with db.write() as c:
        await books.keep_publishing_out(c, publishes=True)
        await _check_still_next(c, shelf.book, [one.book.version for one in new])
        warnings = [warning for one in new for warning in await _warnings(c, one.book, shelf)]
        for one in new:
            await books.record_version(c, one.book, one.text, now, by)
        await _decide_again(c, shelf.book, [one.book for one in new])
        versions = [await books.get_version(c, shelf.book, one.book.version) for one in new]
    return Publication(shelf.book, tuple(version for version in versions if version), warnings=tuple(warnings))


async def _check_still_next(c: AsyncConnection, book: str, new: Sequence[int]) -> None:
    """Raises ConfigError where another machine has published a higher version since the files were looked at."""
    late = [version for version in await books.published_numbers(c, book) if version > min(new) and version not in new]
    if late:
        raise ConfigError(
            f"version {max(late)} of rule book '{book}' was published by somebody else just now, so version "
            f"{min(new)} was not: milepost rules history {book}"
        )


def _read_new(folder: BookFolder, found: Sequence[Standing]) -> tuple[list[_New], list[str]]:
    """The versions to publish, and every error of those that do not load."""
    new: list[_New] = []
    errors: list[str] = []
    for path in (one.path for one in found if one.state is FileState.UNPUBLISHED):
        if path is None:
            continue
        try:
            new.append(_New(folder.load(path), path, folder.text(path)))
        except RuleBookErrors as problem:
            errors += map(str, problem.errors)
    return new, errors


def _through(gate: Gate, new: _New) -> list[str]:
    return [f"version {new.book.version}: {why}" for why in gate(new.book, new.path.parent)]


def _refused(found: Sequence[Standing], shelf: BookShelf) -> list[str]:
    changed = [changed_why(one) for one in found if one.state is FileState.CHANGED]
    return changed + [out_of_order_why(one, shelf) for one in found if one.state is FileState.OUT_OF_ORDER]


async def _warnings(c: AsyncConnection, book: RuleBook, shelf: BookShelf) -> list[str]:
    """What a version changes that reaches back."""
    name, since, version = book.origin.book, book.effective_from, book.version
    replaced = [str(one.version) for one in shelf.published if one.effective_from >= since]
    warnings = []
    if replaced:
        warnings.append(
            f"version {version} applies from {since} and takes the place of version {' and '.join(replaced)} altogether, "
            "which applied from that day or later"
        )
    if sent := await books.sent_before(c, name, version, since):
        said = "1 billing of a job" if sent == 1 else f"{sent} billings of jobs"
        warnings.append(
            f"{said} completed since {since} went out by an earlier version already; what was invoiced stays as it is, and "
            f"what these jobs are still to be billed is decided by version {version}"
        )
    return [*warnings, *await _stages_gone(c, book)]


async def _stages_gone(c: AsyncConnection, book: RuleBook) -> list[str]:
    """A stage is known by its code: one that was only given another code bills its share once more."""
    codes = [milestone.code for milestone in book.milestones]
    gone = await books.billed_by_other_stages(c, book.origin.book, codes)
    return [
        f"version {book.version} has no stage {code}, by which {count} {'job' if count == 1 else 'jobs'} not complete yet "
        f"{'was' if count == 1 else 'were'} billed: if another stands in its place, it bills its share of them as well; "
        f"give it the code {code} to prevent that"
        for code, count in gone.items()
    ]


async def _decide_again(c: AsyncConnection, book: str, new: Sequence[RuleBook]) -> None:
    """A job with nothing due may be due by a new version: by another status, or another stage."""
    since = min(version.effective_from for version in new)
    for row in await connections.list_connections(c):
        if row.rule_book == book:
            await jobs.decide_again(c, row.name, completed_since=since, and_unfinished=True)
