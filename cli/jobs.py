"""Jobs as people name them on the command line: by number or by id."""

from milepost.ledger.database import open_database
from milepost.ledger.jobs import find_job
from milepost.settings import installation


async def job_ids(connection: str, named: list[str]) -> list[str]:
    """The platform's ids of jobs named by id or number; a name the ledger does not know is taken to be an id."""
    if not named:
        return []
    async with open_database(installation()) as db, db.read() as c:
        found = [(name, await find_job(c, connection, name)) for name in named]
    return [job.id if job else name for name, job in found]
