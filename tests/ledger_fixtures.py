"""A real ledger as a pytest fixture, on SQLite and (where MILEPOST_TEST_POSTGRES_URL names a server) on PostgreSQL.

A test module that needs it says `pytest_plugins = ["tests.ledger_fixtures"]`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from milepost.ledger.database import Database, open_database
from milepost.ledger.tables import metadata
from milepost.settings import Installation
from tests.databases import KINDS, POSTGRES_URL, postgres_database
from tests.ledger_values import installed


@pytest_asyncio.fixture(params=KINDS, loop_scope="session")
async def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty database, its schema not made yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    if POSTGRES_URL is None:
        pytest.skip("MILEPOST_TEST_POSTGRES_URL names no server")
    with postgres_database() as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_ledger(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation | None]:
    """One PostgreSQL database for the whole session; None without a server."""
    if POSTGRES_URL is None:
        yield None
        return
    with postgres_database() as url:
        yield installed(tmp_path_factory.mktemp("home"), url)


@pytest_asyncio.fixture(params=KINDS, loop_scope="session")
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
