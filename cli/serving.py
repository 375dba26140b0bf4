"""Serving the deployments from this process, and a line on the terminal for each run that ends."""

import asyncio
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterParentTaskRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectHTTPStatusError
from prefect.runner import Runner

from cli.show import say, text
from flows.deployments import served_deployments

SECONDS_BETWEEN_LOOKS = 2
SECONDS_TO_END = 10
_MARKS = {"COMPLETED": "[green]✓[/]", "CANCELLED": "[dim]–[/]", "FAILED": "[yellow]![/]", "CRASHED": "[red]✗[/]"}


class DeploymentsRunner(Runner):
    """Prefect's runner, which ends with the command: it takes SIGTERM over when it starts, and hands it on from here."""

    def handle_sigterm(self, *_args: Any, **_kwargs: Any) -> None:
        """As Ctrl-C."""
        os.kill(os.getpid(), signal.SIGINT)


async def deployments_runner() -> Runner:
    """A runner with all deployments, not started yet."""
    runner = DeploymentsRunner(name="milepost", pause_on_shutdown=False)
    for deployment in await served_deployments():
        await runner.aadd_deployment(deployment)
    return runner


async def start_run(deployment: str) -> None:
    """Ask for a run of a deployment, by FLOW/NAME, now."""
    async with get_client() as client:
        found = await client.read_deployment_by_name(deployment)
        await client.create_flow_run_from_deployment(found.id)


async def ended(runner: Runner, work: "list[asyncio.Task[None]]") -> None:
    """End the runner with its runs, and whatever goes on beside it."""
    if runner.started:
        with suppress(TimeoutError, RuntimeError):  # it is cancelled next
            await asyncio.wait_for(runner.astop(), SECONDS_TO_END)
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)


async def tell_runs() -> None:
    """A line for each run that ends from now on, until cancelled. Subflows are part of their run."""
    told: set[Any] = set()
    begun = datetime.now(UTC)
    away = False
    async with get_client() as client:
        while True:
            runs = await _ended_since(client, begun)
            if away != (runs is None):
                away = runs is None
                say("[red]✗[/] Prefect does not answer; asking again …" if away else "[green]✓[/] Prefect answers again.")
            for run in runs or []:
                if run.id not in told:
                    told.add(run.id)
                    say(_line(run))
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _ended_since(client: PrefectClient, begun: datetime) -> list[FlowRun] | None:
    """The runs that ended, newest first; None where Prefect does not answer."""
    wanted = FlowRunFilter(
        end_time=FlowRunFilterEndTime(after_=begun), parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=True)
    )
    try:
        return await client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.END_TIME_DESC, limit=50)
    except (PrefectHTTPStatusError, httpx.TransportError):
        return None


def _line(run: FlowRun) -> str:
    state = run.state
    mark = _MARKS.get(state.type.value, "•") if state else "•"
    words = f": {state.message}" if state and state.message else ""
    ended_at = run.end_time.astimezone() if run.end_time else datetime.now().astimezone()
    return f"{ended_at:%H:%M:%S} {mark} {text(run.name)}{text(words)}"
