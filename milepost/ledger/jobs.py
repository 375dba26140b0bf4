"""Jobs as the platform last told them: what was gathered, so that nothing is fetched twice and anything can be explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.jobs import Job, job_from_json
from milepost.ledger.bulk import chunks, unique, upsert
from milepost.ledger.tables import jobs, unread_jobs
from milepost.platforms.protocol import JobProblem


async def save_jobs(
    c: AsyncConnection, connection: str, fetched: Sequence[Job], markers: Mapping[str, str], now: datetime
) -> None:
    """Keep the jobs as fetched at `now`. markers: by job id, what the platform said it was at (see JobRef)."""
    by_id = {job.id: _row(connection, job, markers.get(job.id, ""), now) for job in fetched}
    await upsert(c, jobs, list(by_id.values()), keep=["decided_fingerprint"])
    await forget_unread(c, connection, list(by_id))


async def mark_decided(c: AsyncConnection, connection: str, decided: Sequence[Job]) -> None:
    """Record that a run decided on these jobs as they are. One that was kept anew meanwhile still waits."""
    statement = (
        update(jobs)
        .where(
            jobs.c.connection == connection, jobs.c.job_id == bindparam("key"), jobs.c.fingerprint == bindparam("as_seen")
        )
        .values(decided_fingerprint=bindparam("as_seen"))
    )
    rows = [{"key": job.id, "as_seen": job.fingerprint} for job in decided]
    if rows:
        await c.execute(statement, sorted(rows, key=lambda row: row["key"]))


async def decide_again(c: AsyncConnection, connection: str, *, completed_since: date, and_unfinished: bool = False) -> None:
    """Let the next poll decide anew on the kept jobs that were completed since a day, `and_unfinished` ones if wanted."""
    wanted = jobs.c.completed_on >= completed_since
    if and_unfinished:
        wanted = or_(wanted, jobs.c.completed_on.is_(None))
    await c.execute(update(jobs).where(jobs.c.connection == connection, wanted).values(decided_fingerprint=None))


async def undecided(c: AsyncConnection, connection: str) -> list[str]:
    """Jobs that are kept, and that no run decided on as they now are: a run ended early, or only planned."""
    waits = or_(jobs.c.decided_fingerprint.is_(None), jobs.c.decided_fingerprint != jobs.c.fingerprint)
    query = select(jobs.c.job_id).where(jobs.c.connection == connection, waits).order_by(jobs.c.job_id)
    return list((await c.execute(query)).scalars())


Tries = Mapping[str, tuple[int, datetime | None]]
"""By job id: the rungs of the retry ladder used by now, and when it is read again; None when that is given up."""


@dataclass(frozen=True, slots=True)
class UnreadJob:
    """A job that could not be read. Without a next attempt, every poll reads it, unless that is given up."""

    connection: str
    job_id: str
    why: str
    fix: str
    since: datetime
    failures: int
    next_attempt_at: datetime | None
    given_up: bool


async def save_unread(
    c: AsyncConnection, connection: str, problems: Sequence[JobProblem], now: datetime, tries: Tries | None = None
) -> None:
    """Keep the ids of jobs that could not be read. Those without `tries` are read by every poll until they can be."""
    rows = {p.job_id: _unread_row(connection, p, now, tries or {}) for p in problems}
    await upsert(c, unread_jobs, list(rows.values()), keep=["since"])


def _unread_row(connection: str, problem: JobProblem, now: datetime, tries: Tries) -> dict[str, Any]:
    spent, again_at = tries.get(problem.job_id, (0, None))
    return {
        "connection": connection,
        "job_id": problem.job_id,
        "why": problem.why,
        "since": now,
        "fix": problem.fix,
        "failures": spent,
        "next_attempt_at": again_at,
        "given_up": problem.job_id in tries and again_at is None,
    }


async def unread(c: AsyncConnection, connection: str) -> list[str]:
    """Jobs that could not be read when they were last tried, those given up among them."""
    return [one.job_id for one in await unread_jobs_of(c, connection)]


async def unread_jobs_of(c: AsyncConnection, connection: str) -> list[UnreadJob]:
    """Jobs that could not be read when they were last tried, the oldest first."""
    query = select(unread_jobs).where(unread_jobs.c.connection == connection)
    rows = await c.execute(query.order_by(unread_jobs.c.since, unread_jobs.c.job_id))
    return [UnreadJob(**row) for row in rows.mappings()]


async def unread_named(c: AsyncConnection, job_id: str, connection: str | None) -> list[UnreadJob]:
    """The unread jobs of this id."""
    query = select(unread_jobs).where(unread_jobs.c.job_id == job_id)
    if connection is not None:
        query = query.where(unread_jobs.c.connection == connection)
    return [UnreadJob(**row) for row in (await c.execute(query)).mappings()]


async def unread_failures(c: AsyncConnection, connection: str, job_ids: Sequence[str]) -> dict[str, int]:
    """How many rungs of the ladder these jobs have used; one that was given up begins anew."""
    found: dict[str, int] = {}
    for some in chunks(unique(job_ids)):
        query = select(unread_jobs.c.job_id, unread_jobs.c.failures).where(unread_jobs.c.connection == connection)
        query = query.where(unread_jobs.c.job_id.in_(some), unread_jobs.c.given_up.is_(False))
        found.update((job_id, failures) for job_id, failures in await c.execute(query))
    return found


async def take_unread(c: AsyncConnection, connection: str, now: datetime, until: datetime) -> list[str]:
    """Take the unread jobs whose time has come, which nobody else then takes before `until`; their ids."""
    due = unread_jobs.c.next_attempt_at <= now
    taken = update(unread_jobs).where(unread_jobs.c.connection == connection, due).values(next_attempt_at=until)
    return sorted((await c.execute(taken.returning(unread_jobs.c.job_id))).scalars())


async def read_soon(c: AsyncConnection, connection: str, job_ids: Sequence[str], now: datetime) -> None:
    """Have these unread jobs tried again by whoever looks next, from the foot of the ladder."""
    for some in chunks(unique(job_ids)):
        wanted = update(unread_jobs).where(unread_jobs.c.connection == connection, unread_jobs.c.job_id.in_(some))
        await c.execute(wanted.values(failures=0, next_attempt_at=now, given_up=False))


async def forget_unread(c: AsyncConnection, connection: str, job_ids: Sequence[str]) -> None:
    """These jobs are read by now, or gone: no poll tries them again."""
    for some in chunks(job_ids):
        await c.execute(delete(unread_jobs).where(unread_jobs.c.connection == connection, unread_jobs.c.job_id.in_(some)))


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
        "decided_fingerprint": None,
    }
