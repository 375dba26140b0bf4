"""The accounts of the simulated Fieldbook, in memory, and what follows from changing a job."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from sandbox.fieldbook.records import Customer, Job, Note

_TICK = timedelta(microseconds=1)


class Account:
    """One business on Fieldbook: its credentials, its customers and its jobs in order of change."""

    def __init__(
        self,
        name: str,
        clock: Callable[[], datetime],
        changed: Callable[["Account", Job], None],
        *,
        timezone: str = "Europe/London",
        currency: str = "GBP",
        prices: str = "net",
    ) -> None:
        self.name = name
        self.token = f"fieldbook-token-{name}"
        self.client_id = f"fieldbook-{name}"
        self.client_secret = f"fieldbook-secret-{name}"
        self.zone = ZoneInfo(timezone)
        self.currency = currency
        self.prices = prices
        self.customers: dict[str, Customer] = {}
        self.jobs: dict[str, Job] = {}
        self.notes: defaultdict[str, list[Note]] = defaultdict(list)
        self._by_ref: dict[str, str] = {}
        self._order: list[tuple[datetime, str]] = []
        self._clock = clock
        self._changed = changed

    def by_ref(self, ref: str) -> Job | None:
        return self.jobs.get(self._by_ref.get(ref, ""))

    def save(self, job: Job, *, updated: datetime | None = None, quiet: bool = False) -> Job:
        """Keep the job as changed now (or at `updated`), and tell the webhooks unless `quiet`."""
        before = self.jobs.get(job.id)
        if before is not None and before.updated_at is not None:
            self._order.remove((before.updated_at, before.id))
        job.updated_at = (updated or self._next_moment()).astimezone(UTC)
        self.jobs[job.id] = job
        self._by_ref[job.ref] = job.id
        insort(self._order, (job.updated_at, job.id))
        if not quiet:
            self._changed(self, job)
        return job

    def changed_since(self, since: datetime | None) -> list[Job]:
        """Jobs changed at or after `since`, oldest change first."""
        start = 0 if since is None else bisect_left(self._order, (since, ""))
        return [self.jobs[job_id] for _, job_id in self._order[start:]]

    def add_note(self, job: Job, text: str) -> Note:
        note = Note(f"note_{uuid4().hex[:16]}", job.id, text, self.now())
        self.notes[job.id].append(note)
        return note

    def now(self) -> datetime:
        return self._clock()

    def _next_moment(self) -> datetime:
        """Now, but never twice the same moment: the order of changes stays plain."""
        now = self._clock()
        return max(now, self._order[-1][0] + _TICK) if self._order and now <= self._order[-1][0] else now
