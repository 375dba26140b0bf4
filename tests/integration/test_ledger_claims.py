"""Claiming: each billing is sent by one process, as the ledger holds it, and knowing what was billed before."""

import asyncio
import json
from collections import Counter

import pytest

from milepost.billing.facts import History
from milepost.ledger.billings import (
    AnswerMeta,
    BillingStatus,
    Claim,
    ClaimLost,
    claim,
    get,
    history,
    save_decisions,
    settle,
)
from milepost.ledger.database import Database
from milepost.ledger.owner import is_dead
from milepost.ledger.requests import get_request, take_over, unsettled
from milepost.settings import Installation
from tests.integration.test_ledger_decisions import done
from tests.ledger_values import KEY, LEASE, NOW, bill, hold, job, let_go, minutes, new_request, start_python

pytest_plugins = ["tests.ledger_fixtures"]


async def planned(ledger: Database, *job_ids: str) -> list[Claim]:
    jobs = [job(job_id) for job_id in job_ids]
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(of, bill(of)) for of in jobs], NOW)
    return [Claim(str(bill(of).key.id), f"x-{of.id}", bill(of)) for of in jobs]


async def test_a_claim_freezes_the_request_and_its_billings_in_order(ledger: Database) -> None:
    claims = await planned(ledger, "j1", "j2", "j3")
    async with ledger.write() as c:
        ids = await claim(c, claims[::-1], new_request(), NOW)
    async with ledger.read() as c:
        row, request = await get(c, ids[0]), await get_request(c, "r1")
    assert ids == [wanted.billing_id for wanted in claims[::-1]]
    assert request is not None
    assert request.billing_ids == tuple(ids)
    assert (request.status, request.body, request.attempts) == ("sending", new_request().body, 1)
    assert (request.first_sent_at, request.lease_until) == (NOW, NOW + LEASE)
    assert row is not None
    assert (row.status, row.request_id, row.request_place, row.contact_id) == (BillingStatus.SENDING, "r1", 0, "x-j3")
    assert (row.attempts, row.sent_at, row.tenant_id) == (1, NOW, "t1")


@pytest.mark.parametrize("what", ["sending", "done", "held", "unknown", "of another connection"])
async def test_what_cannot_be_claimed_is_named_and_nothing_is_changed(ledger: Database, what: str) -> None:
    free, taken = await planned(ledger, "j1", "j2")
    connection = "bolt" if what == "of another connection" else "acme"
    async with ledger.write() as c:
        if what in ("sending", "done"):
            await claim(c, [taken], new_request("r0"), NOW)
        if what == "done":
            await settle(c, "r0", [done(taken.billing_id)], AnswerMeta(200), NOW)
        if what == "held":
            await save_decisions(c, "run-2", [(job("j2"), hold(job("j2")))], NOW)
        if what == "unknown":
            taken = Claim("00000000-0000-0000-0000-000000000000", "x")
        with pytest.raises(ClaimLost) as lost:
            await claim(c, [free, taken], new_request("r1", connection=connection), NOW)
        assert taken.billing_id in lost.value.ids
        assert (free.billing_id in lost.value.ids) is (connection == "bolt")
        row = await get(c, free.billing_id)
        assert row is not None
        assert (row.status, row.attempts) == (BillingStatus.PLANNED, 0)
        assert await get_request(c, "r1") is None


async def test_the_rest_of_a_lost_claim_can_be_claimed_in_the_same_transaction(ledger: Database) -> None:
    free, taken = await planned(ledger, "j1", "j2")
    async with ledger.write() as c:
        await claim(c, [taken], new_request("r0"), NOW)
        with pytest.raises(ClaimLost) as lost:
            await claim(c, [free, taken], new_request("r1"), NOW)
        rest = [wanted for wanted in (free, taken) if wanted.billing_id not in lost.value.ids]
        assert await claim(c, rest, new_request("r1"), NOW) == [free.billing_id]


async def test_a_claim_of_a_decision_that_has_changed_is_lost(ledger: Database) -> None:
    (wanted,) = await planned(ledger, "j1")
    async with ledger.write() as c:
        await save_decisions(c, "run-2", [(job("j1"), bill(job("j1"), amount="120.00"))], NOW)
        with pytest.raises(ClaimLost):
            await claim(c, [wanted], new_request(), NOW)


async def test_two_stages_decided_at_once_do_not_bill_the_same_work(ledger: Database) -> None:
    of = job("j1")
    deposit, whole = bill(of, "DEP", amount="30.00"), bill(of, "FIN", amount="100.00")
    nothing_before = History()
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(of, deposit), (of, whole)], NOW)
        await claim(c, [Claim(str(deposit.key.id), "x", deposit, nothing_before)], new_request("r1"), NOW)
    async with ledger.write() as c:
        with pytest.raises(ClaimLost) as lost:
            await claim(c, [Claim(str(whole.key.id), "x", whole, nothing_before)], new_request("r2"), NOW)
        assert lost.value.ids == (str(whole.key.id),)
        known = (await history(c, "acme", [of.id]))[of.id]
        with pytest.raises(ClaimLost):  # the deposit may yet turn out never to have been made
            await claim(c, [Claim(str(whole.key.id), "x", whole, known)], new_request("r2"), NOW)
        await settle(c, "r1", [done(str(deposit.key.id))], AnswerMeta(200), NOW)
        assert await claim(c, [Claim(str(whole.key.id), "x", whole, known)], new_request("r2"), NOW)


async def test_a_claim_of_another_stage_waits_for_the_one_that_is_not_committed_yet(ledger: Database) -> None:
    of = job("j1")
    deposit, whole = bill(of, "DEP", amount="30.00"), bill(of, "FIN", amount="100.00")
    async with ledger.write() as c:
        await save_decisions(c, "run-1", [(of, deposit), (of, whole)], NOW)

    async def claim_the_whole() -> None:
        async with ledger.write() as c:
            await claim(c, [Claim(str(whole.key.id), "x", whole, History())], new_request("r2"), NOW)

    async with ledger.write() as c:
        await claim(c, [Claim(str(deposit.key.id), "x", deposit, History())], new_request("r1"), NOW)
        other = asyncio.create_task(claim_the_whole())
        await asyncio.sleep(0.1)
        assert not other.done()
    with pytest.raises(ClaimLost):
        await other


async def test_a_request_carries_a_billing_only_once(ledger: Database) -> None:
    (wanted,) = await planned(ledger, "j1")
    async with ledger.write() as c:
        with pytest.raises(ValueError, match="only once"):
            await claim(c, [wanted, wanted], new_request(), NOW)


async def test_tasks_that_claim_the_same_at_once_have_one_winner(ledger: Database) -> None:
    claims = await planned(ledger, *(f"j{place}" for place in range(10)))

    async def try_it(place: int) -> list[str]:
        try:
            async with ledger.write() as c:
                return await claim(c, claims, new_request(f"r{place}"), NOW)
        except ClaimLost:
            return []

    won = await asyncio.gather(*(try_it(place) for place in range(6)))
    assert sorted(map(len, won)) == [0] * 5 + [10]


RACER = """
import asyncio, json, random, sys
from datetime import datetime, timedelta
from pathlib import Path
from milepost.ledger.billings import Claim, ClaimLost, claim
from milepost.ledger.database import open_database
from milepost.settings import Installation
from tests.ledger_values import NOW, new_request

async def race(url, key, name, ids):
    sys.stdin.readline()
    random.Random(name).shuffle(ids)
    won = []
    async with open_database(Installation(Path("."), url, key.encode(), "")) as db:
        for start in range(0, len(ids), 20):
            batch = ids[start : start + 20]
            while batch:
                try:
                    async with db.write() as c:
                        won += await claim(c, [Claim(i, "x") for i in batch], new_request(f"{name}-{start}"), NOW)
                    break
                except ClaimLost as lost:
                    batch = [i for i in batch if i not in lost.ids]
    print(json.dumps(won))

print("ready", flush=True)
asyncio.run(race(*sys.argv[1:4], json.loads(sys.argv[4])))
"""


async def test_processes_that_race_for_the_same_billings_each_claim_their_own(
    installation: Installation, ledger: Database
) -> None:
    claims = await planned(ledger, *(f"j{place}" for place in range(200)))
    ids = json.dumps([wanted.billing_id for wanted in claims])
    arguments = (installation.database_url, KEY.decode())
    racers = await asyncio.gather(
        *(asyncio.to_thread(start_python, RACER, *arguments, name, ids) for name in ("a", "b", "c"))
    )
    printed = await asyncio.to_thread(let_go, *racers)
    won = Counter(billing_id for text in printed for billing_id in json.loads(text))
    assert won == Counter(wanted.billing_id for wanted in claims), "each exactly once"


KILLED = """
import asyncio, json, os, signal, sys
from pathlib import Path
from milepost.ledger.billings import AnswerMeta, Claim, claim, settle
from milepost.ledger.database import open_database
from milepost.settings import Installation
from tests.integration.test_ledger_decisions import done
from tests.ledger_values import NOW, new_request

async def die(url, key, ids):
    sys.stdin.readline()
    async with open_database(Installation(Path("."), url, key.encode(), "")) as db:
        async with db.write() as c:
            await claim(c, [Claim(i, "x") for i in ids], new_request(), NOW)
        async with db.write() as c:
            await settle(c, "r1", [done(i) for i in ids], AnswerMeta(200), NOW)
            os.kill(os.getpid(), signal.SIGKILL)

print("ready", flush=True)
asyncio.run(die(*sys.argv[1:3], json.loads(sys.argv[3])))
"""


async def test_a_process_killed_before_it_settled_leaves_its_request_to_be_taken_over(
    installation: Installation, ledger: Database
) -> None:
    claims = await planned(ledger, "j1", "j2")
    ids = [wanted.billing_id for wanted in claims]
    arguments = (installation.database_url, KEY.decode(), json.dumps(ids))
    victim = await asyncio.to_thread(start_python, KILLED, *arguments)
    await asyncio.to_thread(let_go, victim)
    async with ledger.write() as c:
        (left,) = await unsettled(c, "acme")
        assert left.billing_ids == tuple(ids)
        assert left.body == new_request().body
        assert is_dead(left.owner) is True
        later = NOW + minutes(0.1)
        assert await take_over(c, left.id, new_request().owner, later + LEASE, later), "before its lease ran out"
        assert await settle(c, left.id, [done(i) for i in ids], AnswerMeta(200), later) == ids
