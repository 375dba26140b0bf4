"""Which jobs changed: the trigger by polling. Nothing is missed when the account's clocks change.

ServiceM8 stamps records in the account's local time and filters by it, so an hour comes twice in autumn. Every question
therefore reaches 24 hours further back than the cursor; what comes again unchanged carries the same marker and is dropped.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from milepost.platforms.protocol import OVERLAP, Changes, JobRef
from milepost.platforms.servicem8.client import ServiceM8Client
from milepost.platforms.servicem8.query import Clause, Row, among
from milepost.platforms.servicem8.reading import ACTIVE
from milepost.platforms.servicem8.settings import STATUSES, ServiceM8Settings
from milepost.platforms.servicem8.values import STAMP

_STAMP_FORMAT = "%Y-%m-%d %H:%M:%S"
_log = logging.getLogger(__name__)


def window_start(cursor: str | None, since: datetime | None, zone: ZoneInfo) -> str | None:
    """The local stamp to ask from: the cursor's, else `since`'s, less the overlap. None asks for everything."""
    last = last_stamp(cursor)
    if last is None and since is not None:
        last = since.astimezone(zone).strftime(_STAMP_FORMAT)
    if last is None:
        return None
    try:
        return (datetime.fromisoformat(last) - OVERLAP).isoformat(" ")
    except OverflowError:  # the calendar's first day
        return None


def last_stamp(cursor: str | None) -> str | None:
    """The stamp that a cursor holds; None for one that is not ours, so that all is listed anew."""
    if cursor is None:
        return None
    try:
        held = json.loads(cursor)["edit_date"]
    except (ValueError, TypeError, KeyError):
        _log.warning("the ServiceM8 cursor cannot be read: all jobs are listed anew")
        return None
    return held if _is_stamp(held) else None


def _is_stamp(held: object) -> bool:
    try:
        return isinstance(held, str) and bool(STAMP.fullmatch(held)) and bool(datetime.fromisoformat(held))
    except ValueError:
        return False


async def changed_jobs(client: ServiceM8Client, settings: ServiceM8Settings, after: str | None) -> list[Row]:
    """The jobs in a status of interest edited after a local stamp, the deleted too: something may wait for them."""
    which = [Clause("edit_date", "gt", after)] if after else [ACTIVE]
    rows = await client.rows("job", [*which, *among("status", settings.statuses, STATUSES)])
    return [row for row in rows if row.get("status") in settings.statuses]


async def changed_lines(client: ServiceM8Client, settings: ServiceM8Settings, after: str | None) -> list[Row]:
    """The job lines edited after a local stamp: nothing says that a line's change moves the job's own stamp."""
    if not settings.watch_lines or after is None:
        return []
    return await client.rows("jobmaterial", [Clause("edit_date", "gt", after), ACTIVE])


def changes(jobs: Sequence[Row], lines: Sequence[Row], cursor: str | None, now: datetime) -> Changes:
    """A reference a job, marked with its newest stamp and what was read at it; the cursor never moves back.

    now: on the account's clocks. A stamp from the future must not take the cursor along: nothing newer would ever come.
    """
    rows: dict[str, list[Row]] = {}
    for row, key in (*((row, "uuid") for row in jobs), *((row, "job_uuid") for row in lines)):
        uuid = row.get(key)
        if isinstance(uuid, str) and uuid:
            rows.setdefault(uuid, []).append(row)
    newest = {uuid: max(map(_stamp, of)) for uuid, of in rows.items()}
    latest = now.strftime(_STAMP_FORMAT)
    stamps = [min(stamp, latest) for stamp in (*newest.values(), last_stamp(cursor)) if stamp and _is_stamp(stamp)]
    in_order = sorted(newest, key=lambda uuid: (newest[uuid], uuid))
    refs = tuple(JobRef(uuid, _marker(newest[uuid], rows[uuid])) for uuid in in_order)
    return Changes(refs, json.dumps({"edit_date": max(stamps, default=None)}))


def _stamp(row: Row) -> str:
    return str(row.get("edit_date") or "")


def _marker(newest: str, rows: Sequence[Row]) -> str:
    """The stamp alone would not do: stamps count whole seconds, and a job may change twice within one.

    Only rows with the newest stamp take part, so that nothing seems changed when older rows leave the overlap.
    """
    latest = sorted(json.dumps(row, sort_keys=True, default=str) for row in rows if _stamp(row) == newest)
    return f"{newest} {hashlib.sha256(''.join(latest).encode()).hexdigest()[:16]}"
