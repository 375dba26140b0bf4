"""Decisions into the ledger: each becomes its billing's row, unless an invoice of that billing exists or may exist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.decision import Decision
from milepost.jobs import Job
from milepost.ledger.billing_rows import IS_CLAIMABLE, IS_OPEN_TO_DECISION, LIVE, BillingStatus, row_of
from milepost.ledger.bulk import chunks, upsert
from milepost.ledger.tables import billings

_TROUBLED = (BillingStatus.HELD, BillingStatus.FAILED)
_IN_BRIEF = (
    billings.c.id,
    billings.c.status,
    billings.c.decision,
    billings.c.trouble_code,
    billings.c.trouble_why,
    billings.c.fingerprint,
    billings.c.book_version,
    billings.c.failures,
    billings.c.by_hand,
)


@dataclass(frozen=True, slots=True)
class Saved:
    """What saving came to.

    planned, held, skipped, unchanged: how many; a row that already said the same counts as unchanged alone.
    cleared_ids: were held or failed and are no longer. new_hold_ids: are held, and were not for this reason.
    live_ids: sending, done, or handled by hand already, and so left alone.
    """

    planned: int
    held: int
    skipped: int
    unchanged: int
    cleared_ids: tuple[str, ...]
    new_hold_ids: tuple[str, ...]
    live_ids: tuple[str, ...]


async def save_decisions(c: AsyncConnection, run_id: str, decisions: Sequence[tuple[Job, Decision]], now: datetime) -> Saved:
    """Make planned, held and skipped rows of the decisions. A row that is sending or done is never touched.

    That a stage has nothing more to bill makes no further row: it only closes one that is open.
    """
    rows = {row["id"]: row for row in (row_of(job, decision, run_id, now) for job, decision in decisions)}
    before = await _rows_before(c, sorted(rows))
    changed = [row for row in rows.values() if _is_news(before.get(row["id"]), row)]
    await upsert(c, billings, changed, keep=["created_at"], only_where=IS_OPEN_TO_DECISION)
    await _climb_anew(c, [row["id"] for row in changed if _is_another_matter(before.get(row["id"]), row)])
    return _saved(rows, before, changed)


@dataclass(frozen=True, slots=True)
class Troubled:
    """A planned bill that cannot be sent as it is: held for a person, failed because a remote was away, or given up.

    failures: the rungs of the retry ladder used by now; None where this changes nothing of that.
    """

    billing_id: str
    status: BillingStatus
    code: str
    why: str
    fix: str
    next_attempt_at: datetime | None = None
    failures: int | None = None


async def set_trouble(c: AsyncConnection, troubled: Sequence[Troubled], now: datetime) -> None:
    """Hold or fail planned billings before anything was sent for them; others are left alone."""
    statement = (
        update(billings)
        .where(billings.c.id == bindparam("key"), IS_CLAIMABLE)
        .values(
            status=bindparam("to"),
            trouble_code=bindparam("code"),
            trouble_why=bindparam("why"),
            trouble_fix=bindparam("fix"),
            next_attempt_at=bindparam("again_at"),
            failures=func.coalesce(bindparam("spent"), billings.c.failures),
            updated_at=now,
        )
    )
    rows = [_trouble_row(one) for one in troubled]
    if rows:
        await c.execute(statement, sorted(rows, key=lambda row: str(row["key"])))


def _trouble_row(one: Troubled) -> dict[str, Any]:
    return {
        "key": one.billing_id,
        "to": one.status,
        "code": one.code,
        "why": one.why,
        "fix": one.fix,
        "again_at": one.next_attempt_at,
        "spent": one.failures,
    }


async def _climb_anew(c: AsyncConnection, ids: Sequence[str]) -> None:
    for some in chunks(ids):
        await c.execute(update(billings).where(billings.c.id.in_(some)).values(failures=0))


def _is_another_matter(before: Any, row: Mapping[str, Any]) -> bool:
    """Whether what failed before says nothing of this decision: of another job or rule book, or not failing any more."""
    if before is None or not before.failures:
        return False
    same = (before.fingerprint, before.book_version) == (row["fingerprint"], row["book_version"])
    return not same or row["status"] != BillingStatus.PLANNED or before.status in (BillingStatus.HELD, BillingStatus.SKIPPED)


def _is_settled(before: Any) -> bool:
    """Sent already, or handled by hand: no decision touches it."""
    return before.status in LIVE or before.by_hand is not None


async def _rows_before(c: AsyncConnection, ids: Sequence[str]) -> dict[str, Any]:
    """The rows that are there, locked until the transaction ends so that the report stays true (SQLite locks anyway)."""
    found: dict[str, Any] = {}
    for some in chunks(ids):
        query = select(*_IN_BRIEF).where(billings.c.id.in_(some)).order_by(billings.c.id).with_for_update()
        found.update((row.id, row) for row in await c.execute(query))
    return found


def _is_news(before: Any, row: Mapping[str, Any]) -> bool:
    if before is None:
        return bool(row["sequence"] == 1 or row["status"] != BillingStatus.SKIPPED)
    same = before.status == row["status"] and before.decision == row["decision"]
    return not _is_settled(before) and not same


def _saved(rows: Mapping[str, Mapping[str, Any]], before: Mapping[str, Any], changed: Sequence[Mapping[str, Any]]) -> Saved:
    live = tuple(key for key in rows if key in before and _is_settled(before[key]))

    def count(status: BillingStatus) -> int:
        return sum(row["status"] == status for row in changed)

    return Saved(
        planned=count(BillingStatus.PLANNED),
        held=count(BillingStatus.HELD),
        skipped=count(BillingStatus.SKIPPED),
        unchanged=len(rows) - len(changed) - len(live),
        cleared_ids=tuple(row["id"] for row in changed if _is_cleared(before.get(row["id"]), row)),
        new_hold_ids=tuple(row["id"] for row in changed if _is_new_hold(before.get(row["id"]), row)),
        live_ids=live,
    )


def _is_cleared(before: Any, row: Mapping[str, Any]) -> bool:
    return before is not None and before.status in _TROUBLED and row["status"] != BillingStatus.HELD


def _is_new_hold(before: Any, row: Mapping[str, Any]) -> bool:
    if row["status"] != BillingStatus.HELD:
        return False
    known = (row["trouble_code"], row["trouble_why"])
    return before is None or (before.status, before.trouble_code, before.trouble_why) != (
        BillingStatus.HELD,
        *known,
    )
