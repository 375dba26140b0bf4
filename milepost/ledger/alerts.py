"""The outbox of alerts: written with what caused them, sent later, told once while the trouble stands.

pending -> sent -> resolving -> resolved; a trouble that clears before it was told is resolved without a word.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.bulk import chunks, insert_into, unique
from milepost.ledger.tables import alerts


class AlertStatus(StrEnum):
    """What the channel still has to be told: pending, of the trouble; resolving, that it has cleared."""

    PENDING = "pending"
    SENT = "sent"
    RESOLVING = "resolving"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class NewAlert:
    """A trouble to tell. subject: a billing's id, `run:<id>`, `job:<id>`, `connection`; trouble: what is wrong, hashed."""

    subject: str
    trouble: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert as the ledger has it. `message_ref` and `thread_ref` are the channel's own words for what it posted."""

    id: str
    connection: str
    channel: str
    subject: str
    trouble: str
    status: AlertStatus
    open: bool | None
    payload: Mapping[str, Any]
    message_ref: str | None
    thread_ref: str | None
    run_id: str | None
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    resolved_at: datetime | None

    def __repr__(self) -> str:
        return f"AlertRow({self.id}, {self.channel}, {self.status})"


async def raise_alerts(
    c: AsyncConnection,
    connection: str,
    channel: str,
    run_id: str | None,
    raised: Sequence[NewAlert],
    now: datetime,
) -> int:
    """Add the alerts that are new; how many were. A trouble that stands already is not told again.

    One that was about to be told as cleared, and is back, stands on.
    """
    subjects = unique([alert.subject for alert in raised])
    standing = await _open_by_trouble(c, connection, channel, subjects)
    known = {(alert.subject, alert.trouble) for alert in raised} & set(standing)
    await _stand_on(c, [standing[key] for key in known])
    new = {(a.subject, a.trouble): a for a in raised if (a.subject, a.trouble) not in known}
    rows = [_row(connection, channel, run_id, alert, now, place) for place, alert in enumerate(new.values())]
    if not rows:
        return 0
    added = await c.execute(insert_into(c, alerts).on_conflict_do_nothing().returning(alerts.c.id), rows)
    return len(added.all())


async def resolve(
    c: AsyncConnection,
    connection: str,
    subjects: Sequence[str],
    now: datetime,
    *,
    keep: Mapping[str, str] | None = None,
) -> int:
    """Clear the alerts of these subjects on every channel, but for the trouble that `keep` names by subject; how many.

    Alerts that were sent are told as resolved next; those that never were are resolved without a word.
    """
    standing = keep or {}
    cleared: list[str] = []
    for some in chunks(unique(subjects)):
        query = select(alerts.c.id, alerts.c.subject, alerts.c.trouble).where(
            alerts.c.connection == connection,
            alerts.c.open.is_(True),
            alerts.c.status.in_([AlertStatus.PENDING, AlertStatus.SENT]),
            alerts.c.subject.in_(some),
        )
        rows = await c.execute(query)
        cleared += [row.id for row in rows if standing.get(row.subject) != row.trouble]
    await _clear(c, sorted(cleared), now)
    return len(cleared)


async def due(c: AsyncConnection, connection: str, channel: str) -> list[AlertRow]:
    """Alerts that the channel has to be told of: new troubles and cleared ones, oldest first, in the order raised."""
    query = select(alerts).where(alerts.c.connection == connection, alerts.c.channel == channel)
    query = query.where(alerts.c.status.in_([AlertStatus.PENDING, AlertStatus.RESOLVING]))
    rows = (await c.execute(query.order_by(alerts.c.created_at, alerts.c.id))).mappings()
    return [_alert(row) for row in rows]


async def open_alerts(c: AsyncConnection, connection: str) -> list[AlertRow]:
    """Every alert that stands, oldest first."""
    query = select(alerts).where(alerts.c.connection == connection, alerts.c.open.is_(True))
    rows = (await c.execute(query.order_by(alerts.c.created_at, alerts.c.id))).mappings()
    return [_alert(row) for row in rows]


async def mark_sent(
    c: AsyncConnection, alert_id: str, message_ref: str | None, thread_ref: str | None, now: datetime
) -> None:
    """Record that the channel was told. One that cleared in the meantime is told as resolved next."""
    sent = {"message_ref": message_ref, "thread_ref": thread_ref, "sent_at": now}
    told = update(alerts).where(alerts.c.id == alert_id)
    await c.execute(told.where(alerts.c.status == AlertStatus.PENDING).values(status=AlertStatus.SENT, **sent))
    await c.execute(
        told.where(alerts.c.status == AlertStatus.RESOLVED, alerts.c.sent_at.is_(None)).values(
            status=AlertStatus.RESOLVING, **sent
        )
    )


async def mark_resolved(c: AsyncConnection, alert_id: str, now: datetime) -> None:
    """Record that the channel was told that it has cleared."""
    told = update(alerts).where(alerts.c.id == alert_id, alerts.c.status == AlertStatus.RESOLVING)
    await c.execute(told.values(status=AlertStatus.RESOLVED, open=None, resolved_at=now))


async def claim_attempt(c: AsyncConnection, row: AlertRow) -> bool:
    """Count an attempt to tell this row, unless another process has just begun one: False, and it is theirs to tell."""
    unchanged = update(alerts).where(alerts.c.id == row.id, alerts.c.status == row.status, alerts.c.attempts == row.attempts)
    return (await c.execute(unchanged.values(attempts=row.attempts + 1))).rowcount == 1


async def _open_by_trouble(
    c: AsyncConnection, connection: str, channel: str, subjects: Sequence[str]
) -> dict[tuple[str, str], str]:
    """The ids of alerts that stand, by subject and trouble."""
    found: dict[tuple[str, str], str] = {}
    for some in chunks(subjects):
        query = select(alerts.c.id, alerts.c.subject, alerts.c.trouble).where(
            alerts.c.connection == connection,
            alerts.c.channel == channel,
            alerts.c.open.is_(True),
            alerts.c.subject.in_(some),
        )
        found.update(((row.subject, row.trouble), row.id) for row in await c.execute(query))
    return found


async def _stand_on(c: AsyncConnection, ids: Sequence[str]) -> None:
    for some in chunks(sorted(ids)):
        back = update(alerts).where(alerts.c.id.in_(some), alerts.c.status == AlertStatus.RESOLVING)
        await c.execute(back.values(status=AlertStatus.SENT))


async def _clear(c: AsyncConnection, ids: Sequence[str], now: datetime) -> None:
    for some in chunks(ids):
        these = update(alerts).where(alerts.c.id.in_(some))
        told = these.where(alerts.c.status == AlertStatus.SENT)
        await c.execute(told.values(status=AlertStatus.RESOLVING))
        untold = these.where(alerts.c.status == AlertStatus.PENDING)
        await c.execute(untold.values(status=AlertStatus.RESOLVED, open=None, resolved_at=now))


def _row(connection: str, channel: str, run_id: str | None, alert: NewAlert, now: datetime, place: int) -> dict[str, Any]:
    return {
        # Sorts by moment and then by place, so that alerts are told in the order they were raised.
        "id": f"{int(now.timestamp() * 1_000_000):014x}-{place:05x}-{secrets.token_hex(7)}",
        "connection": connection,
        "channel": channel,
        "subject": alert.subject,
        "trouble": alert.trouble,
        "status": AlertStatus.PENDING,
        "open": True,
        "payload": json.dumps(alert.payload),
        "run_id": run_id,
        "created_at": now,
    }


def _alert(row: RowMapping) -> AlertRow:
    return AlertRow(**{**row, "status": AlertStatus(row["status"]), "payload": json.loads(row["payload"])})
