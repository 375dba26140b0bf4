"""Recovery against a local Xero: an invoice whose answer was lost is found, or made again, and never made twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from milepost.ledger.database import open_database
from milepost.ledger.tables import requests
from milepost.steps import contacts, decide, invoices
from milepost.steps.run import BillingRun
from tests.integration.steps_world import Steps, only, steps_world


@pytest_asyncio.fixture(loop_scope="session")
async def acme(tmp_path: Path) -> AsyncIterator[Steps]:
    async with steps_world(tmp_path) as world:
        yield world


async def test_an_answer_lost_after_saving_is_asked_for_again_in_the_same_run(acme: Steps) -> None:
    acme.job()
    acme.fault("drop_after")
    run = await acme.poll()
    result = only(run)
    assert (result.status, result.invoice_number) == ("done", "A-1-FIN")
    assert (len(acme.invoices), acme.calls("PUT", "/Invoices")) == (1, 2)
    assert await acme.open_requests() == []
    assert run.recovered == 0  # of this run's own sending


@pytest.mark.parametrize(
    ("when", "made"), [("before_saving", 0), ("after_saving", 1)], ids=["before it saved", "after it saved"]
)
async def test_an_error_that_xero_remembers_is_settled_by_looking(acme: Steps, when: str, made: int) -> None:
    acme.job()
    acme.breaks(when)
    result = only(await acme.poll())
    assert len(acme.invoices) == made
    if made:
        assert (result.status, result.invoice_id) == ("done", acme.invoices[0].id)
    else:
        assert (result.status, result.code) == ("failed", "remote_failed")
        assert "No invoice was made." in result.why
        row = await acme.row()
        assert (row.status, row.trouble_why) == ("failed", result.why)
        assert only(await acme.poll()).status == "done"
    assert len(acme.invoices) == 1


async def test_xero_away_is_told_in_plain_words_that_do_not_change(acme: Steps) -> None:
    acme.job()
    acme.fault("status", status=503, body="API is currently unavailable", times=4)
    told = [only(await acme.poll()).why for _ in range(2)]
    assert set(told) == {"Xero was away (HTTP 503: API is currently unavailable). No invoice was made."}
    assert only(await acme.poll()).status == "done"
    assert len(acme.invoices) == 1


@pytest.mark.parametrize(
    "fault", [{"kind": "drop_before"}, {"kind": "status", "status": 502}], ids=["no answer", "a gateway's 502"]
)
async def test_what_may_still_be_at_work_is_not_sent_anew(acme: Steps, fault: dict[str, Any]) -> None:
    acme.job()
    acme.fault(**fault, times=2)
    result = only(await acme.poll())
    assert (result.status, result.code) == ("sending", "answer_lost")
    assert "not known yet" in result.why
    acme.later(minutes=1)
    acme.fault(**fault, times=1)
    assert [r.status for r in (await acme.poll()).results] == ["sending"]  # told by every run until it is known
    assert acme.invoices == []
    acme.later(minutes=10)
    run = await acme.poll()  # Xero can no longer be at work on it, and holds none: it is made now
    assert [r.status for r in run.results] == ["done"]
    assert len(acme.invoices) == 1


async def test_a_repeat_that_xero_refuses_says_nothing_of_the_first_sending(acme: Steps) -> None:
    acme.job()
    acme.fault("drop_before")
    acme.fault("status", status=503, body="API is currently unavailable")
    assert only(await acme.poll()).status == "sending"
    assert (await acme.row()).status == "sending"


async def test_runs_close_together_do_not_keep_an_unanswered_request_young(acme: Steps) -> None:
    acme.job()
    acme.fault("drop_before", times=2)
    await acme.poll()
    for minute in range(9):
        acme.later(minutes=1)
        if minute < 4:
            acme.fault("drop_before")
        await acme.poll()
    assert (await acme.row()).status == "done"
    assert len(acme.invoices) == 1


async def crashed(acme: Steps, *, before_sending: bool) -> None:
    """A run of a process that died around the sending: its request is frozen, and the process is gone."""
    async with acme.workspace() as workspace:
        run = BillingRun("a-run", "poll", workspace)
        await acme.gather(run)
        for milestone in run.milestones:
            results = await decide.decide_milestone(run, milestone.code)
            await invoices_up_to(acme, run, results, before_sending=before_sending)
    await lose_owner(acme)


async def invoices_up_to(acme: Steps, run: BillingRun, results: Any, *, before_sending: bool) -> None:
    await contacts.settle_contacts(run, results)
    acme.fault("drop_before" if before_sending else "drop_after")
    await invoices.create_invoices(run, results)


async def end_lease(acme: Steps) -> None:
    """The time has passed in which the process elsewhere may still be at work."""
    async with open_database(acme.installation) as db, db.write() as c:
        await c.execute(requests.update().values(lease_until=acme.clock()))


async def lose_owner(acme: Steps) -> None:
    """As after kill -9: the request is held by a process that is not there any more."""
    async with open_database(acme.installation) as db, db.write() as c:
        await c.execute(
            requests.update().values(owner="elsewhere|pid:1@1", lease_until=acme.clock() + timedelta(minutes=10))
        )


@pytest.mark.parametrize("before_sending", [True, False])
@pytest.mark.parametrize("minutes", [1, 30], ids=["inside the window", "after it"])
async def test_what_a_dead_process_sent_ends_as_one_invoice(acme: Steps, before_sending: bool, minutes: int) -> None:
    acme.job()
    await crashed(acme, before_sending=before_sending)
    await end_lease(acme)
    acme.later(minutes=minutes)
    acme.forget_calls()
    run = await acme.poll()
    assert [result.status for result in run.results] == ["done"]
    assert len(acme.invoices) == 1
    assert acme.calls("PUT", "/Invoices") == (1 if before_sending or minutes == 1 else 0)
    assert await acme.open_requests() == []
    again = await acme.poll()
    assert again.results == []


async def test_an_invoice_found_twice_waits_for_a_person_and_nothing_is_sent(acme: Steps) -> None:
    acme.job()
    await crashed(acme, before_sending=False)
    await end_lease(acme)
    (first,) = acme.invoices
    second = acme.org.invoices.save(replace(first, id="5b1f2c66-9a7f-4d8e-8c41-0f6f3f8a2b11", number="A-1-COPY"))
    acme.later(minutes=30)
    for _ in range(2):
        result = only(await acme.poll())
        assert (result.status, result.code) == ("sending", "ambiguous")
        assert "A-1-COPY, A-1-FIN" in result.why
        row = await acme.row()
        assert (row.trouble_code, row.trouble_why) == ("ambiguous", result.why)
        assert f"milepost queue by-hand {row.id} --reason TEXT --invoice NUMBER" in result.fix
        assert len(acme.invoices) == 2
        acme.later(minutes=5)
    acme.org.invoices.save(replace(first, status="DELETED"))
    result = only(await acme.poll())
    assert (result.status, result.invoice_id) == ("done", second.id)


async def test_an_invoice_that_was_made_and_deleted_before_it_was_found_is_not_made_again(acme: Steps) -> None:
    acme.job()
    await crashed(acme, before_sending=False)
    await end_lease(acme)
    acme.org.invoices.save(replace(acme.invoices[0], status="DELETED"))
    acme.later(minutes=30)
    run = await acme.poll()
    assert [(r.status, r.code) for r in run.results if r.status == "held"] == [("held", "invoice_gone")]
    assert acme.invoices == []
    assert (await acme.row()).is_gone


async def test_a_request_sent_to_another_organisation_is_left_alone(acme: Steps) -> None:
    acme.job()
    await crashed(acme, before_sending=True)
    async with open_database(acme.installation) as db, db.write() as c:
        await c.execute(requests.update().values(lease_until=acme.clock(), tenant_id="another"))
    acme.later(minutes=30)
    result = only(await acme.poll())
    assert (result.status, result.code) == ("sending", "other_organisation")
    assert f"milepost queue by-hand {(await acme.row()).id}" in result.fix
    assert acme.invoices == []


async def test_a_last_stage_waits_until_it_is_known_whether_the_stage_before_it_was_made(acme: Steps) -> None:
    acme.job(state="accepted")
    await crashed(acme, before_sending=True)
    await lose_owner(acme)
    acme.job()
    result = only(await acme.poll())
    assert (result.milestone.code, result.status) == ("FIN", "skipped")
    assert acme.invoices == []
    await end_lease(acme)
    acme.later(minutes=30)
    await acme.poll()
    assert [invoice.total for invoice in acme.invoices] == [Decimal("864.00")]  # (485.00 + 235.00) and 20 % VAT: all of it
    assert {name: row.status.value for name, row in (await acme.rows()).items()} == {"A-1 DEP": "skipped", "A-1 FIN": "done"}


async def test_a_repeat_that_would_reach_xero_after_it_has_forgotten_the_key_is_not_sent(acme: Steps) -> None:
    acme.job()
    await crashed(acme, before_sending=False)
    await end_lease(acme)
    acme.later(seconds=297)
    acme.fault("status", status=429, headers={"X-Rate-Limit-Problem": "minute", "Retry-After": "4"})
    acme.forget_calls()
    assert only(await acme.poll()).status == "sending"
    assert acme.calls("PUT", "/Invoices") == 1  # the one that met the limit
    acme.later(seconds=30)
    assert only(await acme.poll()).status == "done"
    assert (len(acme.invoices), acme.calls("PUT", "/Invoices")) == (1, 1)


async def test_what_a_process_that_is_not_seen_to_end_froze_is_sent_anew_only_when_it_can_send_it_no_more(
    acme: Steps,
) -> None:
    """It may only sleep, and wake: its invoice is looked for soon after its lease, and made anew ten minutes later."""
    acme.job()
    await crashed(acme, before_sending=True)
    await end_lease(acme)
    acme.later(minutes=6)  # Xero has forgotten the key, so nothing is repeated
    acme.forget_calls()
    for _ in range(2):
        assert only(await acme.poll()).status == "sending"
        acme.later(minutes=2)
    assert (acme.calls("PUT", "/Invoices"), acme.calls("GET", "/Invoices")) == (0, 2)
    acme.later(minutes=3)
    assert only(await acme.poll()).status == "done"
    assert len(acme.invoices) == 1
