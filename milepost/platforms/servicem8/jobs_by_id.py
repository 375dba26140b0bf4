"""Finds the job records that a fetch asks for, by uuid or by the number that people use."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from milepost.errors import RemoteError
from milepost.platforms.protocol import JobProblem
from milepost.platforms.servicem8.client import is_uuid
from milepost.platforms.servicem8.query import Row
from milepost.platforms.servicem8.reading import Reader

LISTED_FOR = 60.0
"""Seconds for which a record that a listing brought need not be read again, once."""


@dataclass
class FoundJobs:
    """The records by the id that was asked for, and the ids that have none."""

    rows: dict[str, Row] = field(default_factory=dict)
    problems: list[JobProblem] = field(default_factory=list)


class JobFinder:
    """Knows the records of the last listing, so that fetching what has just been listed costs no further call."""

    def __init__(self, reader: Reader, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self._listed: dict[str, Row] = {}
        self._listed_until = 0.0

    def remember(self, rows: Iterable[Row]) -> None:
        """Keep what a listing brought."""
        self._listed = {str(row.get("uuid")): row for row in rows}
        self._listed_until = self._clock() + LISTED_FOR

    async def find(self, job_ids: Sequence[str]) -> FoundJobs:
        """The records of these jobs, each id once."""
        wanted = list(dict.fromkeys(job_ids))
        numbers = [job_id for job_id in wanted if not is_uuid(job_id)]
        rows = self._take_listed(wanted)
        rows |= await self._reader.fresh_records("job", [i.lower() for i in wanted if is_uuid(i) and i.lower() not in rows])
        numbered = await self._reader.children("job", "generated_job_id", numbers)
        found = FoundJobs()
        for job_id in wanted:
            candidates = numbered.get(job_id) or [row for row in [rows.get(job_id.lower())] if row]
            error = self._reader.unread.get(job_id) or self._reader.unread.get(job_id.lower())
            problem = unread(job_id, error) if error and not candidates else _problem(job_id, candidates)
            if problem:
                found.problems.append(problem)
            else:
                found.rows[job_id] = candidates[0]
        return found

    def _take_listed(self, wanted: Sequence[str]) -> dict[str, Row]:
        if self._clock() > self._listed_until:
            self._listed = {}
        ids = {job_id.lower() for job_id in wanted} & set(self._listed)
        return {job_id: self._listed.pop(job_id) for job_id in ids}


def unread(job_id: str, error: RemoteError, number: str | None = None) -> JobProblem:
    """A job of which a record could not be read, though others could."""
    fix = error.fix or "Open the job in ServiceM8 and correct what is odd there; it is read again."
    return JobProblem(job_id, error.why, fix, error.what, permanent=error.permanent, job_number=number)


def _problem(job_id: str, candidates: Sequence[Row]) -> JobProblem | None:
    if not candidates:
        return JobProblem(
            job_id,
            why="ServiceM8 has no job with this id or number",
            fix="Check the job's number in ServiceM8; if the job belongs to another account, use that connection.",
            gone=is_uuid(job_id),
        )
    number = str(candidates[0].get("generated_job_id") or "") or None
    if len(candidates) > 1:
        return JobProblem(
            job_id,
            why=f"{len(candidates)} jobs in ServiceM8 have this number",
            fix="Give the job's uuid instead of its number.",
            job_number=number,
        )
    if str(candidates[0].get("active", 1)) == "0":
        return JobProblem(
            job_id,
            why="the job was deleted in ServiceM8",
            fix="Restore the job in ServiceM8 if it is to be billed; else nothing needs to be done.",
            job_number=number,
            gone=True,
        )
    return None
