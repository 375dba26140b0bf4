"""Jobs as the platform last told them: what was gathered, so that nothing is fetched twice and anything can be explained."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.jobs import Job, job_from_json
from milepost.ledger.bulk import chunks, unique, upsert
from milepost.ledger.tables import jobs


async def save_jobs(
    c: AsyncConnection, connection: str, fetched: Sequence[Job], markers: Mapping[str, str], now: datetime
) -> None:
    """Keep the jobs as fetched at `now`. markers: by job id, what the platform said it was at (see JobRef)."""
    by_id = {job.id: _row(connection, job, markers.get(job.id, ""), now) for job in fetched}
    await upsert(c, jobs, list(by_id.values()))


async def known_markers(c: AsyncConnection, connection: str, ids: Sequence[str]) -> dict[str, str]:
    """The markers of those jobs that are kept, by job id."""
    found: dict[str, str] = {}
    for some in chunks(unique(ids)):
        query = select(jobs.c.job_id, jobs.c.marker)
        query = query.where(jobs.c.connection == connection, jobs.c.job_id.in_(some))
        found.update((job_id, marker) for job_id, marker in await c.execute(query))
    return found


async def get_jobs(c: AsyncConnection, connection: str, ids: Sequence[str]) -> dict[str, Job]:
    """Those of the jobs that are kept, by job id."""
    found: dict[str, Job] = {}
    for some in chunks(unique(ids)):
        query = select(jobs.c.job_id, jobs.c.snapshot)
        query = query.where(jobs.c.connection == connection, jobs.c.job_id.in_(some))
        found.update((job_id, job_from_json(text)) for job_id, text in await c.execute(query))
    return found


async def find_job(c: AsyncConnection, connection: str, id_or_number: str) -> Job | None:
    """The job with this id, else the one with this number that was fetched last."""
    query = (
        select(jobs.c.job_id, jobs.c.snapshot)
        .where(jobs.c.connection == connection)
        .where(or_(jobs.c.job_id == id_or_number, jobs.c.number == id_or_number))
        .order_by((jobs.c.job_id == id_or_number).desc(), jobs.c.fetched_at.desc(), jobs.c.job_id)
        .limit(1)
    )
    row = (await c.execute(query)).first()
    return job_from_json(row.snapshot) if row else None


async def job_counts(c: AsyncConnection, connection: str) -> dict[str, int]:
    """How many jobs are kept, by stage."""
    query = select(jobs.c.stage, func.count()).where(jobs.c.connection == connection).group_by(jobs.c.stage)
    return dict((await c.execute(query)).tuples().all())


def _row(connection: str, job: Job, marker: str, now: datetime) -> dict[str, Any]:
    return {
        "connection": connection,
        "job_id": job.id,
        "number": job.number,
        "raw_status": job.raw_status,
        "stage": job.stage,
        "fingerprint": job.fingerprint,
        "marker": marker,
        "completed_on": job.completed_on,
        "customer_id": job.customer.id if job.customer else None,
        "snapshot": job.model_dump_json(),
        "fetched_at": now,
    }
