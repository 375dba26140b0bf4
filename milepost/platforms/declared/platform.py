"""A job system that a YAML file describes, as a Platform: the trigger and the first gathering on the way of a job."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from milepost.jobs import Job
from milepost.platforms.convert import Misfit, as_text
from milepost.platforms.declared import webhook, write_back
from milepost.platforms.declared.changes import ChangeReader, floor_of
from milepost.platforms.declared.connect import check_secrets, connect
from milepost.platforms.declared.expressions import filled_path, search
from milepost.platforms.declared.gather import Gatherer, Outcome, RecentRows
from milepost.platforms.declared.load import load_description
from milepost.platforms.declared.normalise import Defaults, Document, normalise
from milepost.platforms.declared.paging import read_pages, unreadable
from milepost.platforms.declared.parts import check_zone, with_secrets
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.declared.trace import Trace, traced, unread_keys
from milepost.platforms.http import OnCall
from milepost.platforms.protocol import (
    Account,
    Challenge,
    Changes,
    Fetched,
    JobProblem,
    JobRef,
    Progress,
    WebhookRequest,
    WriteBack,
)


@dataclass(frozen=True, slots=True)
class Looked:
    """A job as the system tells it, beside what Milepost makes of it, field by field."""

    job_id: str
    raw: Mapping[str, Any]
    outcome: Job | JobProblem
    traces: tuple[Trace, ...] = ()
    unread: tuple[str, ...] = ()


class DeclaredPlatform:
    """A REST/JSON job system without code of its own. Raises ConfigError where its description cannot be used."""

    kind = "declared"

    def __init__(self, settings: DeclaredSettings, on_call: OnCall | None = None, *, draft: bool = False) -> None:
        self.loaded = load_description(settings.file, draft=draft)
        about = self.loaded.description
        check_secrets(self.loaded, settings.secrets, reading_only=draft)
        self.capabilities = about.capabilities()
        self.rate_policy = about.rate_policy()
        self._settings = settings
        self._time_zone = settings.time_zone or about.time_zone
        self._defaults = Defaults(self._time_zone, settings.currency or about.currency, about.tax_mode)
        self._recent = RecentRows()
        self._http = connect(self.loaded, settings, on_call)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def test(self) -> Account:
        """Read the account where the description says how, and the first page of the list."""
        about = self.loaded.description
        found: dict[str, str | None] = {}
        if about.account:
            found = await self._account()
        async with aclosing(read_pages(self._http, self._reader().listing())) as pages:
            await anext(pages, None)
        return Account(
            id=found.get("id") or about.name,
            name=found.get("name") or about.name,
            timezone=found.get("time_zone") or self._time_zone,
            currency=found.get("currency") or self._defaults.currency,
        )

    async def list_changed(self, cursor: str | None, *, since: datetime | None = None) -> Changes:
        """Jobs changed after the cursor; their rows are kept for `fetch` where they are whole."""
        reader = self._reader()
        changes = await reader.since(floor_of(cursor, since, self._http.system), datetime.now(UTC))
        if self.loaded.description.jobs.list.complete:
            self._recent.keep((one.ref.id, one.row) for one in reader.read)
        return changes

    async def fetch(self, job_ids: Sequence[str], progress: Progress | None = None) -> Fetched:
        """Read and normalise many jobs; each stands alone."""
        outcomes = [
            self._outcome(job_id, found) for job_id, found in (await self._gatherer().gather(job_ids, progress)).items()
        ]
        jobs = tuple(one for one in outcomes if isinstance(one, Job))
        return Fetched(jobs, tuple(one for one in outcomes if isinstance(one, JobProblem)))

    async def look(self, job_id: str) -> Looked:
        """One job, raw beside normalised: for the person who writes the description."""
        found = (await self._gatherer().gather([job_id]))[job_id]
        if isinstance(found, JobProblem):
            return Looked(job_id, {}, found)
        return Looked(
            job_id,
            {"job": found.job} | {str(place[0]): answer for place, answer in found.answers.items()},
            self._outcome(job_id, found),
            traced(self.loaded, found, self._time_zone),
            unread_keys(self.loaded.description, found.job),
        )

    async def first_job(self) -> str | None:
        """The id of the first job of the list, None where the list is empty."""
        reader = self._reader()
        async with aclosing(read_pages(self._http, reader.listing())) as pages:
            rows = await anext(pages, None)
        return reader.understood(rows[0]).ref.id if rows else None

    async def write_back(self, job_id: str, told: WriteBack) -> None:
        """The described requests: a note, once by its key, and the processed flag."""
        await write_back.write_back(self._http, self.loaded, job_id, told)

    def verify_webhook(self, request: WebhookRequest) -> bool:
        """Whether it bears the described signature or secret; never where no webhook is described."""
        about = self.loaded.description.webhook
        if about is None:
            return False
        return webhook.is_genuine(about, with_secrets(about.secret, self._settings.secrets), request)

    def parse_webhook(self, request: WebhookRequest) -> Challenge | tuple[JobRef, ...]:
        """The jobs that the body names."""
        about = self.loaded.description.webhook
        return webhook.changed_jobs(about, request) if about else ()

    def _outcome(self, job_id: str, found: Outcome) -> Job | JobProblem:
        if isinstance(found, Document):
            return normalise(self.loaded, job_id, found, self._defaults)
        return found

    def _reader(self) -> ChangeReader:
        return ChangeReader(self._http, self.loaded, self._time_zone)

    def _gatherer(self) -> Gatherer:
        concurrent = self.rate_policy.concurrent
        return Gatherer(self._http, self.loaded, self._recent, self._time_zone, concurrent)

    async def _account(self) -> dict[str, str | None]:
        about = self.loaded.description.account
        if about is None:
            return {}
        path = filled_path(about.get.path, "", {}) or about.get.path
        data = await self._http.get_json(path, about.get.params, entity="account")
        try:
            row = search(about.get.row, data)
            found = {
                name: as_text(search(source, row))
                for name in ("id", "name", "time_zone", "currency")
                if (source := getattr(about, name))
            }
            if found.get("time_zone"):
                check_zone(found["time_zone"] or "")
        except (Misfit, ValueError) as error:
            raise unreadable(self._http, path, str(error), self.loaded.where("account")) from error
        return found
