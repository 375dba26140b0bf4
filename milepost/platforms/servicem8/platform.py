"""ServiceM8 as a Platform: the trigger, the first gathering and the note back on the way of a job."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import TracebackType
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

from milepost.errors import RemoteError
from milepost.jobs import Job
from milepost.platforms.http import OnCall, PlatformHttp
from milepost.platforms.pace import Pause
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
from milepost.platforms.servicem8.changes import changed_jobs, changed_lines, changes, window_start
from milepost.platforms.servicem8.client import ServiceM8Client, checked_uuid
from milepost.platforms.servicem8.gathering import Gathered, gather, timezone_of
from milepost.platforms.servicem8.jobs_by_id import JobFinder, unread
from milepost.platforms.servicem8.normalise import JobParts, normalise
from milepost.platforms.servicem8.oauth import SYSTEM, OnTokens, Tokens, way_in
from milepost.platforms.servicem8.query import Clause, Row
from milepost.platforms.servicem8.reading import Reader
from milepost.platforms.servicem8.records import BadRecord, VendorRecord, parse
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.platforms.servicem8.webhook import is_genuine, read_webhook

RECENT = timedelta(days=30)
_NATIVE_LINK = (
    "jobs of the last 30 days are marked as exported to accounting (payment_processed): unless Milepost marked them,"
    " ServiceM8's own Xero link is on and would bill the same jobs; switch that link off in ServiceM8's settings before"
    " billing from here"
)
_log = logging.getLogger(__name__)


class ServiceM8Platform:
    """One ServiceM8 account.

    on_tokens is told each new refresh token before it is used, and `tokens` are those it was told last (OAuth 2 only).
    on_call is told of every call, for the sync log; pause is how to wait, clock what tells the time.
    """

    kind = "servicem8"
    capabilities = Capabilities(
        webhooks=True,
        webhook_challenge=True,
        webhook_unique=True,
        write_note=True,
        write_processed=True,
        has_payments=True,
        native_xero_link=True,
    )
    # Reference: ServiceM8 OpenAPI 1.0, "Limits and Throttling": per add-on and account
    rate_policy = RatePolicy(per_minute=180, per_day=20_000, concurrent=4)

    def __init__(
        self,
        settings: ServiceM8Settings,
        *,
        tokens: Tokens | None = None,
        on_tokens: OnTokens | None = None,
        on_call: OnCall | None = None,
        pause: Pause = asyncio.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._http = PlatformHttp(
            SYSTEM,
            settings.api_url.rstrip("/") + "/api_1.0/",
            self.rate_policy,
            auth=way_in(settings, tokens, on_tokens),
            secrets=settings.secrets,
            on_call=on_call,
            pause=pause,
        )
        self._client = ServiceM8Client(self._http)
        self._reader = Reader(self._client)
        self._finder = JobFinder(self._reader)
        self._known_vendor: VendorRecord | None = None

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def test(self) -> Account:
        """The account, with a warning where ServiceM8's own Xero link seems to be on. Two calls."""
        vendor = await self._vendor()
        timezone, warnings = timezone_of(vendor)
        recently = (self._clock() - RECENT).astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S")
        exported = [Clause("payment_processed", "eq", 1), Clause("edit_date", "gt", recently)]
        if await self._client.some("job", exported, 1):
            warnings.append(_NATIVE_LINK)
        currency = vendor.currency.strip() or None
        return Account(vendor.uuid, vendor.name, timezone, currency, tuple(warnings))

    async def list_changed(self, cursor: str | None, *, since: datetime | None = None) -> Changes:
        """Jobs in a status of interest that changed, or whose lines did, with 24 hours of overlap.

        One or two calls for up to 5000 changes. What the overlap brings again carries the marker it had,
        for which a first listing of everything reads the lines of its last 24 hours too.
        """
        timezone, _ = timezone_of(await self._vendor())
        after = window_start(cursor, since, ZoneInfo(timezone))
        jobs = await changed_jobs(self._client, self._settings, after)
        self._finder.remember(jobs)
        now = self._clock().astimezone(ZoneInfo(timezone))
        lines_after = after or window_start(changes(jobs, [], cursor, now).cursor, None, ZoneInfo(timezone))
        lines = await changed_lines(self._client, self._settings, lines_after)
        listed = {str(row.get("uuid")) for row in jobs}
        return changes(jobs, [line for line in lines if after or str(line.get("job_uuid")) in listed], cursor, now)

    async def fetch(self, job_ids: Sequence[str], progress: Progress | None = None) -> Fetched:
        """Read jobs whole, by uuid or by number. See `Reader` for how many calls that takes."""
        vendor = await self._vendor()
        found = await self._finder.find(job_ids)
        gathered = await gather(self._reader, self._settings, vendor, list(found.rows.values()))
        jobs: list[Job] = []
        problems = list(found.problems)
        for done, (job_id, row) in enumerate(found.rows.items(), start=1):
            outcome = self._read(job_id, row, gathered)
            if isinstance(outcome, Job):
                jobs.append(outcome)
            else:
                problems.append(outcome)
            if progress:
                progress(done, len(found.rows))
        _log.info("ServiceM8: %d jobs read, %d with problems", len(jobs), len(problems))
        return Fetched(tuple(jobs), tuple(problems))

    def _read(self, job_id: str, row: Row, gathered: Gathered) -> Job | JobProblem:
        uuid = row.get("uuid")
        if trouble := gathered.unread.get(str(uuid)):
            return unread(job_id, trouble, _number_of(row))
        parts = gathered.parts.get(str(uuid), JobParts(row))
        try:
            return normalise(parts, gathered.account, self._settings)
        except BadRecord as error:
            return _unreadable(job_id, row, error)

    async def write_back(self, job_id: str, told: WriteBack) -> None:
        """Leave the note once, and mark the job as exported where it was processed.

        The note's uuid follows from the key, and the job's notes are looked through for the key first.
        """
        about = [Clause("related_object", "eq", "job"), Clause("related_object_uuid", "eq", checked_uuid(job_id))]
        notes = await self._client.rows("note", about)
        mark = f"[milepost:{told.key}]"
        if not any(mark in str(note.get("note")) for note in notes):
            note = {"related_object": "job", "related_object_uuid": job_id, "note": f"{told.note}\n{mark}"}
            await self._client.create("note", {"uuid": _note_uuid(job_id, told.key), **note})
        if told.processed:
            await self._client.change("job", job_id, {"payment_processed": 1})

    def verify_webhook(self, request: WebhookRequest) -> bool:
        """Whether the callback URL carried the settings' secret."""
        return is_genuine(request, self._settings.webhook_secret)

    def parse_webhook(self, request: WebhookRequest) -> Challenge | tuple[JobRef, ...]:
        """The handshake to answer, or the jobs to read again."""
        return read_webhook(request)

    async def _vendor(self) -> VendorRecord:
        """The account, read once."""
        if self._known_vendor is None:
            rows = await self._client.account()
            self._known_vendor = _only_vendor(rows)
        return self._known_vendor


def _only_vendor(rows: Sequence[Row]) -> VendorRecord:
    try:
        return parse(VendorRecord, rows[0])
    except (IndexError, BadRecord) as error:
        raise RemoteError(
            SYSTEM,
            "reading the account",
            "vendor.json does not describe one",
            permanent=True,
            fix="Check the address of the API and the credentials.",
        ) from error


def _unreadable(job_id: str, row: Row, error: BadRecord) -> JobProblem:
    number = _number_of(row)
    return JobProblem(
        job_id,
        why=f"a record of this job is not as ServiceM8 describes it: {error.why}",
        fix=f"Open job {number or job_id} in ServiceM8, correct it there, and run again.",
        where=error.where,
        job_number=number,
    )


def _number_of(row: Row) -> str | None:
    number = row.get("generated_job_id")
    return str(number) if number and isinstance(number, str | int) else None


def _note_uuid(job_id: str, key: str) -> str:
    """The same for the same telling, so that a note sent twice is one note."""
    return str(UUID(bytes=sha256(f"{job_id}/{key}".encode()).digest()[:16], version=4))
