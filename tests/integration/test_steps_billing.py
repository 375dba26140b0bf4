"""The steps between a poll and its invoices, over the sandbox: nothing is forgotten, doubled, or asked for without need."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import ANY

import pytest
import pytest_asyncio
from pydantic import SecretStr

from milepost.billing.decision import BillingKey
from milepost.errors import AuthError
from milepost.ledger import billings
from milepost.ledger.connections import get_connection
from milepost.ledger.database import open_database
from milepost.ledger.jobs import unread
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.steps import tell
from milepost.steps.verify import verify_billings
from milepost.steps.workspace import register
from sandbox.worlds.known import know
from tests.integration.steps_world import ITEMS, Steps, only, steps_world

TWO_AT_ONCE = """
version: 1
effective_from: 2026-01-01
organisation: Two stages on one status
invoice: {status: DRAFT, reference: "{{ job.number }}", terms: {days: 14}, line_amounts: exclusive}
taxes: {VAT20: OUTPUT2}
lines: [{id: all, then: {account: "200"}}]
milestones:
  - {code: DEP, name: deposit, on_status: [done], amount: {percent: 30}}
  - {code: FIN, name: completion, on_status: [done], amount: remaining}
"""
NO_PRICE = [("Price to come", "1", None)]


@pytest_asyncio.fixture(loop_scope="session")
async def acme(tmp_path: Path) -> AsyncIterator[Steps]:
    async with steps_world(tmp_path) as world:
        yield world


async def test_an_idle_poll_asks_xero_nothing(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    acme.forget_calls()
    run = await acme.poll()
    assert (run.results, acme.calls()) == ([], 0)


async def test_held_jobs_whose_trouble_stands_cost_polls_no_call(acme: Steps) -> None:
    acme.job("A-1", items=NO_PRICE)
    acme.org.archive_account("210", acme.sandbox.clock())
    acme.job("A-2")
    await acme.poll()
    acme.forget_calls()
    for _ in range(3):
        acme.later(minutes=5)
        assert [result.status for result in (await acme.poll()).results] == ["held", "held"]
    assert acme.calls() == 0


async def test_a_refusal_of_xero_is_not_sent_again_by_every_poll(acme: Steps) -> None:
    acme.job("A-0")
    await acme.poll()
    theirs = replace(acme.invoices[0], id="0c7f4a0e-52b8-4a60-9a3f-111111111111", number="A-1-FIN", url=None)
    acme.org.invoices.save(theirs)
    acme.job("A-1")
    first = only(await acme.poll())
    assert (first.status, first.code) == ("held", "invoice_number_taken")
    acme.forget_calls()
    acme.later(minutes=5)
    second = only(await acme.poll())
    assert (second.status, second.why, acme.calls()) == ("held", first.why, 0)
    acme.later(hours=2)
    assert only(await acme.poll()).status == "held"
    assert acme.calls("PUT", "/Invoices") == 1


async def test_a_plan_writes_nothing_and_the_poll_after_it_bills_all(acme: Steps) -> None:
    acme.job()
    plan = await acme.poll("person", plan=True)
    assert only(plan).status == "planned"
    assert (await acme.rows(), acme.invoices) == ({}, [])
    assert only(await acme.poll()).status == "done"


async def test_an_unknown_id_that_a_person_named_is_not_tried_by_later_polls(acme: Steps) -> None:
    run = await acme.poll("person", ["no-such-job"])
    assert [problem.job_id for problem in run.problems] == ["no-such-job"]
    async with open_database(acme.installation) as db, db.read() as c:
        assert await unread(c, "acme") == []
    assert (await acme.poll()).problems == []


async def test_a_job_from_before_the_rule_book_is_held_alone(acme: Steps) -> None:
    acme.job("A-1", done_at=datetime(2019, 5, 1, tzinfo=UTC))
    acme.job("A-2")
    results = {result.job.number: (result.status, result.code) for result in (await acme.poll()).results}
    assert results == {"A-1": ("held", "before_rule_book"), "A-2": ("done", "")}


async def test_what_waits_for_a_stage_that_is_not_due_any_more_is_skipped(acme: Steps) -> None:
    acme.job(items=NO_PRICE)
    await acme.poll()
    assert (await acme.row()).status == "held"
    acme.job(state="scheduled", items=None, done_at=None)
    assert (await acme.poll()).results == []
    row = await acme.row()
    assert (row.status, row.trouble_code) == ("skipped", "not_due")


async def test_a_job_that_was_cancelled_while_it_was_held_is_not_billed(acme: Steps) -> None:
    acme.org.archive_account("210", acme.sandbox.clock())
    acme.job("A-1")
    acme.job("A-2")
    await acme.poll()
    acme.job("A-1", state="cancelled")  # which the system does not list
    archived = acme.org.account("210")
    assert archived is not None
    acme.org.accounts.save(replace(archived, status="ACTIVE", updated=acme.sandbox.clock()))
    acme.later(hours=2)
    run = await acme.poll()
    assert {r.job.number: (r.status, r.code) for r in run.results} == {
        "A-1": ("skipped", "changed_since"),
        "A-2": ("done", ""),
    }
    await acme.poll()
    assert len(acme.invoices) == 1
    assert (await acme.row("A-1 FIN")).trouble_code == "not_due"


async def test_two_stages_on_one_status_add_up_in_one_run(tmp_path: Path) -> None:
    async with steps_world(tmp_path, TWO_AT_ONCE) as acme:
        acme.job()
        run = await acme.poll()
        assert [(result.milestone.code, result.status) for result in run.results] == [("DEP", "done"), ("FIN", "done")]
        assert sum(invoice.sub_total for invoice in acme.invoices) == 720


async def test_a_stage_that_failed_is_not_counted_as_billed_by_the_next(tmp_path: Path) -> None:
    async with steps_world(tmp_path, TWO_AT_ONCE) as acme:
        acme.job()
        acme.fault("status", status=403, body="no")
        with pytest.raises(AuthError):
            await acme.poll()
        await acme.poll()
        assert sum(invoice.sub_total for invoice in acme.invoices) == 720


async def test_two_runs_at_the_same_moment_bill_a_job_once(acme: Steps) -> None:
    for number in range(4):
        acme.job(f"A-{number}")
    runs = await asyncio.gather(acme.poll(), acme.poll())
    statuses = sorted(result.status for run in runs for result in run.results)
    assert statuses.count("done") == 4
    assert set(statuses) <= {"done", "skipped"}
    assert len(acme.invoices) == 4
    names = [contact.fields["Name"] for contact in acme.org.contacts]
    assert len(names) == len(set(names))


async def test_a_body_that_xero_refuses_whole_is_cut_until_the_odd_bill_is_alone(acme: Steps) -> None:
    ids = [acme.job(f"A-{number}") for number in range(4)]
    acme.fault("status", status=400, body="{}", times=2)
    acme.fault("status", status=400, body="{}", skip=0)
    run = await acme.poll()
    assert sorted(result.status for result in run.results) == ["done", "done", "done", "held"]
    assert len(acme.invoices) == 3
    await acme.poll("person", ids)
    assert len(acme.invoices) == 4


async def test_a_lost_sign_in_ends_the_run_and_loses_nothing(acme: Steps) -> None:
    acme.job()
    acme.fault(
        "status", status=403, body='{"Detail": "AuthenticationUnsuccessful"}', headers={"content-type": "application/json"}
    )
    with pytest.raises(AuthError):
        await acme.poll()
    assert (await acme.row()).status == "planned"
    assert only(await acme.poll()).status == "done"


async def test_a_voided_invoice_is_held_and_not_made_again(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    acme.org.invoices.save(replace(acme.invoices[0], status="DELETED"))
    async with open_database(acme.installation) as db, db.write() as c:
        await billings.update_invoice_statuses(c, {(await _id(acme)): "DELETED"}, acme.clock())
    acme.job(items=[*ITEMS, ("Extra", "1", "10")])
    result = only(await acme.poll())
    assert (result.status, result.code) == ("held", "invoice_gone")
    assert "A-1-FIN was deleted in Xero" in result.why
    assert acme.invoices == []


async def _id(acme: Steps) -> str:
    job_id = acme.sandbox.fieldbook.account("albion").by_ref("A-1")
    assert job_id is not None
    return str(BillingKey(connection="acme", job_id=job_id.id, milestone="FIN").id)


async def test_a_contact_made_by_a_run_that_died_is_found_by_its_number(acme: Steps) -> None:
    acme.job()
    acme.fault("drop_after", path="*/Contacts", times=2)
    assert only(await acme.poll()).status == "failed"
    assert only(await acme.poll()).status == "done"
    assert [contact.fields["Name"] for contact in acme.org.contacts].count("Customer A-1") == 1


async def test_a_name_that_is_a_strangers_gets_the_customers_number_behind_it(acme: Steps) -> None:
    know(acme.org, "Sam Smith", email="someone@else.example")
    acme.job(customer={"name": "Sam Smith", "email": "sam@example.com", "is_person": True})
    assert only(await acme.poll()).status == "done"
    names = sorted(str(c.fields["Name"]) for c in acme.org.contacts if "Sam Smith" in str(c.fields["Name"]))
    assert (names[0], len(names)) == ("Sam Smith", 2)
    assert names[1].startswith("Sam Smith (cus_")


async def test_a_note_is_left_once_and_a_job_that_is_gone_is_given_up(acme: Steps) -> None:
    kept = acme.job("A-1")
    acme.job("A-2")
    await acme.poll()
    gone = acme.sandbox.fieldbook.account("albion").by_ref("A-2")
    assert gone is not None
    del acme.sandbox.fieldbook.account("albion").jobs[gone.id]
    async with acme.workspace() as workspace:
        assert (await tell.write_back(workspace)).failed == 0
        assert (await tell.write_back(workspace)).told == 0
    notes = acme.sandbox.fieldbook.account("albion").notes
    assert {job_id: len(left) for job_id, left in notes.items() if left} == {kept: 1}


async def test_verify_names_what_is_still_unanswered_and_what_is_gone(acme: Steps) -> None:
    acme.job("A-1")
    await acme.poll()
    acme.job("A-2")
    acme.fault("drop_before", times=2)
    await acme.poll()
    async with acme.workspace() as workspace:
        (finding,) = (await verify_billings(workspace)).findings
        assert (finding.job, finding.why) == ("A-2", "It was sent, and its answer is not known yet.")
        acme.org.invoices.save(replace(acme.invoices[0], status="DELETED"))
        findings = (await verify_billings(workspace)).findings
    assert "It was voided or deleted there." in {f.job: f.why for f in findings}["A-1"]


async def test_a_connection_that_moves_to_another_job_system_bills_from_that_day_on(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    moved = acme.connection.model_copy(update={"platform": ServiceM8Settings(kind="servicem8", api_key=SecretStr("a-key"))})
    async with open_database(acme.installation) as db, db.write() as c:
        before = await get_connection(c, acme.connection.name)
        await register(c, acme.connection, acme.clock())
        assert await get_connection(c, acme.connection.name) == replace(before, updated_at=ANY)
        assert before.poll_cursor
        await register(c, moved, acme.clock())
        after = await get_connection(c, acme.connection.name)
    assert (after.platform_kind, after.poll_cursor, after.live_from) == ("servicem8", None, acme.clock().date())
