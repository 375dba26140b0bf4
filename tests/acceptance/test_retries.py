"""Work that failed waits for its time, is tried again by the ladder, and is given up with an alert; through the flows."""

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from flows.polling import retry_due
from milepost.ledger import jobs
from milepost.ledger.alerts import open_alerts
from milepost.ledger.billings import BillingRow, take_due
from milepost.ledger.tables import billings, unread_jobs
from milepost.platforms.protocol import JobProblem
from milepost.steps.retry import keep_unread
from sandbox.faults import Fault
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

LINES = [("Labour", "2", "95.00")]
LADDER = {"retries": [5, 15]}


def away(business: Business, times: int = 4, path: str = "*/Invoices") -> None:
    """Xero is away for a while when something is to be created."""
    business.sandbox.xero.faults.add(Fault("status", method="PUT", path=path, status=503, times=times))


async def let_pass(business: Business) -> None:
    """The time of everything that failed comes."""
    due = datetime.now(UTC) - timedelta(seconds=1)
    async with business.ledger() as db, db.write() as c:
        for table in (billings, unread_jobs):
            waits = table.c.connection == business.name, table.c.next_attempt_at.is_not(None)
            await c.execute(update(table).where(*waits).values(next_attempt_at=due))


def waits(row: BillingRow) -> int:
    """Minutes until the next try, as it was set when the row was kept."""
    assert row.next_attempt_at is not None
    return round((row.next_attempt_at - row.updated_at).total_seconds() / 60)


async def test_what_failed_waits_for_its_rung_and_polls_leave_it_alone(business: Businesses) -> None:
    plumber = await business("kauri", more=LADDER)
    plumber.job(number="1482", lines=LINES)
    away(plumber)
    await plumber.poll()
    row = await plumber.row("1482")
    assert (row.status, row.failures, waits(row)) == ("failed", 1, 5)

    plumber.sandbox.xero.faults.clear()
    run = await plumber.poll()
    assert (plumber.invoices, run.waiting) == ([], 1)
    assert plumber.state is not None
    assert plumber.state.is_failed()  # somebody still waits for it

    await let_pass(plumber)
    await plumber.poll()
    assert len(plumber.invoices) == 1
    assert (await plumber.row("1482")).status == "done"


async def test_the_scheduled_flow_tries_again_what_is_due_and_asks_the_job_system_for_nothing_new(
    business: Businesses,
) -> None:
    plumber = await business("kauri", more=LADDER)
    plumber.job(number="1482", lines=LINES)
    away(plumber)
    await plumber.poll()
    plumber.sandbox.xero.faults.clear()
    state = await retry_due(return_state=True)
    assert (state.message, plumber.invoices) == ("nothing is due", [])

    await let_pass(plumber)
    plumber.job(number="1483", lines=LINES)
    state = await retry_due(return_state=True)
    assert state.is_completed(), state.message
    assert [invoice.reference for invoice in plumber.invoices] == ["1482"]
    async with plumber.ledger() as db, db.read() as c:
        assert await open_alerts(c, plumber.name) == []


async def test_after_the_last_rung_it_is_given_up_with_an_alert_until_a_person_asks_again(
    business: Businesses,
) -> None:
    plumber = await business("kauri", more=LADDER)
    job_id = plumber.job(number="1482", lines=LINES)
    away(plumber, times=-1)
    await plumber.poll()
    await let_pass(plumber)
    await plumber.poll()
    row = await plumber.row("1482")
    assert (row.status, row.failures, waits(row)) == ("failed", 2, 15)
    await let_pass(plumber)
    run = await plumber.poll()
    row = await plumber.row("1482")
    assert (row.status, row.trouble_code, row.next_attempt_at) == ("skipped", "retries_exhausted", None)
    assert run.waiting == 1
    assert "not tried again by itself" in json.dumps([message.to_json() for message in plumber.slack])

    plumber.sandbox.xero.faults.clear()
    await plumber.poll()
    assert plumber.invoices == []
    await plumber.bill([job_id])
    assert len(plumber.invoices) == 1
    row = await plumber.row("1482")
    assert (row.status, row.failures) == ("done", 0)


async def test_a_job_that_changes_is_tried_at_once_and_climbs_anew(business: Businesses) -> None:
    plumber = await business("kauri", more=LADDER)
    plumber.job(number="1482", lines=LINES)
    away(plumber)
    await plumber.poll()
    plumber.sandbox.xero.faults.clear()
    plumber.job(number="1482", lines=[("Labour", "3", "95.00")])
    away(plumber, times=4)
    await plumber.poll()
    assert (await plumber.row("1482")).failures == 1


async def test_a_contact_that_xero_was_away_for_is_on_the_same_ladder(business: Businesses) -> None:
    plumber = await business("kauri", more=LADDER)
    plumber.job(number="1482", lines=LINES)
    away(plumber, path="*/Contacts", times=-1)
    await plumber.poll()
    row = await plumber.row("1482")
    assert (row.status, row.failures, waits(row), row.attempts) == ("failed", 1, 5, 0)


async def test_a_day_limit_moves_the_time_and_uses_no_rung(business: Businesses) -> None:
    plumber = await business("kauri", more=LADDER)
    plumber.job(number="1482", lines=LINES)
    headers = {"Retry-After": "7200", "X-Rate-Limit-Problem": "day"}
    plumber.sandbox.xero.faults.add(Fault("status", method="PUT", path="*/Invoices", status=429, headers=headers))
    await plumber.poll()
    row = await plumber.row("1482")
    assert (row.status, row.trouble_code, row.failures) == ("failed", "rate_limited", 0)
    assert 115 <= waits(row) <= 121


async def test_only_one_of_two_workers_takes_what_is_due(business: Businesses) -> None:
    plumber = await business("kauri", more=LADDER)
    plumber.job(number="1482", lines=LINES)
    away(plumber)
    await plumber.poll()
    plumber.sandbox.xero.faults.clear()
    await let_pass(plumber)
    now = datetime.now(UTC)
    async with plumber.ledger() as db:
        async with db.write() as c:
            first = await take_due(c, plumber.name, now, now + timedelta(minutes=10))
        async with db.write() as c:
            second = await take_due(c, plumber.name, now, now + timedelta(minutes=10))
    assert (len(first), second) == (1, {})
    run = await plumber.poll()
    assert (run.results, plumber.invoices) == ([], [])


async def test_a_job_that_could_not_be_read_for_now_is_tried_by_the_ladder(business: Businesses) -> None:
    plumber = await business("kauri", more=LADDER)
    problem = JobProblem("j-1", "The job system was away.", "Nothing to do.", permanent=False)
    async with plumber.workspace() as workspace, workspace.db.write() as c:
        assert await keep_unread(c, workspace, [problem]) == set()
        assert await keep_unread(c, workspace, [problem]) == set()
        assert await keep_unread(c, workspace, [problem]) == {"j-1"}
    async with plumber.ledger() as db, db.read() as c:
        (kept,) = await jobs.unread_jobs_of(c, plumber.name)
    assert (kept.failures, kept.next_attempt_at, kept.given_up) == (2, None, True)
