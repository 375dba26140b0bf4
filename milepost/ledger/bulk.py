"""Many rows at once: upserts that both databases understand, and IN lists cut to a size they like."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

CHUNK = 1000
"""Values in one IN list. SQLite takes 32,766 parameters a statement, PostgreSQL 65,535."""

Value = TypeVar("Value")
Insert = sqlite.Insert | postgresql.Insert


def chunks(values: Sequence[Value], size: int = CHUNK) -> Iterator[Sequence[Value]]:
    """The values in order, `size` at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def unique(values: Sequence[Value]) -> list[Value]:
    """Each value once, in order."""
    return list(dict.fromkeys(values))


def insert_into(c: AsyncConnection, table: Table) -> Insert:
    """The dialect's own INSERT, which knows ON CONFLICT."""
    return postgresql.insert(table) if c.dialect.name == "postgresql" else sqlite.insert(table)


async def upsert(
    c: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: Sequence[str] = (),
    only_where: ColumnElement[bool] | None = None,
) -> None:
    """Insert the rows, or update those whose primary key is there already.

    rows: all with the same columns. keep: columns that an update leaves as they are. only_where: a condition on the
    row that is there; one that fails it is left alone. Rows go in the order of their keys, so that two processes that
    save the same ones wait for each other and never deadlock.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = insert_into(c, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys and name not in keep}
    statement = statement.on_conflict_do_update(index_elements=keys, set_=changed, where=only_where)
    await c.execute(statement, sorted(rows, key=lambda row: [row[key] for key in keys]))
