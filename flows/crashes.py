"""A bug in a run: told like any trouble of the connection, because a poll that fails each time is seen by nobody."""

from flows.alerts import tell_people
from milepost.errors import MilepostError
from milepost.steps.run import BillingRun


class Crashed(MilepostError):
    """An error that nobody expected, by its kind alone: its text may hold what it stumbled over."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"Milepost itself failed ({type(error).__name__}) and the run ended there. Nothing is lost: what was not billed "
            "waits for the next run, and what was sent is looked up before anything is sent again. "
            "Look at the run in Prefect: its log says where it failed. If it fails again, report it with that log."
        )


async def tell_of_crash(run: BillingRun, error: Exception) -> None:
    """Record the run's end and tell people, once for the same kind of error; a plan writes nothing."""
    run.stopped_by = Crashed(error)
    if not run.plan_only:
        await run.workspace.flush_calls()
        await tell_people(run, run.stopped_by)
