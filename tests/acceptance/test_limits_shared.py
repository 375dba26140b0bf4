"""Processes that bill one organisation at the same moment keep Xero's limits together, through the ledger."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from milepost.errors import RateLimited
from milepost.ledger.budgets import Counted, LedgerBudgets
from milepost.ledger.database import open_database
from milepost.ledger.tokens import LedgerTokenStore
from milepost.settings import Installation
from milepost.xero.allowance import Limits
from milepost.xero.governor import Governor
from sandbox.xero.settings import RateLimits
from tests.flow_fixtures import PROJECT, Businesses
from tests.integration.xero_world import TOKEN_SET, World, xero_world

pytest_plugins = ["tests.ledger_fixtures", "tests.flow_fixtures"]

PROCESSES, CALLS = 4, 12
MINUTE, PER_MINUTE = 2.0, 24
MOST_REFUSED = 5

DRIVER = """
import asyncio, json, os, sys
from pathlib import Path
import httpx
from pydantic import SecretStr
from milepost.connection import XeroSettings
from milepost.ledger.budgets import Counted, LedgerBudgets
from milepost.ledger.database import open_database
from milepost.ledger.tokens import LedgerTokenStore
from milepost.settings import Installation
from milepost.xero.allowance import Limits
from milepost.xero.client import XeroClient
from milepost.xero.governor import Governor
from milepost.xero.oauth import Tokens

async def main(task):
    installed = Installation(Path(task["home"]), task["url"], task["key"].encode(), "http://127.0.0.1")
    secret = SecretStr(task["secret"])
    settings = XeroSettings(client_id=task["client"], client_secret=secret, api_url=task["xero"], identity_url=task["xero"])
    async with open_database(installed) as db, httpx.AsyncClient(trust_env=False) as http:
        tokens = Tokens(settings, LedgerTokenStore(db), http, task["tokens"])
        limits = Limits(per_minute=task["per_minute"], window=task["minute"])
        governor = Governor(limits, LedgerBudgets(db, Counted(task["xero"], task["client"], task["tenant"])))
        async with XeroClient(settings, tokens, governor, task["tenant"]) as client:
            sys.stdout.write("ready\\n")
            sys.stdout.flush()
            sys.stdin.readline()
            await asyncio.gather(*(client.get("Currencies") for _ in range(task["calls"])))
    sys.stdout.write("done\\n")

asyncio.run(main(json.loads(sys.argv[1])))
"""


@pytest.fixture
async def xero() -> AsyncIterator[World]:
    limits = RateLimits(minute=PER_MINUTE, minute_seconds=MINUTE)
    async with xero_world(limits=limits) as world:
        yield world


@pytest.fixture
async def started(xero: World, installation: Installation) -> AsyncIterator[Callable[..., Any]]:
    """Starts a process that waits for a line, then calls Xero; all are gone after the test."""
    processes: list[asyncio.subprocess.Process] = []
    async with open_database(installation) as db:
        await LedgerTokenStore(db).save(TOKEN_SET, xero.store.kept[TOKEN_SET].tokens, None)

    async def start(**more: Any) -> asyncio.subprocess.Process:
        task = {
            "home": str(installation.home),
            "url": installation.database_url,
            "key": installation.secret_key.decode(),
            "xero": xero.url,
            "client": xero.settings.client_id,
            "secret": xero.settings.client_secret.get_secret_value(),
            "tenant": xero.org.tenant_id,
            "tokens": TOKEN_SET,
            "per_minute": PER_MINUTE,
            "minute": MINUTE,
            "calls": CALLS,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            DRIVER,
            json.dumps(task | more),
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    if line != b"ready\n":
        raise AssertionError((await process.communicate())[1].decode())


async def ended(process: asyncio.subprocess.Process) -> str:
    """What it printed in the end, and its troubles."""
    out, err = await asyncio.wait_for(process.communicate(b"go\n"), 120)
    return out.decode() + err.decode()


async def test_four_processes_that_hammer_one_organisation_meet_hardly_a_limit(xero: World, started: Any) -> None:
    processes = [await started() for _ in range(PROCESSES)]
    await asyncio.gather(*(ready(process) for process in processes))
    assert await asyncio.gather(*(ended(process) for process in processes)) == ["done\n"] * PROCESSES
    answers = Counter(entry.status for entry in xero.sandbox.log.entries if entry.path.endswith("/Currencies"))
    assert answers[200] == PROCESSES * CALLS
    assert answers[429] <= MOST_REFUSED, answers


async def test_a_process_killed_amid_its_calls_holds_up_nobody(
    xero: World, started: Any, installation: Installation, tmp_path: Path
) -> None:
    """All five places are its own; the next process sees that it is gone and does not wait for its lease."""
    del tmp_path
    xero.fault("hold_after", path="*/Currencies", times=5, seconds=30)
    first = await started(calls=5)
    await ready(first)
    assert first.stdin is not None
    first.stdin.write(b"go\n")
    await first.stdin.drain()
    while xero.requests("GET", "/Currencies") < 5:  # noqa: ASYNC110 - counted by the server
        await asyncio.sleep(0.01)
    counted = Counted(xero.url, xero.settings.client_id, xero.org.tenant_id)
    async with open_database(installation) as db:
        governor = Governor(Limits(per_minute=PER_MINUTE, window=MINUTE), LedgerBudgets(db, counted))
        await governor.look()
        assert governor.budget().in_flight == 5
        first.send_signal(signal.SIGKILL)
        await first.wait()
        async with governor.slot():
            assert governor.budget().in_flight == 1


async def test_a_poll_stops_where_the_days_calls_are_kept_back_and_a_person_goes_on(business: Businesses) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", lines=[("Labour", "2", "95.00")])
    xero = plumber.settings.xero
    async with plumber.ledger() as db:
        counted = Counted(xero.api_url, xero.client_id, plumber.org.tenant_id)
        async with LedgerBudgets(db, counted).turn(Limits()) as allowance:
            allowance.day_left = allowance.limits.kept_back
    run = await plumber.poll()
    assert isinstance(run.stopped_by, RateLimited)
    assert "kept back for people" in run.stopped_by.why
    assert (await plumber.rows(), plumber.xero_calls.get(("GET", "Organisation"))) == ([], None)
    assert (await plumber.bill()).counts["done"] == 1
