"""What an operator sees of a run in Prefect: its name, tags, one Markdown and one table artifact, and a state that is green
only when nobody is needed. Ids, counts and codes; names and amounts stay in the ledger.
"""

from collections.abc import Sequence
from uuid import UUID

from prefect import get_client
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.client.schemas.objects import State, StateType
from prefect.states import Completed

from milepost.errors import MilepostError
from milepost.steps.run import BillingRun, Result

_WORDS = {
    "planned": "planned",
    "done": "invoiced",
    "held": "held",
    "failed": "failed",
    "skipped": "skipped",
    "sending": "unanswered",
}
_MARKS = {"planned": "○", "done": "✓", "held": "!", "failed": "✗", "skipped": "–", "sending": "?"}
_LISTED = 500


def in_words(counts: dict[str, int]) -> str:
    """`38 invoiced, 3 held, 1 failed`; `nothing to bill` when there was nothing."""
    return (
        ", ".join(f"{counts[status]} {word}" for status, word in _WORDS.items() if counts.get(status)) or "nothing to bill"
    )


def verdict(counts: dict[str, int]) -> State:
    """Completed when nobody is needed; else a failed state, named for what it asks."""
    message = in_words(counts)
    if counts["held"] + counts["failed"] + counts["sending"]:
        return State(type=StateType.FAILED, name="NeedsPerson", message=message)
    return Completed(message=message)


def stopped(error: MilepostError) -> State:
    """The state of a run that could not go on."""
    return State(type=StateType.FAILED, name="Stopped", message=str(error))


async def publish(run: BillingRun) -> None:
    """Name and tag the run, and attach its artifacts."""
    words = in_words(run.counts)
    async with get_client() as client:
        await client.update_flow_run(UUID(run.id), name=f"{run.workspace.name}: {words}", tags=tags_of(run))
    if not (run.results or run.problems):
        return
    key = run.workspace.name
    await acreate_markdown_artifact(_summary(run, words), key=f"{key}-summary", description=f"{key}: {words}")
    await acreate_table_artifact(_table(run), key=f"{key}-work", description=f"{key}: {words}")


def tags_of(run: BillingRun) -> list[str]:
    """The connection, what started the run, and `needs-a-person` where it does."""
    dry = ["plan"] if run.plan_only else []
    return [run.workspace.name, run.trigger, *dry, *(["needs-a-person"] if run.needs_a_person else [])]


def _summary(run: BillingRun, words: str) -> str:
    stages = "\n".join(_stage(run.results_of(m.code), m.code, m.name) for m in run.milestones)
    unreadable = f"\n{len(run.problems)} jobs could not be read.\n" if run.problems else ""
    return (
        f"# {run.workspace.name}: {words}\n\n"
        f"{'Planned only: nothing was written.' if run.plan_only else ''}\n\n"
        f"| stage | invoiced | held | failed | skipped | planned |\n|---|---|---|---|---|---|\n{stages}\n"
        f"{unreadable}\n"
        f"New contacts: {run.new_contacts}. Settled from an earlier run: {run.recovered}.\n\n"
        f"Rule book: {run.workspace.connection.rule_book}. "
        f"Why each line was coded so: `milepost explain {run.workspace.name} JOB`.\n"
    )


def _stage(results: Sequence[Result], code: str, name: str) -> str:
    def count(status: str) -> int:
        return sum(result.status == status for result in results)

    cells = (count("done"), count("held"), count("failed") + count("sending"), count("skipped"), count("planned"))
    return f"| {name} ({code}) | " + " | ".join(str(cell) for cell in cells) + " |"


def _table(run: BillingRun) -> list[dict[str, str]]:
    order = {"failed": 0, "sending": 1, "held": 2, "done": 3, "planned": 4, "skipped": 5}
    rows = [_row(result) for result in sorted(run.results, key=lambda r: order[r.status])]
    problems = [
        {
            "": _MARKS["held"],
            "job": p.job_number or p.job_id,
            "stage": "",
            "outcome": "held",
            "invoice": "",
            "reason": "job_unreadable",
        }
        for p in run.problems
    ]
    return [*problems, *rows][:_LISTED]


def _row(result: Result) -> dict[str, str]:
    return {
        "": _MARKS[result.status],
        "job": result.job.number,
        "stage": result.milestone.name,
        "outcome": _WORDS[result.status],
        "invoice": result.invoice_number or "",
        "reason": result.code,
    }
