"""The job systems' HTTP client against a small real server: pace, tries, strict reading, masked errors."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from milepost.errors import AnswerLost, AuthError, RateLimited, RemoteError
from milepost.platforms.answers import Asked, redacted
from milepost.platforms.http import Call, ClientCredentials, PlatformHttp
from milepost.platforms.pace import Pace
from milepost.platforms.protocol import RatePolicy
from tests.unit.platforms.loopback import Says, Server, serving

FREE = RatePolicy()


class Waits:
    """A pause that is noted and not waited; the clock moves on by it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.now = 0.0

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(round(seconds, 3))
        self.now += seconds

    def clock(self) -> float:
        return self.now


def client(server: Server, waits: Waits | None = None, policy: RatePolicy = FREE, **more: Any) -> PlatformHttp:
    waits = waits or Waits()
    return PlatformHttp("Fieldbook", server.url, policy, pause=waits, clock=waits.clock, **more)


async def test_fractions_are_read_exactly() -> None:
    async with serving(Says(body=b'{"price": 0.1, "n": 3}')) as server, client(server) as http:
        assert await http.get_json("/jobs") == {"price": Decimal("0.1"), "n": 3}


@pytest.mark.parametrize(
    ("status", "headers", "waited"),
    [
        (429, {}, [0.5, 2.0]),
        (502, {}, [0.5, 2.0]),
        (503, {"retry-after": "7"}, [7.0, 7.0]),
        (504, {"retry-after": "0"}, [0.5, 2.0]),
    ],
)
async def test_a_read_is_tried_three_times(status: int, headers: dict[str, str], waited: list[float]) -> None:
    waits = Waits()
    async with serving(Says(status, headers=headers)) as server, client(server, waits) as http:
        with pytest.raises(RemoteError) as caught:
            await http.get_json("/jobs")
    assert len(server.heard) == 3
    assert waits.seconds == waited
    assert not caught.value.permanent


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
async def test_a_read_that_would_fail_again_is_not_repeated(status: int) -> None:
    async with serving(Says(status)) as server, client(server) as http:
        with pytest.raises(RemoteError):
            await http.get_json("/jobs")
    assert len(server.heard) == 1


async def test_a_read_goes_through_when_the_vendor_is_back() -> None:
    async with serving(Says(drop=True), Says(503), Says(body=b"[1]")) as server, client(server) as http:
        assert await http.get_json("/jobs") == [1]


async def test_a_long_wait_is_handed_back() -> None:
    waits = Waits()
    async with serving(Says(429, headers={"retry-after": "600"})) as server, client(server, waits) as http:
        with pytest.raises(RateLimited) as caught:
            await http.get_json("/jobs")
    assert caught.value.retry_after == timedelta(minutes=10)
    assert waits.seconds == []


async def test_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    async with serving(Says(429, headers={"retry-after": later})) as server, client(server) as http:
        with pytest.raises(RateLimited) as caught:
            await http.get_json("/jobs")
    wait = caught.value.retry_after
    assert wait
    assert timedelta(minutes=59) < wait <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (Says(drop=True), AnswerLost),
        (Says(502), AnswerLost),
        (Says(504), AnswerLost),
        (Says(429), RateLimited),
        (Says(503), RemoteError),
        (Says(401), AuthError),
        (Says(422), RemoteError),
    ],
)
async def test_a_write_is_sent_once(says: Says, error: type[RemoteError]) -> None:
    async with serving(says) as server, client(server) as http:
        with pytest.raises(RemoteError) as caught:
            await http.post_json("/notes", {"text": "hi"})
    assert type(caught.value) is error
    assert len(server.heard) == 1


async def test_a_write_that_never_left_is_not_lost() -> None:
    async with serving() as server:
        pass
    async with client(server) as http:
        with pytest.raises(RemoteError) as caught:
            await http.post_json("/notes", {})
    assert type(caught.value) is RemoteError
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (
            Says(body=b"<!DOCTYPE html><html>Sign in</html>", headers={"content-type": "text/html"}),
            "an HTML page",
        ),
        (Says(body=b"<html></html>"), "an HTML page"),
        (Says(body=b"oops", headers={"content-type": "text/plain"}), "(text/plain) is not JSON"),
        (Says(body=b'{"a": '), "is not JSON"),
        (Says(body=b"\xff\xfe\x00"), "is not JSON"),
        (Says(body=b"[" * 200_000), "nested too deeply"),
        (Says(body=b"1" * 2_000_001), "larger than 2 MB"),
    ],
)
async def test_what_is_not_json_is_said(says: Says, why: str) -> None:
    async with serving(says) as server, client(server, body_limit=2_000_000) as http:
        with pytest.raises(RemoteError) as caught:
            await http.get_json("/jobs")
    assert why in str(caught.value)
    assert caught.value.permanent


@pytest.mark.parametrize("body", [b"", b"OK", b" "])
async def test_a_write_needs_no_json_in_answer(body: bytes) -> None:
    async with serving(Says(201, body, {"x-record-uuid": "7"})) as server, client(server) as http:
        answer = await http.post_form("/notes", {"note": "a b"})
    assert (answer.data, answer.headers["X-Record-UUID"]) == (None, "7")
    assert server.heard[0].body == b"note=a+b"


async def test_the_vendors_words_come_without_secrets_or_addresses() -> None:
    words = json.dumps({"error": {"message": "no s3cret-key for jo@example.com"}}).encode()
    async with (
        serving(Says(400, words)) as server,
        client(server, params={"api_key": "s3cret-key"}, secrets=["s3cret-key"]) as http,
    ):
        with pytest.raises(RemoteError) as caught:
            await http.get_json("/jobs", {"page": 2, "q": "Jo"})
    text = str(caught.value)
    assert "no *** for ***" in text
    assert "page=2" in text
    assert not any(word in text for word in ("s3cret", "Jo", "example.com"))
    assert server.heard[0].target == "/jobs?page=2&q=Jo&api_key=s3cret-key"


async def test_httpx_logs_no_key_of_a_query(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as server, client(server, params={"api_key": "s3cret"}) as http:
        with caplog.at_level("INFO"):
            await http.get_json("/jobs")
    assert "api_key=***" in caplog.text
    assert "s3cret" not in caplog.text


def test_addresses_show_only_dates_and_numbers() -> None:
    url = httpx.URL("https://x.test/jobs?page=2&since=2026-01-01T00:00:00Z&name=Jo&token=123")
    assert redacted(url) == "https://x.test/jobs?page=2&since=2026-01-01T00:00:00Z&name=***&token=***"
    assert str(Asked("X", "GET", httpx.URL("/a/s3/jobs"), ("s3",))) == "GET /a/***/jobs"


async def test_credentials_go_to_no_other_host() -> None:
    async with serving() as server, client(server, headers={"X-Key": "s"}) as http:
        assert await http.get_json(f"{server.url}/next?page=2") == {}
        for address in ("http://127.0.0.1:1/next", "https://evil.test/next"):
            with pytest.raises(RemoteError, match="leads away"):
                await http.get_json(address)
    assert len(server.heard) == 1


async def test_a_redirect_is_pointed_out() -> None:
    moved = Says(301, headers={"location": "https://new.test/v2/jobs?key=abc"})
    async with serving(moved) as server, client(server) as http:
        with pytest.raises(RemoteError, match=r"https://new\.test/v2/jobs\?key=\*\*\*"):
            await http.get_json("/jobs")


async def test_each_call_is_told_without_its_query() -> None:
    calls: list[Call] = []
    async with (
        serving(Says(body=b"[1, 2]")) as server,
        client(server, on_call=calls.append) as http,
    ):
        await http.get_json("/jobs", {"q": "Jo"})
        await http.get_json("/jobs/7", entity="job")
    assert [(c.operation, c.entity, c.status, c.bytes_in) for c in calls] == [
        ("GET", "/jobs", 200, 6),
        ("GET", "job", 200, 6),
    ]


async def test_no_more_calls_at_once_than_allowed() -> None:
    async with serving() as server, client(server, policy=RatePolicy(concurrent=2)) as http:
        server.delay = 0.01
        await asyncio.gather(*(http.get_json("/jobs") for _ in range(8)))
    assert server.most_at_once == 2


async def take(pace: Pace, turns: int, waits: Waits) -> list[float]:
    starts = []
    for _ in range(turns):
        async with pace.turn():
            starts.append(round(waits.now, 3))
    return starts


async def test_the_minute_slides() -> None:
    waits = Waits()
    pace = Pace("X", RatePolicy(per_minute=2), clock=waits.clock, pause=waits)
    assert await take(pace, 5, waits) == [0, 0, 60.5, 60.5, 121]


async def test_calls_keep_their_distance() -> None:
    waits = Waits()
    pace = Pace("X", RatePolicy(per_second=4), clock=waits.clock, pause=waits)
    assert await take(pace, 4, waits) == [0, 0.25, 0.5, 0.75]


async def test_callers_that_ask_together_do_not_start_together() -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(round(seconds, 2))

    pace = Pace("X", RatePolicy(per_second=100, concurrent=9), clock=lambda: 0.0, pause=note)
    await asyncio.gather(*(pace.turn().__aenter__() for _ in range(4)))
    assert waited == [0.01, 0.02, 0.03]


async def test_a_used_up_day_is_handed_back() -> None:
    waits = Waits()
    pace = Pace("X", RatePolicy(per_day=3), clock=waits.clock, pause=waits)
    await take(pace, 3, waits)
    with pytest.raises(RateLimited, match="3 calls that it allows in 24 hours") as caught:
        await take(pace, 1, waits)
    assert caught.value.retry_after == timedelta(days=1)
    waits.now = 86_400.0
    assert await take(pace, 1, waits) == [86_400.0]


async def test_a_wait_asked_of_one_holds_all() -> None:
    waits = Waits()
    pace = Pace("X", FREE, clock=waits.clock, pause=waits)
    pace.hold(5)
    assert await take(pace, 2, waits) == [5, 5]


def grant(token: str, seconds: int = 3600) -> Says:
    return Says(body=json.dumps({"access_token": token, "expires_in": seconds}).encode())


def credentials(server: Server, waits: Waits, **more: Any) -> ClientCredentials:
    return ClientCredentials(
        "Fieldbook", f"{server.url}/token", "me", SecretStr("s3cret"), "jobs", clock=waits.clock, **more
    )


async def test_callers_share_one_token() -> None:
    waits = Waits()
    async with (
        serving(grant("t1"), Says()) as server,
        client(server, waits, auth=credentials(server, waits)) as http,
    ):
        await asyncio.gather(*(http.get_json("/jobs") for _ in range(4)))
    assert [h.target for h in server.heard] == ["/token"] + ["/jobs"] * 4
    assert server.heard[0].body == b"grant_type=client_credentials&scope=jobs&client_id=me&client_secret=s3cret"
    assert {h.headers["authorization"] for h in server.heard[1:]} == {"Bearer t1"}


async def test_a_refused_token_is_renewed_once() -> None:
    waits = Waits()
    answers = (grant("t1"), Says(401), grant("t2"), Says(body=b"[]"))
    async with serving(*answers) as server, client(server, waits, auth=credentials(server, waits)) as http:
        assert await http.get_json("/jobs") == []
    assert server.heard[-1].headers["authorization"] == "Bearer t2"


async def test_a_token_that_is_refused_again_is_an_auth_error() -> None:
    waits = Waits()
    answers = (grant("t1"), Says(401), grant("t2"), Says(401))
    async with serving(*answers) as server, client(server, waits, auth=credentials(server, waits)) as http:
        with pytest.raises(AuthError):
            await http.get_json("/jobs")
    assert len(server.heard) == 4


async def test_a_token_is_renewed_before_it_ends() -> None:
    waits = Waits()
    answers = (grant("t1"), Says(), grant("t2"), Says())
    async with serving(*answers) as server, client(server, waits, auth=credentials(server, waits)) as http:
        await http.get_json("/jobs")
        waits.now += 3600 - 59
        await http.get_json("/jobs")
    assert server.heard[-1].headers["authorization"] == "Bearer t2"


@pytest.mark.parametrize(
    "says", [Says(400, b'{"error": "invalid_client"}'), Says(200, b"{}"), Says(200, b"<html>"), Says(401)]
)
async def test_wrong_client_credentials_say_so_without_the_secret(says: Says) -> None:
    waits = Waits()
    async with serving(says) as server, client(server, waits, auth=credentials(server, waits)) as http:
        with pytest.raises(AuthError, match="Check the client id") as caught:
            await http.get_json("/jobs")
    assert "s3cret" not in str(caught.value)


async def test_a_token_endpoint_that_is_away_is_tried_again() -> None:
    waits = Waits()
    async with (
        serving(Says(503), grant("t1"), Says(body=b"[]")) as server,
        client(server, waits, auth=credentials(server, waits, basic=True)) as http,
    ):
        assert await http.get_json("/jobs") == []
    assert server.heard[0].headers["authorization"] == "Basic bWU6czNjcmV0"
