"""What came in by webhook: kept before it is answered, worked after, taken up again after a crash. The trigger of a run.

    waiting    kept, not looked into yet; more of the same subject join it
    working    a process is at it, which `owner` names
    done       worked; kept for a while, so that a replay is known

An event is a doorbell: what it speaks of is always read anew. So working one twice harms nothing, it only costs a read.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.bulk import chunks, unique
from milepost.ledger.owner import is_dead, this_process
from milepost.ledger.tables import events

Source = Literal["platform", "xero"]

KEPT = timedelta(days=35)
"""Longer than the 31 days for which Xero replays what it could not deliver."""
REPLAYED_WITHIN = {"platform": timedelta(hours=24), "xero": KEPT}
"""How long the same event is known for one that was there before."""
SAME_MOMENT = timedelta(seconds=5)
"""Job systems name the second of a change: two changes in one second ring alike, and both must be heard."""
WORKED_FOR = timedelta(minutes=15)
"""After which an event is taken from an owner of whom nobody knows whether it lives."""
WAITING, WORKING, DONE = "waiting", "working", "done"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that has just arrived. mark: what tells it from the next of its subject; empty where nothing does."""

    source: Source
    kind: str
    subject: str
    connection: str = ""
    tenant_id: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """An event in hand. attempts: how often it was taken, this time included."""

    id: str
    kind: str
    subject: str
    received_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a delivery: events kept, those that joined a waiting one, those that were there before."""

    new: int = 0
    joined: int = 0
    repeated: int = 0


def mark_of(*parts: str | bytes) -> str:
    """A mark of whatever tells the event from others, of one length and without any of its content."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


async def receive(c: AsyncConnection, arrived: Iterable[NewEvent], now: datetime) -> Received:
    """Keep what is new; to be committed before the delivery is answered."""
    new = joined = repeated = 0
    for event in dict.fromkeys(arrived):
        if event.mark and await _is_repeated(c, event, now):
            repeated += 1
        elif await _is_waiting(c, event):
            joined += 1
        else:
            new += 1
            await c.execute(insert(events).values(_row(event, now)))
    return Received(new, joined, repeated)


def _row(event: NewEvent, now: datetime) -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "source": event.source,
        "connection": event.connection,
        "tenant_id": event.tenant_id,
        "kind": event.kind,
        "subject": event.subject,
        "mark": event.mark,
        "received_at": now,
        "status": WAITING,
        "due_at": now,
        "attempts": 0,
    }


async def _is_repeated(c: AsyncConnection, event: NewEvent, now: datetime) -> bool:
    until = now - SAME_MOMENT if event.source == "platform" else now
    within = and_(events.c.received_at <= until, events.c.received_at > now - REPLAYED_WITHIN[event.source])
    return (await c.execute(select(events.c.id).where(events.c.mark == event.mark, within).limit(1))).first() is not None


async def _is_waiting(c: AsyncConnection, event: NewEvent) -> bool:
    same = and_(
        _of(event.source, event.connection, event.tenant_id), events.c.kind == event.kind, events.c.subject == event.subject
    )
    return (await c.execute(select(events.c.id).where(same, events.c.status == WAITING).limit(1))).first() is not None


def _of(source: Source, connection: str = "", tenant_id: str = "") -> ColumnElement[bool]:
    return and_(events.c.source == source, events.c.connection == connection, events.c.tenant_id == tenant_id)


async def take(
    c: AsyncConnection, source: Source, *, connection: str = "", tenant_id: str = "", now: datetime, limit: int = 200
) -> list[Event]:
    """Take the events that wait and are due, the oldest first, so that no other process does."""
    ours = _of(source, connection, tenant_id)
    due = select(events.c.id).where(ours, events.c.status == WAITING, events.c.due_at <= now)
    chosen = list((await c.execute(due.order_by(events.c.received_at, events.c.id).limit(limit))).scalars())
    taken = update(events).where(events.c.id.in_(chosen), events.c.status == WAITING)
    taken = taken.values(status=WORKING, owner=this_process(), due_at=now + WORKED_FOR, attempts=events.c.attempts + 1)
    columns = [events.c[name] for name in Event.__dataclass_fields__]
    rows = (await c.execute(taken.returning(*columns))).mappings()
    return sorted((Event(**row) for row in rows), key=lambda event: (event.received_at, event.id))


async def finish(c: AsyncConnection, event_ids: Sequence[str], now: datetime) -> None:
    """These events are worked."""
    for some in chunks(unique(event_ids)):
        await c.execute(update(events).where(events.c.id.in_(some)).values(status=DONE, owner=None, done_at=now))


async def put_back(c: AsyncConnection, event_ids: Sequence[str], due_at: datetime) -> None:
    """These events could not be worked; they are due again later."""
    for some in chunks(unique(event_ids)):
        waits = update(events).where(events.c.id.in_(some), events.c.status == WORKING)
        await c.execute(waits.values(status=WAITING, owner=None, due_at=due_at))


async def take_from_the_dead(c: AsyncConnection, now: datetime) -> int:
    """Let events wait again whose process is gone, or has not been heard of for long; how many those are."""
    query = select(events.c.owner, func.min(events.c.due_at)).where(events.c.status == WORKING).group_by(events.c.owner)
    owners = [owner for owner, _ in await c.execute(query) if owner and is_dead(owner) is True]
    gone = or_(events.c.owner.in_(owners), events.c.due_at <= now)
    waits = update(events).where(events.c.status == WORKING, gone).values(status=WAITING, owner=None, due_at=now)
    return (await c.execute(waits)).rowcount


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whose events wait: a connection's, or an organisation's."""

    source: Source
    connection: str
    tenant_id: str


async def waiting(c: AsyncConnection, now: datetime) -> list[Waiting]:
    """Whose events wait and are due."""
    columns = (events.c.source, events.c.connection, events.c.tenant_id)
    query = select(*columns).where(events.c.status == WAITING, events.c.due_at <= now).distinct()
    return [Waiting(*row) for row in (await c.execute(query.order_by(*columns))).tuples()]


async def prune(c: AsyncConnection, now: datetime) -> int:
    """Forget the events that were worked long ago; how many those were."""
    return (await c.execute(delete(events).where(events.c.status == DONE, events.c.received_at < now - KEPT))).rowcount
