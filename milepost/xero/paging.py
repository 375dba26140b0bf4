"""How many at a time: batches that are written, and pages of a changing list, read so that no row slips through."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from milepost.errors import RemoteError
from milepost.xero import wire
from milepost.xero.client import XeroClient
from milepost.xero.refusals import SYSTEM

BATCH = 50
"""Elements a call that writes, as Xero recommends ("Requests and responses")."""
PAGE_SIZE = 1000
MOST_PAGES = 10_000
_MOST_STALE = 2
"""Pages on end with nothing new, as rows that shift meanwhile may bring them."""
_OVERLAP = timedelta(seconds=1)

Row = dict[str, Any]


@dataclass(slots=True)
class _Place:
    """Where the next page starts: the rows modified since a moment, and the page of those."""

    since: datetime | None
    page: int = 1
    seen: set[tuple[str, str]] = field(default_factory=set)

    def unseen(self, rows: list[Row], id_key: str) -> list[Row]:
        """The rows that no earlier page had in this very state."""
        states = [(str(row.get(id_key)), str(row.get("updateddateutc"))) for row in rows]
        fresh = [row for row, state in zip(rows, states, strict=True) if state not in self.seen]
        self.seen.update(states)
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
    place, stale = _Place(modified_since), 0
    for _ in range(MOST_PAGES):
        query = {**params, "order": "UpdatedDateUTC ASC", "page": str(place.page), "pageSize": str(page_size)}
        data = await client.get(path, query, modified_since=place.since)
        rows = wire.elements(data, path)
        fresh = place.unseen(rows, id_key)
        if fresh:
            yield fresh
        if _is_last(data, place.page, len(rows), page_size):
            return
        stale = 0 if fresh else stale + 1
        if stale > _MOST_STALE:
            break
        place.advance(rows)
    raise RemoteError(SYSTEM, f"GET {path}", "its pages go round in a circle, or have no end", permanent=False)


def _is_last(data: Any, page: int, rows: int, page_size: int) -> bool:
    """By Xero's pagination where it is told, else by a short page."""
    count = wire.lower_keys(wire.lower_keys(data).get("pagination")).get("pagecount")
    return rows == 0 or (page >= count if isinstance(count, int) else rows < page_size)
