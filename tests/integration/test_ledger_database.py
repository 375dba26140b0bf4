"""The ledger's database: opened, brought up to date, written and read in transactions."""

import asyncio
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.exc import DBAPIError

from milepost.errors import ConfigError
from milepost.ledger.connections import get_connection, list_connections, save_connection, set_cursor
from milepost.ledger.database import Database, open_database
from milepost.ledger.engine import create_engines, is_sqlite, ledger_url
from milepost.ledger.migrate import MIGRATIONS, migrate
from milepost.ledger.migrations import HEAD
from milepost.ledger.tables import metadata
from tests.ledger_values import NOW, installed, let_go, start_python

pytest_plugins = ["tests.ledger_fixtures"]

OPENER = """
import asyncio, sys, time
from pathlib import Path
from cryptography.fernet import Fernet
from milepost.ledger.connections import save_connection
from milepost.ledger.database import open_database
from milepost.settings import Installation
from datetime import UTC, datetime
async def main(url, name):
    sys.stdin.readline()
    async with open_database(Installation(Path("."), url, Fernet.generate_key(), "")) as db, db.write() as c:
        await save_connection(c, name, "csv", "acme", datetime.now(UTC))
print("ready", flush=True)
asyncio.run(main(*sys.argv[1:]))
"""


async def test_the_migrations_make_exactly_the_tables(ledger: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with ledger.read() as c:
        assert await c.run_sync(differences) == []


def test_the_revisions_are_one_line_that_ends_at_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert len(script.get_bases()) == 1


def test_the_wheel_brings_the_migrations(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=Path(__file__).parents[2], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    revisions = [path.name for path in (MIGRATIONS / "versions").glob("*.py")]
    assert {"milepost/ledger/migrations/env.py", *(f"milepost/ledger/migrations/versions/{name}" for name in revisions)} <= {
        *names
    }


async def test_opening_again_keeps_what_is_there(fresh_url: str, tmp_path: Path) -> None:
    for name in ("acme", "bolt"):
        async with open_database(installed(tmp_path, fresh_url)) as db, db.write() as c:
            await save_connection(c, name, "csv", "book", NOW)
    async with open_database(installed(tmp_path, fresh_url)) as db, db.read() as c:
        assert [row.name for row in await list_connections(c)] == ["acme", "bolt"]


async def test_processes_that_start_at_once_make_the_schema_once(fresh_url: str, tmp_path: Path) -> None:
    names = ["acme", "bolt", "cove"]
    openers = [await asyncio.to_thread(start_python, OPENER, fresh_url, name) for name in names]
    await asyncio.to_thread(let_go, *openers)
    async with open_database(installed(tmp_path, fresh_url)) as db, db.read() as c:
        assert [row.name for row in await list_connections(c)] == names


async def test_a_schema_from_a_newer_milepost_is_refused_and_left_alone(fresh_url: str, tmp_path: Path) -> None:
    async with open_database(installed(tmp_path, fresh_url)) as db, db.write() as c:
        await c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match=f"at 9999.*up to {HEAD}.*Upgrade"):
        async with open_database(installed(tmp_path, fresh_url)):
            pass


async def test_a_migration_that_is_cut_short_leaves_nothing_behind(fresh_url: str, tmp_path: Path) -> None:
    def stop(_c: Connection, _cursor: object, statement: str, *_: object) -> None:
        if "CREATE TABLE jobs" in statement:
            raise InterruptedError

    url = ledger_url(fresh_url)
    engines = create_engines(url)
    event.listen(engines.writer.sync_engine, "before_cursor_execute", stop)
    with pytest.raises(InterruptedError):
        await migrate(engines.writer, sqlite=is_sqlite(url))
    async with engines.reader.connect() as c:
        assert await c.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    await engines.dispose()
    async with open_database(installed(tmp_path, fresh_url)) as db, db.read() as c:
        assert await list_connections(c) == []


async def test_sqlite_keeps_what_was_committed_through_a_power_cut(tmp_path: Path) -> None:
    async with open_database(installed(tmp_path)) as db, db.write() as c:
        pragmas = {
            name: (await c.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


async def test_a_transaction_is_rolled_back_by_an_exception(ledger: Database) -> None:
    async def add_and_fail() -> None:
        async with ledger.write() as c:
            await save_connection(c, "acme", "csv", "acme", NOW)
            raise LookupError

    with pytest.raises(LookupError):
        await add_and_fail()
    async with ledger.read() as c:
        assert await list_connections(c) == []


async def test_writing_in_a_read_is_refused(ledger: Database) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"):
        async with ledger.read() as c:
            await save_connection(c, "acme", "csv", "acme", NOW)


async def test_a_read_sees_one_moment_and_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    async with open_database(installed(tmp_path)) as db, db.write() as writing:
        await save_connection(writing, "acme", "csv", "acme", NOW)
        async with asyncio.timeout(5), db.read() as c:
            assert await list_connections(c) == []


async def test_writers_of_sqlite_take_turns_from_their_first_read(tmp_path: Path) -> None:
    async def count_up(db: Database) -> None:
        async with db.write() as c:
            seen = (await get_connection(c, "acme")).poll_cursor
            await asyncio.sleep(0)
            await set_cursor(c, "acme", str(int(seen or 0) + 1), NOW)

    async with open_database(installed(tmp_path)) as one, open_database(installed(tmp_path)) as other:
        async with one.write() as c:
            await save_connection(c, "acme", "csv", "acme", NOW)
        await asyncio.gather(*(count_up(db) for db in (one, other) * 20))
        async with one.read() as c:
            assert (await get_connection(c, "acme")).poll_cursor == "40"


async def test_commits_can_be_counted_and_reads_are_none(ledger: Database) -> None:
    commits: list[Connection] = []
    event.listen(ledger.engine.sync_engine, "commit", commits.append)
    async with ledger.write() as c:
        await save_connection(c, "acme", "csv", "acme", NOW)
    async with ledger.read() as c:
        await list_connections(c)
    assert len(commits) == 1


async def test_a_database_that_cannot_be_opened_says_where_and_what_to_do(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such" / "folder" / "ledger.db"
    with pytest.raises(ConfigError, match=f"ledger at {missing}.*MILEPOST_DATABASE_URL"):
        async with open_database(installed(tmp_path, f"sqlite:///{missing}")):
            pass


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("not a database, but long enough to be read as one" * 100)
    with pytest.raises(ConfigError, match="not a database"):
        async with open_database(installed(tmp_path)):
            pass


async def test_a_server_that_is_away_is_named_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ledger at 127\.0\.0\.1:1/milepost") as caught:
        async with open_database(installed(tmp_path, "postgresql://user:hunter2@127.0.0.1:1/milepost")):
            pass
    assert "hunter2" not in str(caught.value)
