"""Bringing the ledger's schema up to date at start; safe when several processes start at once."""

import asyncio
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from milepost.errors import ConfigError
from milepost.ledger.migrations import HEAD

MIGRATIONS = Path(__file__).parent / "migrations"

_ONE_AT_A_TIME = 4_280_511_902_117
"""The key of PostgreSQL's advisory lock under which one process migrates; any number that is always the same."""


async def migrate(engine: AsyncEngine, *, sqlite: bool) -> None:
    """Apply the migrations that are missing, in one transaction. Raises ConfigError when the schema is newer than us."""
    if sqlite:
        await _use_write_ahead_log(engine)
    async with engine.begin() as connection:
        if not sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        await connection.run_sync(_upgrade)


async def _use_write_ahead_log(engine: AsyncEngine) -> None:
    """Switch the file to WAL, which it then stays in.

    The switch needs the file for itself and SQLite does not wait for that, so it is asked for again.
    """
    for attempt in range(100):
        try:
            await _switch_to_wal(engine)
        except OperationalError as error:
            if "locked" not in str(error.orig) or attempt == 99:
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def _switch_to_wal(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        await raw.driver_connection.execute("PRAGMA journal_mode = WAL")  # type: ignore[union-attr]


def _upgrade(connection: Connection) -> None:
    present = _revision(connection)
    if present == HEAD:
        return
    # Imported only when there is work: every command opens the ledger, and few of them find it out of date.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise ConfigError(
            f"The ledger's schema is at {present}, which this Milepost does not know (it knows up to {HEAD}): a newer "
            "Milepost has used this ledger. Upgrade this one; nothing was changed."
        )
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    """The schema's revision; None where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
