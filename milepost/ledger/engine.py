"""The engines under the ledger: which URL means which driver, and how SQLite begins, waits and keeps what it was told."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from milepost.errors import ConfigError

BUSY_SECONDS = 30
"""How long a writer waits for another process's transaction before it gives up."""

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


@dataclass(frozen=True, slots=True)
class Engines:
    """One engine that writes and one that can only read; on PostgreSQL they share a pool."""

    writer: AsyncEngine
    reader: AsyncEngine

    async def dispose(self) -> None:
        """Close every pooled connection."""
        await self.writer.dispose()
        await self.reader.dispose()


def ledger_url(text: str) -> URL:
    """The URL with the async driver we ship; `postgres://`, `postgresql://` and `sqlite:///` are understood."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError(
            "MILEPOST_DATABASE_URL is not a database URL. Use sqlite:////path/to/ledger.db or "
            "postgresql://user:password@host/database"
        ) from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise ConfigError(
            f"MILEPOST_DATABASE_URL names {url.drivername!r}, which the ledger cannot use. Use "
            "sqlite:////path/to/ledger.db or postgresql://user:password@host/database"
        )
    url = url.set(drivername=driver)
    if is_sqlite(url) and url.database in (None, "", ":memory:"):
        raise ConfigError(
            "MILEPOST_DATABASE_URL names a database in memory, which would forget what was billed. "
            "Name a file: sqlite:////path/to/ledger.db"
        )
    return url


def is_sqlite(url: URL) -> bool:
    """Whether the ledger is a SQLite file."""
    return url.get_backend_name() == "sqlite"


def create_engines(url: URL) -> Engines:
    """The engines of a ledger; nothing is connected yet."""
    return _sqlite_engines(url) if is_sqlite(url) else _postgresql_engines(url)


def _postgresql_engines(url: URL) -> Engines:
    writer = create_async_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    return Engines(writer, writer.execution_options(postgresql_readonly=True))


def _sqlite_engines(url: URL) -> Engines:
    """SQLite has one writer at a time: a pool of one lets the tasks of a process queue in order, without busy waits."""
    connect = {"timeout": BUSY_SECONDS}
    writer = create_async_engine(
        url, hide_parameters=True, pool_size=1, max_overflow=0, pool_timeout=BUSY_SECONDS, connect_args=connect
    )
    reader = create_async_engine(url, hide_parameters=True, connect_args=connect)
    _begin_with(writer, "BEGIN IMMEDIATE", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON")
    _begin_with(reader, "BEGIN", "PRAGMA query_only = ON")
    return Engines(writer, reader)


def _begin_with(engine: AsyncEngine, begin: str, *pragmas: str) -> None:
    """Take transactions out of the driver's hands, which would begin them late and deferred.

    Reference: SQLAlchemy, "SQLite: transactions with sqlite and the sqlite3 driver".
    """

    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
