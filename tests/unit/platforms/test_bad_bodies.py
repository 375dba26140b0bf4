"""Bodies that lie: bombs, cut ends, wrong charsets and kinds, figures that no figure is, redirects to elsewhere."""

import gzip
import json
import zlib
from decimal import Decimal
from typing import Any

import pytest

from milepost.errors import RateLimited, RemoteError
from milepost.exact_json import BEYOND, DEEPEST, read_json
from milepost.platforms.convert import Misfit, as_day, as_decimal, as_text, shown, without_html
from milepost.platforms.declared.parts import zone_info
from milepost.platforms.http import PlatformHttp
from milepost.platforms.protocol import RatePolicy
from tests.unit.platforms.loopback import Says, Server, serving

BOMB = gzip.compress(b" " * 30_000_000)
LIMIT = 1_000_000


async def at_once(seconds: float) -> None:
    """Waits for nothing."""


def client(server: Server) -> PlatformHttp:
    return PlatformHttp("Fieldbook", server.url, RatePolicy(), pause=at_once, body_limit=LIMIT)


def says(body: bytes, kind: str = "application/json", **headers: str) -> Says:
    return Says(body=body, headers={"content-type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}})


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(BOMB, content_encoding="gzip"), "larger than 1 MB"),
        (says(zlib.compress(b" " * 30_000_000), content_encoding="deflate"), "larger than 1 MB"),
        (says(gzip.compress(BOMB), content_encoding="gzip, gzip"), "was not asked for"),
        (says(b"x", content_encoding="br"), "was not asked for"),
        (says(b"[1]", content_encoding="gzip"), "not the gzip that it says"),
        (says(gzip.compress(b"[1, 2, 3]")[:-9], content_encoding="gzip"), "breaks off"),
        (says(b"[1, 2", content_length="900"), "breaks off"),
        (says(b" " * (LIMIT + 1)), "larger than 1 MB"),
        (says(b"<html>Sorry</html>"), "an HTML page"),
        (says(b"\n<!DOCTYPE html>", "text/plain"), "an HTML page"),
        (says(b"<?xml version='1.0'?><job/>", "application/xml"), "(application/xml) is not JSON"),
        (says(b"caf\xe9"), "is not JSON"),
        (says(b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2)), "nested too deeply"),
    ],
)
async def test_a_body_that_cannot_be_read_says_why(answer: Says, why: str) -> None:
    async with serving(answer) as server, client(server) as http:
        with pytest.raises(RemoteError) as caught:
            await http.get_json("/jobs")
    assert why in str(caught.value)
    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (says(gzip.compress(b'{"a": 1}'), content_encoding="gzip"), {"a": 1}),
        (says(zlib.compress(b"[1.50]"), content_encoding="deflate"), [Decimal("1.50")]),
        (says(zlib.compress(b"[2]", wbits=-15), content_encoding="deflate"), [2]),
        (says(b'{"a": 1}', "text/html; charset=utf-8"), {"a": 1}),
        (says(b'["caf\xe9"]', "application/json; charset=iso-8859-1"), ["café"]),
        (says('["café"]'.encode(), "application/json; charset=iso-8859-1"), ["café"]),
        (says('["café"]'.encode(), "application/json; charset=no-such-thing"), ["café"]),
        (says(b"\xef\xbb\xbf[1]", "application/json; charset=utf-8"), [1]),
        (says('["é"]'.encode("utf-16")), ["é"]),
        (says(b""), None),
    ],
)
async def test_a_body_that_can_be_read_is_read_whatever_its_header_says(answer: Says, read: Any) -> None:
    async with serving(answer) as server, client(server) as http:
        assert await http.get_json("/jobs") == read


async def test_an_answer_that_broke_off_is_asked_for_again() -> None:
    async with serving(says(b"[1", content_length="9"), says(b"[1]")) as server, client(server) as http:
        assert await http.get_json("/jobs") == [1]


async def test_a_write_that_succeeded_is_done_whatever_its_body_is() -> None:
    answer = says(BOMB, content_encoding="gzip")
    async with serving(answer) as server, client(server) as http:
        assert (await http.post_json("/notes", {})).data is None
    assert len(server.heard) == 1


async def test_a_limit_is_obeyed_though_its_page_is_a_bomb() -> None:
    answer = Says(429, BOMB, {"content-encoding": "gzip", "retry-after": "999"})
    async with serving(answer) as server, client(server) as http:
        with pytest.raises(RateLimited):
            await http.get_json("/jobs")


@pytest.mark.parametrize("target", ["https://evil.test/jobs?key=s3cret", "http://[broken", "//evil.test", ""])
async def test_a_redirect_is_not_followed_wherever_it_leads(target: str) -> None:
    async with serving(Says(302, headers={"location": target})) as server, client(server) as http:
        with pytest.raises(RemoteError) as caught:
            await http.get_json("/jobs")
    assert caught.value.permanent
    assert "s3cret" not in str(caught.value)
    assert len(server.heard) == 1


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e999", "1e-99999999999999999999", "1e999999999", "9" * 5000])
def test_a_number_that_no_figure_is_troubles_its_own_record_alone(text: str) -> None:
    read = read_json(f'{{"odd": {text}, "price": 12.50}}')
    assert read == {"odd": BEYOND, "price": Decimal("12.50")}
    for convert in (as_decimal, as_text):
        with pytest.raises(Misfit):
            convert(read["odd"])


def test_text_comes_as_every_database_can_keep_it() -> None:
    read = read_json(r'{"a\u0000": "x\u0000y \ud83d \ud83d\udebf"}')
    assert read == {"a": "xy \N{REPLACEMENT CHARACTER} \N{SHOWER}"}
    json.dumps(read, ensure_ascii=False).encode()


def test_what_is_shown_of_a_value_stays_on_its_line() -> None:
    told = shown("Jo\x1b[31m\n\u202eevil" + "x" * 100)
    assert told.isprintable()
    assert len(told) < 60


@pytest.mark.parametrize("day", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1900-01-01", "2999-12-31"])
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/New_York"])
def test_the_ends_of_the_calendar_are_days_or_misfits(day: str, zone: str) -> None:
    try:
        found = as_day(day, zone_info(zone))
    except Misfit:
        return
    assert found is not None


@pytest.mark.parametrize("text", ["<script>" * 50_000, "<" * 200_000, "<style " * 50_000 + "</style>", "&" * 100_000])
def test_odd_markup_takes_no_longer_than_its_length(text: str) -> None:
    assert len(without_html(text)) <= len(text)
