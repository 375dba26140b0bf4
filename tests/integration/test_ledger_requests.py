"""Requests left unsettled: who may send them again, and when."""

import asyncio
from datetime import datetime

import pytest

from milepost.ledger.database import Database
from milepost.ledger.owner import this_process
from milepost.ledger.requests import (
    extend_lease,
    get_request,
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
