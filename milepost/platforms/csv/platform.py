"""Two exported files as a Platform: the trigger and the first gathering for systems without an API."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from milepost.errors import RemoteError
from milepost.jobs import Job
from milepost.platforms.csv.columns import JOB_HEADERS, LINE_HEADERS
from milepost.platforms.csv.normalise import RowReader, Rows
from milepost.platforms.csv.settings import CsvSettings
from milepost.platforms.csv.table import SYSTEM, Row, Table, read_table, require
from milepost.platforms.csv.told import append_invoice
from milepost.platforms.protocol import (
    Account,
    Capabilities,
    Challenge,
    Changes,
    Fetched,
    JobProblem,
    JobRef,
    Progress,
    RatePolicy,
    WebhookRequest,
    WriteBack,
)


class CsvPlatform:
    """Jobs from files. A job is known by its number, and has changed when a cell of its rows has."""

    kind = "csv"
    capabilities = Capabilities(write_note=True, write_processed=True, keeps_jobs=False)
    rate_policy = RatePolicy()

    def __init__(self, settings: CsvSettings) -> None:
        self._settings = settings
        self._writing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open between calls."""

    async def test(self) -> Account:
        """Read both files; rows with errors are told as warnings."""
        reader, groups = await self._read()
        problems = [one for one in (reader.read(*group) for group in groups.items()) if isinstance(one, JobProblem)]
        warnings = [problem.why for problem in problems[:3]]
        if len(problems) > len(warnings):
            warnings.append(f"and {len(problems) - len(warnings)} more jobs with errors")
        if self._settings.lines is None:
            warnings.append("there is no file of lines: the rule book's fallback bills each job as one line")
        path = self._settings.jobs
        return Account(str(path), path.name, self._settings.time_zone, self._settings.currency, tuple(warnings))

    async def list_changed(self, cursor: str | None, *, since: datetime | None = None) -> Changes:
        """Jobs whose rows differ from those that the cursor remembers. `since` leaves out what was completed before."""
        known = _digests(cursor)
        reader, groups = await self._read()
        digests = {job_id: rows.digest for job_id, rows in groups.items()}
        refs = tuple(
            JobRef(job_id, digest)
            for job_id, digest in digests.items()
            if known.get(job_id) != digest
            and not (cursor is None and since and _is_older(reader.read(job_id, groups[job_id]), since))
        )
        return Changes(refs, json.dumps(digests, separators=(",", ":")))

    async def fetch(self, job_ids: Sequence[str], progress: Progress | None = None) -> Fetched:
        """Read many jobs; rows that cannot be read are a problem of their job alone."""
        reader, groups = await self._read()
        wanted = list(dict.fromkeys(job_ids))
        outcomes: list[Job | JobProblem] = []
        for number, job_id in enumerate(wanted, 1):
            rows = groups.get(job_id)
            outcomes.append(reader.read(job_id, rows) if rows else self._unknown(job_id))
            if progress:
                progress(number, len(wanted))
        jobs = tuple(one for one in outcomes if isinstance(one, Job))
        return Fetched(jobs, tuple(one for one in outcomes if isinstance(one, JobProblem)))

    async def write_back(self, job_id: str, told: WriteBack) -> None:
        """Add a row to `milepost-invoices.csv` beside the jobs, once for each key."""
        async with self._writing:
            await asyncio.to_thread(append_invoice, self._settings.jobs.parent, job_id, told)

    def verify_webhook(self, request: WebhookRequest) -> bool:  # noqa: ARG002 - files send none
        """Files send no webhooks: none is genuine."""
        return False

    def parse_webhook(self, request: WebhookRequest) -> Challenge | tuple[JobRef, ...]:  # noqa: ARG002
        """Files send no webhooks."""
        return ()

    async def _read(self) -> tuple[RowReader, dict[str, Rows]]:
        return await asyncio.to_thread(self._read_now)

    def _read_now(self) -> tuple[RowReader, dict[str, Rows]]:
        own = self._settings.columns
        jobs = read_table(self._settings.jobs, self._settings, JOB_HEADERS, own.job, own.custom_fields)
        require(jobs, self._settings.jobs, ("number", "status"), JOB_HEADERS)
        lines: Table | None = None
        if self._settings.lines:
            lines = read_table(self._settings.lines, self._settings, LINE_HEADERS, own.line, {})
            require(lines, self._settings.lines, ("job",), LINE_HEADERS)
        return RowReader(self._settings, jobs, lines), _grouped(jobs, lines)

    def _unknown(self, job_id: str) -> JobProblem:
        name = self._settings.jobs.name
        return JobProblem(job_id, f"{name} has no job with this number", "Export the file again.", name)


def _grouped(jobs: Table, lines: Table | None) -> dict[str, Rows]:
    """The rows of each job by its number. A row without a number stands for itself, so that it is not lost."""
    of_jobs, of_lines = _by_number(jobs, "number"), _by_number(lines, "job") if lines else {}
    return {
        job_id: Rows(tuple(of_jobs.get(job_id, ())), tuple(of_lines.get(job_id, ())))
        for job_id in [*of_jobs, *(job_id for job_id in of_lines if job_id not in of_jobs)]
    }


def _by_number(table: Table, field: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in table.rows:
        number = row.text(table.columns[field]) or f"{table.name} line {row.line}"
        groups.setdefault(number, []).append(row)
    return groups


def _digests(cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    try:
        known = json.loads(cursor)
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise RemoteError(
            SYSTEM,
            "reading changes",
            "the kept cursor cannot be read",
            permanent=True,
            fix="Poll once with a date to start from.",
        )
    return known


def _is_older(outcome: Job | JobProblem, since: datetime) -> bool:
    return isinstance(outcome, Job) and outcome.dates.completed is not None and outcome.dates.completed < since
