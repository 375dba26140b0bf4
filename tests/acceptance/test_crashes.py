"""A run that ends by a bug is told like any other trouble, once, and harms nothing."""

import pytest
from pydantic import ValidationError
from sqlalchemy import select, update

from milepost.ledger import alerts
from milepost.ledger.tables import jobs, runs
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

LABOUR = ("Labour", "1", "95.00")
UNPRICED = ("Dishwasher hose 3 m", "1", None, "HOSE3")
BROKEN = '{"number": {"secret": "Jane Example"}}'


async def snapshot_of(plumber: Business, job_id: str) -> str:
    async with plumber.ledger() as db, db.read() as c:
        return str(await c.scalar(select(jobs.c.snapshot).where(jobs.c.job_id == job_id)))


async def keep_snapshot(plumber: Business, job_id: str, text: str) -> None:
    async with plumber.ledger() as db, db.write() as c:
        await c.execute(update(jobs).where(jobs.c.job_id == job_id).values(snapshot=text))


async def unended(plumber: Business) -> int:
    """How many runs of the connection have no end in the ledger."""
    async with plumber.ledger() as db, db.read() as c:
        query = select(runs.c.id).where(runs.c.connection == plumber.name, runs.c.ended_at.is_(None))
        return len((await c.execute(query)).all())


async def test_a_run_that_ends_by_a_bug_is_told_once_and_its_end_once(business: Businesses) -> None:
    plumber = await business("kauri")
    job_id = plumber.job(number="1490", lines=[LABOUR, UNPRICED])
    await plumber.poll()
    told = len(plumber.slack)
    whole = await snapshot_of(plumber, job_id)

    await keep_snapshot(plumber, job_id, BROKEN)
    for _ in range(2):
        with pytest.raises(ValidationError):
            await plumber.poll()
    crash = plumber.slack[told:]
    text = str([(message.text, message.blocks) for message in crash])
    assert text.count("Milepost itself failed (ValidationError)") >= 1
    assert "Nothing is lost" in text
    assert "Look at the run in Prefect" in text
    assert "Jane" not in text
    assert len({message.ts for message in crash}) == len(crash) <= 2  # a summary and its thread, of the first of both runs
    assert await unended(plumber) == 0
    async with plumber.ledger() as db, db.read() as c:
        assert "connection" in {row.subject for row in await alerts.open_alerts(c, plumber.name)}

    await keep_snapshot(plumber, job_id, whole)
    run = await plumber.poll()
    assert run.stopped_by is None
    async with plumber.ledger() as db, db.read() as c:
        assert "connection" not in {row.subject for row in await alerts.open_alerts(c, plumber.name)}
    assert "Resolved" in plumber.slack[-1].text


async def test_a_bug_in_a_plan_tells_nobody(business: Businesses) -> None:
    plumber = await business("kauri")
    job_id = plumber.job(number="1490", lines=[LABOUR, UNPRICED])
    await plumber.poll()
    told = len(plumber.slack)
    await keep_snapshot(plumber, job_id, BROKEN)
    with pytest.raises(ValidationError):
        await plumber.plan()
    assert len(plumber.slack) == told
