"""What the ledger here knows of rule books, for commands that only read files and work without any ledger as well."""

import asyncio
import os
from pathlib import Path

from milepost.ledger import books
from milepost.ledger.database import open_database
from milepost.ledger.engine import is_sqlite, ledger_url
from milepost.rules.shelf import BookShelf
from milepost.settings import installation


def shelf_here(book: str) -> BookShelf:
    """The published versions of a book; empty where none was, or where there is no ledger yet. None is made."""
    return asyncio.run(_shelf_of(book)) if _has_ledger() else BookShelf(book, ())


def _has_ledger() -> bool:
    given = os.environ.get("MILEPOST_DATABASE_URL")
    if not given:
        return (Path(os.environ.get("MILEPOST_HOME") or ".milepost").expanduser() / "ledger.db").exists()
    url = ledger_url(given)
    return not is_sqlite(url) or Path(url.database or "").exists()


async def _shelf_of(book: str) -> BookShelf:
    async with open_database(installation()) as db, db.read() as c:
        return await books.shelf_of(c, book)
