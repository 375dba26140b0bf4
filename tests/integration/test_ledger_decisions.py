"""Decisions become rows, and a row whose invoice exists or may exist is never touched again."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.decision import Bill, Hold, Skip
from milepost.jobs import Job
from milepost.ledger.billings import (
    AnswerMeta,
    BillingRow,
    BillingStatus,
    Claim,
    Settled,
    claim,
    counts,
    get,
    rows_of,
    save_decisions,
    settle,
)
from milepost.ledger.database import Database
from tests.ledger_values import NOW, bill, hold, job, minutes, new_request, skip

pytest_plugins = ["tests.ledger_fixtures"]

Decisions = list[tuple[Job, Bill | Hold | Skip]]


async def only(c: AsyncConnection, of: Job) -> BillingRow:
    (row,) = await rows_of(c, "acme", [of.id])
    return row


async def test_a_bill_is_planned_with_its_sums_and_its_whole_reason(ledger: Database) -> None:
    decided = bill(job("j1"), amount="123.45")
    async with ledger.write() as c:
        saved = await save_decisions(c, "run-1", [(job("j1"), decided)], NOW)
        row = await only(c, job("j1"))
    assert (saved.planned, saved.held, saved.skipped, saved.unchanged) == (1, 0, 0, 0)
    assert row.status is BillingStatus.PLANNED
    assert row.id == str(decided.key.id)
    assert (row.sub_total, row.total_tax, row.total) == (Decimal("123.45"), Decimal("18.52"), Decimal("141.97"))
    assert (row.job_number, row.customer_id, row.currency, row.run_id) == ("J1", "c-j1", "NZD", "run-1")
    assert row.decided() == decided


async def test_a_hold_keeps_what_is_wrong_and_how_to_mend_it(ledger: Database) -> None:
    async with ledger.write() as c:
        saved = await save_decisions(c, "run-1", [(job("j1"), hold(job("j1")))], NOW)
        row = await only(c, job("j1"))
    assert saved.new_hold_ids == (row.id,)
    assert (row.status, row.trouble_code, row.trouble_fix) == (BillingStatus.HELD, "no_lines", "Add a line to the job.")
    assert row.total is None


async def test_the_same_decision_again_changes_nothing(ledger: Database) -> None:
    decisions: Decisions = [(job("j1"), bill(job("j1"))), (job("j2"), hold(job("j2"))), (job("j3"), skip(job("j3")))]
    async with ledger.write() as c:
        await save_decisions(c, "run-1", decisions, NOW)
        before = await rows_of(c, "acme", ["j1", "j2", "j3"])
        again = await save_decisions(c, "run-2", decisions, NOW + minutes(5))
        assert await rows_of(c, "acme", ["j1", "j2", "j3"]) == before
    assert (again.planned, again.held, again.skipped, again.unchanged) == (0, 0, 0, 3)
    assert again.new_hold_ids == again.cleared_ids == ()


@pytest.mark.parametrize(
    ("then", "cleared", "new"),
    [
        (bill(job()), True, False),
        (skip(job()), True, False),
        (hold(job(), why="It has no price."), False, True),
        (hold(job()), False, False),
    ],
    ids=["billable", "nothing to bill", "another trouble", "the same trouble"],
)
async def test_saving_tells_which_holds_cleared_and_which_are_news(
    ledger: Database, then: Bill | Hold | Skip, cleared: bool, new: bool
) -> None:
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(job(), hold(job()))], NOW)
        saved = await save_decisions(c, "run-2", [(job(), then)], NOW + minutes(5))
    assert (saved.cleared_ids == (str(then.key.id),), bool(saved.new_hold_ids)) == (cleared, new)


async def test_a_failed_billing_that_is_decided_again_is_planned_and_cleared(ledger: Database) -> None:
    of = job()
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(of, bill(of))], NOW)
        (billing_id,) = await claim(c, [Claim(str(bill(of).key.id), "x")], new_request(), NOW)
        gone = Settled.failed(billing_id, why="Xero was away.", fix="Nothing to do.", next_attempt_at=NOW + minutes(10))
        await settle(c, "r1", [gone], AnswerMeta(503), NOW)
        saved = await save_decisions(c, "run-2", [(of, bill(of))], NOW + minutes(5))
        row = await only(c, of)
    assert saved.cleared_ids == (billing_id,)
    assert (row.status, row.trouble_why, row.next_attempt_at, row.attempts) == (BillingStatus.PLANNED, None, None, 1)


@pytest.mark.parametrize("live", ["sending", "done"])
@pytest.mark.parametrize("then", [bill(job(), amount="999.00"), hold(job()), skip(job())], ids=["bill", "hold", "skip"])
async def test_a_billing_whose_invoice_may_exist_is_left_alone(
    ledger: Database, live: str, then: Bill | Hold | Skip
) -> None:
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(job(), bill(job()))], NOW)
        (billing_id,) = await claim(c, [Claim(str(bill(job()).key.id), "x")], new_request(), NOW)
        if live == "done":
            await settle(c, "r1", [done(billing_id)], AnswerMeta(200), NOW)
        before = await only(c, job())
        saved = await save_decisions(c, "run-2", [(job(), then)], NOW + minutes(5))
        assert await only(c, job()) == before
    assert saved.live_ids == (billing_id,)
    assert (saved.planned, saved.held, saved.skipped, saved.unchanged) == (0, 0, 0, 0)


async def test_a_thousand_decisions_are_kept_each_under_its_own_key(ledger: Database) -> None:
    jobs = [job(f"j{place}") for place in range(1200)]
    async with ledger.write() as c:
        saved = await save_decisions(c, "run-1", [(of, bill(of)) for of in jobs], NOW)
        assert saved.planned == 1200
        assert await counts(c, "acme") == {"planned": 1200}
        assert len(await rows_of(c, "acme", [of.id for of in jobs])) == 1200


@pytest.mark.parametrize("odd", ["x" * 5000, "nul\0nul", "🚿" * 300, "'; DROP TABLE billings; --"])
async def test_one_odd_job_does_not_sink_the_batch_it_is_in(ledger: Database, odd: str) -> None:
    strange = job("odd", number=odd, title=odd)
    decisions: Decisions = [(job("j1"), bill(job("j1"))), (strange, hold(strange, why=f"Number {odd} is odd."))]
    async with ledger.write() as c:
        await save_decisions(c, "run-1", decisions, NOW)
        assert await counts(c, "acme") == {"planned": 1, "held": 1}
        assert (await only(c, strange)).job_number == odd.replace("\0", "")[:200]


def done(billing_id: str) -> Settled:
    return Settled.done(
        billing_id,
        invoice_id=f"inv-{billing_id}",
        invoice_number="INV-0001",
        invoice_status="AUTHORISED",
        invoice_total=Decimal("115.00"),
        invoice_tax=Decimal("15.00"),
    )


STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["bill", "bill other", "hold", "skip", "claim", "done", "held", "failed", "planned"]),
    ),
    max_size=25,
)
DECIDED = {"bill": "planned", "bill other": "planned", "hold": "held", "skip": "skipped"}


def decision_of(of: Job, what: str) -> Bill | Hold | Skip:
    if what == "hold":
        return hold(of)
    return skip(of) if what == "skip" else bill(of, amount="50.00" if what == "bill other" else "100.00")


class Model:
    """What must be true of four billings, kept by the plainest means."""

    def __init__(self) -> None:
        self.status: dict[str, str] = {}
        self.sent: dict[str, tuple[str, BillingRow]] = {}

    async def step(self, c: AsyncConnection, of: Job, what: str, place: int) -> None:
        billing_id = str(bill(of).key.id)
        status = self.status.get(billing_id)
        if what in DECIDED:
            await save_decisions(c, f"run-{place}", [(of, decision_of(of, what))], NOW + minutes(place))
            if status not in ("sending", "done"):
                self.status[billing_id] = DECIDED[what]
        elif what == "claim" and status in ("planned", "failed"):
            await claim(c, [Claim(billing_id, "x")], new_request(f"r{place}"), NOW + minutes(place))
            self.status[billing_id] = "sending"
            await self.remember(c, billing_id, f"r{place}")
        elif status == "sending" and what in ("done", "held", "failed", "planned"):
            await settle(c, self.sent[billing_id][0], [outcome(billing_id, what)], AnswerMeta(200), NOW)
            self.status[billing_id] = what
            await self.remember(c, billing_id, self.sent[billing_id][0])

    async def remember(self, c: AsyncConnection, billing_id: str, request_id: str) -> None:
        row = await get(c, billing_id)
        assert row is not None
        self.sent[billing_id] = (request_id, row)

    async def check(self, c: AsyncConnection) -> None:
        for billing_id, status in self.status.items():
            row = await get(c, billing_id)
            assert row is not None
            assert row.status == status
            if status in ("sending", "done"):
                assert row == self.sent[billing_id][1], "a live row was touched"


def outcome(billing_id: str, what: str) -> Settled:
    if what == "done":
        return done(billing_id)
    if what == "held":
        return Settled.held(billing_id, code="xero_refused", why="It is archived.", fix="Restore it.")
    if what == "failed":
        return Settled.failed(billing_id, why="Xero was away.", fix="Nothing.", next_attempt_at=NOW)
    return Settled.planned(billing_id)


@given(steps=STEPS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
async def test_whatever_happens_in_whatever_order_a_live_row_is_never_touched(
    ledger: Database, steps: list[tuple[int, str]]
) -> None:
    async with ledger.engine.connect() as c:
        model = Model()
        for place, (which, what) in enumerate(steps):
            await model.step(c, job(f"j{which}"), what, place)
            await model.check(c)
        await c.rollback()
