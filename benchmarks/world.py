"""The other side of a benchmark, as a process of its own: a local Xero, a job system full of finished jobs, a Slack.

`python -m benchmarks.world` reads one scenario as JSON from standard input, prints one line with the addresses and serves
until SIGTERM.
"""

import asyncio
import json
import signal
import sys

from benchmarks.scenarios import APP_ID, APP_SECRET, Scenario
from sandbox.seed import seed_many
from sandbox.server import Sandbox, SandboxSettings
from sandbox.xero.settings import App, RateLimits, XeroSettings


def sandbox_for(scenario: Scenario) -> Sandbox:
    """A sandbox whose Xero knows one custom connection, to the organisation that the scenario's jobs are billed in."""
    app = App(APP_ID, APP_SECRET, grants=frozenset({"client_credentials"}), custom_connection=scenario.organisation)
    xero = XeroSettings(apps=(app,), limits=RateLimits(enabled=scenario.limits))
    sandbox = Sandbox(SandboxSettings(xero=xero, latency=scenario.latency))
    sandbox.servicem8.settings.limits = sandbox.fieldbook.settings.limits = scenario.limits
    return sandbox


async def serve(scenario: Scenario) -> None:
    """Fill the sandbox, say where it is, and run until told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with sandbox_for(scenario) as sandbox:
        seed_many(sandbox, scenario.system, jobs=scenario.jobs, new_customers=scenario.new_customers, lines=scenario.lines)
        print(json.dumps(sandbox.urls), flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(Scenario(**json.load(sys.stdin))))
