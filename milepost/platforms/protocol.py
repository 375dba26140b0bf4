"""What a job-management system must offer: the trigger and the first gathering on the way of a job.

A platform is a module that satisfies `Platform` and is listed in `milepost.platforms.registry`. CONTRIBUTING.md has the
numbered steps to add one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from milepost.jobs import Job


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do, for the pages that offer it and the flows that use it.

    keeps_jobs: a job once listed can be read again later; an export may not hold it any more.
    webhook_unique: no two changes are told in the same body, since it names their moment.
    """

    changed_since: bool = True
    webhooks: bool = False
    webhook_challenge: bool = False
    webhook_signed: bool = False
    webhook_unique: bool = False
    write_note: bool = False
    write_processed: bool = False
    write_status: bool = False
    has_tax: bool = True
    has_rates: bool = True
    has_payments: bool = False
    native_xero_link: bool = False
    keeps_jobs: bool = True


@dataclass(frozen=True, slots=True)
class RatePolicy:
    """The vendor's published limits; the HTTP client keeps under them."""

    per_minute: int | None = None
    per_second: float | None = None
    per_day: int | None = None
    concurrent: int = 4


@dataclass(frozen=True, slots=True)
class JobRef:
    """A job that changed. `marker` (a modification time or version) lets an overlap window be de-duplicated."""

    id: str
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """Jobs that changed, and the cursor to ask from next time. Keep the cursor only when the jobs are safely recorded."""

    refs: tuple[JobRef, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class JobProblem:
    """A job that could not be read or normalised: a data problem of that job alone.

    where: the place in the source, as exact as can be (a field path, `jobs.csv:14:6`).
    permanent: reading it again will not help until someone mends it on the platform.
    gone: the platform says that there is no such job, or none any more; what waits for it has come to its end.
    """

    job_id: str
    why: str
    fix: str
    where: str = ""
    permanent: bool = True
    job_number: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """The outcome of fetching many: each job stands alone."""

    jobs: tuple[Job, ...] = ()
    problems: tuple[JobProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteBack:
    """What is told to the platform after an invoice was made. `key` is the same on every try, so that it is told once."""

    key: str
    note: str
    invoice_number: str | None = None
    invoice_url: str | None = None
    processed: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """The platform account that the credentials open."""

    id: str
    name: str
    timezone: str = "UTC"
    currency: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Challenge:
    """A webhook handshake: answer 200 with exactly this body."""

    answer: str


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook as it arrived; `body` is the raw bytes, header names are lower case."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


Progress = Callable[[int, int | None], None]
"""Told the number done and, where it is known, the number in all."""


@runtime_checkable
class Platform(Protocol):
    """A job-management system. Every method that calls out raises `milepost.errors.RemoteError` and nothing else.

    It is an async context manager that owns its HTTP client.
    """

    kind: str
    capabilities: Capabilities
    rate_policy: RatePolicy

    async def __aenter__(self) -> Self:
        """Open the HTTP client."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the HTTP client."""

    async def test(self) -> Account:
        """Read the account: proves the credentials with one or two calls."""

    async def list_changed(self, cursor: str | None, *, since: datetime | None = None) -> Changes:
        """Jobs changed after `cursor` (opaque, made by this method); without one, since `since`, else all that matter."""

    async def fetch(self, job_ids: Sequence[str], progress: Progress | None = None) -> Fetched:
        """Read many jobs whole, in as few calls as the API allows. An unknown id is a JobProblem, never left out."""

    async def write_back(self, job_id: str, told: WriteBack) -> None:
        """Leave a note and, where the platform can, mark the job as processed. Safe to repeat with the same key."""

    def verify_webhook(self, request: WebhookRequest) -> bool:
        """Whether the webhook is genuine; compared in constant time over the raw body."""

    def parse_webhook(self, request: WebhookRequest) -> Challenge | tuple[JobRef, ...]:
        """The jobs a genuine webhook speaks of, or the handshake to answer."""


OVERLAP = timedelta(hours=24)
"""How far back a local-time cursor is set, so that a change of clocks loses no job."""
