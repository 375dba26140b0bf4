"""Claiming billings: the write-ahead record that makes an invoice happen once. Committed before the first byte is sent."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.decision import Bill
from milepost.billing.facts import History
from milepost.errors import MilepostError
from milepost.ledger.billing_rows import HAS_LIVE_INVOICE, IS_CLAIMABLE, BillingStatus
from milepost.ledger.bulk import chunks, unique
from milepost.ledger.requests import NewRequest, record_request
from milepost.ledger.tables import billings

Stage = tuple[str, int, bool, str]
"""A milestone, its sequence, whether it is known that its invoice was made (before that it may still fall away), and of
which state of the job: an invoice that was brought up to date meanwhile is another one."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One billing of a request, in the order of its body.

    bill: the decision that the body was made of; the claim is lost if the ledger holds another by now.
    history: what that decision knew to be billed of the job before; the claim is lost if it is not so any more, or not sure
    yet: two milestones of one job, decided at the same moment, must not bill the same work, and a last stage must not
    take off an earlier one that is then never made.
    """

    billing_id: str
    contact_id: str
    bill: Bill | None = None
    history: History | None = None


class ClaimLost(MilepostError):
    """Some billings of a request are not ours to send: another process was first. Rebuild the request without `ids`."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = tuple(ids)
        super().__init__(
            f"{len(self.ids)} billings were claimed or decided anew by another process; nothing was sent for them here: "
            f"{', '.join(self.ids[:5])}{' ...' if len(self.ids) > 5 else ''}"
        )


async def claim(c: AsyncConnection, claims: Sequence[Claim], request: NewRequest, now: datetime) -> list[str]:
    """Freeze the request and move exactly these billings from planned or failed to sending; their ids in its order.

    Raises ClaimLost, with nothing changed, when any of them could not be claimed. Commit before sending.
    """
    if len({wanted.billing_id for wanted in claims}) != len(claims):
        raise ValueError("a request may carry a billing only once")
    async with c.begin_nested():
        await one_claim_at_a_time(c, request.connection)
        await record_request(c, request, now)
        await _move(c, claims, request, now)
        claimed = await _claimed(c, request)
        lost = [wanted.billing_id for wanted in claims if wanted.billing_id not in claimed]
        lost += await _outdated(c, claims, claimed, request.connection)
        if lost:
            raise ClaimLost(unique(lost))
    return [wanted.billing_id for wanted in claims]


async def one_claim_at_a_time(c: AsyncConnection, connection: str) -> None:
    """Until the transaction ends, so that no two claims miss what the other bills of a job. SQLite does so anyway."""
    if c.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
        await c.execute(lock, {"key": f"milepost claim {connection}"})


async def _move(c: AsyncConnection, claims: Sequence[Claim], request: NewRequest, now: datetime) -> None:
    statement = (
        update(billings)
        .where(billings.c.id == bindparam("key"), billings.c.connection == request.connection)
        .where(IS_CLAIMABLE)
        .values(
            status=BillingStatus.SENDING,
            request_id=request.id,
            request_place=bindparam("place"),
            tenant_id=request.tenant_id,
            contact_id=bindparam("contact"),
            attempts=billings.c.attempts + 1,
            next_attempt_at=None,
            run_id=request.run_id,
            sent_at=now,
            updated_at=now,
        )
    )
    moved = [{"key": wanted.billing_id, "place": place, "contact": wanted.contact_id} for place, wanted in enumerate(claims)]
    if moved:
        await c.execute(statement, sorted(moved, key=lambda row: str(row["key"])))


async def _claimed(c: AsyncConnection, request: NewRequest) -> Mapping[str, Any]:
    query = select(billings.c.id, billings.c.job_id, billings.c.decision)
    rows = await c.execute(query.where(billings.c.request_id == request.id))
    return {row.id: row for row in rows}


async def _outdated(c: AsyncConnection, claims: Sequence[Claim], claimed: Mapping[str, Any], connection: str) -> list[str]:
    """Claims made of a decision that the ledger no longer holds, or of a history that has moved on."""
    ours = [(wanted, claimed[wanted.billing_id]) for wanted in claims if wanted.billing_id in claimed]
    live = await _live(c, connection, [row.job_id for wanted, row in ours if wanted.history is not None])
    return [
        wanted.billing_id for wanted, row in ours if _is_redecided(wanted, row) or _has_moved_on(wanted, live[row.job_id])
    ]


def _is_redecided(wanted: Claim, row: Any) -> bool:
    return wanted.bill is not None and wanted.bill.model_dump_json() != row.decision


def _has_moved_on(wanted: Claim, live: Mapping[str, Stage]) -> bool:
    if wanted.history is None:
        return False
    known = {(billed.milestone, billed.sequence, True, billed.fingerprint) for billed in wanted.history.billed}
    return known != {stage for billing_id, stage in live.items() if billing_id != wanted.billing_id}


async def _live(c: AsyncConnection, connection: str, job_ids: Sequence[str]) -> dict[str, dict[str, Stage]]:
    """By job and billing: the stages that have, or may have, a live invoice, this request's own among them."""
    found: dict[str, dict[str, Stage]] = defaultdict(dict)
    columns = (billings.c.milestone, billings.c.sequence, billings.c.status, billings.c.fingerprint)
    for some in chunks(unique(job_ids)):
        query = select(billings.c.job_id, billings.c.id, *columns)
        query = query.where(billings.c.connection == connection, billings.c.job_id.in_(some))
        for job_id, billing_id, milestone, sequence, status, of in await c.execute(query.where(HAS_LIVE_INVOICE)):
            found[job_id][billing_id] = (milestone, sequence, status == BillingStatus.DONE, of)
    return found
