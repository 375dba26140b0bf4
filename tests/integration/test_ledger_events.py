"""The ledger's events: kept once, joined while they wait, taken by one process only, never lost with it."""

from datetime import UTC, datetime, timedelta

import pytest

from milepost.ledger import events, hook_secrets
from milepost.ledger.database import Database
from milepost.ledger.events import NewEvent, Received, Waiting, mark_of

pytest_plugins = ["tests.ledger_fixtures"]

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def rings(job: str = "1", mark: str = "") -> NewEvent:
    return NewEvent("platform", "job", job, connection="acme", mark=mark)


async def arrive(ledger: Database, *arrived: NewEvent, at: datetime = NOW) -> Received:
    async with ledger.write() as c:
        return await events.receive(c, arrived, at)


async def take(ledger: Database, at: datetime = NOW) -> list[str]:
    async with ledger.write() as c:
        return [event.id for event in await events.take(c, "platform", connection="acme", now=at)]


async def finish(ledger: Database, ids: list[str], at: datetime = NOW) -> None:
    async with ledger.write() as c:
        await events.finish(c, ids, at)


async def test_an_event_joins_one_of_the_same_job_that_still_waits(ledger: Database) -> None:
    assert await arrive(ledger, rings(), rings("2")) == Received(new=2)
    assert await arrive(ledger, rings()) == Received(joined=1)


async def test_an_event_while_one_of_the_same_job_is_worked_is_kept(ledger: Database) -> None:
    """The job may have changed after it was read."""
    await arrive(ledger, rings())
    await take(ledger)
    assert await arrive(ledger, rings()) == Received(new=1)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(seconds=1), Received(new=1)),  # two changes in one second ring alike
        (timedelta(seconds=6), Received(repeated=1)),
        (timedelta(hours=23), Received(repeated=1)),
        (timedelta(hours=25), Received(new=1)),
    ],
)
async def test_the_very_same_event_is_worked_once_a_day(ledger: Database, after: timedelta, expected: Received) -> None:
    await arrive(ledger, rings(mark="m"))
    await finish(ledger, await take(ledger))
    assert await arrive(ledger, rings(mark="m"), at=NOW + after) == expected


async def test_xeros_own_replays_are_known_for_as_long_as_it_makes_them(ledger: Database) -> None:
    event = NewEvent("xero", "INVOICE", "1", tenant_id="t", mark="m")
    assert await arrive(ledger, event) == Received(new=1)
    assert await arrive(ledger, event, at=NOW + timedelta(days=31)) == Received(repeated=1)


async def test_an_event_is_taken_once(ledger: Database) -> None:
    await arrive(ledger, rings(), rings("2"))
    assert len(await take(ledger)) == 2
    assert await take(ledger) == []


async def test_an_event_put_back_waits_for_its_time(ledger: Database) -> None:
    await arrive(ledger, rings())
    taken = await take(ledger)
    async with ledger.write() as c:
        await events.put_back(c, taken, NOW + timedelta(minutes=5))
    assert await take(ledger) == []
    async with ledger.read() as c:
        assert await events.waiting(c, NOW) == []
        assert await events.waiting(c, NOW + timedelta(minutes=5)) == [Waiting("platform", "acme", "")]


async def test_what_a_living_process_has_in_hand_is_left_with_it(ledger: Database) -> None:
    await arrive(ledger, rings())
    await take(ledger)
    async with ledger.write() as c:
        assert await events.take_from_the_dead(c, NOW) == 0
        assert await events.take_from_the_dead(c, NOW + events.WORKED_FOR) == 1


async def test_old_events_are_forgotten_once_they_are_worked(ledger: Database) -> None:
    await arrive(ledger, rings(), rings("2"))
    await finish(ledger, (await take(ledger))[:1])
    async with ledger.write() as c:
        assert await events.prune(c, NOW + timedelta(days=36)) == 1


def test_marks_do_not_run_into_each_other() -> None:
    assert mark_of("ab", "c") != mark_of("a", "bc")


async def test_a_secret_is_made_once_kept_sealed_and_dies_when_renewed(ledger: Database) -> None:
    async with ledger.write() as c:
        first = await hook_secrets.secret_of(c, ledger.sealer, "acme", NOW)
        assert await hook_secrets.secret_of(c, ledger.sealer, "acme", NOW) == first
        assert await hook_secrets.is_secret_of(c, ledger.sealer, "acme", first)
        assert not await hook_secrets.is_secret_of(c, ledger.sealer, "other", first)
        await hook_secrets.renew_secret(c, ledger.sealer, "acme", NOW)
        assert not await hook_secrets.is_secret_of(c, ledger.sealer, "acme", first)
