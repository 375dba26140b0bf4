"""Jobs as people name them on the command line: by number or by id."""

from difflib import get_close_matches

from sqlalchemy import select

from milepost.connection import Connection
from milepost.errors import RemoteError, UnknownName
from milepost.ledger.database import open_database
from milepost.ledger.jobs import find_job
from milepost.ledger.tables import jobs
from milepost.platforms.protocol import Fetched, JobProblem
from milepost.settings import installation
from milepost.steps.workspace import open_workspace

_COMPARED = 10_000


async def known_ids(connection: str, named: list[str]) -> dict[str, str]:
    """The platform's ids of those jobs that the ledger knows, by the id or number they were named with."""
    if not named:
        return {}
    async with open_database(installation()) as db, db.read() as c:
        found = {name: await find_job(c, connection, name) for name in named}
    return {name: job.id for name, job in found.items() if job}


async def job_ids(settings: Connection, named: list[str]) -> list[str]:
    """The platform's ids of jobs named by id or number; those the ledger does not know are looked for on the platform.

    Raises UnknownName when there is no such job. Nothing is written. Where the platform is away, the run itself says so.
    """
    known = await known_ids(settings.name, named)
    new = [name for name in named if name not in known]
    fetched = await _looked_up(settings, new) if new else Fetched()
    for problem in fetched.problems:
        if problem.permanent and problem.job_number is None:
            raise await _unknown(settings.name, problem)
    known |= {name: job.id for job in fetched.jobs for name in (job.id, job.number)}
    return list(dict.fromkeys(known.get(name, name) for name in named))


async def _looked_up(settings: Connection, names: list[str]) -> Fetched:
    try:
        async with open_workspace(settings, installation()) as workspace:
            return await workspace.platform.fetch(names)
    except RemoteError:
        return Fetched()


async def _unknown(connection: str, problem: JobProblem) -> UnknownName:
    guess = await nearest(connection, problem.job_id)
    return UnknownName(f"job {problem.job_id} of {connection}: {problem.why}{guess or '.'} {problem.fix}")


async def nearest(connection: str, name: str) -> str:
    """`; did you mean job '1482'?`, where a known job's number is near."""
    query = select(jobs.c.number).where(jobs.c.connection == connection).order_by(jobs.c.fetched_at.desc()).limit(_COMPARED)
    async with open_database(installation()) as db, db.read() as c:
        numbers = list((await c.execute(query)).scalars())
    close = get_close_matches(name, numbers, n=1, cutoff=0.7)
    return f"; did you mean job '{close[0]}'?" if close else ""
