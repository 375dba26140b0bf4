"""What a delivery came to, and the rows it works on: the same for every channel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from milepost.ledger.alerts import (
    AlertRow,
    AlertStatus,
    claim_attempt,
    due,
    mark_resolved,
    mark_sent,
    open_alerts,
    resolve,
)
from milepost.ledger.database import Database
from notifications.letters import SummaryLetter, TroubleLetter, is_summary, read


@dataclass(frozen=True, slots=True)
class Delivery:
    """How many messages were sent and troubles resolved, how many rows wait, and why if a channel was in trouble."""

    sent: int = 0
    resolved: int = 0
    waiting: int = 0
    error: str | None = None

    def __add__(self, other: "Delivery") -> "Delivery":
        errors = [error for error in (self.error, other.error) if error]
        return Delivery(
            self.sent + other.sent,
            self.resolved + other.resolved,
            self.waiting + other.waiting,
            "; ".join(errors) or None,
        )


@dataclass(frozen=True, slots=True)
class Round:
    """The letters of one channel as they stand when a delivery reads them."""

    summaries: dict[str | None, SummaryLetter]
    troubles: list[TroubleLetter]
    unfinished: set[str | None]

    @property
    def resolving(self) -> list[TroubleLetter]:
        """The troubles that have cleared, which is still to be told."""
        return [letter for letter in self.troubles if letter.row.status is AlertStatus.RESOLVING]

    def runs(self) -> list[str | None]:
        """The runs that have something new to tell, oldest first."""
        pending = (letter.row for letter in self.troubles if letter.row.status is AlertStatus.PENDING)
        return list(dict.fromkeys(row.run_id for row in pending))

    def of_run(self, run_id: str | None) -> list[TroubleLetter]:
        """The run's troubles that are still to be told."""
        return [
            letter for letter in self.troubles if letter.row.run_id == run_id and letter.row.status is AlertStatus.PENDING
        ]

    def is_still_in_trouble(self, cleared: TroubleLetter) -> bool:
        """Whether something else is wrong with the subject of a cleared trouble."""
        return any(
            letter.row.subject == cleared.row.subject and letter.row.status is not AlertStatus.RESOLVING
            for letter in self.troubles
        )

    def finished(self) -> list[SummaryLetter]:
        """The summaries of runs of which no trouble stands any more."""
        return [letter for run_id, letter in self.summaries.items() if run_id not in self.unfinished]


async def read_round(db: Database, connection: str, channel: str) -> Round:
    """The letters of a channel that stand or are due."""
    async with db.read() as c:
        standing = await open_alerts(c, connection)
        unsaid = await due(c, connection, channel)
    rows = {row.id: row for row in (*standing, *unsaid)}.values()
    letters = [read(row) for row in rows if row.channel == channel]
    troubles = [letter for letter in letters if isinstance(letter, TroubleLetter)]
    summaries = [letter for letter in letters if isinstance(letter, SummaryLetter)]
    return Round(
        summaries={letter.row.run_id: letter for letter in summaries},
        troubles=troubles,
        unfinished={row.run_id for row in rows if _keeps_its_run_open(row, channel)},
    )


def _keeps_its_run_open(row: AlertRow, channel: str) -> bool:
    """A trouble that stands on any channel, or that this channel has yet to call resolved."""
    if is_summary(row):
        return False
    return row.status is not AlertStatus.RESOLVING or row.channel == channel


async def claim(db: Database, row: AlertRow) -> bool:
    """Whether it is ours to tell this row, and not another process's that has just begun."""
    async with db.write() as c:
        return await claim_attempt(c, row)


async def keep_sent(db: Database, rows: list[AlertRow], message: str | None = None, thread: str | None = None) -> None:
    """Note that these rows were told, by which message and in which thread."""
    async with db.write() as c:
        for row in rows:
            await mark_sent(c, row.id, message, thread, datetime.now(UTC))


async def keep_resolved(db: Database, rows: list[AlertRow]) -> None:
    """Note that these rows are closed."""
    async with db.write() as c:
        for row in rows:
            await mark_resolved(c, row.id, datetime.now(UTC))


async def close_finished_runs(db: Database, connection: str, channel: str) -> list[SummaryLetter]:
    """Let go of the summaries of which nothing stands any more; those of this channel that were sent are to be ticked."""
    finished = (await read_round(db, connection, channel)).finished()
    if not finished:
        return []
    subjects = [letter.row.subject for letter in finished]
    async with db.write() as c:
        await resolve(c, connection, subjects, datetime.now(UTC))
    now = await read_round(db, connection, channel)
    return [letter for letter in now.finished() if letter.row.status is AlertStatus.RESOLVING]


async def count_waiting(db: Database, connection: str, channel: str) -> int:
    """How many rows are still due."""
    async with db.read() as c:
        return len(await due(c, connection, channel))


_turns: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, str, str], asyncio.Lock] = WeakValueDictionary()


@asynccontextmanager
async def own_turn(connection: str, channel: str) -> AsyncIterator[None]:
    """One delivery at a time in this process, so that two runs that end together do not tell the same twice."""
    turn = _turns.setdefault((asyncio.get_running_loop(), connection, channel), asyncio.Lock())
    async with turn:
        yield
