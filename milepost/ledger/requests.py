"""Requests to Xero that write, frozen before they are sent: what recovery replays or looks for after a crash.

A request is `sending` from before its first byte leaves until its answer is recorded. Its owner is the process that may send
it, and renews its lease for as long as it is at it (`milepost.ledger.heartbeats`); another may take it over only when that
one is gone or its lease has run out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.owner import is_dead
from milepost.ledger.tables import billings, requests

SENDING = "sending"
SETTLED = "settled"
NOBODY = "nobody"
"""The owner of a request that was let go: since its lease's end nobody has sent it."""
LAPSED = "lapsed"
"""The owner of a request whose process stopped renewing and was not seen to end: it may yet wake, and send."""


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request about to be sent. `body` and `idempotency_key` are sent again byte by byte, or never."""

    id: str
    connection: str
    tenant_id: str
    operation: str
    method: str
    path: str
    body: str
    idempotency_key: str
    owner: str
    lease_until: datetime
    run_id: str | None = None

    def __repr__(self) -> str:
        return f"NewRequest({self.operation} {self.id})"


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request as the ledger has it, and the billings it carries in the order of its body."""

    id: str
    connection: str
    tenant_id: str
    operation: str
    method: str
    path: str
    body: str
    idempotency_key: str
    status: str
    owner: str
    lease_until: datetime
    first_sent_at: datetime
    attempts: int
    http_status: int | None
    correlation_id: str | None
    settled_at: datetime | None
    run_id: str | None
    billing_ids: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"RequestRow({self.operation} {self.id}, {self.status}, {len(self.billing_ids)} billings)"


async def record_request(c: AsyncConnection, request: NewRequest, now: datetime) -> None:
    """Freeze a request before it is sent. For invoices `billings.claim` does this with their rows."""
    row = {**asdict(request), "status": SENDING, "first_sent_at": now, "attempts": 1}
    await c.execute(insert(requests), [row])


async def get_request(c: AsyncConnection, request_id: str) -> RequestRow | None:
    """One request."""
    rows = (await c.execute(select(requests).where(requests.c.id == request_id))).mappings().all()
    return next(iter(await _with_billings(c, rows)), None)


async def unsettled(c: AsyncConnection, connection: str) -> list[RequestRow]:
    """Requests whose answer is not recorded, first sent first: in flight, or left by a process that is gone."""
    query = select(requests).where(requests.c.connection == connection, requests.c.status == SENDING)
    rows = (await c.execute(query.order_by(requests.c.first_sent_at, requests.c.id))).mappings().all()
    return await _with_billings(c, rows)


async def take_over(c: AsyncConnection, request_id: str, owner: str, lease_until: datetime, now: datetime) -> bool:
    """Make `owner` the one who may send this request again; counts an attempt.

    False when its process may still be at work (alive or unknown, and its lease has not run out), when another process was
    first, or when it is settled.
    """
    row = (await c.execute(select(requests).where(requests.c.id == request_id))).mappings().first()
    if row is None or (row["lease_until"] > now and is_dead(row["owner"]) is not True):
        return False
    taken = (
        update(requests)
        .where(requests.c.id == request_id, requests.c.status == SENDING)
        .where(requests.c.owner == row["owner"], requests.c.lease_until == row["lease_until"])
        .values(owner=owner, lease_until=lease_until, attempts=requests.c.attempts + 1)
    )
    return bool((await c.execute(taken)).rowcount)


async def extend_lease(c: AsyncConnection, request_id: str, owner: str, lease_until: datetime) -> bool:
    """Move the lease of a request that `owner` holds. False when it holds it no more."""
    return await _hand_on(c, request_id, owner, lease_until=lease_until)


async def let_go(c: AsyncConnection, request_id: str, owner: str, since: datetime, left_to: str = NOBODY) -> bool:
    """Leave an open request to whoever looks next; `since` is the moment from which on nobody has sent it.

    left_to: LAPSED where that is not certain, because its first process may still be alive somewhere.
    """
    return await _hand_on(c, request_id, owner, owner=left_to, lease_until=since)


async def _hand_on(c: AsyncConnection, request_id: str, held_by: str, **values: Any) -> bool:
    held = update(requests).where(requests.c.id == request_id, requests.c.status == SENDING, requests.c.owner == held_by)
    return bool((await c.execute(held.values(**values))).rowcount)


def is_ownerless(request: RequestRow) -> bool:
    """Whether it is certain that the process that held the request sends it no more."""
    return request.owner == NOBODY or is_dead(request.owner) is True


def heard_until(request: RequestRow, now: datetime, sendable: timedelta) -> datetime:
    """The moment since which no earlier holder has sent the request.

    sendable: how long after freezing it a process that lives, and only seems gone, may still send it.
    """
    return min(request.lease_until, now) if is_ownerless(request) else request.first_sent_at + sendable


async def note_waiting(
    c: AsyncConnection, request_id: str, reasons: Mapping[str, tuple[str, str, str]], now: datetime
) -> None:
    """Keep why billings of an open request still wait: by billing id a code, why, and what to do."""
    for billing_id, (code, why, fix) in sorted(reasons.items()):
        waiting = update(billings).where(billings.c.id == billing_id, billings.c.request_id == request_id)
        changed = waiting.where(billings.c.status == SENDING, billings.c.trouble_why.is_distinct_from(why))
        await c.execute(changed.values(trouble_code=code, trouble_why=why, trouble_fix=fix, updated_at=now))


async def settle_request(
    c: AsyncConnection,
    request_id: str,
    http_status: int | None,
    correlation_id: str | None,
    now: datetime,
    *,
    owner: str | None = None,
) -> bool:
    """Record that the request has its answer. With `owner`, only while that one holds it. False when it was settled before,
    or is held by another."""
    held = update(requests).where(requests.c.id == request_id, requests.c.status == SENDING)
    if owner is not None:
        held = held.where(requests.c.owner == owner)
    settled = held.values(status=SETTLED, http_status=http_status, correlation_id=correlation_id, settled_at=now)
    return bool((await c.execute(settled)).rowcount)


async def _with_billings(c: AsyncConnection, rows: Sequence[Any]) -> list[RequestRow]:
    carried: dict[str, list[str]] = {row["id"]: [] for row in rows}
    query = select(billings.c.request_id, billings.c.id).where(billings.c.request_id.in_(carried))
    for request_id, billing_id in await c.execute(query.order_by(billings.c.request_place)):
        carried[request_id].append(billing_id)
    return [RequestRow(**row, billing_ids=tuple(carried[row["id"]])) for row in rows]
