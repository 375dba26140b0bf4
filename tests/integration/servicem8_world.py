"""What the tests of the ServiceM8 platform say often: its settings, jobs to read, the calls that were made."""

from collections import Counter
from typing import Any

from milepost.jobs import Job
from milepost.platforms.protocol import Fetched
from milepost.platforms.servicem8.settings import ServiceM8Settings
from sandbox.server import Sandbox

KEY = "servicem8-key-kauri"
LINES = [("Labour", "2.5", "95.00"), ("Hot water unit", "1", "1350.00", "HWU")]


def settings(world: Sandbox, **more: Any) -> ServiceM8Settings:
    return ServiceM8Settings.model_validate({"api_key": KEY, "api_url": world.urls["servicem8"], **more})


async def at_once(seconds: float) -> None:
    """Waits for nothing: a test of what follows a wait."""


def jobs(world: Sandbox, count: int, **what: Any) -> list[str]:
    """So many jobs, two to a customer; their uuids."""
    made = [world.servicem8.job(number=str(n), customer=f"Customer {n // 2}", lines=LINES, **what) for n in range(count)]
    return [row["uuid"] for row in made]


def calls(world: Sandbox) -> Counter[str]:
    """Calls since the last look, by kind of record."""
    entries = world.servicem8.log.entries
    found = Counter(entry.path.removeprefix("/api_1.0/").split("/")[0].split(".")[0] for entry in entries)
    world.servicem8.log.clear()
    return found


def by_number(fetched: Fetched) -> dict[str, Job]:
    assert fetched.problems == ()
    return {job.number: job for job in fetched.jobs}
