"""Reads the pages of a list one after another, and stops with an error where they would go round in a circle."""

import re
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx

from milepost.errors import RemoteError
from milepost.platforms.convert import Misfit, as_text, as_whole
from milepost.platforms.declared.expressions import search
from milepost.platforms.declared.requests import (
    CursorPaging,
    LinkPaging,
    NoPaging,
    OffsetPaging,
    PagePaging,
)
from milepost.platforms.http import Answer, PlatformHttp

AnyPaging = NoPaging | PagePaging | OffsetPaging | CursorPaging | LinkPaging
Row = dict[str, Any]
Ask = tuple[str, dict[str, str]]
Steps = Generator[Ask, tuple[Answer, list[Row]], None]

_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(\"[^\"]*\bnext\b[^\"]*\"|next\b)", re.IGNORECASE)


class PagingTrouble(Exception):
    """The pages cannot be followed; becomes a RemoteError with the place in the description."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list to read: its first request, where its rows stand, how its pages follow, where the file says so."""

    path: str
    params: Mapping[str, str]
    rows: str
    paging: AnyPaging
    where: str
    entity: str


async def read_pages(http: PlatformHttp, listing: Listing) -> AsyncGenerator[list[Row], None]:
    """The rows, a page at a time. Close it (`aclosing`) where reading stops early."""
    steps = _STEPS[listing.paging.style](listing.paging, listing)
    path, params = next(steps)
    try:
        for number in range(listing.paging.max_pages):
            answer = await _page(http, listing, path, params, number)
            if answer is None:
                return
            rows = rows_at(listing.rows, answer.data)
            if rows:
                yield rows
            path, params = steps.send((answer, rows))
        raise PagingTrouble(f"there are more than {listing.paging.max_pages:,} pages; raise max_pages if that is right")
    except StopIteration:
        return
    except (PagingTrouble, Misfit, httpx.InvalidURL) as error:
        raise unreadable(http, listing.path, str(error), listing.where) from error


async def read_rows(http: PlatformHttp, listing: Listing) -> list[Row]:
    """All rows of all pages."""
    async with aclosing(read_pages(http, listing)) as pages:
        return [row async for page in pages for row in page]


def unreadable(http: PlatformHttp, path: str, why: str, where: str) -> RemoteError:
    """What a system answered does not fit its description."""
    return RemoteError(http.system, f"GET {path}", why, permanent=True, fix=f"Correct the description at {where}.")


async def _page(http: PlatformHttp, listing: Listing, path: str, params: dict[str, str], number: int) -> Answer | None:
    """One page; None where an API answers 404 behind its last page, as some do."""
    try:
        return await http.get(path, params, entity=listing.entity)
    except RemoteError as error:
        if error.status == httpx.codes.NOT_FOUND and number and listing.paging.style in ("page", "offset"):
            return None
        raise


def rows_at(expression: str, data: Any) -> list[Row]:
    """The records at a place of the answer. Raises PagingTrouble where no list of records is there."""
    found = search(expression, data)
    if isinstance(found, list) and all(isinstance(row, dict) for row in found):
        return found
    if found is None and isinstance(data, dict) and expression.split(".", maxsplit=1)[0] in data:
        return []
    if isinstance(data, dict):
        came = f"a record with the keys {', '.join(sorted(data)[:10]) or '(none)'}"
    else:
        came = "a list" if isinstance(data, list) else "nothing" if data is None else "a plain value"
    raise PagingTrouble(f"'rows: {expression}' finds no list of records; the answer is {came}")


def _single(_: NoPaging, listing: Listing) -> Steps:
    yield listing.path, dict(listing.params)


def _numbered(paging: PagePaging, listing: Listing) -> Steps:
    number, before = paging.first, list[Row]()
    while True:
        answer, rows = yield listing.path, {**listing.params, paging.param: str(number)}
        last = as_whole(search(paging.pages, answer.data)) if paging.pages else None
        if not rows or (last is not None and number >= last):
            return
        _refuse_repetition(rows, before, paging.param)
        number, before = number + 1, rows


def _by_offset(paging: OffsetPaging, listing: Listing) -> Steps:
    offset, before = 0, list[Row]()
    while True:
        answer, rows = yield listing.path, {**listing.params, paging.param: str(offset)}
        offset += len(rows)
        total = as_whole(search(paging.total, answer.data)) if paging.total else None
        if not rows or (total is not None and offset >= total):
            return
        _refuse_repetition(rows, before, paging.param)
        before = rows


def _refuse_repetition(rows: list[Row], before: list[Row], param: str) -> None:
    if rows == before:
        raise PagingTrouble(f"two pages hold the same rows; does the API know the parameter '{param}'?")


def _by_cursor(paging: CursorPaging, listing: Listing) -> Steps:
    seen, params = set[str](), dict(listing.params)
    while True:
        answer, _ = yield listing.path, params
        cursor = as_text(search(paging.next, answer.data))
        if not cursor:
            return
        if cursor in seen:
            raise PagingTrouble(f"the same cursor came twice at '{paging.next}', so the pages would never end")
        seen.add(cursor)
        params = {**listing.params, paging.param: cursor}


def _by_link(paging: LinkPaging, listing: Listing) -> Steps:
    seen, path, params = set[str](), listing.path, dict(listing.params)
    while True:
        answer, _ = yield path, params
        link = as_text(search(paging.next, answer.data)) if paging.next else _next_link(answer)
        if not link:
            return
        if link in seen:
            raise PagingTrouble("the same link to the next page came twice, so the pages would never end")
        seen.add(link)
        path, params = str(httpx.URL(answer.url).join(link)), {}


def _next_link(answer: Answer) -> str | None:
    """The target of rel=next in a Link header (RFC 8288)."""
    links = _LINK.findall(answer.headers.get("link", ""))
    return next((target for target, about in links if _NEXT.search(about)), None)


_STEPS: Mapping[str, Callable[[Any, Listing], Steps]] = {
    "none": _single,
    "page": _numbered,
    "offset": _by_offset,
    "cursor": _by_cursor,
    "link": _by_link,
}
