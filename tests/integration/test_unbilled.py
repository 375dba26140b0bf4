"""Unbilled work: every completed job without an invoice, by age and value, with its reason."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest_asyncio

from milepost.ledger.connections import save_connection
from milepost.ledger.database import open_database
from milepost.ledger.tables import jobs
from milepost.steps.unbilled import UnbilledWork, total_by_currency, totals_by_age, unbilled_work
from tests.integration.steps_world import Steps, steps_world


@pytest_asyncio.fixture(loop_scope="session")
async def acme(tmp_path: Path) -> AsyncIterator[Steps]:
    async with steps_world(tmp_path) as world:
        yield world


async def unbilled(acme: Steps) -> UnbilledWork:
    async with acme.workspace() as workspace:
        return await unbilled_work(workspace)


async def completed_before(acme: Steps, number: str, days: int) -> None:
    """As if the job had been completed so many days ago."""
    async with open_database(acme.installation) as db, db.write() as c:
        day = (acme.clock() - timedelta(days=days)).date()
        await c.execute(jobs.update().where(jobs.c.number == number).values(completed_on=day))


async def test_what_is_billed_is_not_listed_and_what_is_held_says_why(acme: Steps) -> None:
    acme.job("A-1")
    acme.job("A-2", items=[("Mystery", "1", None)])
    await acme.poll()
    (item,) = (await unbilled(acme)).items
    assert (item.standing.number, item.standing.status) == ("A-2", "held")
    assert item.standing.why
    assert item.needs_a_person


async def test_failed_work_is_listed_with_its_value_before_tax(acme: Steps) -> None:
    acme.job()
    acme.fault("status", status=503, times=4)
    await acme.poll()
    (item,) = (await unbilled(acme)).items
    assert (item.standing.status, item.value, item.currency) == ("failed", Decimal("720.00"), "GBP")
    assert "Xero was away" in item.standing.why


async def test_a_deposit_leaves_the_rest_of_a_completed_job_unbilled(acme: Steps) -> None:
    acme.job(state="accepted")
    await acme.poll()
    acme.job()
    acme.fault("status", status=503, times=4)
    await acme.poll()
    (item,) = (await unbilled(acme)).items
    billed = (await acme.row("A-1 DEP")).sub_total
    assert billed
    assert item.value == Decimal("720.00") - billed


async def test_oldest_comes_first_and_sums_are_by_age_and_currency(acme: Steps) -> None:
    ages = {"A-1": 3, "A-2": 20, "A-3": 45, "A-4": 90}
    for number in ages:
        acme.job(number)
    acme.fault("status", status=503, times=4)
    await acme.poll()
    for number, days in ages.items():
        await completed_before(acme, number, days)
    items = (await unbilled(acme)).items
    assert [item.standing.number for item in items] == ["A-4", "A-3", "A-2", "A-1"]
    assert dict(totals_by_age(items)) == {
        ("GBP", age): (1, Decimal("720.00")) for age in ("0-7 days", "8-30 days", "31-60 days", "over 60 days")
    }
    assert list(totals_by_age(items)) == sorted(totals_by_age(items), key=lambda key: ["0", "8", "3", "o"].index(key[1][0]))
    assert total_by_currency(items) == {"GBP": Decimal("2880.00")}


async def test_work_from_before_the_go_live_day_is_told_apart(acme: Steps) -> None:
    acme.job()
    acme.fault("status", status=503, times=4)
    await acme.poll()
    async with open_database(acme.installation) as db, db.write() as c:
        live_from = (acme.clock() + timedelta(days=2)).date()
        await save_connection(c, "acme", "declared", acme.connection.rule_book, acme.clock(), live_from=live_from)
    (item,) = (await unbilled(acme)).items
    assert (item.standing.code, item.needs_a_person) == ("before_live_from", False)


async def test_a_completed_job_whose_status_no_stage_asks_for_says_so(tmp_path: Path) -> None:
    book = (Path(__file__).parents[2] / "mappings/albion-fitout/v0001.yaml").read_text().replace("[done]", "[nowhere]")
    async with steps_world(tmp_path, book) as acme:
        acme.job()
        await acme.poll()
        (item,) = (await unbilled(acme)).items
    assert (item.standing.status, item.standing.code) == ("skipped", "not_due_status")
    assert "FIN is due at 'nowhere'" in item.standing.why
