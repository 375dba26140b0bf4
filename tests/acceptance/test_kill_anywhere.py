"""kill -9 between any two writes of a run: after a restart every job has exactly one invoice a stage, whatever was lost."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.worlds.known import know
from tests.databases import installation_in
from tests.flow_fixtures import PROJECT, Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

POINTS = int(os.environ.get("MILEPOST_KILL_POINTS", "22"))
"""How many points are tried; a whole run has about a hundred. 1000 tries them all."""
EXPECTED = {("1", "DEP"): 1, ("2", "FIN"): 1, ("3", "FIN"): 1}
"""By the last part of the job's number, and the stage: how many invoices."""
MOST_SECONDS = 300


@dataclass
class World:
    """A fresh business with its own ledger: new and known customers, two stages, one job that is held."""

    id: str
    installation: dict[str, str]
    business: Business
    kill_at: int | None = None

    def task(self, step: str, kill_at: int | None = None) -> dict[str, Any]:
        """A line for the driver."""
        place = {"installation": self.installation, "console": console(self.id)}
        return {"id": f"{self.id}-{step}", "connection": self.business.name, "kill_at": kill_at, **place}


def console(world: str) -> str:
    """Each world has a console of its own, so that none takes another's invoices for its own."""
    return f"http://{world}.example"


@pytest.fixture
def worlds(business: Businesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes worlds that share nothing but Xero's organisation and Slack's channel."""
    stack = ExitStack()

    async def make(name: str, kill_at: int | None = None) -> World:
        home = tmp_path / f"home-{name}"
        home.mkdir()
        installation = stack.enter_context(installation_in(home))
        enter(installation, monkeypatch)
        made = await business("albion", xero={"history_notes": True}, slack={"channel": f"#{name}"})
        made.sandbox.slack.settings.channels[f"#{name}"] = f"C0{name}"
        fill(made, name)
        return World(name, installation, made, kill_at)

    with stack:
        yield make


def enter(installation: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """This process uses it from here on."""
    for variable, value in installation.items():
        monkeypatch.setenv(variable, value)


def fill(builder: Business, name: str) -> None:
    """One accepted job and three done ones; two of the customers are new to Xero."""
    know(builder.org, f"Old Friend {name}", email=f"friend@{name}.example.com")
    items = [("Labour: joinery", "10", "48.50"), ("Partition", "4", "58.75")]
    rows: list[tuple[str, str, str, list[Any]]] = [
        (f"{name}-1", "accepted", f"New Castle {name}", items),
        (f"{name}-2", "done", f"New Harbour {name}", items),
        (f"{name}-3", "done", f"Old Friend {name}", items),
        (f"{name}-4", "done", f"Old Friend {name}", [("Price to come", "1", None)]),
    ]
    for ref, state, customer, lines in rows:
        who = {"name": customer, "email": f"{customer.split()[0].lower()}{customer.split()[1].lower()}@{name}.example.com"}
        if customer.startswith("Old"):
            who["email"] = f"friend@{name}.example.com"
        done = {"done_at": builder.sandbox.clock().isoformat()} if state == "done" else {}
        builder.job(ref=ref, state=state, customer=who, items=lines, title=f"Work {ref}", **done)


async def drive(tasks: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Run the tasks in the driver; what became of each, by id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.acceptance.kill_driver",
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    given = "".join(f"{json.dumps(task)}\n" for task in tasks)
    out, err = await asyncio.wait_for(process.communicate(given.encode()), MOST_SECONDS)
    told = {row["id"]: row for row in map(json.loads, out.decode().splitlines())}
    assert set(told) == {task["id"] for task in tasks}, err.decode()[-3000:]
    return told


def chosen(points: Sequence[str]) -> list[int]:
    """Both sides of everything that Xero is told, and of the commits next to it; the rest spread over the whole run."""
    if len(points) <= POINTS:
        return list(range(len(points)))
    told = [n for n, name in enumerate(points) if name.endswith(("PUT Invoices", "PUT Contacts"))]
    near = sorted({m for n in told for m in (n - 2, n - 1, n, n + 1, n + 2) if 0 <= m < len(points)})
    near = near[:: max(1, -(-len(near) // (2 * POINTS // 3)))] if len(near) > 2 * POINTS // 3 else near
    rest = [n for n in range(len(points)) if n not in near]
    step = len(rest) / max(1, POINTS - len(near))
    return sorted({*near, *(rest[int(place * step)] for place in range(POINTS - len(near)))})


async def check(world: World, monkeypatch: pytest.MonkeyPatch, told_at_most: int) -> list[str]:
    """What is not as it must be."""
    enter(world.installation, monkeypatch)
    monkeypatch.setenv("MILEPOST_CONSOLE_URL", console(world.id))
    builder = world.business
    rows = {row.id: row for row in await builder.rows()}
    links = [(invoice.url or "").rpartition("/")[2] for invoice in builder.invoices]
    ours = [rows[link] for link in links if link in rows]
    made = Counter((row.job_number[-1], row.milestone) for row in ours)
    names = [str(contact.fields["Name"]) for contact in builder.org.contacts]
    contacts = sorted(name for name in names if name.endswith(world.id))
    notes = [note.split(" [")[0] for note in builder.notes]
    statuses = {(row.job_number[-1], row.milestone): row.status.value for row in rows.values()}
    slack = [message for message in builder.slack if message.channel.endswith(world.id)]
    findings = (await builder.verify()).findings
    as_it_must_be = {
        "invoices": made == EXPECTED,
        "contacts": contacts == [f"{known} {world.id}" for known in ("New Castle", "New Harbour", "Old Friend")],
        "statuses": statuses == {**dict.fromkeys(EXPECTED, "done"), ("4", "FIN"): "held"},
        "notes": len(notes) == len(set(notes)) == len(EXPECTED),
        "verify": findings == (),
        "slack": 1 <= len(slack) <= told_at_most,
    }
    seen = {"invoices": made, "contacts": contacts, "statuses": statuses, "notes": notes, "verify": findings, "slack": slack}
    return [
        f"{world.id} killed at {world.kill_at}: {name}: {seen[name]}" for name, right in as_it_must_be.items() if not right
    ]


async def test_a_run_killed_between_any_two_writes_bills_every_job_once_after_a_restart(
    worlds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await worlds("whole")
    points = (await drive([whole.task("run")]))["whole-run"]["points"]
    assert {"before PUT Invoices", "after PUT Contacts", "before POST chat.postMessage", "after commit"} <= set(points)
    told = len([message for message in whole.business.slack if message.channel.endswith("whole")])
    assert await check(whole, monkeypatch, told) == []

    places = chosen(points)
    assert len(places) >= min(20, len(points))
    killed = [await worlds(f"at{place:03d}", place) for place in places]
    ended = await drive([world.task("killed", world.kill_at) for world in killed])
    assert sum(row["killed"] for row in ended.values()) >= min(20, len(places)), ended
    restarted = await drive([world.task("restart") for world in killed])
    assert all(row["status"] == 0 for row in restarted.values()), restarted

    wrong = [line for world in killed for line in await check(world, monkeypatch, told + 1)]
    assert wrong == [], "\n".join(wrong)
