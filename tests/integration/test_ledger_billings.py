"""What is asked of the ledger: what was billed before, what is due, what to tell next."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.decision import Bill, Hold, Skip
from milepost.jobs import Job
from milepost.ledger import billings
from milepost.ledger.billings import AnswerMeta, Claim, Settled, claim, history, listing, save_decisions, settle
from milepost.ledger.database import Database
from tests.integration.test_ledger_decisions import done
from tests.ledger_values import NOW, bill, hold, job, minutes, new_request, skip

pytest_plugins = ["tests.ledger_fixtures"]


async def bill_it(c: AsyncConnection, of: Job, decided: Bill, place: int = 0, *, settled: bool = True) -> str:
    """One billing from planned to done, or to sending; its id."""
    now = NOW + minutes(place)
    await save_decisions(c, "run-1", [(of, decided)], now)
    request = new_request(f"r-{decided.key.id}"[:36])
    (billing_id,) = await claim(c, [Claim(str(decided.key.id), "x")], request, now)
    if settled:
        await settle(c, request.id, [done(billing_id)], AnswerMeta(200), now)
    return billing_id


async def test_history_is_what_was_sent_in_the_order_it_was(ledger: Database) -> None:
    of = job("j1")
    deposit, progress = bill(of, "DEP", amount="30.00"), bill(of, "PRG", amount="50.00", lines=2)
    async with ledger.write() as c:
        await bill_it(c, of, progress, 5, settled=False)
        await bill_it(c, of, deposit, 1)
        await save_decisions(c, "run-1", [(of, bill(of, "FIN"))], NOW)
        found = await history(c, "acme", ["j1", "unknown"])
    first, second = found["j1"].billed
    assert (first.milestone, first.number, first.total) == ("DEP", "INV-0001", Decimal("34.50"))
    assert (second.milestone, second.number, second.sub_total) == ("PRG", None, Decimal("50.00"))
    assert second.lines == progress.draft.lines
    assert second.fingerprint == of.fingerprint
    assert found["unknown"].billed == ()


@pytest.mark.parametrize("status", ["VOIDED", "DELETED"])
async def test_an_invoice_that_was_voided_or_deleted_leaves_the_history(ledger: Database, status: str) -> None:
    of = job("j1")
    async with ledger.write() as c:
        billing_id = await bill_it(c, of, bill(of, "DEP"))
        await billings.update_invoice_statuses(c, {billing_id: status}, NOW)
        assert (await history(c, "acme", ["j1"]))["j1"].billed == ()
        again = bill(of, "DEP", sequence=2)
        assert await bill_it(c, of, again, 9)
        (one,) = (await history(c, "acme", ["j1"]))["j1"].billed
    assert one.sequence == 2


async def test_history_of_more_jobs_than_one_query_takes_is_whole(ledger: Database) -> None:
    jobs = [job(f"j{place}") for place in range(1100)]
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(of, bill(of)) for of in jobs], NOW)
        await claim(c, [Claim(str(bill(of).key.id), "x") for of in jobs], new_request(), NOW)
        found = await history(c, "acme", [of.id for of in jobs])
    assert sum(len(past.billed) for past in found.values()) == 1100


async def test_a_page_of_billings_continues_where_the_last_one_ended(ledger: Database) -> None:
    async with ledger.write() as c:
        for place in range(4):
            pair = [job(f"j{place}a"), job(f"j{place}b")]
            await save_decisions(c, "run-1", [(of, bill(of)) for of in pair], NOW + minutes(place))
        pages: list[str] = []
        before = None
        while page := await listing(c, "acme", limit=3, before=before):
            pages += [row.job_id for row in page]
            before = page[-1].id
    assert len(pages) == len(set(pages)) == 8
    assert [text[:2] for text in pages] == ["j3", "j3", "j2", "j2", "j1", "j1", "j0", "j0"]


async def test_billings_are_found_by_status_and_by_the_jobs_id_or_number(ledger: Database) -> None:
    one, two = job("j1", number="1482"), job("j2")
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(one, bill(one)), (two, hold(two))], NOW)
        found = [
            [row.job_id for row in await listing(c, "acme", status="held")],
            [row.job_id for row in await listing(c, "acme", job="1482")],
            [row.job_id for row in await listing(c, "acme", job="j1", status="planned")],
            [row.job_id for row in await listing(c, "bolt")],
        ]
    assert found == [["j2"], ["j1"], ["j1"], []]


@pytest.mark.parametrize(
    ("next_attempt", "is_open"), [(None, True), (minutes(5), True), (minutes(60), False)], ids=["none", "past", "to come"]
)
async def test_a_failed_billing_keeps_its_job_open_once_its_next_attempt_is_due(
    ledger: Database, next_attempt: timedelta | None, is_open: bool
) -> None:
    async with ledger.write() as c:
        billing_id = await bill_it(c, job("j1"), bill(job("j1")), settled=False)
        moment = None if next_attempt is None else NOW + next_attempt
        away = Settled.failed(billing_id, why="Away.", fix="Wait.", next_attempt_at=moment)
        await settle(c, f"r-{billing_id}"[:36], [away], AnswerMeta(503), NOW)
        assert await billings.open_jobs(c, "acme", NOW + minutes(6)) == (["j1"] if is_open else [])


async def test_jobs_stay_open_while_they_are_held_or_their_plan_was_left_behind(ledger: Database) -> None:
    async with ledger.write() as c:
        await bill_it(c, job("done"), bill(job("done")))
        await bill_it(c, job("sending"), bill(job("sending")), 1, settled=False)
        left: list[tuple[Job, Bill | Hold | Skip]] = [
            (job("left"), bill(job("left"))),
            (job("held"), hold(job("held"))),
            (job("skipped"), skip(job("skipped"))),
            (job("left"), bill(job("left"), "DEP")),
        ]
        await save_decisions(c, "run-1", left, NOW)
        assert await billings.open_jobs(c, "acme", NOW) == ["held", "left"]


async def test_each_done_billing_is_written_back_and_noted_once(ledger: Database) -> None:
    def ids(rows: Sequence[billings.BillingRow]) -> list[str]:
        return [row.id for row in rows]

    async with ledger.write() as c:
        one, two = [await bill_it(c, job(name), bill(job(name)), place) for place, name in enumerate(("j1", "j2"))]
        await save_decisions(c, "run-1", [(job("j3"), bill(job("j3")))], NOW)
        assert ids(await billings.to_write_back(c, "acme", 10)) == ids(await billings.to_note(c, "acme", 10)) == [one, two]
        await billings.mark_written_back(c, [one], NOW)
        await billings.mark_noted(c, [two], NOW)
        assert ids(await billings.to_write_back(c, "acme", 10)) == [two]
        assert ids(await billings.to_note(c, "acme", 10)) == [one]
        assert await billings.counts(c, "acme") == {"done": 2, "planned": 1}


@pytest.mark.parametrize("status", [billings.BillingStatus.HELD, billings.BillingStatus.FAILED])
async def test_a_plan_that_cannot_be_sent_is_put_in_trouble_and_what_was_sent_is_not(
    ledger: Database, status: billings.BillingStatus
) -> None:
    async with ledger.write() as c:
        await bill_it(c, job("j1"), bill(job("j1")), settled=False)
        await save_decisions(c, "run-1", [(job("j2"), bill(job("j2")))], NOW)
        ids = [str(bill(job(name)).key.id) for name in ("j1", "j2")]
        troubled = [billings.Troubled(i, status, "no_contact", "Two contacts fit.", "Link one.") for i in ids]
        await billings.set_trouble(c, troubled, NOW + minutes(1))
        await billings.set_trouble(c, [], NOW)
        sent, unsent = await billings.rows_of(c, "acme", ["j1", "j2"])
    assert (sent.status, sent.trouble_why) == ("sending", None)
    assert (unsent.status, unsent.trouble_code, unsent.trouble_fix) == (status, "no_contact", "Link one.")
