"""ServiceM8's REST API, thinly: filtered lists by cursor, single records, creates and changes.

Reference: developer.servicem8.com/docs/pagination and its OpenAPI description. An update is a POST with some fields.
"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from milepost.errors import RateLimited, RemoteError
from milepost.platforms.http import Answer, PlatformHttp
from milepost.platforms.servicem8.oauth import SYSTEM
from milepost.platforms.servicem8.query import Clause, Row, query_string

FIRST_PAGE = "-1"
NEXT_PAGE = "x-next-cursor"
MOST_PAGES = 1000
"""Five million records: a list that goes on after them never ends."""
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    rows: list[Row]
    is_last: bool


def is_uuid(text: str) -> bool:
    """Whether a text may stand in a path as the uuid of a record."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


class ServiceM8Client:
    """One account's records as plain rows. Every method raises `RemoteError` and nothing else."""

    def __init__(self, http: PlatformHttp) -> None:
        self._http = http

    async def pages(self, kind: str, clauses: Sequence[Clause] = ()) -> AsyncIterator[Page]:
        """Pages of up to 5000 rows that satisfy the clauses, whether or not ServiceM8 applied the filter."""
        cursor, seen = FIRST_PAGE, set[str]()
        while cursor:
            seen.add(cursor)
            answer = await self._get(f"{kind}.json{query_string(clauses, cursor=cursor)}", kind)
            cursor = answer.headers.get(NEXT_PAGE, "").strip()
            yield Page(_fitting(kind, _rows(kind, answer), clauses), is_last=not cursor)
            if cursor in seen:
                raise _refused(f"reading {kind} pages", "it sent the same page's cursor twice", answer.status, mends=True)
            if len(seen) >= MOST_PAGES:
                raise _refused(f"reading {kind} pages", f"there are more than {MOST_PAGES:,} of them", answer.status)

    async def rows(self, kind: str, clauses: Sequence[Clause] = ()) -> list[Row]:
        """All rows that satisfy the clauses."""
        return [row async for page in self.pages(kind, clauses) for row in page.rows]

    async def account(self) -> list[Row]:
        """The account that the credentials open: a list of one."""
        return _rows("vendor", await self._get("vendor.json", "vendor"))

    async def some(self, kind: str, clauses: Sequence[Clause], most: int) -> list[Row]:
        """At most so many rows, in one call."""
        answer = await self._get(f"{kind}.json{query_string(clauses, **{'$top': most})}", kind)
        return _fitting(kind, _rows(kind, answer), clauses)[:most]

    async def record(self, kind: str, uuid: str) -> Row | None:
        """One record, deleted ones (`active` 0) too; None where there is none."""
        try:
            answer = await self._get(f"{kind}/{checked_uuid(uuid)}.json", kind)
        except RemoteError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        if not isinstance(answer.data, Mapping):
            raise _refused(f"reading a {kind}", "the answer is not a record", answer.status)
        if str(answer.data.get("uuid")).lower() != uuid.lower():
            raise _refused(f"reading a {kind}", "the answer is not the record that was asked for", answer.status)
        return answer.data

    async def create(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Add a record. A lost answer is `AnswerLost`: look for the record before trying again."""
        await self._post(f"{kind}.json", kind, fields)

    async def change(self, kind: str, uuid: str, fields: Mapping[str, Any]) -> None:
        """Set some fields of a record."""
        await self._post(f"{kind}/{checked_uuid(uuid)}.json", kind, fields)

    async def _get(self, path: str, kind: str) -> Answer:
        try:
            return await self._http.get(path, entity=kind)
        except RateLimited as error:
            raise _with_wait(error) from error

    async def _post(self, path: str, kind: str, fields: Mapping[str, Any]) -> Answer:
        try:
            return await self._http.post_json(path, dict(fields), entity=kind)
        except RateLimited as error:
            raise _with_wait(error) from error


def _rows(kind: str, answer: Answer) -> list[Row]:
    rows = answer.data
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise _refused(f"reading {kind}", "the answer is not a list of records", answer.status)
    return rows


def _fitting(kind: str, rows: list[Row], clauses: Sequence[Clause]) -> list[Row]:
    fitting = [row for row in rows if all(clause.holds(row) for clause in clauses)]
    if len(fitting) < len(rows):
        _log.warning("ServiceM8 gave %d %s records that its filter should have left out", len(rows) - len(fitting), kind)
    return fitting


def checked_uuid(uuid: str) -> str:
    """The uuid. Raises RemoteError for a text that is none."""
    if not is_uuid(uuid):
        raise _refused("reading a record", "its id is not a ServiceM8 uuid")
    return uuid


def _with_wait(error: RateLimited) -> RateLimited:
    """ServiceM8's 429 names the limit in plain text and no time: a minute's limit opens within the minute.

    When a day begins is not published, so a used-up day is tried again by the hour.
    """
    wait = error.retry_after or (_HOUR if "per day" in error.why else _MINUTE)
    return RateLimited(
        error.system,
        error.what,
        error.why,
        permanent=False,
        fix="The work goes on by itself when the limit opens.",
        status=error.status,
        retry_after=wait,
    )


def _refused(what: str, why: str, status: int | None = None, *, mends: bool = False) -> RemoteError:
    return RemoteError(SYSTEM, what, why, permanent=not mends, status=status)
