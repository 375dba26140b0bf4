"""What time it is for rows that several hosts compare: the database's own time, since hosts' clocks differ."""

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection


async def database_now(c: AsyncConnection) -> datetime:
    """The moment by PostgreSQL's clock. A SQLite file is shared by one host's processes alone, so by this host's."""
    if c.dialect.name != "postgresql":
        return datetime.now(UTC)
    moment: datetime = (await c.execute(select(func.clock_timestamp()))).scalar_one()
    return moment.astimezone(UTC)
