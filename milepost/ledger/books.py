"""Published versions of rule books: text and hash, which runs read and nobody may change."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.errors import ConfigError
from milepost.ledger.bulk import insert_into
from milepost.ledger.tables import billings, book_versions, jobs
from milepost.rules.model import RuleBook
from milepost.rules.shelf import BookShelf, Published

_ANSWERED = ("sending", "done")
_PUBLISHING = 4_280_511_902_118
"""The key of PostgreSQL's advisory lock; any number that is always the same, and not that of the migrations."""


async def record_version(c: AsyncConnection, book: RuleBook, written: str, now: datetime, by: str | None = None) -> None:
    """Publish this version of the book; the same text again changes nothing.

    written: its text. by: who published it. Raises ConfigError when another text was published under this version.
    """
    origin = book.origin
    row = {
        "book": origin.book,
        "version": book.version,
        "sha256": origin.sha256,
        "text": written,
        "effective_from": book.effective_from,
        "published_at": now,
        "published_by": by,
    }
    await c.execute(insert_into(c, book_versions).on_conflict_do_nothing(), [row])
    kept = await get_version(c, origin.book, book.version)
    if kept is not None and kept.sha256 != origin.sha256:
        raise ConfigError(
            f"{origin.path}: version {book.version} of rule book {origin.book!r} was published on "
            f"{kept.published_at:%Y-%m-%d} with another text, and a published version never changes. Put the file back as "
            f"it was and make a new version: copy it to v{book.version + 1:04}.yaml, set 'version: {book.version + 1}' and "
            "change that."
        )


async def keep_publishing_out(c: AsyncConnection, *, publishes: bool = False) -> None:
    """Until this transaction ends nothing is published by another one; who `publishes` waits for those who only look.

    SQLite has one writer at a time and needs no lock for it.
    """
    if c.dialect.name == "postgresql":
        lock = "pg_advisory_xact_lock" if publishes else "pg_advisory_xact_lock_shared"
        await c.execute(text(f"SELECT {lock}(:key)"), {"key": _PUBLISHING})


async def get_version(c: AsyncConnection, book: str, version: int) -> Published | None:
    """One published version."""
    query = select(book_versions).where(book_versions.c.book == book, book_versions.c.version == version)
    row = (await c.execute(query)).mappings().first()
    return Published(**row) if row else None


async def list_versions(c: AsyncConnection, book: str) -> list[Published]:
    """Every published version of a book, oldest first."""
    query = select(book_versions).where(book_versions.c.book == book).order_by(book_versions.c.version)
    return [Published(**row) for row in (await c.execute(query)).mappings()]


async def shelf_of(c: AsyncConnection, book: str) -> BookShelf:
    """The published versions of a book, for runs; empty where none was published."""
    return BookShelf(book, await list_versions(c, book))


async def published_numbers(c: AsyncConnection, book: str) -> list[int]:
    """The numbers of a book's published versions."""
    query = select(book_versions.c.version).where(book_versions.c.book == book).order_by(book_versions.c.version)
    return list((await c.execute(query)).scalars())


async def published_books(c: AsyncConnection) -> list[str]:
    """The names of the books of which a version was published."""
    query = select(book_versions.c.book).distinct().order_by(book_versions.c.book)
    return list((await c.execute(query)).scalars())


async def billings_by_version(c: AsyncConnection, book: str) -> dict[int, int]:
    """By version, how many billings were sent by it, over all connections."""
    query = (
        select(billings.c.book_version, func.count())
        .where(billings.c.book == book, billings.c.status.in_(_ANSWERED))
        .group_by(billings.c.book_version)
    )
    return {row[0]: row[1] for row in await c.execute(query)}


async def sent_before(c: AsyncConnection, book: str, version: int, since: date) -> int:
    """How many billings of jobs completed since a day were sent by versions of the book below this one."""
    job_of = and_(jobs.c.connection == billings.c.connection, jobs.c.job_id == billings.c.job_id)
    query = select(func.count()).select_from(billings.join(jobs, job_of))
    query = query.where(billings.c.book == book, billings.c.book_version < version, billings.c.status.in_(_ANSWERED))
    return int((await c.execute(query.where(jobs.c.completed_on >= since))).scalar_one())


async def billed_by_other_stages(c: AsyncConnection, book: str, codes: Collection[str]) -> dict[str, int]:
    """By stage, how many jobs that are not complete were billed by stages of the book other than these."""
    job_of = and_(jobs.c.connection == billings.c.connection, jobs.c.job_id == billings.c.job_id)
    query = select(billings.c.milestone, func.count()).select_from(billings.join(jobs, job_of))
    query = query.where(billings.c.book == book, billings.c.status.in_(_ANSWERED), billings.c.sequence == 1)
    query = query.where(jobs.c.completed_on.is_(None), billings.c.milestone.not_in(codes))
    query = query.group_by(billings.c.milestone).order_by(billings.c.milestone)
    return {row[0]: row[1] for row in await c.execute(query)}
