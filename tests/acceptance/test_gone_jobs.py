"""A job that is deleted in the job system waits for nobody any more, whether it was held or could not be read."""

from datetime import UTC, datetime

from milepost.ledger import alerts, jobs
from milepost.platforms.protocol import JobProblem
from sandbox.faults import Fault
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

LABOUR = ("Labour", "1", "95.00")
UNPRICED = ("Dishwasher hose 3 m", "1", None, "HOSE3")


async def left(plumber: Business) -> tuple[list[str], list[str]]:
    """The jobs that polls would try again, and the subjects of standing alerts."""
    async with plumber.ledger() as db, db.read() as c:
        standing = await alerts.open_alerts(c, plumber.name)
        return await jobs.unread(c, plumber.name), [row.subject for row in standing]


async def test_a_held_job_that_is_deleted_is_skipped_and_its_alert_clears(business: Businesses) -> None:
    plumber = await business("kauri")
    plumber.job(number="1490", lines=[LABOUR, UNPRICED])
    await plumber.poll()
    held = await plumber.row("1490")
    assert held.status == "held"
    assert held.id in (await left(plumber))[1]

    plumber.job(number="1490", extra={"active": 0})
    run = await plumber.poll()
    row = await plumber.row("1490")
    assert (row.status, run.problems, run.needs_a_person) == ("skipped", [], False)
    assert '"code":"job_gone"' in row.decision
    unread, standing = await left(plumber)
    assert (unread, held.id in standing) == ([], False)
    assert "Resolved" in plumber.slack[-1].text


async def test_an_unreadable_job_that_is_deleted_is_forgotten(business: Businesses) -> None:
    plumber = await business("kauri")
    job_id = plumber.job(number="1491", lines=[LABOUR])
    async with plumber.ledger() as db, db.write() as c:
        problem = JobProblem(job_id, why="Its date is no date.", fix="Correct it.")
        await jobs.save_unread(c, plumber.name, [problem], datetime.now(UTC))
    plumber.job(number="1491", extra={"active": 0})
    run = await plumber.poll()
    assert (run.problems, run.needs_a_person) == ([], False)
    assert await left(plumber) == ([], [])


async def test_a_deleted_job_that_a_person_names_is_shown_and_lets_go_all_the_same(business: Businesses) -> None:
    plumber = await business("kauri")
    job_id = plumber.job(number="1490", lines=[LABOUR, UNPRICED])
    await plumber.poll()
    plumber.job(number="1490", extra={"active": 0})
    run = await plumber.bill([job_id])
    assert [problem.why for problem in run.problems] == ["the job was deleted in ServiceM8"]
    assert run.needs_a_person
    assert (await plumber.row("1490")).status == "skipped"


async def test_a_described_platforms_404_of_the_job_itself_lets_go(business: Businesses) -> None:
    builder = await business("albion")
    job_id = builder.job(ref="J-77")
    async with builder.workspace() as opened:
        builder.system.faults.add(Fault("status", path="*/jobs/*", status=404, times=-1))
        (problem,) = (await opened.platform.fetch([job_id])).problems
    assert problem.gone
