"""Which jobs changed: the trigger of a declared platform, by a filter, by stopping at a watermark, or by reading all."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from milepost.errors import RemoteError
from milepost.platforms.convert import Misfit, as_moment, as_text
from milepost.platforms.declared.expressions import search
from milepost.platforms.declared.load import Loaded
from milepost.platforms.declared.paging import Listing, Row, read_pages, unreadable
from milepost.platforms.declared.parts import zone_info
from milepost.platforms.declared.requests import NewestFirst, Since
from milepost.platforms.http import PlatformHttp
from milepost.platforms.protocol import Changes, JobRef

_SLACK = timedelta(seconds=1)
"""By how much rows may be out of order before a list counts as unsorted: clocks of one system differ that much."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the list as it was understood."""

    ref: JobRef
    row: Row
    modified: datetime | None


@dataclass
class ChangeReader:
    """Reads the list of jobs. `now` is the time the reading began, the newest watermark that can be trusted."""

    http: PlatformHttp
    loaded: Loaded
    time_zone: str
    read: list[Listed] = field(default_factory=list)
    misfits: list[Misfit] = field(default_factory=list)

    async def since(self, floor: datetime | None, now: datetime) -> Changes:
        """The jobs that changed since `floor` (less the overlap), and the cursor to go on from."""
        about = self.loaded.description.jobs.list
        asked_from = _before(floor, about.changes.overlap) if about.changes.by != "everything" else None
        async with aclosing(read_pages(self.http, self.listing(asked_from))) as pages:
            async for rows in pages:
                if self._take(rows, asked_from):
                    break
        if self.misfits and len(self.misfits) == len(self.read):
            raise self._trouble(f"modified: {self.misfits[0]}", "modified") from self.misfits[0]
        newest = max((one.modified for one in self.read if one.modified), default=floor or now)
        watermark = min(newest if about.modified else now, now)
        refs = {one.ref.id: one.ref for one in self.read}
        return Changes(tuple(refs.values()), json.dumps({"since": watermark.isoformat()}))

    def listing(self, asked_from: datetime | None = None) -> Listing:
        """The list's first request."""
        about = self.loaded.description.jobs.list
        params = dict(about.params)
        if isinstance(about.changes, Since) and asked_from is not None:
            params[about.changes.param] = written(asked_from, about.changes)
        where = self.loaded.where("jobs", "list", "rows")
        return Listing(about.path, params, about.rows, about.paging, where, "jobs")

    def _take(self, rows: list[Row], asked_from: datetime | None) -> bool:
        """Keep the rows of a page; True where the watermark is reached and older pages need not be read."""
        about = self.loaded.description.jobs.list
        listed = [self.understood(row) for row in rows if self._matters(row)]
        if not isinstance(about.changes, NewestFirst):
            self.read += listed
            return False
        moments = [one.modified for one in listed if one.modified]
        if any(later > earlier + _SLACK for earlier, later in pairwise(moments)):
            raise self._trouble("a job is newer than the one before it: the list is not newest first", "changes")
        fresh = [one for one in listed if not (asked_from and one.modified and one.modified < asked_from)]
        self.read += fresh
        return len(fresh) < len(listed)

    def _matters(self, row: Row) -> bool:
        only = self.loaded.description.jobs.list.only
        try:
            return only is None or bool(search(only, row))
        except Misfit as misfit:
            raise self._trouble(str(misfit), "only") from misfit

    def understood(self, row: Row) -> Listed:
        """The row's id, marker and moment. A moment that cannot be read is unknown: the job counts as changed.

        Raises RemoteError where the row has no id: nobody could tell which job is missing.
        """
        about = self.loaded.description.jobs.list
        try:
            job_id = as_text(search(about.id, row))
        except Misfit as misfit:
            raise self._trouble(f"id: {misfit}", "id") from misfit
        if not job_id:
            keys = ", ".join(sorted(row)[:12])
            raise self._trouble(f"a row has no id at '{about.id}'; its keys are {keys}", "id")
        try:
            raw = search(about.modified, row) if about.modified else None
            modified = as_moment(raw, zone_info(self.time_zone), about.modified_format)
            return Listed(JobRef(job_id, as_text(raw) or _digest(row)), row, modified)
        except Misfit as misfit:
            self.misfits.append(misfit)
            return Listed(JobRef(job_id, _digest(row)), row, None)

    def _trouble(self, why: str, key: str) -> RemoteError:
        path = self.loaded.description.jobs.list.path
        return unreadable(self.http, path, why, self.loaded.where("jobs", "list", key))


def _digest(row: Mapping[str, Any]) -> str:
    """A marker for rows without a moment of change: equal rows have equal markers."""
    text = json.dumps(row, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _before(floor: datetime | None, overlap: timedelta) -> datetime | None:
    try:
        return floor - overlap if floor else None
    except OverflowError:  # the calendar's first day: everything is asked for
        return None


def written(moment: datetime, since: Since) -> str:
    """A moment as the API's parameter takes it; cut to whole seconds, so never later than the moment itself."""
    local = moment.astimezone(zone_info(since.time_zone)).replace(microsecond=0)
    if since.format == "epoch":
        return str(int(local.timestamp()))
    if since.format == "epoch_ms":
        return str(int(local.timestamp()) * 1000)
    if since.format == "iso":
        return local.isoformat().replace("+00:00", "Z")
    return local.strftime(since.format)


def floor_of(cursor: str | None, since: datetime | None, system: str) -> datetime | None:
    """The moment a cursor holds, else `since`. Raises RemoteError for a cursor that is not ours."""
    if cursor is None:
        return since
    try:
        return datetime.fromisoformat(json.loads(cursor)["since"]).astimezone(UTC)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise RemoteError(
            system,
            "reading changes",
            "the kept cursor cannot be read",
            permanent=True,
            fix="Poll once with a date to start from.",
        ) from error
