"""Leases: one holder at a time, whoever asks; one whose holder is gone is free at once, one that ran out as well."""

import asyncio
from datetime import timedelta

import pytest

from milepost.ledger import leases
from milepost.ledger.database import Database
from milepost.ledger.leases import LeaseTaken, lease
from milepost.ledger.owner import this_process
from tests.ledger_values import let_go, start_python

pytest_plugins = ["tests.ledger_fixtures"]

LONG = timedelta(minutes=10)
OVER = timedelta()
ELSEWHERE = "another-host|boot|ns|pid:7@1"


async def take(ledger: Database, owner: str | None = None, for_: timedelta = LONG, key: str = "tokens|a") -> str | None:
    async with ledger.write() as c:
        return await leases.take(c, key, owner or this_process(), for_)


async def test_a_lease_has_one_holder_even_within_one_process(ledger: Database) -> None:
    assert await take(ledger)
    assert await take(ledger) is None
    assert await take(ledger, ELSEWHERE) is None
    assert await take(ledger, key="tokens|b")


async def test_of_many_that_want_it_at_once_one_gets_it(ledger: Database) -> None:
    taken = await asyncio.gather(*(take(ledger) for _ in range(8)))
    assert sum(holding is not None for holding in taken) == 1


async def test_a_lease_that_ran_out_is_free_and_its_late_holder_is_told_so(ledger: Database) -> None:
    first = await take(ledger, ELSEWHERE, OVER)
    second = await take(ledger)
    assert first
    assert second
    async with ledger.write() as c:
        assert not await leases.renew(c, "tokens|a", first, LONG)
        assert not await leases.give_back(c, "tokens|a", first)
        assert await leases.renew(c, "tokens|a", second, LONG)


async def test_a_living_process_elsewhere_keeps_its_lease(ledger: Database) -> None:
    assert await take(ledger, ELSEWHERE)
    async with ledger.read() as c:
        assert await leases.is_held(c, "tokens|a")
        assert not await leases.is_held(c, "tokens|b")


async def test_the_lease_of_a_process_that_is_gone_is_free_at_once(ledger: Database) -> None:
    process = start_python(
        "from milepost.ledger.owner import this_process; print('ready', flush=True); input(); print(this_process())"
    )
    (printed,) = let_go(process)
    assert await take(ledger, printed.strip())
    async with ledger.read() as c:
        assert not await leases.is_held(c, "tokens|a")
    assert await take(ledger)


async def test_a_block_under_a_lease_is_entered_by_one_at_a_time(ledger: Database) -> None:
    inside, most = 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with lease(ledger, "tokens|a", for_=LONG, wait=LONG):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(4)))
    assert most == 1
    async with ledger.read() as c:
        assert await leases.get(c, "tokens|a") is None


async def test_who_does_not_want_to_wait_is_told_that_another_is_at_it(ledger: Database) -> None:
    async with lease(ledger, "tokens|a", for_=LONG):
        with pytest.raises(LeaseTaken, match="Another process is at it"):
            async with lease(ledger, "tokens|a", for_=LONG):
                pytest.fail("two hold it")


async def test_a_heartbeat_keeps_a_lease_past_its_length(ledger: Database) -> None:
    async with lease(ledger, "tokens|a", ELSEWHERE, for_=timedelta(seconds=0.3)) as held:
        async with ledger.read() as c:
            first = await leases.get(c, held.key)
        while True:
            async with ledger.read() as c:
                now = await leases.get(c, held.key)
            assert first
            assert now
            if now.until >= first.until + timedelta(seconds=0.2):
                break
            await asyncio.sleep(0.02)
        assert not held.is_lost


async def test_a_holder_whose_lease_another_took_learns_of_it_and_does_not_end_the_others(ledger: Database) -> None:
    async with lease(ledger, "tokens|a", for_=timedelta(seconds=0.06)) as held:
        async with ledger.write() as c:
            assert await leases.renew(c, held.key, held.holding, OVER)
            theirs = await leases.take(c, held.key, ELSEWHERE, LONG)
        while not held.is_lost:  # noqa: ASYNC110 - learnt from the ledger
            await asyncio.sleep(0.01)
    async with ledger.read() as c:
        row = await leases.get(c, "tokens|a")
    assert row
    assert row.holding == theirs


async def test_a_lease_is_given_back_when_the_block_fails(ledger: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with lease(ledger, "tokens|a", for_=LONG):
            raise ZeroDivisionError
    assert await take(ledger)
