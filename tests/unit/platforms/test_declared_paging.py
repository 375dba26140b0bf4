"""Pages are followed to their end and no further; a circle is an error that says where to look."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import TypeAdapter

from milepost.errors import RemoteError
from milepost.platforms.declared.paging import Listing, read_pages, read_rows
from milepost.platforms.declared.requests import Paging
from milepost.platforms.http import PlatformHttp
from milepost.platforms.protocol import RatePolicy
from tests.unit.platforms.loopback import Heard, Says, Server, says_json, serving

ROWS = [{"id": number} for number in range(7)]
PAGING: TypeAdapter[Any] = TypeAdapter(Paging)


@asynccontextmanager
async def api(reply: Any) -> AsyncIterator[tuple[Server, PlatformHttp]]:
    async with (
        serving(reply=reply) as server,
        PlatformHttp("Yard", server.url, RatePolicy(), params={"key": "s3cret"}) as http,
    ):
        yield server, http


async def rows_of(reply: Any, **paging: Any) -> tuple[list[Any], Server]:
    async with api(reply) as (server, http):
        listing = Listing("/jobs", {"per": "3"}, "jobs", PAGING.validate_python(paging), "jobs.yaml:5:3", "jobs")
        return await read_rows(http, listing), server


def by_page(heard: Heard) -> Says:
    start = (int(heard.query["page"]) - 1) * 3
    return says_json({"jobs": ROWS[start : start + 3], "meta": {"pages": 3}})


def by_offset(heard: Heard) -> Says:
    start = int(heard.query["skip"])
    return says_json({"jobs": ROWS[start : start + 3], "total": 7})


def by_cursor(heard: Heard) -> Says:
    start = int(heard.query.get("after", "0"))
    return says_json({"jobs": ROWS[start : start + 3], "next": str(start + 3) if start + 3 < 7 else None})


def by_link(heard: Heard) -> Says:
    start = int(heard.query.get("after", "0"))
    link = f'</jobs?per=3&after={start + 3}>; rel="next", </jobs>; rel="first"' if start + 3 < 7 else "</jobs>; rel=first"
    return says_json({"jobs": ROWS[start : start + 3]}, link=link)


def by_link_in_body(heard: Heard) -> Says:
    start = int(heard.query.get("after", "0"))
    return says_json({"jobs": ROWS[start : start + 3], "links": {"next": f"?after={start + 3}" if start + 3 < 7 else ""}})


@pytest.mark.parametrize(
    ("reply", "paging", "calls"),
    [
        (by_page, {"style": "page", "pages": "meta.pages"}, 3),
        (by_page, {"style": "page"}, 4),
        (by_offset, {"style": "offset", "param": "skip", "total": "total"}, 3),
        (by_offset, {"style": "offset", "param": "skip"}, 4),
        (by_cursor, {"style": "cursor", "param": "after", "next": "next"}, 3),
        (by_link, {"style": "link"}, 3),
        (by_link_in_body, {"style": "link", "next": "links.next"}, 3),
        (lambda _: says_json({"jobs": ROWS}), {"style": "none"}, 1),
        (lambda _: says_json({"jobs": []}), {"style": "page"}, 1),
        (lambda _: says_json({"jobs": None}), {"style": "none"}, 1),
    ],
)
async def test_each_style_gives_every_row_once(reply: Any, paging: dict[str, Any], calls: int) -> None:
    rows, server = await rows_of(reply, **paging)
    assert rows in (ROWS, [])
    assert len(server.heard) == calls
    assert all(heard.query["key"] == "s3cret" for heard in server.heard)


async def test_a_404_behind_the_last_page_is_its_end() -> None:
    def reply(heard: Heard) -> Says:
        return Says(404, b'{"detail": "Invalid page."}') if heard.query["page"] == "4" else by_page(heard)

    rows, _ = await rows_of(reply, style="page")
    assert rows == ROWS


async def test_a_404_on_the_first_page_is_an_error() -> None:
    with pytest.raises(RemoteError, match="404"):
        await rows_of(lambda _: Says(404), style="page")


@pytest.mark.parametrize(
    ("reply", "paging", "why"),
    [
        (lambda _: says_json({"jobs": ROWS}), {"style": "page"}, "does the API know the parameter 'page'?"),
        (lambda _: says_json({"jobs": ROWS}), {"style": "offset"}, "does the API know the parameter 'offset'?"),
        (lambda _: says_json({"jobs": ROWS, "next": "x"}), {"style": "cursor", "next": "next"}, "the same cursor"),
        (lambda _: says_json({"jobs": ROWS}, link="</jobs>; rel=next"), {"style": "link"}, "the same link"),
        (lambda h: says_json({"jobs": [{"id": h.target}]}), {"style": "page", "max_pages": 5}, "more than 5 pages"),
        (lambda _: says_json({"jobs": ROWS, "n": "x"}), {"style": "page", "pages": "n"}, "expected a number"),
        (lambda _: says_json({"jobs": ROWS, "n": [1]}), {"style": "cursor", "next": "n"}, "expected text, got a list of 1"),
        (lambda _: says_json({"data": []}), {"style": "none"}, "the answer is a record with the keys data"),
        (lambda _: says_json([1]), {"style": "none"}, "'rows: jobs' finds no list of records; the answer is a list"),
        (lambda _: says_json({"jobs": ["x"]}), {"style": "none"}, "finds no list of records"),
        (lambda _: Says(body=b""), {"style": "none"}, "the answer is nothing"),
        (lambda _: says_json({"jobs": ROWS}, link="<https://evil.test/>; rel=next"), {"style": "link"}, "leads away"),
        (lambda _: says_json({"jobs": ROWS, "n": "https://[x"}), {"style": "link", "next": "n"}, ""),
    ],
)  # fmt: skip
async def test_what_cannot_be_followed_says_why(reply: Any, paging: dict[str, Any], why: str) -> None:
    with pytest.raises(RemoteError) as caught:
        await rows_of(reply, **paging)
    assert why in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.permanent or not why


async def test_pages_are_read_only_as_far_as_they_are_wanted() -> None:
    async with api(by_cursor) as (server, http):
        paging = PAGING.validate_python({"style": "cursor", "param": "after", "next": "next"})
        pages = read_pages(http, Listing("/jobs", {}, "jobs", paging, "", "jobs"))
        assert await anext(pages) == ROWS[:3]
        await pages.aclose()
    assert len(server.heard) == 1
