"""Reads jobs whole, in as few calls as the API allows: rows just listed, batches, the list's pages, one by one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from milepost.errors import RemoteError
from milepost.platforms.answers import is_of_all
from milepost.platforms.convert import Misfit
from milepost.platforms.declared.changes import ChangeReader
from milepost.platforms.declared.expressions import filled_path, search
from milepost.platforms.declared.load import Loaded
from milepost.platforms.declared.normalise import Document
from milepost.platforms.declared.paging import Listing, PagingTrouble, Row, read_pages, read_rows, rows_at, unreadable
from milepost.platforms.declared.requests import Many, One, Rows
from milepost.platforms.http import PlatformHttp
from milepost.platforms.protocol import JobProblem, Progress
from milepost.rules.yaml_text import Path as Place

FRESH_FOR = 300.0
"""Seconds for which the row of a list stands for its job."""
MOST_KEPT = 20_000
WORTH_SWEEPING = 4
"""Missing jobs from which on the list is looked through before they are read one by one."""

_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
Outcome = Document | JobProblem
Shared = dict[tuple[Place, str], asyncio.Task[Any]]
"""What sections' endpoints answer, by the section and the address."""


class RecentRows:
    """Rows that hold whole jobs, each used once and for a short time only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rows: dict[str, tuple[float, Row]] = {}

    def keep(self, rows: Iterable[tuple[str, Row]]) -> None:
        """Remember rows just read; the oldest go where there are too many."""
        now = self._clock()
        for job_id, row in rows:
            self._rows.pop(job_id, None)
            self._rows[job_id] = (now, row)
        for job_id in list(self._rows)[: max(0, len(self._rows) - MOST_KEPT)]:
            del self._rows[job_id]

    def take(self, job_ids: Sequence[str]) -> dict[str, Row]:
        """Those of the jobs that are known and fresh."""
        oldest = self._clock() - FRESH_FOR
        found = {job_id: self._rows.pop(job_id) for job_id in job_ids if job_id in self._rows}
        return {job_id: row for job_id, (at, row) in found.items() if at >= oldest}


@dataclass
class Gatherer:
    """Reads the records of many jobs and then what endpoints of sections say about each."""

    http: PlatformHttp
    loaded: Loaded
    recent: RecentRows
    time_zone: str
    concurrent: int

    async def gather(self, job_ids: Sequence[str], progress: Progress | None = None) -> dict[str, Outcome]:
        """A document or a problem for each id. Raises RemoteError where the system as a whole fails."""
        wanted = list(dict.fromkeys(job_ids))
        rows = self.recent.take(wanted)
        about = self.loaded.description.jobs
        if about.many:
            rows |= await self._batches(about.many, _missing(wanted, rows))
        elif about.list.complete and (len(_missing(wanted, rows)) >= WORTH_SWEEPING or about.detail is None):
            rows |= await self._sweep(set(_missing(wanted, rows)))
        shared: Shared = {}
        outcomes: dict[str, Outcome] = {}

        async def one(job_id: str) -> None:
            outcomes[job_id] = await self._whole(job_id, rows.pop(job_id, None), shared)
            if progress:
                progress(len(outcomes), len(wanted))

        try:
            await self._each(wanted, one)
        finally:
            await _ended(shared.values())
        return outcomes

    async def _each(self, job_ids: Sequence[str], work: Callable[[str], Awaitable[None]]) -> None:
        """Bounded: twice as many jobs in hand as calls allowed at once. The first failure ends the others."""
        waiting = iter(job_ids)

        async def worker() -> None:
            for job_id in waiting:
                await work(job_id)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(len(job_ids), self.concurrent * 2)):
                    group.create_task(worker())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _batches(self, many: Many, job_ids: list[str]) -> dict[str, Row]:
        reader = ChangeReader(self.http, self.loaded, self.time_zone)
        found: dict[str, Row] = {}
        for start in range(0, len(job_ids), many.size):
            ids = job_ids[start : start + many.size]
            asked = [(many.param, many.separator.join(ids))] if many.separator else [(many.param, i) for i in ids]
            answer = await self.http.get(many.path, [*many.params.items(), *asked], entity="jobs")
            found |= {reader.understood(row).ref.id: row for row in self._rows(many, answer.data)}
        return {job_id: row for job_id, row in found.items() if job_id in set(job_ids)}

    def _rows(self, many: Many, data: Any) -> list[Row]:
        try:
            return rows_at(many.rows, data)
        except (PagingTrouble, Misfit) as error:
            raise unreadable(self.http, many.path, str(error), self.loaded.where("jobs", "many")) from error

    async def _sweep(self, missing: set[str]) -> dict[str, Row]:
        """Look the list through, where its rows are whole jobs.

        At most half as many pages as there are jobs missing, so that it never costs much more than reading them one
        by one; without a way to read one job, to the end of the list.
        """
        reader = ChangeReader(self.http, self.loaded, self.time_zone)
        most = len(missing) // 2 if self.loaded.description.jobs.detail else None
        found: dict[str, Row] = {}
        number = 0
        async with aclosing(read_pages(self.http, reader.listing())) as pages:
            async for rows in pages:
                listed = {reader.understood(row).ref.id: row for row in rows}
                found |= {job_id: row for job_id, row in listed.items() if job_id in missing}
                number += 1
                if len(found) == len(missing) or number == most:
                    break
        return found

    async def _whole(self, job_id: str, row: Row | None, shared: Shared) -> Outcome:
        record = row
        try:
            if record is None:
                record = await self._detail(job_id)
            if record is None:
                return self._unknown(job_id)
            answers = [(place, await self._section(place, ask, job_id, record, shared)) for place, ask in self._endpoints()]
        except RemoteError as error:
            return self._problem(job_id, error, is_of_job=record is None)
        except (Misfit, PagingTrouble) as error:
            where = self.loaded.where("jobs")
            return JobProblem(job_id, str(error), f"Correct the description at {where}.", where)
        return Document(record, dict(answers))

    async def _detail(self, job_id: str) -> Row | None:
        detail = self.loaded.description.jobs.detail
        if detail is None:
            return None
        path = filled_path(detail.path, job_id, {})
        return await self._one(detail, path or "", ("jobs", "detail"), "job")

    async def _one(self, ask: One, path: str, place: Place, entity: str) -> Row | None:
        found = search(ask.row, await self.http.get_json(path, ask.params, entity=entity))
        if found is None or isinstance(found, dict):
            return found
        raise PagingTrouble(f"'row: {ask.row}' finds no record at {self.loaded.where(*place)}")

    def _endpoints(self) -> list[tuple[Place, One | Rows]]:
        return [
            (place, ask)
            for place, section in self.loaded.description.sections()
            if (ask := getattr(section, "get", None)) is not None
        ]

    async def _section(
        self,
        place: Place,
        ask: One | Rows,
        job_id: str,
        job: Mapping[str, Any],
        shared: Shared,
    ) -> Any:
        """What the section's endpoint answers for this job; jobs with the same address (a customer's) share a call."""
        path = filled_path(ask.path, job_id, job)
        if path is None:
            return None
        asked = (place, path)  # another section may ask the same address for other rows
        if asked not in shared:
            shared[asked] = asyncio.ensure_future(self._answer(place, ask, path))
        return await asyncio.shield(shared[asked])

    async def _answer(self, place: Place, ask: One | Rows, path: str) -> Any:
        entity = str(place[0])
        if isinstance(ask, One):
            return await self._one(ask, path, place, entity)
        where = self.loaded.where(*place, "get")
        return await read_rows(self.http, Listing(path, ask.params, ask.rows, ask.paging, where, entity))

    def _unknown(self, job_id: str, *, gone: bool = False) -> JobProblem:
        name = self.loaded.description.name
        return JobProblem(
            job_id,
            f"{name} has no such job, or does not list it",
            "Check the job's id; its number is known once a poll has read it.",
            gone=gone,
        )

    def _problem(self, job_id: str, error: RemoteError, *, is_of_job: bool) -> JobProblem:
        """What concerns one job alone. Raises the error again where the system as a whole refuses or is away."""
        if error.status in _GONE:
            return self._unknown(job_id, gone=is_of_job)
        if is_of_all(error):
            raise error
        fix = error.fix or "It is tried again." if not error.permanent else error.fix or "Check the job there."
        return JobProblem(job_id, error.why, fix, error.what, permanent=error.permanent)


async def _ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Leave no call running that nobody waits for."""
    started = list(tasks)
    for task in started:
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)


def _missing(wanted: Sequence[str], rows: Mapping[str, Any]) -> list[str]:
    return [job_id for job_id in wanted if job_id not in rows]
