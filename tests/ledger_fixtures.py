"""A real ledger as a pytest fixture, on SQLite and (where MILEPOST_TEST_POSTGRES_URL names a server) on PostgreSQL.

A test module that needs it says `pytest_plugins = ["tests.ledger_fixtures"]`.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from milepost.ledger.database import Database, open_database
from milepost.ledger.tables import metadata
from milepost.settings import Installation
from tests.ledger_values import installed

POSTGRES_URL = os.environ.get("MILEPOST_TEST_POSTGRES_URL") or None
BACKENDS = ["sqlite", "postgresql"]


async def new_postgres_database() -> str:
    """The URL of a database of its own on the test server."""
    assert POSTGRES_URL is not None
    name = f"milepost_test_{uuid4().hex}"
    server = make_url(POSTGRES_URL).set(drivername="postgresql+psycopg")
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
    await engine.dispose()
    return server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


async def drop_postgres_database(url: str) -> None:
    """Remove what `new_postgres_database` made."""
    assert POSTGRES_URL is not None
    engine = create_async_engine(make_url(POSTGRES_URL).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)'))
    await engine.dispose()


@pytest_asyncio.fixture(params=BACKENDS, loop_scope="session")
async def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty database, its schema not made yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    if POSTGRES_URL is None:
        pytest.skip("MILEPOST_TEST_POSTGRES_URL names no server")
    url = await new_postgres_database()
    yield url
    await drop_postgres_database(url)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_ledger(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation | None]:
    """One PostgreSQL database for the whole session; None without a server."""
    if POSTGRES_URL is None:
        yield None
        return
    url = await new_postgres_database()
    yield installed(tmp_path_factory.mktemp("home"), url)
    await drop_postgres_database(url)


@pytest_asyncio.fixture(params=BACKENDS, loop_scope="session")
async def installation(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_ledger: Installation | None
) -> AsyncIterator[Installation]:
    """An installation whose ledger is empty."""
    if request.param == "sqlite":
        yield installed(tmp_path)
        return
    if postgres_ledger is None:
        pytest.skip("MILEPOST_TEST_POSTGRES_URL names no server")
    yield postgres_ledger
    async with open_database(postgres_ledger) as db, db.write() as c:
        await c.execute(text(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY"))


@pytest_asyncio.fixture(loop_scope="session")
async def ledger(installation: Installation) -> AsyncIterator[Database]:
    """An open, empty ledger."""
    async with open_database(installation) as db:
        yield db
