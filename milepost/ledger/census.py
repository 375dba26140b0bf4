"""The census: what the ledger holds of completed work and of what was billed of it, many rows in few questions.

For verify and unbilled; nothing on the way of a job needs it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.jobs import Stage
from milepost.ledger.billing_rows import GONE_IN_XERO, LIVE, BillingRow, BillingStatus, billing_row
from milepost.ledger.bulk import chunks, unique
from milepost.ledger.tables import billings, contacts, jobs, runs

_OVER = (Stage.COMPLETED, Stage.INVOICED)


@dataclass(frozen=True, slots=True)
class KeptJob:
    """A completed job in brief. is_decided: a run has decided on it as it now is. completed_on is None where unknown."""

    id: str
    number: str
    completed_on: date | None
    fetched_at: datetime
    is_decided: bool


@dataclass(frozen=True, slots=True)
class BilledPart:
    """One billing in brief, without its decision."""

    id: str
    job_id: str
    milestone: str
    book: str
    book_version: int
    status: BillingStatus
    invoice_status: str | None
    by_hand: str | None
    trouble_code: str | None
    trouble_why: str | None
    trouble_fix: str | None
    currency: str | None
    sub_total: Decimal | None

    @property
    def counts(self) -> bool:
        """Whether it stands for an invoice, or a person has said that it is billed otherwise."""
        return self.by_hand is not None or (self.status in LIVE and self.invoice_status not in GONE_IN_XERO)


async def completed_jobs(c: AsyncConnection, connection: str, since: date | None) -> list[KeptJob]:
    """The jobs that are completed, on or after a day, or on no known day; oldest first."""
    is_over = or_(jobs.c.stage.in_(_OVER), and_(jobs.c.completed_on.is_not(None), jobs.c.stage != Stage.CANCELLED))
    wanted = and_(jobs.c.connection == connection, is_over)
    if since is not None:
        wanted = and_(wanted, or_(jobs.c.completed_on.is_(None), jobs.c.completed_on >= since))
    decided = func.coalesce(jobs.c.decided_fingerprint, "") == jobs.c.fingerprint
    query = select(jobs.c.job_id, jobs.c.number, jobs.c.completed_on, jobs.c.fetched_at, decided)
    rows = await c.execute(query.where(wanted).order_by(jobs.c.completed_on, jobs.c.job_id))
    return [KeptJob(job_id, number, day, fetched, bool(is_decided)) for job_id, number, day, fetched, is_decided in rows]


async def billed_parts(c: AsyncConnection, connection: str, job_ids: Sequence[str]) -> dict[str, list[BilledPart]]:
    """The billings of each job, in the order they were first decided."""
    found: dict[str, list[BilledPart]] = defaultdict(list)
    columns = [billings.c[name] for name in BilledPart.__dataclass_fields__]
    for some in chunks(unique(job_ids)):
        query = select(*columns).where(billings.c.connection == connection, billings.c.job_id.in_(some))
        for row in (await c.execute(query.order_by(billings.c.created_at, billings.c.id))).mappings():
            found[row["job_id"]].append(BilledPart(**{**row, "status": BillingStatus(row["status"])}))
    return found


async def sent_since(c: AsyncConnection, connection: str, since: datetime | None) -> list[BillingRow]:
    """Billings whose invoice exists, or may; of those sent since a moment, if one is given."""
    query = select(billings).where(billings.c.connection == connection, billings.c.status.in_(LIVE))
    if since is not None:
        query = query.where(func.coalesce(billings.c.sent_at, billings.c.updated_at) >= since)
    rows = (await c.execute(query.order_by(billings.c.created_at, billings.c.id))).mappings()
    return [billing_row(row) for row in rows]


async def linked_invoices(c: AsyncConnection, tenant_id: str) -> set[str]:
    """Every invoice of the organisation that some billing of some connection names."""
    query = select(billings.c.invoice_id).where(billings.c.tenant_id == tenant_id, billings.c.invoice_id.is_not(None))
    return set((await c.execute(query)).scalars())


async def merged_contacts(c: AsyncConnection, tenant_id: str) -> dict[str, str]:
    """Contacts that were merged into another one, and into which."""
    query = select(contacts.c.contact_id, contacts.c.merged_to)
    rows = await c.execute(query.where(contacts.c.tenant_id == tenant_id, contacts.c.merged_to.is_not(None)))
    return dict(rows.tuples().all())


async def note_mended(c: AsyncConnection, totals: Mapping[str, tuple[Decimal, Decimal | None]], now: datetime) -> None:
    """Record new totals of invoices that a person has changed in Xero, by billing id: total and tax."""
    for billing_id, (total, tax) in sorted(totals.items()):
        done = update(billings).where(billings.c.id == billing_id, billings.c.status == BillingStatus.DONE)
        await c.execute(done.values(invoice_total=total, invoice_tax=tax, updated_at=now))


async def last_poll_began(c: AsyncConnection, connection: str) -> datetime | None:
    """When the last poll that came to an end began: what was completed before it, it should have seen."""
    query = select(func.max(runs.c.started_at)).where(runs.c.connection == connection, runs.c.trigger == "poll")
    rows = (await c.execute(query.where(runs.c.ended_at.is_not(None)))).scalars().all()
    return next(iter(rows), None)
