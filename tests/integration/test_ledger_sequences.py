"""A stage's further invoices in the ledger: each a row of its own, and each known to the decision after it."""

from decimal import Decimal

import pytest

from milepost.billing.decision import Credit, Skip
from milepost.billing.facts import History
from milepost.ledger.billings import (
    AnswerMeta,
    Claim,
    ClaimLost,
    claim,
    history,
    rows_of,
    save_decisions,
    settle,
    update_invoice_statuses,
)
from milepost.ledger.database import Database
from milepost.money import LineAmountTypes
from tests.integration.test_ledger_decisions import done
from tests.ledger_values import NOW, bill, hold, invoice_line, job, key, new_request

pytest_plugins = ["tests.ledger_fixtures"]

JOB = job("j1")
LATER = job("j1", title="Hot water cylinder and valve")


async def billed_once(ledger: Database) -> str:
    first = bill(JOB, amount="100.00")
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(JOB, first)], NOW)
        (billing_id,) = await claim(c, [Claim(str(first.key.id), "x-j1", first, History())], new_request("r1"), NOW)
        await settle(c, "r1", [done(billing_id)], AnswerMeta(), NOW)
    return billing_id


async def known(ledger: Database) -> History:
    async with ledger.read() as c:
        return (await history(c, "acme", ["j1"]))["j1"]


async def statuses(ledger: Database) -> list[tuple[int, str]]:
    async with ledger.read() as c:
        return sorted((row.sequence, row.status.value) for row in await rows_of(c, "acme", ["j1"]))


def nothing_more(sequence: int = 2) -> Skip:
    return Skip(key=key(JOB, sequence=sequence), code="already_billed", why="The job still comes to what was billed.")


async def test_a_second_invoice_is_claimed_in_the_knowledge_of_the_first(ledger: Database) -> None:
    await billed_once(ledger)
    before = await known(ledger)
    assert ([b.sequence for b in before.billed], before.next_sequence("FIN")) == ([1], 2)
    second = bill(LATER, amount="20.00", sequence=2)
    async with ledger.write() as c:
        await save_decisions(c, "run-2", [(LATER, second)], NOW)
        (billing_id,) = await claim(c, [Claim(str(second.key.id), "x-j1", second, before)], new_request("r2"), NOW)
        await settle(c, "r2", [done(billing_id)], AnswerMeta(), NOW)
    after = await known(ledger)
    assert [(b.sequence, b.sub_total) for b in after.billed] == [(1, Decimal("100.00")), (2, Decimal("20.00"))]
    assert after.next_sequence("FIN") == 3
    assert await statuses(ledger) == [(1, "done"), (2, "done")]


async def test_a_second_invoice_decided_without_the_first_is_not_sent(ledger: Database) -> None:
    await billed_once(ledger)
    second = bill(LATER, amount="20.00", sequence=2)
    async with ledger.write() as c:
        await save_decisions(c, "run-2", [(LATER, second)], NOW)
        with pytest.raises(ClaimLost):
            await claim(c, [Claim(str(second.key.id), "x-j1", second, History())], new_request("r2"), NOW)


async def test_that_nothing_more_is_due_leaves_no_row_and_closes_one_that_is_open(ledger: Database) -> None:
    await billed_once(ledger)
    async with ledger.write() as c:
        await save_decisions(c, "run-2", [(JOB, nothing_more())], NOW)
    assert await statuses(ledger) == [(1, "done")]
    waiting = hold(LATER).model_copy(update={"key": key(JOB, sequence=2)})
    async with ledger.write() as c:
        await save_decisions(c, "run-3", [(LATER, waiting)], NOW)
    assert await statuses(ledger) == [(1, "done"), (2, "held")]
    async with ledger.write() as c:
        saved = await save_decisions(c, "run-4", [(JOB, nothing_more())], NOW)
    assert (await statuses(ledger), len(saved.cleared_ids)) == ([(1, "done"), (2, "skipped")], 1)


async def test_an_invoice_that_was_voided_gives_its_number_in_the_row_back_to_nobody(ledger: Database) -> None:
    """The next decision is of the first again; its row is done, so that a person is asked before it is billed anew."""
    billing_id = await billed_once(ledger)
    async with ledger.write() as c:
        await update_invoice_statuses(c, {billing_id: "VOIDED"}, NOW)
    assert (await known(ledger)).next_sequence("FIN") == 1
    async with ledger.write() as c:
        saved = await save_decisions(c, "run-2", [(LATER, bill(LATER))], NOW)
    assert saved.live_ids == (billing_id,)


async def test_a_credit_is_kept_as_held_with_all_it_says(ledger: Database) -> None:
    await billed_once(ledger)
    credit = Credit(
        key=key(JOB, "CRD"),
        why="The job is 'Cancelled', and INV-1 (115.00) was billed.",
        fix="Credit INV-1 (115.00) in Xero, or keep the amount as a cancellation fee.",
        invoices=("INV-1",),
        lines=(invoice_line(Decimal("100.00")),),
        line_amount_types=LineAmountTypes.EXCLUSIVE,
        currency="NZD",
        sub_total=Decimal("100.00"),
        total_tax=Decimal("15.00"),
        total=Decimal("115.00"),
    )
    async with ledger.write() as c:
        saved = await save_decisions(c, "run-2", [(JOB, credit)], NOW)
        (row,) = [row for row in await rows_of(c, "acme", ["j1"]) if row.milestone == "CRD"]
    assert (saved.held, saved.new_hold_ids) == (1, (row.id,))
    assert (row.status.value, row.trouble_code, row.trouble_fix) == ("held", "credit_due", credit.fix)
    assert row.decided() == credit
    assert [b.milestone for b in (await known(ledger)).billed] == ["FIN"]
