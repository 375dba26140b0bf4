"""The measured side of a benchmark, as a process of its own: one connection, one run of the real flow `poll_jobs`.

`python -m benchmarks.biller` reads an order as JSON from standard input and prints one line of JSON with what it cost.
PREFECT_API_URL and MILEPOST_HOME come from the environment.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks.memory import peak_mb
from benchmarks.scenarios import APP_ID, APP_SECRET, Scenario
from cli.connection import save
from cli.rules.publish import publish_from
from milepost.connection import AlertSettings, Connection, SlackSettings, XeroSettings
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.registry import PlatformSettings
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.steps.run import BillingRun

PROJECT = Path(__file__).parents[1]
NAME = "bench"
SEEDED_SINCE = timedelta(days=30)
"""Long before the first of the jobs was finished: a new connection bills from today on unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the flow cost its process. `cpu` and `wall` in seconds of the flow alone; `peak_mb` of the whole process."""

    started_at: str
    wall: float
    cpu: float
    peak_mb: float
    state: str
    counts: dict[str, int]
    reasons: dict[str, int]
    unexplained: int
    new_contacts: int


class Onlooker:
    """Keeps the run when it is over."""

    def __init__(self) -> None:
        self.run: BillingRun | None = None

    def progress(self, step: str, done: int, of: int | None) -> None:
        """The parent shows the time; that is enough."""

    def finished(self, run: BillingRun) -> None:
        """Keep the run."""
        self.run = run


def connection_for(scenario: Scenario, urls: dict[str, str], home: Path) -> Connection:
    """The connection as its file would give it."""
    return Connection(
        name=NAME,
        platform=_platform(scenario, urls, home),
        xero=XeroSettings(
            grant="client_credentials",
            client_id=APP_ID,
            client_secret=SecretStr(APP_SECRET),
            api_url=urls["xero"],
            identity_url=urls["xero"],
        ),
        rule_book=scenario.rule_book,
        rule_books_dir=PROJECT / "mappings",
        live_from=datetime.now(UTC).date() - SEEDED_SINCE,
        alerts=AlertSettings(
            slack=SlackSettings(token=SecretStr("xoxb-sandbox-token"), channel="#billing", api_url=f"{urls['slack']}/api/")
        ),
    )


def _platform(scenario: Scenario, urls: dict[str, str], home: Path) -> PlatformSettings:
    if scenario.system == "servicem8":
        return ServiceM8Settings(api_key=SecretStr("servicem8-key-kauri"), api_url=urls["servicem8"])
    return DeclaredSettings(
        file=_description(home, limits=scenario.limits),
        secrets={"token": SecretStr("fieldbook-token-albion"), "webhook": SecretStr("unused")},
        base_url=urls["fieldbook"],
    )


def _description(home: Path, *, limits: bool) -> Path:
    """The example that ships with the guide; for a run without limits, a copy that declares none."""
    shipped = PROJECT / "docs/examples/fieldbook.yaml"
    if limits:
        return shipped
    text = shipped.read_text()
    (declared,) = (line for line in text.splitlines() if line.startswith("limits:"))
    copy = home / "fieldbook-without-limits.yaml"
    copy.write_text(text.replace(declared, "limits: {concurrent: 8}"))
    return copy


async def measure(order: dict[str, Any]) -> Cost:
    """Save the connection, then run the flow between two readings of the clock."""
    from flows.billing import poll_jobs  # noqa: PLC0415  Prefect reads its settings when it is imported
    from flows.current import watched_by  # noqa: PLC0415

    home = Path(order["home"])
    scenario = Scenario(**order["scenario"])
    await save(connection_for(scenario, order["urls"], home))
    await publish_from(PROJECT / "mappings", scenario.rule_book, "the benchmark")
    onlooker, started_at = Onlooker(), datetime.now(UTC)
    wall, cpu = time.perf_counter(), time.process_time()
    with watched_by(onlooker):
        state = await poll_jobs(NAME, return_state=True)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if onlooker.run is None:
        await state.aresult(raise_on_failure=True)
        raise RuntimeError("the run never began")
    return _cost(onlooker.run, started_at, wall, cpu, f"{state.name}: {state.message}")


def _cost(run: BillingRun, started_at: datetime, wall: float, cpu: float, state: str) -> Cost:
    troubled = [r for r in run.results if r.status not in ("done", "skipped")]
    reasons = Counter(r.code for r in troubled) + Counter("job_unreadable" for _ in run.problems)
    return Cost(
        started_at=started_at.isoformat(),
        wall=wall,
        cpu=cpu,
        peak_mb=peak_mb(),
        state=state,
        counts=run.counts,
        reasons=dict(reasons),
        unexplained=sum(not (r.code and r.why) for r in troubled),
        new_contacts=run.new_contacts,
    )


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(measure(json.load(sys.stdin))))))
