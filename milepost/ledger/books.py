"""Published versions of rule books: text and hash, which runs read and nobody may change."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.errors import ConfigError
from milepost.ledger.bulk import insert_into
from milepost.ledger.tables import book_versions
from milepost.rules.model import RuleBook


@dataclass(frozen=True, slots=True)
class BookVersion:
    """One published version: the YAML text as it was, and its sha256."""

    book: str
    version: int
    sha256: str
    text: str
    effective_from: date
    published_at: datetime


async def record_version(c: AsyncConnection, book: RuleBook, text: str, now: datetime) -> None:
    """Keep this version of the book; the same text again changes nothing.

    Raises ConfigError when another text was kept under this version.
    """
    origin = book.origin
    row = {
        "book": origin.book,
        "version": book.version,
        "sha256": origin.sha256,
        "text": text,
        "effective_from": book.effective_from,
        "published_at": now,
    }
    await c.execute(insert_into(c, book_versions).on_conflict_do_nothing(), [row])
    kept = await get_version(c, origin.book, book.version)
    if kept is not None and kept.sha256 != origin.sha256:
        raise ConfigError(
            f"{origin.path}: version {book.version} of rule book {origin.book!r} was changed after it was already used "
            f"for billing ({kept.published_at:%Y-%m-%d}). Put the file back as it was and make a new version: copy it "
            f"to v{book.version + 1:04}.yaml, set 'version: {book.version + 1}' and change that."
        )


async def get_version(c: AsyncConnection, book: str, version: int) -> BookVersion | None:
    """The kept text of one version."""
    query = select(book_versions).where(book_versions.c.book == book, book_versions.c.version == version)
    row = (await c.execute(query)).mappings().first()
    return BookVersion(**row) if row else None


async def list_versions(c: AsyncConnection, book: str) -> list[BookVersion]:
    """Every kept version of a book, oldest first."""
    query = select(book_versions).where(book_versions.c.book == book).order_by(book_versions.c.version)
    return [BookVersion(**row) for row in (await c.execute(query)).mappings()]
