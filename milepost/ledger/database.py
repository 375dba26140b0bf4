"""The ledger's database: opened and brought up to date once a process, then read and written in short transactions.

Nothing calls out over the network while it holds `write()`: on SQLite that would stop every other writer.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from milepost.errors import ConfigError
from milepost.ledger.engine import Engines, create_engines, is_sqlite, ledger_url
from milepost.ledger.migrate import migrate
from milepost.ledger.sealer import Sealer
from milepost.settings import Installation


class Database:
    """An open ledger. `engine` writes, `reader` only reads; both take SQLAlchemy's event listeners as usual."""

    def __init__(self, engines: Engines, sealer: Sealer) -> None:
        self.engine: AsyncEngine = engines.writer
        self.reader: AsyncEngine = engines.reader
        self.sealer = sealer

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that is committed on exit and rolled back by an exception. Not to be nested.

        On SQLite it holds the write lock from its first instant, so a compare-and-set never fails late.
        """
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view; an attempt to write in it is refused by the database."""
        async with self.reader.connect() as connection:
            yield connection


@asynccontextmanager
async def open_database(installation: Installation) -> AsyncIterator[Database]:
    """The installation's ledger, its schema brought up to date. Several processes may do this at once.

    Raises ConfigError when the URL is wrong, the database cannot be opened, or its schema is newer than this code.
    """
    url = ledger_url(installation.database_url)
    engines = create_engines(url)
    try:
        await _prepare(engines, url)
        yield Database(engines, Sealer(installation.secret_key))
    finally:
        await engines.dispose()


async def _prepare(engines: Engines, url: URL) -> None:
    try:
        await migrate(engines.writer, sqlite=is_sqlite(url))
    except DBAPIError as error:
        shown = url.database if is_sqlite(url) else f"{url.host}:{url.port or 5432}/{url.database}"
        raise ConfigError(
            f"The ledger at {shown} cannot be opened: {error.orig}. Check MILEPOST_DATABASE_URL (or MILEPOST_HOME), "
            "that the server is up and that this user may write there."
        ) from error
