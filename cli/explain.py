"""`milepost explain CONNECTION JOB`: why a job was billed as it was: for each stage the sum, for each line the rule."""

import asyncio
from datetime import date
from typing import Annotated, Any

import typer

from cli.billing import run_flow
from cli.days import day
from cli.explain_as_of import explain_as_of, not_due, not_due_document, show_not_due
from cli.explained import show_explanation
from cli.names import ConnectionName
from cli.show import LOOKS, Json, as_json, say, text
from milepost.billing.explain import explain_decision
from milepost.billing.facts import History
from milepost.jobs import Job
from milepost.ledger import books, connections
from milepost.ledger.billings import BillingRow
from milepost.ledger.database import open_database
from milepost.settings import installation
from milepost.steps.recall import JobRecalled, recall_job
from milepost.steps.run import BillingRun, Result


def explain(
    connection: ConnectionName,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's number or id.")],
    as_of: Annotated[
        date | None,
        typer.Option(help="By the version of the rule book in force on this day instead.", parser=day, metavar="DATE"),
    ] = None,
    json: Json = False,
) -> None:
    """Why a job was billed, held or skipped as it was: rule, version, file:line and the values seen, line by line.

    A job that nothing was decided on yet is planned, and the plan is explained; nothing is written by that.
    """
    known = asyncio.run(_recalled(connection, job))
    if as_of:
        explain_as_of(connection, job, known, as_of, json=json)
    elif known and known.rows:
        _explain_kept(known, json=json)
    else:
        _explain_planned(run_flow(connection, [job], plan_only=True), job, json=json)


async def _recalled(connection: str, job: str) -> JobRecalled | None:
    async with open_database(installation()) as db, db.read() as c:
        return await recall_job(c, connection, job)


def _explain_kept(known: JobRecalled, *, json: bool) -> None:
    waiting = not_due(known)
    if json:
        as_json([*(_document(known.job, row) for row in known.rows), *(not_due_document(known.job, one) for one in waiting)])
        return
    for row in known.rows:
        _show(known.job, row)
    for one in waiting:
        show_not_due(known.job, one)


def _explain_planned(run: BillingRun, job: str, *, json: bool) -> None:
    if json:
        as_json([_planned_document(result) for result in run.results])
        return
    _show_planned(run, job)


def _show_planned(run: BillingRun, job: str) -> None:
    if run.stopped_by:
        raise run.stopped_by
    for problem in run.problems:
        say(f"[yellow]![/] job {text(problem.job_number or job)}: {text(problem.why)}\n  [dim]→[/] {text(problem.fix)}")
    for result in run.results:
        say(f"[bold]job {text(result.job.number)}, {text(result.milestone.name)}[/] {LOOKS[result.status]}, not billed yet")
        _say_book(result.decision.book, result.decision.book_version)
        explanation = explain_decision(result.decision, result.job)
        show_explanation(explanation.model_copy(update={"why": result.why or explanation.why, "fix": result.fix}))
    for found in run.before_live:
        say(
            f"job {text(found.number)} was completed on {found.completed_on}, before {run.live_from}, the day from which "
            f"{text(run.workspace.name)} bills (live_from in its connection file), so it is not billed."
        )
    if not (run.results or run.problems or run.before_live):
        _show_nothing_due(run)


def _show_nothing_due(run: BillingRun) -> None:
    """A job that no stage is due for: each stage, and what it waits for."""
    found = next(iter(run.jobs.values()))
    known = asyncio.run(_as_read(run.workspace.name, found))
    book = text(run.workspace.connection.rule_book)
    say(f"job {text(found.number)} is {text(found.raw_status)}: no stage of rule book {book} is due, so nothing is billed.")
    for one in not_due(known):
        show_not_due(found, one)


async def _as_read(connection: str, job: Job) -> JobRecalled:
    """A job that was only read for a plan, so that the ledger does not keep it; nothing was decided on it yet."""
    async with open_database(installation()) as db, db.read() as c:
        row = await connections.get_connection(c, connection)
        return JobRecalled(row, job, (), History(), await books.shelf_of(c, row.rule_book))


def _planned_document(result: Result) -> dict[str, Any]:
    return {
        "billing": result.billing_id,
        "job": result.job.number,
        "milestone": result.milestone.code,
        "status": result.status,
        "invoice_number": None,
        "trouble": {"code": result.code, "why": result.why, "fix": result.fix} if result.code else None,
        "explanation": explain_decision(result.decision, result.job).model_dump(mode="json"),
        "decision": result.decision.model_dump(mode="json"),
    }


def _document(job: Job, row: BillingRow) -> dict[str, Any]:
    decision = row.decided()
    return {
        "billing": row.id,
        "job": row.job_number,
        "milestone": row.milestone,
        "status": row.status.value,
        "invoice_number": row.invoice_number,
        "trouble": {"code": row.trouble_code, "why": row.trouble_why, "fix": row.trouble_fix} if row.trouble_code else None,
        "explanation": explain_decision(decision, job).model_dump(mode="json"),
        "decision": decision.model_dump(mode="json"),
    }


def _show(job: Job, row: BillingRow) -> None:
    number = f" {text(row.invoice_number)}" if row.invoice_number else ""
    say(f"[bold]job {text(row.job_number)}, {text(row.milestone)}[/] {LOOKS[row.status.value]}{number}")
    _say_book(row.book, row.book_version)
    explanation = explain_decision(row.decided(), job)
    told = {"why": row.trouble_why or explanation.why, "fix": row.trouble_fix or explanation.fix}
    show_explanation(explanation.model_copy(update=told))


def _say_book(book: str, version: int) -> None:
    say(f"  rule book {text(book)} version {version}")
