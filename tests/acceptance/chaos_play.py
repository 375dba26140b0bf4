"""Chaos, from a seed: jobs come and move on, everything fails that can, and of two workers one is killed again and again.

`play` is what the test and `make chaos` run: it hands back what was done, and what is wrong in the end.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from milepost.connection import Connection
from milepost.ledger import billings
from milepost.ledger.billings import BillingRow, BillingStatus
from milepost.ledger.database import open_database
from milepost.ledger.requests import unsettled
from milepost.steps.verify import verify_billings
from milepost.xero.grants import TokenSet
from sandbox.xero.settings import demo_app
from tests.acceptance.chaos_world import Faults, Jobs, Recount, recount
from tests.databases import is_on_postgresql
from tests.integration.steps_world import PROJECT, Steps, steps_world

APP = demo_app()
WORKERS = 2
LAST_POINT = 70
"""A run of some thirty jobs passes about as many writes as this; a later point kills nobody."""
ROUNDS_TO_SETTLE = 14
A_RUN = 120.0
OPEN = (BillingStatus.SENDING, BillingStatus.FAILED, BillingStatus.PLANNED)
SIGNED_OUT = ("AuthError", "GrantDead")
TRUE_REASONS = {
    BillingStatus.HELD: {"price_missing"},
    BillingStatus.SKIPPED: {"not_due", "retries_exhausted"},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played. lock_seconds: how long the ledger is locked at most, beside the workers."""

    seed: int
    jobs: int
    rounds: int
    faults: int = 6
    lock_seconds: float = 1.0


@dataclass(slots=True)
class Played:
    """What was done, and what is wrong by it."""

    plan: Plan
    tried: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    recounted: Recount | None = None
    total: Decimal = Decimal(0)
    settling_rounds: int = 0
    wrong: list[str] = field(default_factory=list)


class Workers:
    """Two places at which polls run at the same moment, each in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, world: Steps) -> None:
        self._process = process
        self._world = world
        self._count = 0

    async def poll(self, *kill_at: int | None) -> list[dict[str, Any]]:
        """Poll at once, once for each entry; what became of each."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        for point in kill_at:
            stdin.write(f"{json.dumps(self._task(point))}\n".encode())
        await stdin.drain()
        return [json.loads(await asyncio.wait_for(stdout.readline(), A_RUN)) for _ in kill_at]

    def _task(self, kill_at: int | None) -> dict[str, Any]:
        self._count += 1
        world = self._world
        return {
            "id": f"run{self._count}",
            "home": str(world.installation.home),
            "url": world.installation.database_url,
            "key": world.installation.secret_key.decode(),
            "connection": revealed(world),
            "ahead": world.ahead.total_seconds(),
            "kill_at": kill_at,
        }


def revealed(world: Steps) -> dict[str, Any]:
    """The connection's settings with its secrets, as its file has them."""
    settings = world.connection.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    platform, xero = world.connection.platform, world.connection.xero
    secrets: Any = getattr(platform, "secrets", {})
    settings["platform"] |= {"kind": platform.kind, "secrets": {k: v.get_secret_value() for k, v in secrets.items()}}
    settings["xero"]["client_secret"] = xero.client_secret.get_secret_value()
    return settings


@asynccontextmanager
async def workers(world: Steps) -> AsyncIterator[Workers]:
    """Starts the process that forks them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.acceptance.chaos_driver",
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1_000_000,
    )
    try:
        yield Workers(process, world)
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), A_RUN)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def sign_in(world: Steps) -> None:
    """What a person's consent ends in."""
    answer = world.sandbox.xero.state.connect(APP.client_id, "uk")
    tokens = TokenSet(
        access_token=SecretStr(answer["access_token"]),
        refresh_token=SecretStr(answer["refresh_token"]),
        expires_at=datetime.now(UTC) + timedelta(seconds=answer["expires_in"]),
        scope=answer["scope"],
    )
    async with world.workspace() as workspace:
        await workspace.use_sign_in(tokens)
        await workspace.find_tenant()


@asynccontextmanager
async def chaos_world(home: Path) -> AsyncIterator[Steps]:
    """A business whose sign-in has tokens that rotate, and whose job system is asked as often as one likes."""
    async with steps_world(home) as world:
        world.sandbox.xero.state.settings.apps += (APP,)
        app = {
            "grant": "authorization_code",
            "client_id": APP.client_id,
            "client_secret": SecretStr(APP.client_secret or ""),
        }
        xero = world.connection.xero.model_copy(update={**app, "tenant": world.org.name})
        platform = world.connection.platform.model_copy(update={"file": _unhurried(home)})
        ladder = Connection.model_fields["retries"].default
        own = {"xero": xero, "platform": platform, "retries": ladder}
        world.connection = world.connection.model_copy(update=own)
        await sign_in(world)
        yield world


def _unhurried(folder: Path) -> Path:
    """The example's description of Fieldbook without its limits, which would have a test wait for the next minute."""
    written = (PROJECT / "docs/examples/fieldbook.yaml").read_text()
    file = folder / "fieldbook.yaml"
    file.write_text(written.replace("per_minute: 120", "per_minute: 60000"))
    return file


async def play(plan: Plan, home: Path, told: Callable[[int, int], None] = lambda _done, _of: None) -> Played:
    """Rounds of chaos, then as many calm ones as it takes until nothing is under way; `told` of each round."""
    played, random = Played(plan), Random(plan.seed)
    async with chaos_world(home) as world, workers(world) as at_work:
        jobs, faults = Jobs(world.sandbox, random, plan.jobs), Faults(world.sandbox, random, played.tried)
        for number in range(plan.rounds):
            await _round(plan, world, at_work, jobs, faults, played, random)
            told(number + 1, plan.rounds)
        faults.end()
        await _settle(world, at_work, played)
        await _judge(world, jobs, played)
    return played


async def _round(
    plan: Plan, world: Steps, at_work: Workers, jobs: Jobs, faults: Faults, played: Played, random: Random
) -> None:
    """Time passes, jobs come and move on, faults wait; then both workers poll, and perhaps one or both are killed."""
    world.later(seconds=random.choice([1, 20, 90, 400, 3_600, 25_000]))
    jobs.move_on(0.15)
    jobs.add(-(-plan.jobs // max(1, plan.rounds - 2)))
    faults.strike(random.randint(1, plan.faults))
    doomed: list[int | None] = [random.randint(0, LAST_POINT) if random.random() < 0.6 else None, None]
    if random.random() < 0.15:
        doomed[1] = random.randint(0, LAST_POINT)
    locking = asyncio.create_task(_lock(world, random.random() * plan.lock_seconds)) if random.random() < 0.4 else None
    await _poll(world, at_work, played, *doomed)
    if locking:
        await locking
        played.tried["ledger locked"] += 1


async def _poll(world: Steps, at_work: Workers, played: Played, *kill_at: int | None) -> None:
    """Where new tokens were lost and hours passed, Xero has forgotten the sign-in: a person signs in, and work goes on."""
    ended = await at_work.poll(*kill_at)
    for one in ended:
        _note(one, played)
    if any(one["error"] in SIGNED_OUT for one in ended):
        await sign_in(world)
        played.tried["a person signed in again"] += 1


def _note(ended: dict[str, Any], played: Played) -> None:
    if "Traceback" in ended["error"]:
        played.wrong.append(f"a worker met a bug: {ended['error'][-400:]}")
    how = "killed" if ended["killed"] else ended["error"].splitlines()[0] if ended["error"] else "went through"
    played.ended[how] += 1


async def _lock(world: Steps, seconds: float) -> None:
    """Somebody else has the ledger for himself: another program writes to the file, or the table is locked."""
    async with open_database(world.installation) as db, db.write() as c:
        if is_on_postgresql():
            await c.execute(text("LOCK TABLE billings IN ACCESS EXCLUSIVE MODE"))
        await asyncio.sleep(seconds)


async def _settle(world: Steps, at_work: Workers, played: Played) -> None:
    """Restarts, hours apart, until nothing is under way."""
    for number in range(ROUNDS_TO_SETTLE):
        world.later(hours=7)
        await _poll(world, at_work, played, *[None] * WORKERS)
        played.settling_rounds = number + 1
        if number and not await _under_way(world):
            return


async def _under_way(world: Steps) -> bool:
    rows = await _rows(world)
    async with open_database(world.installation) as db, db.read() as c:
        untold = await billings.to_write_back(c, world.connection.name, 1)
    return bool(await world.open_requests() or untold or [row for row in rows if row.status in OPEN])


async def _rows(world: Steps) -> list[BillingRow]:
    async with open_database(world.installation) as db, db.read() as c:
        return list(await billings.listing(c, world.connection.name, limit=10_000))


async def _judge(world: Steps, jobs: Jobs, played: Played) -> None:
    """The ledger against the recount, and against what verify says."""
    rows = await _rows(world)
    played.statuses = Counter(row.status.value for row in rows)
    played.wrong += [
        f"{r.job_number} {r.milestone}: {r.status.value}, {r.trouble_code}: {r.trouble_why}" for r in rows if _is_odd(r)
    ]
    excused = frozenset(f"{r.job_number} {r.milestone}" for r in rows if r.trouble_code == "retries_exhausted")
    found = recount(list(jobs.jobs.values()), world.invoices, excused)
    played.recounted, played.wrong = found, [*played.wrong, *found.wrong]
    done = [row for row in rows if row.status is BillingStatus.DONE]
    played.total = sum((row.invoice_total or Decimal(0) for row in done), Decimal(0))
    if (played.total, len(done)) != (found.total, found.invoices):
        played.wrong.append(f"the ledger has {len(done)} of {played.total}, Xero {found.invoices} of {found.total}")
    await sign_in(world)  # a person verifies, however long it is since the last run needed Xero
    async with world.workspace() as workspace, workspace.db.read() as c:
        played.wrong += [f"a request is open: {request.id}" for request in await unsettled(c, workspace.name)]
        verified = await verify_billings(workspace)
    played.wrong += [f"verify: {one.job} {one.milestone}: {one.why}" for one in verified.findings]
    played.wrong += _doubled(world)


def _is_odd(row: BillingRow) -> bool:
    """Neither billed, nor held or skipped for a reason that is true of the job."""
    if row.status is BillingStatus.DONE:
        return False
    return row.status not in TRUE_REASONS or row.trouble_code not in TRUE_REASONS[row.status]


def _doubled(world: Steps) -> list[str]:
    """Customers and notes are there once, too."""
    names = Counter(contact.name for contact in world.org.contacts if contact.name.startswith("Chaos"))
    notes = Counter(note.text for note in world.sandbox.fieldbook.notes())
    return [f"{what}: {count} times" for what, count in (names + notes).items() if count > 1]
