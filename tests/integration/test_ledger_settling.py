"""Settling: what became of a request is recorded once, whole, and only by the process that holds it."""

from decimal import Decimal

import pytest

from milepost.ledger.billings import (
    AnswerMeta,
    BillingStatus,
    Claim,
    Settled,
    claim,
    get,
    save_decisions,
    settle,
)
from milepost.ledger.database import Database
from milepost.ledger.requests import get_request, take_over, unsettled
from tests.integration.test_ledger_decisions import done
from tests.ledger_values import LEASE, NOW, bill, job, minutes, new_request

pytest_plugins = ["tests.ledger_fixtures"]
LATER = NOW + minutes(1)


async def sending(ledger: Database, *job_ids: str, owner: str | None = None) -> list[str]:
    jobs = [job(job_id) for job_id in job_ids]
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(of, bill(of)) for of in jobs], NOW)
        claims = [Claim(str(bill(of).key.id), f"x-{of.id}") for of in jobs]
        return await claim(c, claims, new_request(owner=owner), NOW)


async def test_each_billing_of_a_mixed_answer_gets_its_own_outcome(ledger: Database) -> None:
    made, refused, away, unsent = await sending(ledger, "j1", "j2", "j3", "j4")
    outcomes = [
        done(made),
        Settled.held(refused, code="account_archived", why="Account 200 is archived.", fix="Restore it in Xero."),
        Settled.failed(away, why="Xero was away.", fix="It is tried again.", next_attempt_at=NOW + minutes(10)),
        Settled.planned(unsent),
    ]
    async with ledger.write() as c:
        assert await settle(c, "r1", outcomes, AnswerMeta(200, "corr-1"), LATER) == [made, refused, away, unsent]
        rows = [await get(c, billing_id) for billing_id in (made, refused, away, unsent)]
        request = await get_request(c, "r1")
    one, two, three, four = [row for row in rows if row is not None]
    assert [row.status for row in (one, two, three, four)] == ["done", "held", "failed", "planned"]
    assert (one.invoice_id, one.invoice_number, one.invoice_total) == (f"inv-{made}", "INV-0001", Decimal("115.00"))
    assert (one.done_at, two.done_at) == (LATER, None)
    assert (two.trouble_code, two.trouble_fix) == ("account_archived", "Restore it in Xero.")
    assert (three.trouble_why, three.next_attempt_at) == ("Xero was away.", NOW + minutes(10))
    assert (four.request_id, four.trouble_why) == (None, None)
    assert request is not None
    assert (request.status, request.http_status, request.correlation_id) == ("settled", 200, "corr-1")
    assert request.settled_at == LATER


async def test_a_settled_request_is_settled_once(ledger: Database) -> None:
    (billing_id,) = await sending(ledger, "j1")
    async with ledger.write() as c:
        await settle(c, "r1", [done(billing_id)], AnswerMeta(200), NOW)
        assert await settle(c, "r1", [Settled.planned(billing_id)], AnswerMeta(503), LATER) == []
        row = await get(c, billing_id)
        assert row is not None
        assert row.status is BillingStatus.DONE
        assert await unsettled(c, "acme") == []


async def test_a_late_answer_does_not_undo_what_the_new_owner_is_about(ledger: Database) -> None:
    (billing_id,) = await sending(ledger, "j1", owner="a process that was held up")
    async with ledger.write() as c:
        assert await take_over(c, "r1", new_request().owner, NOW + minutes(5) + LEASE, NOW + minutes(5))
        late = await settle(
            c, "r1", [Settled.planned(billing_id)], AnswerMeta(429), LATER, owner="a process that was held up"
        )
        assert late == []
        row = await get(c, billing_id)
        assert row is not None
        assert row.status is BillingStatus.SENDING
        assert await settle(c, "r1", [done(billing_id)], AnswerMeta(200), LATER) == [billing_id]


async def test_outcomes_must_be_of_all_that_the_request_carries(ledger: Database) -> None:
    one, _ = await sending(ledger, "j1", "j2")
    async with ledger.write() as c:
        with pytest.raises(ValueError, match="carries 2 billings, outcomes are for 1"):
            await settle(c, "r1", [done(one)], AnswerMeta(200), LATER)
        row = await get(c, one)
        assert row is not None
        assert row.status is BillingStatus.SENDING
        assert len(await unsettled(c, "acme")) == 1


async def test_a_billing_that_failed_can_be_claimed_again_under_another_request(ledger: Database) -> None:
    (billing_id,) = await sending(ledger, "j1")
    async with ledger.write() as c:
        failed = Settled.failed(billing_id, why="Xero was away.", fix="It is tried again.", next_attempt_at=LATER)
        await settle(c, "r1", [failed], AnswerMeta(503), NOW)
        await claim(c, [Claim(billing_id, "x")], new_request("r2"), LATER)
        row, old = await get(c, billing_id), await get_request(c, "r1")
    assert row is not None
    assert (row.status, row.request_id, row.attempts, row.next_attempt_at) == (BillingStatus.SENDING, "r2", 2, None)
    assert old is not None
    assert old.billing_ids == ()
