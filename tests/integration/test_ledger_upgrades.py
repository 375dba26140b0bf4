"""A ledger of every schema that there was, with data in it, is brought up to date and keeps what it knew."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, DateTime, Table, inspect
from sqlalchemy import MetaData as Reflected

from milepost.ledger.database import open_database
from milepost.ledger.engine import create_engines, ledger_url
from milepost.ledger.migrate import MIGRATIONS
from milepost.ledger.migrations import HEAD
from tests.ledger_values import installed

pytest_plugins = ["tests.ledger_fixtures"]


def alembic(connection: Connection | None = None) -> Config:
    """Alembic on our migrations, and on a connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


OLDER = sorted({s.revision for s in ScriptDirectory.from_config(alembic()).walk_revisions()} - {HEAD})


def filled(table: Table, number: int) -> dict[str, Any]:
    """A row with a value in every column, as far as its type says what that may be."""
    return {column.name: _value(column, number) for column in table.columns if not _is_numbered(column)}


def _is_numbered(column: Any) -> bool:
    """Whether the database itself numbers it."""
    return list(column.table.primary_key) == [column] and column.type.python_type is int


def _value(column: Any, number: int) -> Any:
    if isinstance(column.type, DateTime):
        return datetime(2026, 7, 14, 9, 30, tzinfo=UTC if column.type.timezone else None)
    kind = column.type.python_type
    if kind is str:
        return f"{column.name}-{number}"[: column.type.length or 100]
    return {int: number, bool: True, bytes: b"sealed", float: 0.5}.get(kind) or kind(2026, 7, 14)


def fill(connection: Connection) -> dict[str, list[Mapping[str, Any]]]:
    """Two rows in every table of the schema as it is; what is then there."""
    tables = Reflected()
    tables.reflect(connection)
    for table in _ours(tables):
        connection.execute(table.insert(), [filled(table, number) for number in (1, 2)])
    return rows(connection)


def rows(connection: Connection) -> dict[str, list[Mapping[str, Any]]]:
    """Everything in the ledger, by table."""
    tables = Reflected()
    tables.reflect(connection)
    return {table.name: [dict(row) for row in connection.execute(table.select()).mappings()] for table in _ours(tables)}


def _ours(tables: Reflected) -> list[Table]:
    return [table for table in tables.sorted_tables if table.name != "alembic_version"]


@pytest.mark.parametrize("revision", OLDER)
async def test_a_ledger_of_an_older_schema_keeps_its_data(fresh_url: str, tmp_path: Path, revision: str) -> None:
    engines = create_engines(ledger_url(fresh_url))
    async with engines.writer.begin() as c:
        await c.run_sync(lambda sync: command.upgrade(alembic(sync), revision))
        before = await c.run_sync(fill)
    await engines.dispose()
    assert len(before["billings"]) == len(before["requests"]) == len(before["jobs"]) == 2

    async with open_database(installed(tmp_path, fresh_url)) as db, db.read() as c:
        after = await c.run_sync(rows)
        assert "billings" in await c.run_sync(lambda sync: inspect(sync).get_table_names())
    for table, kept in before.items():
        assert [{name: row[name] for name in kept[0]} for row in after[table]] == kept
