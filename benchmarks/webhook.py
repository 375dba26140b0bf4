"""From the arrival of a job system's webhook to the invoice in Xero, through the application that `milepost up` serves.

`python -m benchmarks.webhook` runs with the sandbox at 0 ms and at 100 ms a call, each in a warm process (the first events
are not counted), and exits 1 when a median is above what docs/webhooks.md aims at. The sandbox, the Prefect server (SQLite)
and the receiving process are three processes on loopback; one event is sent at a time, each for a job of its own.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.biller import NAME, PROJECT, connection_for
from benchmarks.scenarios import Scenario
from benchmarks.thousand_jobs import world
from cli.connection import save
from cli.console import console_server
from cli.hook import hook_url
from cli.prefect_api import QUIET
from cli.rules.publish import publish_from
from cli.server import free_port, prefect_server
from milepost.settings import installation
from sandbox.control import Control
from sandbox.fieldbook.hooks import SIGNATURE_HEADER, sign

PROMISED = {0.0: 0.3, 0.1: 0.6}
"""Seconds at the median, by the sandbox's seconds a call."""
NOT_COUNTED = 3
SECRET = "unused"
CUSTOMER = "Brindley Offices Ltd"
LONGEST = 20.0
out = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """One event: seconds from just before it was sent until Xero was asked for the invoice and had answered, until the
    hook's own answer, and until the job was told. `calls`: how often Xero was called.
    """

    billed: float
    answered: float
    calls: int


async def receive(order: dict[str, Any]) -> None:
    """The measured process: the connection, the application, and nothing else, until standard input closes."""
    home, scenario = Path(order["home"]), Scenario(**order["scenario"])
    await save(connection_for(scenario, order["urls"], home))
    await publish_from(PROJECT / "mappings", scenario.rule_book, "the benchmark")
    async with console_server(installation()):
        print(json.dumps({"url": await hook_url(NAME)}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def receiver(order: dict[str, Any], home: Path) -> AsyncIterator[str]:
    """The address to ring at, while the receiving process runs."""
    environment = {k: v for k, v in os.environ.items() if k != "MILEPOST_DATABASE_URL"}
    environment |= {"MILEPOST_HOME": str(home), "MILEPOST_CONSOLE_URL": f"http://127.0.0.1:{free_port()}"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.webhook", "--receive", stdin=-1, stdout=-1, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError("the receiving process did not start; its error is above")
        yield str(json.loads(line)["url"])
    finally:
        process.stdin.close()
        await process.wait()


async def measure(latency: float, events: int, folder: Path) -> list[Taken]:
    """So many events at this latency, one after another."""
    scenario = Scenario("webhook", "webhook", "webhook", limits=False, latency=latency, jobs=1)
    with TemporaryDirectory(dir=folder) as home:
        async with world(scenario) as urls, Control(urls["control"]) as control, httpx.AsyncClient(trust_env=False) as http:
            order = {"scenario": asdict(scenario), "urls": urls, "home": home}
            async with receiver(order, Path(home)) as url:
                taken = [await _one(http, control, url, number) for number in range(NOT_COUNTED + events)]
    return taken[NOT_COUNTED:]


async def _one(http: httpx.AsyncClient, control: Control, url: str, number: int) -> Taken:
    items = [("Partition wall", "12", "80.00"), ("Labour", "3", "45.00")]
    job = await control.job("fieldbook", account="albion", ref=f"HOOK-{number}", customer=CUSTOMER, items=items)
    await control.clear_log("xero")
    body = json.dumps({"event": "job.changed", "jobId": job["id"], "eventId": str(number)}).encode()
    sent = time.time()
    answer = await http.post(url, content=body, headers={SIGNATURE_HEADER: sign(SECRET, body)})
    answered = time.time() - sent
    answer.raise_for_status()
    until = time.time() + LONGEST
    while time.time() < until:
        await asyncio.sleep(0.25)  # seldom, so that looking takes nothing from what is measured
        calls = [r for r in (await control.log("xero"))["requests"] if "/api.xro/" in r["path"]]
        made = [r for r in calls if r["method"] == "PUT" and r["path"].endswith("/Invoices") and r["status"] == 200]
        if made:
            await asyncio.sleep(1.0)  # the job is told, and Prefect notes it
            at = datetime.fromisoformat(made[0]["at"]).timestamp() + made[0]["ms"] / 1000
            return Taken(at - sent, answered, len(calls))
    raise RuntimeError(f"event {number} made no invoice in {LONGEST:g} s")


def show(results: dict[float, list[Taken]]) -> bool:
    """A table; whether every promise was kept."""
    table = Table(box=None, title="from a webhook's arrival to the invoice in Xero, warm")
    for column in ("a call", "events", "median", "90 %", "worst", "promised", "hook answered (median)", "Xero calls"):
        table.add_column(column, justify="right")
    for latency, taken in results.items():
        seconds = sorted(one.billed for one in taken)
        figures = (median(seconds), quantiles(seconds, n=10)[-1], seconds[-1], PROMISED[latency])
        answered = median(one.answered for one in taken)
        calls = median(one.calls for one in taken)
        row = (
            f"{latency * 1000:.0f} ms",
            str(len(taken)),
            *(f"{s:.2f} s" for s in figures),
            f"{answered * 1000:.0f} ms",
            f"{calls:g}",
        )
        table.add_row(*row)
    out.print(table)
    return all(median(one.billed for one in taken) <= PROMISED[latency] for latency, taken in results.items())


async def run(events: int) -> dict[float, list[Taken]]:
    """Both latencies, one Prefect server for both."""
    os.environ.update(QUIET)
    with TemporaryDirectory(prefix="milepost-bench-") as folder:
        async with prefect_server(Path(folder) / "prefect", free_port()):
            return {latency: await measure(latency, events, Path(folder)) for latency in PROMISED}


def main(argv: Sequence[str] | None = None) -> int:
    """Run, show, judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhook", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=20, help="how many are counted at each latency")
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.receive:
        asyncio.run(receive(json.loads(sys.stdin.readline())))
        return 0
    return 0 if show(asyncio.run(run(options.events))) else 1


if __name__ == "__main__":
    sys.exit(main())
