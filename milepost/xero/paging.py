"""How many at a time: batches that are written, and pages of a changing list, read so that no row slips through."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from milepost.xero import wire
from milepost.xero.client import XeroClient

BATCH = 50
"""Elements a call that writes, as Xero recommends ("Requests and responses")."""
PAGE_SIZE = 1000
_OVERLAP = timedelta(seconds=1)

Row = dict[str, Any]


@dataclass(slots=True)
class _Place:
    """Where the next page starts: the rows modified since a moment, and the page of those."""

    since: datetime | None
    page: int = 1
    seen: set[tuple[Any, Any]] = field(default_factory=set)

    def unseen(self, rows: list[Row], id_key: str) -> list[Row]:
        """The rows that no earlier page had in this very state."""
        fresh = [row for row in rows if (row.get(id_key), row.get("updateddateutc")) not in self.seen]
        self.seen.update((row.get(id_key), row.get("updateddateutc")) for row in fresh)
        return fresh

    def advance(self, rows: list[Row]) -> None:
        """Seek to the last row's moment; where half the page would come again, or is out of order, count pages."""
        moments = [wire.xero_moment(row.get("updateddateutc")) for row in rows]
        known = [moment for moment in moments if moment]
        is_ordered = len(known) == len(rows) and known == sorted(known)
        target = known[-1].replace(microsecond=0) - _OVERLAP if is_ordered else None
        if target and known[len(known) // 2] < target:
            self.since, self.page = target, 1
        else:
            self.page += 1


async def changed_rows(
    client: XeroClient,
    path: str,
    id_key: str,
    modified_since: datetime | None,
    params: Mapping[str, str],
    page_size: int = PAGE_SIZE,
) -> AsyncIterator[list[Row]]:
    """Rows modified since, page by page, oldest change first, keys in lower case.

    A row that changes meanwhile moves to the end of Xero's order and shifts the others up by one, over the edge of a
    page: so the next page is asked for by the last row's time, with a second's overlap. A row seen twice in the same
    state is given once.
    """
    place = _Place(modified_since)
    while True:
        query = {**params, "order": "UpdatedDateUTC ASC", "page": str(place.page), "pageSize": str(page_size)}
        data = await client.get(path, query, modified_since=place.since)
        rows = wire.elements(data, path)
        if fresh := place.unseen(rows, id_key):
            yield fresh
        if _is_last(data, place.page, len(rows), page_size):
            return
        place.advance(rows)


def _is_last(data: Any, page: int, rows: int, page_size: int) -> bool:
    """By Xero's pagination where it is told, else by a short page."""
    count = wire.lower_keys(wire.lower_keys(data).get("pagination")).get("pagecount")
    return rows == 0 or (page >= count if isinstance(count, int) else rows < page_size)
