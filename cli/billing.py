"""`milepost plan | poll | bill CONNECTION`: the flows, run here, with a progress bar and a table of what came of them."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cli.prefect_api import use_prefect
from cli.show import LOOKS, amount, as_json, complain, err, out, table, text
from milepost.billing.decision import Bill, NewContact
from milepost.steps.run import BillingRun, Result

Name = Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's name.")]
Jobs = Annotated[list[str] | None, typer.Option("--job", help="Only this job, by its id or number; may be repeated.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def plan(connection: Name, job: Jobs = None, json: Json = False) -> None:
    """Show what would be billed, held and skipped, and create nothing."""
    _flow(connection, job, json, plan_only=True)


def bill(connection: Name, job: Jobs = None, json: Json = False) -> None:
    """Bill the given jobs now; without any, whatever is due."""
    _flow(connection, job, json, plan_only=False)


def poll(connection: Name, json: Json = False) -> None:
    """Ask the job system what changed, and bill what is due."""
    use_prefect()
    from flows.billing import poll_jobs  # noqa: PLC0415  Prefect takes a second to import

    async def polled() -> Any:
        return await poll_jobs(connection, return_state=True)

    _watch(polled(), json)


def _flow(connection: str, jobs: list[str] | None, json: bool, *, plan_only: bool) -> None:
    use_prefect()
    from cli.jobs import job_ids  # noqa: PLC0415
    from flows.billing import bill_jobs  # noqa: PLC0415

    async def chosen() -> Any:
        ids = await job_ids(connection, jobs or [])
        return await bill_jobs(connection, job_ids=ids, plan_only=plan_only, return_state=True)

    _watch(chosen(), json)


class Onlooker:
    """Watches a flow run in this process: a bar while it reads, its results when it is over."""

    def __init__(self, bar: Progress) -> None:
        self.run: BillingRun | None = None
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def progress(self, step: str, done: int, of: int | None) -> None:
        """Move the step's bar."""
        if step not in self._tasks:
            self._tasks[step] = self._bar.add_task(step, total=of)
        self._bar.update(self._tasks[step], completed=done, total=of)

    def finished(self, run: BillingRun) -> None:
        """Keep the run to show it."""
        self.run = run


def _watch(flow: Coroutine[Any, Any, Any], json: bool) -> None:
    from flows.current import watched_by  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        onlooker = Onlooker(bar)
        with watched_by(onlooker):
            state = asyncio.run(flow)
    if onlooker.run is None:
        # The run never began (an unknown connection, say): its error says why.
        asyncio.run(_raise(state))
        return
    _show(onlooker.run, json)


async def _raise(state: Any) -> None:
    await state.aresult(raise_on_failure=True)


def _show(run: BillingRun, json: bool) -> None:
    if json:
        as_json(as_document(run))
    else:
        show_run(run)
    if run.stopped_by:
        complain(str(run.stopped_by))
    if run.needs_a_person or run.stopped_by:
        raise typer.Exit(1)


def show_run(run: BillingRun) -> None:
    """A run as a table: each result, then why and what to do about those that need a person."""
    heading = f"{run.workspace.name}: {'planned, nothing written' if run.plan_only else 'done'}"
    rows = [_row(result) for result in run.results]
    table(heading, ("job", "stage", "outcome", "invoice", "contact", "total"), rows, right=("total",))
    for result in (r for r in run.results if r.status in ("held", "failed", "sending") or r.note):
        _explain(result.job.number, result.milestone.name, result.why or result.note, result.fix)
    for problem in run.problems:
        _explain(problem.job_number or problem.job_id, "", problem.why, problem.fix)
    if run.before_live:
        days = f"before {run.live_from}, the day from which on {run.workspace.name} bills"
        out.print(f"[dim]–[/] {len(run.before_live)} jobs were completed {text(days)}: they are never billed.", soft_wrap=True)
    if not run.results and not run.problems and not run.stopped_by:
        out.print(f"{run.workspace.name}: nothing is due.")


def _explain(job: str, stage: str, why: str, fix: str) -> None:
    out.print(f"[yellow]![/] job {text(job)}{f' ({text(stage)})' if stage else ''}: {text(why)}", soft_wrap=True)
    if fix:
        out.print(f"  [dim]→[/] {text(fix)}", soft_wrap=True)


def _row(result: Result) -> tuple[str, ...]:
    bill = result.decision if isinstance(result.decision, Bill) else None
    return (
        text(result.job.number),
        text(result.milestone.name),
        LOOKS[result.status],
        text(result.invoice_number or ""),
        text(_contact(bill)),
        amount(bill.draft.total, bill.draft.currency) if bill else "",
    )


def _contact(bill: Bill | None) -> str:
    if bill is None:
        return ""
    return "new" if isinstance(bill.contact, NewContact) else f"found by {bill.contact.matched_by.replace('_', ' ')}"


def as_document(run: BillingRun) -> dict[str, Any]:
    """A run as JSON: counts, totals by currency, and each result with its reason."""
    return {
        "connection": run.workspace.name,
        "run": run.id,
        "plan": run.plan_only,
        "counts": run.counts,
        "before_live": [job.number for job in run.before_live],
        "new_contacts": run.new_contacts,
        "recovered": run.recovered,
        "totals": {currency: str(total) for currency, total in run.totals.items()},
        "results": [_result(result) for result in run.results],
        "unreadable": [
            {"job": p.job_number or p.job_id, "why": p.why, "fix": p.fix, "where": p.where} for p in run.problems
        ],
        "stopped_by": str(run.stopped_by) if run.stopped_by else None,
    }


def _result(result: Result) -> dict[str, Any]:
    bill = result.decision if isinstance(result.decision, Bill) else None
    return {
        "job": result.job.number,
        "job_id": result.job.id,
        "milestone": result.milestone.code,
        "status": result.status,
        "invoice_number": result.invoice_number,
        "invoice_id": result.invoice_id,
        "contact": _contact(bill) or None,
        "currency": bill.draft.currency if bill else None,
        "sub_total": str(bill.draft.sub_total) if bill else None,
        "total_tax": str(bill.draft.total_tax) if bill else None,
        "total": str(bill.draft.total) if bill else None,
        "code": result.code or None,
        "why": result.why or result.note or None,
        "fix": result.fix or None,
    }
