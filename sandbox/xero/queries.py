"""Lists: which documents a GET shows, in which order, on which page, and how fully."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cmp_to_key
from typing import Any

from sandbox.xero.call import Call
from sandbox.xero.where import Getter, Predicate, parse_where
from sandbox.xero.wire import ApiError, Reply, query_invalid

DEFAULT_PAGE, LARGEST_PAGE = 100, 1000


@dataclass(frozen=True)
class Listing:
    """How one kind of document is listed.

    `fields` are what `where` and `order` may name, in lower case. `write(call, row, paged)` makes the wire form.
    `filters` turn a query parameter's text into a test; `searched` gives the texts that searchTerm looks through.
    `forces_paging` are parameters that page the list even without `page`.
    """

    name: str
    type_name: str
    rows: Callable[[Call], Iterable[Any]]
    fields: Mapping[str, Getter]
    write: Callable[[Call, Any, bool], dict[str, Any]]
    filters: Mapping[str, Callable[[str], Predicate]] = field(default_factory=dict)
    searched: Callable[[Any], Sequence[str]] | None = None
    forces_paging: tuple[str, ...] = ()
    can_page: bool = True
    hidden: Callable[[Call, Any], bool] = lambda _call, _row: False

    def reply(self, call: Call) -> Reply:
        chosen = self._ordered(call, list(self._matching(call)))
        if "if-modified-since" in call.headers and not chosen and call.switches.not_modified_304:
            raise ApiError(Reply(304))
        if not self.can_page or not self._is_paged(call):
            return call.reply(self.name, [self.write(call, row, False) for row in chosen])  # noqa: FBT003
        page, size = _page(call.query)
        shown = chosen[(page - 1) * size : page * size]
        pagination = {
            "page": page,
            "pageSize": size,
            "pageCount": -(-len(chosen) // size),
            "itemCount": len(chosen),
        }
        return call.reply(self.name, [self.write(call, row, True) for row in shown], pagination=pagination)  # noqa: FBT003

    def _is_paged(self, call: Call) -> bool:
        forced = any(call.query.get(name) for name in self.forces_paging)
        return forced or "page" in call.query or call.flag("summaryonly")

    def _matching(self, call: Call) -> Iterable[Any]:
        tests = list(self._tests(call))
        return (row for row in self.rows(call) if not self.hidden(call, row) and all(test(row) for test in tests))

    def _tests(self, call: Call) -> Iterable[Predicate]:
        if since := modified_since(call):
            yield lambda row: row.updated >= since
        if where := call.query.get("where"):
            yield parse_where(where, self.fields, self.type_name)
        for name, make in self.filters.items():
            if text := call.query.get(name):
                yield make(text)
        if self.searched and (term := call.query.get("searchterm", "").casefold()):
            searched = self.searched
            yield lambda row: any(term in text.casefold() for text in searched(row))

    def _ordered(self, call: Call, rows: list[Any]) -> list[Any]:
        """By UpdatedDateUTC then id, or by the `order` parameter."""
        by_id = sorted(rows, key=lambda row: row.id)
        if not (order := call.query.get("order")):
            return sorted(by_id, key=lambda row: row.updated) if by_id and hasattr(by_id[0], "updated") else rows
        for part in reversed(order.split(",")):
            name, _, direction = part.strip().partition(" ")
            if (get := self.fields.get(name.lower())) is None:
                raise query_invalid(f"No property or field '{name}' exists in type '{self.type_name}' (at index 0)")
            by_id.sort(key=cmp_to_key(_compare_by(get)), reverse=direction.strip().upper().startswith("DESC"))
        return by_id


def _compare_by(get: Getter) -> Callable[[Any, Any], int]:
    """None comes first, as in Xero's database."""

    def compare(left: Any, right: Any) -> int:
        a, b = get(left), get(right)
        if a is None or b is None:
            return (a is not None) - (b is not None)
        return int(a > b) - int(a < b)

    return compare


def _page(query: Mapping[str, str]) -> tuple[int, int]:
    """Page and page size; what is out of range is clamped."""
    return max(1, _int(query.get("page"), 1)), min(LARGEST_PAGE, max(1, _int(query.get("pagesize"), DEFAULT_PAGE)))


def _int(text: str | None, default: int) -> int:
    try:
        return int(text or default)
    except ValueError:
        return default


def modified_since(call: Call) -> datetime | None:
    """If-Modified-Since as ISO (UTC when it has no zone) or as an HTTP date; to the second."""
    text = call.headers.get("if-modified-since")
    if not text:
        return None
    try:
        since = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            since = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            raise query_invalid("The If-Modified-Since header could not be read") from None
    aware = since if since.tzinfo else since.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(microsecond=0)


def one_of(get: Getter) -> Callable[[str], Predicate]:
    """A filter for comma lists such as `IDs` and `Statuses`."""

    def make(text: str) -> Predicate:
        wanted = {part.strip().casefold() for part in text.split(",")}
        return lambda row: str(get(row) or "").casefold() in wanted

    return make
