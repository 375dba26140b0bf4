"""What an operator sees of a run in Prefect: its name, its tags, its artifacts, and a state that is green only when nobody
is needed. Ids, counts and codes; names and amounts stay in the ledger.
"""

from collections.abc import Sequence
from uuid import UUID

from prefect import get_client
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.client.schemas.objects import State, StateType
from prefect.states import Completed

from flows import artifacts
from flows.quiet import quiet
from milepost.errors import MilepostError, RemoteError
from milepost.steps.run import BillingRun

_NEEDS_PERSON = "NeedsPerson"


def in_words(counts: dict[str, int]) -> str:
    """`38 invoiced, 3 held, 1 failed`; `nothing to bill` when there was nothing."""
    told = (f"{counts[status]} {word}" for status, word in artifacts.WORDS.items() if counts.get(status))
    return ", ".join(told) or "nothing to bill"


def verdict(counts: dict[str, int], waiting: int = 0) -> State:
    """Completed when nobody is needed; else a failed state, named for what it asks. `waiting`: from earlier runs."""
    message = in_words(counts) + (f", {waiting} waiting from earlier" if waiting else "")
    if counts["held"] + counts["failed"] + counts["sending"] + waiting:
        return State(type=StateType.FAILED, name=_NEEDS_PERSON, message=message)
    return Completed(message=message)


async def raise_unless_told(state: State) -> None:
    """Raise what ended a subflow early. A verdict, green or not, is its proper end."""
    if state.name not in (_NEEDS_PERSON, "Completed"):
        await state.aresult(raise_on_failure=True)
        raise RuntimeError(f"a subflow ended as {state.name}")


def stopped(error: MilepostError) -> State:
    """The state of a run that could not go on; without a remote's own words."""
    told = quiet(error) if isinstance(error, RemoteError) else error
    return State(type=StateType.FAILED, name="Stopped", message=str(told))


async def publish(run: BillingRun) -> None:
    """Name and tag the run, and attach its artifacts."""
    heading = f"{run.workspace.name}: {_outcome(run)}"
    await _rename(run.id, heading, tags_of(run))
    if not (run.results or run.problems):
        return
    key = run.workspace.name
    await acreate_markdown_artifact(artifacts.summary(run, heading), key=f"{key}-summary", description=heading)
    await acreate_table_artifact(await artifacts.table(run), key=f"{key}-work", description=heading)


async def publish_milestone(run: BillingRun, milestone: str, flow_run_id: str) -> None:
    """Name a milestone's subflow for what came of it: `deposit: 2 invoiced`."""
    named = next((m.name for m in run.milestones if m.code == milestone), milestone)
    await _rename(flow_run_id, f"{named}: {in_words(run.counts_of(milestone))}", [run.workspace.name, milestone])


async def _rename(flow_run_id: str, name: str, tags: Sequence[str]) -> None:
    async with get_client() as client:
        await client.update_flow_run(UUID(flow_run_id), name=name, tags=tags)


def tags_of(run: BillingRun) -> list[str]:
    """The connection, what started the run, and `needs-a-person` where it does."""
    dry = ["plan"] if run.plan_only else []
    needed = run.needs_a_person or run.stopped_by is not None
    return [run.workspace.name, run.trigger, *dry, *(["needs-a-person"] if needed else [])]


def _outcome(run: BillingRun) -> str:
    if run.stopped_by is None:
        return in_words(run.counts) + (f", {run.waiting} waiting" if run.waiting else "")
    return f"stopped after {in_words(run.counts)}" if run.results else "stopped"
