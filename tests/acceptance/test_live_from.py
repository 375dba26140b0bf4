"""From when on a connection bills: jobs completed before are never billed; when the day moves back, they are looked at."""

from datetime import timedelta

from milepost.steps.workspace import register, utcnow
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]


async def live_from(plumber: Business, days_ago: int) -> None:
    """Enter the connection anew, as `connection add` does."""
    now = utcnow()
    settings = plumber.settings.model_copy(update={"live_from": (now - timedelta(days=days_ago)).date()})
    async with plumber.ledger() as db, db.write() as c:
        await register(c, settings, now)


async def test_a_job_completed_before_the_day_is_billed_only_once_the_day_is_moved_back(business: Businesses) -> None:
    plumber = await business("kauri")
    await live_from(plumber, days_ago=1)
    done = utcnow() - timedelta(days=20)
    plumber.job(number="1482", completed=f"{done:%Y-%m-%d %H:%M:%S}", lines=[("Labour", "1", "95.00")])
    run = await plumber.poll()
    assert (run.results, [job.number for job in run.before_live]) == ([], ["1482"])
    assert (await plumber.poll()).results == []

    await live_from(plumber, days_ago=30)
    run = await plumber.poll()
    assert [(r.job.number, r.status) for r in run.results] == [("1482", "done")]
    assert [invoice.reference for invoice in plumber.invoices] == ["1482"]
