"""`make chaos`: long chaos by a seed, with a progress bar, then what was done and found; exit code 1 if anything is off."""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.acceptance.chaos_play import Plan, Played, play
from tests.databases import is_on_postgresql


def arguments() -> Plan:
    """The plan, as it was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="the same seed plays the same faults; a new one by default")
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--lock-seconds", type=float, default=5.0, help="how long the ledger is locked at most")
    given = parser.parse_args()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    return Plan(seed, given.jobs, given.rounds, lock_seconds=given.lock_seconds)


def show(console: Console, played: Played, seconds: float) -> None:
    """What was tried, how the runs ended, what the ledger and the recount say."""
    for title, counted in (("tried", played.tried), ("how the runs ended", played.ended), ("billings", played.statuses)):
        table = Table("", "times", title=title, title_justify="left")
        for name, count in sorted(counted.items(), key=lambda one: (-one[1], one[0])):
            table.add_row(name, str(count))
        console.print(table)
    found = played.recounted
    assert found is not None
    console.print(f"Xero, recounted: {found.invoices} invoices, GBP {found.total}. The ledger: GBP {played.total}.")
    console.print(f"Calm rounds until nothing was under way: {played.settling_rounds}. Took {seconds:.0f} s.")
    for line in played.wrong:
        console.print(f"[red]wrong:[/] {line}", highlight=False)
    console.print(
        "[red]NOT in order[/]" if played.wrong else "All in order: every job billed once, or held for a true reason."
    )


def main() -> int:
    """Play and show."""
    plan, console, began = arguments(), Console(), time.monotonic()
    database = "PostgreSQL" if is_on_postgresql() else "SQLite"
    console.print(f"Chaos: seed {plan.seed}, {plan.jobs} jobs, {plan.rounds} rounds of two workers, on {database}")
    with tempfile.TemporaryDirectory() as home, Progress(console=console, transient=True) as progress:
        bar = progress.add_task("rounds", total=plan.rounds)
        played = asyncio.run(play(plan, Path(home), lambda done, of: progress.update(bar, completed=done, total=of)))
    show(console, played, time.monotonic() - began)
    console.print(f"Again: make chaos SEED={plan.seed} JOBS={plan.jobs} ROUNDS={plan.rounds}")
    return 1 if played.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
