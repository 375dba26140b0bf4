"""Recall: what the ledger knows, for questions about the past: jobs as they were last read, invoices, books, the chart.

No remote is asked. For `milepost explain` and `milepost rules diff|new`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.decision import Bill, Resolution
from milepost.billing.facts import History
from milepost.chart import Chart
from milepost.errors import ConfigError
from milepost.jobs import Job, job_from_json
from milepost.ledger import billings, books, charts, connections, jobs
from milepost.ledger.billings import BillingRow
from milepost.ledger.bulk import chunks
from milepost.ledger.connections import ConnectionRow
from milepost.ledger.tables import jobs as jobs_table
from milepost.rules.shelf import BookShelf


@dataclass(frozen=True, slots=True)
class JobRecalled:
    """A job, its billings, what was billed of it, and the published versions of its connection's book."""

    connection: ConnectionRow
    job: Job
    rows: Sequence[BillingRow]
    history: History
    shelf: BookShelf

    @property
    def contact(self) -> Resolution | None:
        """Whom its last decided bill goes to, if one was decided."""
        bills = [decision for row in self.rows if isinstance(decision := row.decided(), Bill)]
        return bills[-1].contact if bills else None


async def recall_job(c: AsyncConnection, connection: str, id_or_number: str) -> JobRecalled | None:
    """All that is known of a job; None when it was never read. Raises UnknownName for the connection."""
    row = await connections.get_connection(c, connection)
    job = await jobs.find_job(c, connection, id_or_number)
    if job is None:
        return None
    return JobRecalled(
        connection=row,
        job=job,
        rows=await billings.rows_of(c, connection, [job.id]),
        history=(await billings.history(c, connection, [job.id]))[job.id],
        shelf=await books.shelf_of(c, row.rule_book),
    )


async def recall_chart(c: AsyncConnection, connection: ConnectionRow) -> Chart:
    """The organisation's chart as it was last read. Raises ConfigError when it never was."""
    kept = await charts.get_chart(c, connection.tenant_id) if connection.tenant_id else None
    if kept is None:
        raise ConfigError(
            f"The chart of {connection.name}'s Xero organisation was never read. "
            f"Read it once: milepost plan {connection.name}"
        )
    return kept[0]


@dataclass(frozen=True, slots=True)
class PastRow:
    """A job that is kept, with the codes of the stages that were billed of it."""

    job: Job
    billed: tuple[str, ...]


async def jobs_since(c: AsyncConnection, connection: str, since: date) -> list[str]:
    """The ids of the jobs that were completed, or read because they had changed, since a day; oldest first."""
    read_since = datetime.combine(since, time.min, UTC)
    recent = or_(jobs_table.c.completed_on >= since, jobs_table.c.fetched_at >= read_since)
    query = select(jobs_table.c.job_id).where(jobs_table.c.connection == connection, recent)
    return list((await c.execute(query.order_by(jobs_table.c.completed_on, jobs_table.c.job_id))).scalars())


async def past_rows(c: AsyncConnection, connection: str, ids: Sequence[str]) -> list[PastRow]:
    """These jobs as they were last read, in the order given."""
    found: list[PastRow] = []
    for some in chunks(ids):
        kept = await jobs.get_jobs(c, connection, some)
        history = await billings.history(c, connection, some)
        found += [PastRow(kept[i], tuple(b.milestone for b in history[i].billed)) for i in some if i in kept]
    return found


async def last_jobs(c: AsyncConnection, connection: str, most: int) -> list[Job]:
    """The jobs that were read last, the newest first."""
    query = select(jobs_table.c.snapshot).where(jobs_table.c.connection == connection)
    query = query.order_by(jobs_table.c.completed_on.desc(), jobs_table.c.job_id).limit(most)
    return [job_from_json(text) for text in (await c.execute(query)).scalars()]
