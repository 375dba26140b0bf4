"""`milepost plan | poll | bill CONNECTION`: the flows, run here, with a progress bar and a table of what came of them."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cli.names import ConnectionName
from cli.prefect_api import run, use_prefect
from cli.run_show import as_document, show_accounts, show_run
from cli.show import Json, as_json, complain, err
from milepost.connection import Connection
from milepost.steps.run import BillingRun

Jobs = Annotated[list[str] | None, typer.Option("--job", help="Only this job, by its id or number; may be repeated.")]
Reissue = Annotated[
    bool,
    typer.Option(
        "--reissue", help="Confirm what is held: void the jobs' approved, unpaid invoices and bill those stages anew."
    ),
]
_READING = {"fetch-jobs": "reading jobs"}


def plan(connection: ConnectionName, job: Jobs = None, json: Json = False) -> None:
    """Show what would be billed, held and skipped, and create nothing."""
    run = run_flow(connection, job or [], plan_only=True)
    _show(run, json)


def bill(connection: ConnectionName, job: Jobs = None, reissue: Reissue = False, json: Json = False) -> None:
    """Bill the given jobs now; without any, whatever is due."""
    if reissue and not job:
        raise typer.BadParameter("name the jobs whose invoices are voided and made anew: --job", param_hint="--reissue")
    _show(run_flow(connection, job or [], plan_only=False, reissue=reissue), json)


def poll(connection: ConnectionName, json: Json = False) -> None:
    """Ask the job system what changed, and bill what is due."""
    use_prefect()
    from flows.billing import poll_jobs  # noqa: PLC0415  Prefect takes a second to import

    async def polled(settings: Connection) -> Any:
        return await poll_jobs(settings.name, return_state=True)

    _show(_watched(connection, polled), json)


def run_flow(
    connection: str, jobs: list[str], *, plan_only: bool, reissue: bool = False, current_rules: bool = False
) -> BillingRun:
    """Run `bill-jobs` here and watch it. Raises UnknownName for a connection or job that does not exist."""
    use_prefect()
    from cli.jobs import job_ids  # noqa: PLC0415
    from flows.billing import bill_jobs  # noqa: PLC0415

    async def chosen(settings: Connection) -> Any:
        ids = await job_ids(settings, jobs)
        return await bill_jobs(
            settings.name, job_ids=ids, plan_only=plan_only, reissue=reissue, current_rules=current_rules, return_state=True
        )

    return _watched(connection, chosen)


class Onlooker:
    """Watches a flow run in this process: a bar while it reads, its results when it is over."""

    def __init__(self, bar: Progress) -> None:
        self.run: BillingRun | None = None
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def progress(self, step: str, done: int, of: int | None) -> None:
        """Move the step's bar."""
        if step not in self._tasks:
            self._tasks[step] = self._bar.add_task(_READING.get(step, step), total=of)
        self._bar.update(self._tasks[step], completed=done, total=of)

    def finished(self, run: BillingRun) -> None:
        """Keep the run to show it."""
        self.run = run


def _watched(connection: str, flow: Callable[[Connection], Awaitable[Any]]) -> BillingRun:
    """Run the flow on a connection that exists, with a bar at a terminal. An error that ended it is raised."""
    from blocks.store import load_connection  # noqa: PLC0415
    from flows.current import watched_by  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        onlooker = Onlooker(bar)

        async def watched() -> None:
            settings = await load_connection(connection)
            with watched_by(onlooker):
                state = await flow(settings)
            if onlooker.run is None:
                await state.aresult(raise_on_failure=True)

        run(watched())
    if onlooker.run is None:
        raise RuntimeError("the flow ended well, but told nothing")
    return onlooker.run


def _show(run: BillingRun, json: bool) -> None:
    if json:
        as_json(as_document(run))
    else:
        show_run(run)
        if run.plan_only:
            show_accounts(run)
    if run.stopped_by:
        complain(str(run.stopped_by))
    if run.needs_a_person or run.stopped_by:
        raise typer.Exit(1)
