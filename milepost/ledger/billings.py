"""Billings: what was decided, sent and done, and the questions that are asked of it.

The moves are in `decisions` (decided), `claims` (sending) and `settling` (done, held, failed); they are given on from here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.decision import Bill
from milepost.billing.facts import Billed, History
from milepost.ledger.billing_rows import (
    HAS_LIVE_INVOICE,
    IS_GIVEN_UP,
    BillingRow,
    BillingStatus,
    billing_row,
)
from milepost.ledger.bulk import chunks, unique
from milepost.ledger.claims import Claim, ClaimLost, claim
from milepost.ledger.decisions import Saved, Troubled, save_decisions, set_trouble
from milepost.ledger.settling import AnswerMeta, Settled, settle, settle_some
from milepost.ledger.tables import billings, unread_jobs
from milepost.money import LineAmountTypes

__all__ = [
    "AnswerMeta",
    "BillingRow",
    "BillingStatus",
    "Claim",
    "ClaimLost",
    "Saved",
    "Settled",
    "Troubled",
    "claim",
    "connections_with_due",
    "counts",
    "failures_of",
    "get",
    "history",
    "listing",
    "mark_noted",
    "mark_written_back",
    "open_jobs",
    "put_behind",
    "rows_of",
    "save_decisions",
    "set_trouble",
    "settle",
    "settle_some",
    "take_due",
    "to_note",
    "to_write_back",
    "update_invoice_statuses",
    "waiting_beside",
]


async def history(c: AsyncConnection, connection: str, job_ids: Sequence[str]) -> dict[str, History]:
    """What was billed of each job before, in the order it was: invoices that stand in Xero, or may."""
    billed: dict[str, list[Billed]] = {job_id: [] for job_id in job_ids}
    for some in chunks(unique(job_ids)):
        query = select(billings).where(billings.c.connection == connection, billings.c.job_id.in_(some))
        query = query.where(HAS_LIVE_INVOICE).order_by(billings.c.sent_at, billings.c.request_place)
        for row in await c.execute(query):
            made = (
                _billed(row.invoice_number, row.fingerprint, row.decision) if row.by_hand is None else _billed_by_hand(row)
            )
            billed[row.job_id].append(made)
    return {job_id: History(billed=tuple(invoices)) for job_id, invoices in billed.items()}


def _billed(invoice_number: str | None, fingerprint: str, decision: str) -> Billed:
    bill = Bill.model_validate_json(decision)
    draft = bill.draft
    return Billed(
        milestone=bill.key.milestone,
        sequence=bill.key.sequence,
        number=invoice_number or draft.number,
        line_amount_types=draft.line_amount_types,
        currency=draft.currency,
        lines=draft.lines,
        sub_total=draft.sub_total,
        total_tax=draft.total_tax,
        total=draft.total,
        fingerprint=fingerprint,
    )


def _billed_by_hand(row: Any) -> Billed:
    return Billed(
        milestone=row.milestone,
        sequence=row.sequence,
        number=row.invoice_number,
        line_amount_types=LineAmountTypes(row.line_amount_types),
        currency=row.currency,
        lines=(),
        sub_total=row.sub_total,
        total_tax=row.total_tax,
        total=row.total,
        fingerprint=row.fingerprint,
        by_hand=True,
    )


async def rows_of(c: AsyncConnection, connection: str, job_ids: Sequence[str]) -> list[BillingRow]:
    """Every billing of the jobs, job by job and in the order they were first decided."""
    found: list[BillingRow] = []
    for some in chunks(unique(job_ids)):
        query = select(billings).where(billings.c.connection == connection, billings.c.job_id.in_(some))
        query = query.order_by(billings.c.job_id, billings.c.created_at, billings.c.milestone)
        found.extend(billing_row(row) for row in (await c.execute(query)).mappings())
    return found


async def get(c: AsyncConnection, billing_id: str) -> BillingRow | None:
    """One billing."""
    row = (await c.execute(select(billings).where(billings.c.id == billing_id))).mappings().first()
    return billing_row(row) if row else None


async def listing(
    c: AsyncConnection,
    connection: str,
    *,
    status: str | None = None,
    job: str | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[BillingRow]:
    """Billings, latest first. job: a job's id or number. before: the id of the last billing of the page before."""
    query = select(billings).where(billings.c.connection == connection)
    if status is not None:
        query = query.where(billings.c.status == status)
    if job is not None:
        query = query.where(or_(billings.c.job_id == job, billings.c.job_number == job))
    if before is not None:
        last = select(billings.c.created_at).where(billings.c.id == before).scalar_subquery()
        earlier = and_(billings.c.created_at == last, billings.c.id < before)
        query = query.where(or_(billings.c.created_at < last, earlier))
    query = query.order_by(billings.c.created_at.desc(), billings.c.id.desc()).limit(limit)
    return [billing_row(row) for row in (await c.execute(query)).mappings()]


async def counts(c: AsyncConnection, connection: str) -> dict[str, int]:
    """How many billings there are, by status."""
    query = select(billings.c.status, func.count()).where(billings.c.connection == connection)
    return dict((await c.execute(query.group_by(billings.c.status))).tuples().all())


async def waiting_beside(c: AsyncConnection, connection: str, looked_at: Sequence[str]) -> int:
    """How many billings are held, failed, without an answer or given up, other than those looked at (by billing id)."""
    troubled = (BillingStatus.HELD, BillingStatus.FAILED, BillingStatus.SENDING)
    waits = or_(IS_GIVEN_UP, *(billings.c.status == status for status in troubled))
    ids = set((await c.execute(select(billings.c.id).where(billings.c.connection == connection, waits))).scalars())
    return len(ids - set(looked_at))


async def open_jobs(c: AsyncConnection, connection: str, now: datetime) -> list[str]:
    """The jobs with a billing that is held, was planned and left behind, or failed and is due again.

    A failure without a next attempt is due at once.
    """
    waiting = or_(billings.c.status.in_((BillingStatus.HELD, BillingStatus.PLANNED)), _is_due(now))
    query = select(billings.c.job_id).where(billings.c.connection == connection, waiting).distinct()
    return sorted((await c.execute(query)).scalars())


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Failed, and its time has come."""
    has_come = or_(billings.c.next_attempt_at.is_(None), billings.c.next_attempt_at <= now)
    return and_(billings.c.status == BillingStatus.FAILED, has_come)


async def take_due(c: AsyncConnection, connection: str, now: datetime, until: datetime) -> dict[str, str]:
    """Take the failed billings whose time has come, which nobody else then takes before `until`: id and job id.

    One statement that compares and sets, so that of two workers only one gets each.
    """
    taken = update(billings).where(billings.c.connection == connection, _is_due(now)).values(next_attempt_at=until)
    return dict((await c.execute(taken.returning(billings.c.id, billings.c.job_id))).tuples().all())


async def connections_with_due(c: AsyncConnection, now: datetime) -> list[str]:
    """The connections with failed work, or jobs that could not be read, whose time has come."""
    failed = select(billings.c.connection).where(_is_due(now))
    unread = select(unread_jobs.c.connection).where(unread_jobs.c.next_attempt_at <= now)
    return sorted((await c.execute(failed.union(unread))).scalars())


async def failures_of(c: AsyncConnection, billing_ids: Sequence[str]) -> dict[str, int]:
    """How many rungs of the retry ladder these billings have used."""
    found: dict[str, int] = {}
    for some in chunks(unique(billing_ids)):
        query = select(billings.c.id, billings.c.failures).where(billings.c.id.in_(some))
        found.update((await c.execute(query)).tuples().all())
    return found


async def to_write_back(c: AsyncConnection, connection: str, limit: int) -> list[BillingRow]:
    """Done billings that the job system was not told of yet: the oldest first, those tried in vain after the others."""
    return await _done_without(c, connection, "written_back_at", limit)


async def mark_written_back(c: AsyncConnection, billing_ids: Sequence[str], now: datetime) -> None:
    """Record that the job system was told."""
    await _mark(c, billing_ids, "written_back_at", now)


async def put_behind(c: AsyncConnection, billing_ids: Sequence[str], now: datetime) -> None:
    """Have what could not be told tried after all others, so that a few that keep failing do not keep the rest waiting."""
    await _mark(c, billing_ids, "updated_at", now)


async def to_note(c: AsyncConnection, connection: str, limit: int) -> list[BillingRow]:
    """Done billings whose invoice has no history note in Xero yet, oldest first."""
    return await _done_without(c, connection, "history_noted_at", limit)


async def mark_noted(c: AsyncConnection, billing_ids: Sequence[str], now: datetime) -> None:
    """Record that the invoice has its history note."""
    await _mark(c, billing_ids, "history_noted_at", now)


async def update_invoice_statuses(c: AsyncConnection, statuses: Mapping[str, str], now: datetime) -> None:
    """Record what Xero says of invoices by now, by billing id; a voided or deleted one leaves the history."""
    for billing_id, status in sorted(statuses.items()):
        done = update(billings).where(billings.c.id == billing_id, billings.c.status == BillingStatus.DONE)
        await c.execute(done.values(invoice_status=status, updated_at=now))


async def _done_without(c: AsyncConnection, connection: str, mark: str, limit: int) -> list[BillingRow]:
    query = select(billings).where(billings.c.connection == connection, billings.c[mark].is_(None))
    query = query.where(billings.c.status == BillingStatus.DONE).order_by(billings.c.updated_at, billings.c.id)
    return [billing_row(row) for row in (await c.execute(query.limit(limit))).mappings()]


async def _mark(c: AsyncConnection, billing_ids: Sequence[str], mark: str, now: datetime) -> None:
    for some in chunks(unique(billing_ids)):
        await c.execute(update(billings).where(billings.c.id.in_(some)).values({mark: now}))
