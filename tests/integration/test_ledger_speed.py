"""The ledger keeps up: what a run of 1,000 jobs asks of it takes moments."""

import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

from milepost.ledger.billings import AnswerMeta, Claim, claim, history, save_decisions, settle
from milepost.ledger.database import Database, open_database
from tests.integration.test_ledger_decisions import done
from tests.ledger_values import NOW, bill, installed, job, new_request

JOBS = [job(f"j{place}") for place in range(1000)]
DECISIONS = [(of, bill(of, lines=3, amount="300.00")) for of in JOBS]
IDS = [str(decided.key.id) for _, decided in DECISIONS]

AT_MOST = 0.4
"""Seconds of this process's CPU, which a busy machine stretches less than the clock. Each takes about 0.1 or less."""


async def _save(db: Database) -> None:
    async with db.write() as c:
        await save_decisions(c, "run-1", DECISIONS, NOW)


async def _claim_fifty(db: Database) -> None:
    claims = [Claim(str(decided.key.id), "x", decided) for _, decided in DECISIONS[:50]]
    async with db.write() as c:
        await claim(c, claims, new_request("r0"), NOW)


async def _settle_fifty(db: Database) -> None:
    async with db.write() as c:
        await settle(c, "r0", [done(billing_id) for billing_id in IDS[:50]], AnswerMeta(200), NOW)


async def _claim_the_rest(db: Database) -> None:
    async with db.write() as c:
        await claim(c, [Claim(billing_id, "x") for billing_id in IDS[50:]], new_request("r1"), NOW)


async def _read_history(db: Database) -> None:
    async with db.read() as c:
        found = await history(c, "acme", [of.id for of in JOBS])
    assert all(past.billed[0].sub_total == Decimal("300.00") for past in found.values())


STEPS: list[Callable[[Database], Awaitable[None]]] = [_save, _claim_fifty, _settle_fifty, _claim_the_rest, _read_history]


async def test_a_thousand_jobs_take_moments(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    took: dict[str, float] = {}
    async with open_database(installed(tmp_path)) as db:
        for step in STEPS:
            start = time.process_time()
            await step(db)
            took[step.__name__] = round(time.process_time() - start, 4)
    for name, seconds in took.items():
        record_property(name, seconds)
    assert max(took.values()) < AT_MOST, took
