"""Requests to Xero that write, frozen before they are sent: what recovery replays or looks for after a crash.

A request is `sending` from before its first byte leaves until its answer is recorded. Its owner is the process that may send
it; another may take it over only when that one is gone or its lease has run out.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.owner import is_dead
from milepost.ledger.tables import billings, requests

SENDING = "sending"
SETTLED = "settled"


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
    """Move the lease of a request that `owner` holds; `lease_until=now` lets it go. False when it holds it no more."""
    held = update(requests).where(requests.c.id == request_id, requests.c.status == SENDING, requests.c.owner == owner)
    return bool((await c.execute(held.values(lease_until=lease_until))).rowcount)


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
