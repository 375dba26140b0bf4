"""Reads many records in as few calls as ServiceM8's API allows; kept for the run that opened it."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from milepost.errors import RemoteError
from milepost.platforms.answers import is_of_all
from milepost.platforms.servicem8.client import ServiceM8Client, is_uuid
from milepost.platforms.servicem8.query import Clause, Row

FEW = 10
ACTIVE = Clause("active", "eq", 1)
Grouped = dict[str, list[Row]]
T = TypeVar("T")
_log = logging.getLogger(__name__)


class Reader:
    """Selects records by the values of one field.

    ServiceM8 has no `or`, so that each value costs a call of its own; but a page of a whole collection holds 5000
    records. Fewer than ten values are therefore asked for one by one, at once under the rate limit. For more, the
    collection is read page by page, but never more than half as many pages as there are values: in a collection
    that turns out larger, those pages are spent and the values are asked one by one after all, which at worst
    costs half as much again. How long a collection is, is remembered, so that this happens once a run.

    No collection is narrowed by a date: a job's lines may be older than any date on the job that a person can edit.

    Asked one by one, an answer that cannot be read concerns its own value alone: `unread` keeps why, by value.
    """

    def __init__(self, client: ServiceM8Client) -> None:
        self._client = client
        self._at_least: dict[str, int] = {}
        self._wholes: dict[str, list[Row]] = {}
        self._records: dict[str, dict[str, Row]] = {}
        self.forbidden: set[str] = set()
        self.unread: dict[str, RemoteError] = {}

    async def children(self, kind: str, field: str, values: Iterable[str]) -> Grouped:
        """The active records of a kind whose `field` is one of the values, by value."""
        wanted = sorted(set(values))
        found = await self._by_pages(kind, field, wanted, [ACTIVE])
        if found is None:
            asked = {value: self._client.rows(kind, [Clause(field, "eq", value), ACTIVE]) for value in wanted}
            rows = await at_once([self._apart(value, call) for value, call in asked.items()])
            found = {value: of_value or [] for value, of_value in zip(wanted, rows, strict=True)}
        return found

    async def records(self, kind: str, uuids: Iterable[str]) -> dict[str, Row]:
        """The records of these uuids, deleted ones too; what does not exist is left out. Each is read once a run."""
        known = self._records.setdefault(kind, {})
        wanted = set(uuids)
        known.update(await self.fresh_records(kind, wanted - set(known)))
        return {uuid: known[uuid] for uuid in wanted if uuid in known}

    async def fresh_records(self, kind: str, uuids: Iterable[str]) -> dict[str, Row]:
        """As `records`, read now whatever was read before."""
        wanted = sorted(filter(is_uuid, set(uuids)))
        paged = await self._by_pages(kind, "uuid", wanted, [])
        if paged is not None:
            return {uuid: rows[0] for uuid, rows in paged.items() if rows}
        rows = await at_once([self._apart(uuid, self._client.record(kind, uuid)) for uuid in wanted])
        return {uuid: row for uuid, row in zip(wanted, rows, strict=True) if row is not None}

    async def _apart(self, value: str, reading: Coroutine[Any, Any, T]) -> T | None:
        """What was read; None, and the reason in `unread`, where only this one value's answer is of no use."""
        try:
            found = await reading
        except RemoteError as error:
            if is_of_all(error) or error.status == HTTPStatus.FORBIDDEN:
                raise
            self.unread[value] = error
            return None
        self.unread.pop(value, None)
        return found

    async def whole(self, kind: str) -> list[Row]:
        """A whole small collection, deleted records too, read once a run."""
        if kind not in self._wholes:
            self._wholes[kind] = await self._client.rows(kind)
        return self._wholes[kind]

    async def allowed(self, kind: str, reading: Coroutine[Any, Any, T], otherwise: T) -> T:
        """What was read, or `otherwise` where the credentials lack the permission, or the account such records.

        `forbidden` then names the kind.
        """
        if kind in self.forbidden:
            reading.close()
            return otherwise
        try:
            return await reading
        except RemoteError as error:
            if error.status not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
                raise
            _log.warning("ServiceM8 does not let these credentials read %s", kind)
            self.forbidden.add(kind)
            return otherwise

    async def _by_pages(self, kind: str, field: str, wanted: Sequence[str], clauses: Sequence[Clause]) -> Grouped | None:
        """None where asking one by one is cheaper, or has turned out to be."""
        most = len(wanted) // 2
        if len(wanted) < FEW or self._at_least.get(kind, 1) > most:
            return None
        found: Grouped = {value: [] for value in wanted}
        pages = 0
        async for page in self._client.pages(kind, clauses):
            pages += 1
            _sort_into(found, page.rows, field)
            if page.is_last or (field == "uuid" and all(found.values())):
                return found
            if pages == most:
                break
        self._at_least[kind] = pages + 1
        return None


def _sort_into(found: Grouped, rows: Sequence[Row], field: str) -> None:
    for row in rows:
        group = found.get(str(row.get(field)))
        if group is not None:
            group.append(row)


async def at_once(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order. The first error stops the rest and is raised."""
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
