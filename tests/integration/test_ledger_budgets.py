"""An organisation's calls, counted in the ledger for all processes: shared, kept back for people, freed by the dead."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from milepost.errors import RateLimited
from milepost.ledger import budgets
from milepost.ledger.budgets import Counted, LedgerBudgets
from milepost.ledger.database import Database, open_database
from milepost.settings import Installation
from milepost.xero.allowance import Limits
from milepost.xero.governor import BudgetsBusy, Governor
from tests.ledger_values import let_go, start_python

pytest_plugins = ["tests.ledger_fixtures"]

ACME = Counted("https://api.xero.com", "app-1", "tenant-1")
LIMITS = Limits()
BRIEFLY = timedelta(seconds=0.05)


def governor(ledger: Database, counted: Counted = ACME, *, for_person: bool = True, limits: Limits = LIMITS) -> Governor:
    """One of a process of its own: it shares nothing but the ledger."""
    return Governor(limits, LedgerBudgets(ledger, counted), for_person=for_person, max_wait=BRIEFLY)


async def answered(of: Governor, status: int = 200, **headers: str) -> None:
    async with of.slot() as slot:
        slot.saw({name.replace("_", "-"): value for name, value in headers.items()}, status)


async def test_what_one_process_learns_all_know(ledger: Database) -> None:
    mine, theirs = governor(ledger), governor(ledger)
    await answered(mine, x_minlimit_remaining="40", x_daylimit_remaining="4000")
    await theirs.look()
    assert (theirs.budget().minute_left, theirs.budget().day_left, theirs.budget().calls) == (40, 4000, 1)


async def test_a_429_closes_the_gate_for_every_process(ledger: Database) -> None:
    await answered(governor(ledger), 429, x_rate_limit_problem="day", retry_after="67000")
    with pytest.raises(RateLimited, match="day limit") as caught:
        await answered(governor(ledger))
    assert caught.value.retry_after
    assert caught.value.retry_after > timedelta(hours=18)


async def test_another_organisation_or_app_has_counts_of_its_own(ledger: Database) -> None:
    await answered(governor(ledger), 429, retry_after="900")
    await answered(governor(ledger, Counted(ACME.api_url, "app-1", "tenant-2")))
    await answered(governor(ledger, Counted(ACME.api_url, "app-2", "tenant-1")))


async def test_five_calls_are_under_way_at_once_whoever_makes_them(ledger: Database) -> None:
    three, more = governor(ledger), governor(ledger)
    async with three.slot(), three.slot(), three.slot(), more.slot():
        async with more.slot():
            with pytest.raises(RateLimited, match="concurrent"):
                await answered(governor(ledger))
        await answered(governor(ledger))


async def test_scheduled_runs_leave_the_days_last_calls_to_people(ledger: Database) -> None:
    await answered(governor(ledger, for_person=False), x_daylimit_remaining="500")
    with pytest.raises(RateLimited, match="kept back for people") as caught:
        await answered(governor(ledger, for_person=False))
    assert caught.value.retry_after
    assert timedelta(minutes=59) < caught.value.retry_after <= timedelta(hours=1)
    await answered(governor(ledger), x_daylimit_remaining="499")


async def test_slots_of_a_process_that_is_gone_are_free_at_once_and_its_calls_count(ledger: Database) -> None:
    process = start_python(
        "from milepost.ledger.owner import this_process; print('ready', flush=True); input(); print(this_process())"
    )
    (owner,) = let_go(process)
    async with LedgerBudgets(ledger, ACME).turn(LIMITS) as allowance:
        for slot in range(5):
            allowance.take(str(slot), owner.strip())
    here = governor(ledger)
    await answered(here)
    assert here.budget().in_flight == 0
    assert here.budget().minute_left == 60 - 5 - 1


async def test_a_slot_that_nobody_gives_back_runs_out(ledger: Database) -> None:
    elsewhere = "another-host|boot|ns|pid:7@1"
    store = LedgerBudgets(ledger, ACME)
    async with store.turn(LIMITS) as allowance:
        for slot in range(5):
            allowance.take(str(slot), elsewhere)
    with pytest.raises(RateLimited, match="concurrent"):
        await answered(governor(ledger))
    async with store.turn(LIMITS) as allowance:
        allowance.flying = {slot: type(flight)(flight.owner, store.now()) for slot, flight in allowance.flying.items()}
    await answered(governor(ledger))


async def test_a_turn_that_fails_changes_nothing(ledger: Database) -> None:
    store = LedgerBudgets(ledger, ACME)

    async def fail() -> None:
        async with store.turn(LIMITS) as allowance:
            allowance.take("1", store.owner)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert (await store.look(LIMITS)).flying == {}


async def test_many_turns_at_once_lose_none(installation: Installation) -> None:
    async with open_database(installation) as one, open_database(installation) as other:

        async def count(db: Database) -> None:
            async with LedgerBudgets(db, ACME).turn(LIMITS) as allowance:
                allowance.ended += 1

        await asyncio.gather(*(count(db) for db in (one, other) for _ in range(10)))
        assert (await LedgerBudgets(one, ACME).look(LIMITS)).ended == 20


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
async def test_a_locked_ledger_is_waited_for_and_never_surfaces(ledger: Database, installation: Installation) -> None:
    """The ledger's own busy timeout is 30 s: this one says at once what would be said then."""
    async with ledger.engine.connect() as c:
        await c.exec_driver_sql("PRAGMA busy_timeout = 0")
        await c.rollback()
    async with open_database(installation) as other, other.write():
        with pytest.raises(BudgetsBusy) as caught:
            async with LedgerBudgets(ledger, ACME).turn(LIMITS):
                pytest.fail("two write at once")
        assert isinstance(caught.value.__cause__, OperationalError)
        with pytest.raises(RateLimited, match="busy"):
            await answered(governor(ledger))
    await answered(governor(ledger))


async def test_what_an_organisation_has_spent_is_told_by_app(ledger: Database) -> None:
    await answered(governor(ledger), x_daylimit_remaining="4200", x_minlimit_remaining="59")
    async with ledger.read() as c:
        spent = await budgets.spent(c, "tenant-1", "https://identity.xero.com|app-1|someone")
        assert spent
        assert (spent.calls, spent.allowed, spent.kept_back, spent.minute_left) == (800, 5000, 500, 59)
        assert await budgets.spent(c, "tenant-1", "https://identity.xero.com|app-2|someone") is None
        assert await budgets.spent(c, "tenant-2", "https://identity.xero.com|app-1|someone") is None
