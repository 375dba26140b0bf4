"""Requests left unsettled: who may send them again, and when."""

import asyncio
from datetime import datetime, timedelta

import pytest

from milepost.ledger.database import Database
from milepost.ledger.heartbeats import kept_alive
from milepost.ledger.owner import this_process
from milepost.ledger.requests import (
    LAPSED,
    NOBODY,
    RequestRow,
    extend_lease,
    get_request,
    heard_until,
    let_go,
    record_request,
    settle_request,
    take_over,
    unsettled,
)
from tests.ledger_values import LEASE, NOW, minutes, new_request

pytest_plugins = ["tests.ledger_fixtures"]
BEFORE_LEASE_ENDS, AFTER_LEASE_ENDS = NOW + minutes(1), NOW + minutes(3)
ELSEWHERE = "another-host|boot|pid:[1]|pid:1@1"
GONE = this_process().rpartition("@")[0] + "@1"


@pytest.mark.parametrize(
    ("owner", "now", "taken"),
    [
        (ELSEWHERE, BEFORE_LEASE_ENDS, False),
        (ELSEWHERE, AFTER_LEASE_ENDS, True),
        (GONE, BEFORE_LEASE_ENDS, True),
        (this_process(), BEFORE_LEASE_ENDS, False),
        (this_process(), AFTER_LEASE_ENDS, True),
    ],
    ids=["unknown, leased", "unknown, lease over", "gone, leased", "alive, leased", "alive, lease over"],
)
async def test_a_request_is_taken_over_when_its_process_is_gone_or_its_lease_is_over(
    ledger: Database, owner: str, now: datetime, taken: bool
) -> None:
    async with ledger.write() as c:
        await record_request(c, new_request(owner=owner), NOW)
        assert await take_over(c, "r1", "me", now + LEASE, now) is taken
        row = await get_request(c, "r1")
    assert row is not None
    assert (row.owner, row.attempts) == (("me", 2) if taken else (owner, 1))
    assert row.first_sent_at == NOW


async def test_of_two_that_take_over_one_is_first(ledger: Database) -> None:
    async with ledger.write() as c:
        await record_request(c, new_request(owner=GONE), NOW)
    async with ledger.write() as c:
        first = await take_over(c, "r1", ELSEWHERE, NOW + LEASE, NOW)
    async with ledger.write() as c:
        second = await take_over(c, "r1", "me", NOW + LEASE, NOW)
    assert (first, second) == (True, False)


async def test_of_two_that_take_over_at_the_same_moment_one_is_first(ledger: Database) -> None:
    async def take(owner: str) -> bool:
        async with ledger.write() as c:
            return await take_over(c, "r1", owner, NOW + LEASE, NOW)

    async with ledger.write() as c:
        await record_request(c, new_request(owner=GONE), NOW)
    async with ledger.write() as c:
        assert await take_over(c, "r1", ELSEWHERE, NOW + LEASE, NOW)
        other = asyncio.create_task(take("me"))
        await asyncio.sleep(0.1)
        assert not other.done(), "it waits for the one that has not committed yet"
    assert await other is False


async def test_a_lease_is_moved_and_let_go_only_by_its_owner(ledger: Database) -> None:
    async with ledger.write() as c:
        await record_request(c, new_request(owner=ELSEWHERE), NOW)
        assert not await extend_lease(c, "r1", "me", AFTER_LEASE_ENDS)
        assert await extend_lease(c, "r1", ELSEWHERE, NOW + minutes(10))
        assert not await take_over(c, "r1", "me", NOW + minutes(12), AFTER_LEASE_ENDS)
        assert await extend_lease(c, "r1", ELSEWHERE, AFTER_LEASE_ENDS)
        assert await take_over(c, "r1", "me", NOW + minutes(12), AFTER_LEASE_ENDS)


async def test_a_settled_request_is_nobodys_any_more(ledger: Database) -> None:
    async with ledger.write() as c:
        await record_request(c, new_request(), NOW)
        assert not await settle_request(c, "r1", 200, "corr", NOW, owner="another")
        assert await settle_request(c, "r1", 200, "corr", NOW, owner=this_process())
        assert not await settle_request(c, "r1", 500, None, AFTER_LEASE_ENDS)
        assert not await extend_lease(c, "r1", this_process(), AFTER_LEASE_ENDS)
        assert not await take_over(c, "r1", "me", AFTER_LEASE_ENDS + LEASE, AFTER_LEASE_ENDS)
        row = await get_request(c, "r1")
    assert row is not None
    assert (row.http_status, row.correlation_id, row.settled_at) == (200, "corr", NOW)


async def test_unsettled_requests_come_oldest_first_and_of_the_connection_alone(ledger: Database) -> None:
    async with ledger.write() as c:
        await record_request(c, new_request("later"), NOW + minutes(1))
        await record_request(c, new_request("first"), NOW)
        await record_request(c, new_request("other", connection="bolt"), NOW)
        await record_request(c, new_request("settled"), NOW)
        await settle_request(c, "settled", 200, None, NOW)
        assert [row.id for row in await unsettled(c, "acme")] == ["first", "later"]
        assert await take_over(c, "unknown", "me", NOW, NOW) is False
        assert await get_request(c, "unknown") is None


async def test_a_request_shows_no_body_when_it_is_printed(ledger: Database) -> None:
    async with ledger.write() as c:
        await record_request(c, new_request(), NOW)
        (row,) = await unsettled(c, "acme")
    assert "Invoices" not in repr(row) + repr(new_request())


async def test_a_request_that_is_being_sent_keeps_its_lease_however_long_it_takes(ledger: Database) -> None:
    now = NOW
    async with ledger.write() as c:
        await record_request(c, new_request(), NOW)
    async with kept_alive(ledger, "r1", lambda: now, timedelta(seconds=0.15)):
        for hour in (1, 2):
            now = NOW + minutes(60 * hour)
            while (await request_of(ledger)).lease_until < now:  # noqa: ASYNC110 - learnt from the ledger
                await asyncio.sleep(0.01)
            async with ledger.write() as c:
                assert not await take_over(c, "r1", "me", now + LEASE, now), f"{hour} hours on, it is still at it"


async def test_a_heartbeat_ends_when_another_holds_the_request(ledger: Database) -> None:
    async with ledger.write() as c:
        await record_request(c, new_request(), NOW)
    async with kept_alive(ledger, "r1", lambda: NOW + minutes(60), timedelta(seconds=0.03)):
        async with ledger.write() as c:
            taken = await take_over(c, "r1", ELSEWHERE, NOW + minutes(200), NOW + minutes(190))
        await asyncio.sleep(0.1)
    assert taken
    row = await request_of(ledger)
    assert (row.owner, row.lease_until) == (ELSEWHERE, NOW + minutes(200))


@pytest.mark.parametrize(
    ("left_to", "heard"),
    [(NOBODY, NOW + minutes(1)), (LAPSED, NOW + minutes(10)), (GONE, NOW + minutes(1)), (ELSEWHERE, NOW + minutes(10))],
    ids=["let go", "lapsed", "its process is gone", "its process is not seen"],
)
async def test_who_may_yet_wake_and_send_is_reckoned_with(ledger: Database, left_to: str, heard: datetime) -> None:
    async with ledger.write() as c:
        await record_request(c, new_request(), NOW)
        assert await let_go(c, "r1", this_process(), NOW + minutes(1), left_to)
        assert not await let_go(c, "r1", this_process(), NOW), "it is not ours any more"
    assert heard_until(await request_of(ledger), NOW + minutes(5), minutes(10)) == heard


async def request_of(ledger: Database) -> RequestRow:
    async with ledger.read() as c:
        row = await get_request(c, "r1")
    assert row is not None
    return row
