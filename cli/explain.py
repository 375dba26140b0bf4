"""`milepost explain CONNECTION JOB`: why a job was billed as it was: for each stage the sum, for each line the rule."""

import asyncio
from typing import Annotated, Any

import typer

from cli.billing import run_flow
from cli.jobs import known_ids
from cli.names import ConnectionName
from cli.show import LOOKS, Json, amount, as_json, out, say, text
from milepost.billing.decision import Bill, Decision, InvoiceLine
from milepost.ledger import billings, connections
from milepost.ledger.billings import BillingRow
from milepost.ledger.database import open_database
from milepost.settings import installation
from milepost.steps.run import BillingRun, Result


def explain(
    connection: ConnectionName,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's number or id.")],
    json: Json = False,
) -> None:
    """Why a job was billed, held or skipped as it was: rule, version, file:line and the values seen, line by line.

    A job that nothing was decided on yet is planned, and the plan is explained; nothing is written by that.
    """
    rows = asyncio.run(_rows(connection, job))
    planned = None if rows else run_flow(connection, [job], plan_only=True)
    if json:
        as_json([*map(_document, rows), *map(_planned_document, planned.results if planned else ())])
        return
    for row in rows:
        _show(row)
    if planned:
        _show_planned(planned, job)


async def _rows(connection: str, job: str) -> list[BillingRow]:
    async with open_database(installation()) as db, db.read() as c:
        await connections.get_connection(c, connection)
    ids = list((await known_ids(connection, [job])).values())
    async with open_database(installation()) as db, db.read() as c:
        return await billings.rows_of(c, connection, ids)


def _show_planned(run: BillingRun, job: str) -> None:
    if run.stopped_by:
        raise run.stopped_by
    for problem in run.problems:
        say(f"[yellow]![/] job {text(problem.job_number or job)}: {text(problem.why)}\n  [dim]→[/] {text(problem.fix)}")
    for result in run.results:
        say(f"[bold]job {text(result.job.number)}, {text(result.milestone.name)}[/] {LOOKS[result.status]}, not billed yet")
        _show_decision(result.decision, result.why, result.fix)
    for found in run.before_live:
        say(
            f"job {text(found.number)} was completed on {found.completed_on}, before {run.live_from}, the day from which "
            f"{text(run.workspace.name)} bills (live_from in its connection file), so it is not billed."
        )
    if not (run.results or run.problems or run.before_live):
        found = next(iter(run.jobs.values()))
        say(
            f"job {text(found.number)} is {text(found.raw_status)}: no milestone of rule book "
            f"{text(run.workspace.connection.rule_book)} asks for that status, so there is nothing to bill."
        )


def _planned_document(result: Result) -> dict[str, Any]:
    return {
        "billing": result.billing_id,
        "job": result.job.number,
        "milestone": result.milestone.code,
        "status": result.status,
        "invoice_number": None,
        "trouble": {"code": result.code, "why": result.why, "fix": result.fix} if result.code else None,
        "decision": result.decision.model_dump(mode="json"),
    }


def _document(row: BillingRow) -> dict[str, Any]:
    return {
        "billing": row.id,
        "job": row.job_number,
        "milestone": row.milestone,
        "status": row.status.value,
        "invoice_number": row.invoice_number,
        "trouble": {"code": row.trouble_code, "why": row.trouble_why, "fix": row.trouble_fix} if row.trouble_code else None,
        "decision": row.decided().model_dump(mode="json"),
    }


def _show(row: BillingRow) -> None:
    number = f" {text(row.invoice_number)}" if row.invoice_number else ""
    say(f"[bold]job {text(row.job_number)}, {text(row.milestone)}[/] {LOOKS[row.status.value]}{number}")
    say(f"  rule book {text(row.book)} version {row.book_version}")
    _show_decision(row.decided(), row.trouble_why or "", row.trouble_fix or "")


def _show_decision(decision: Decision, why: str, fix: str) -> None:
    if why:
        say(f"  [yellow]{text(why)}[/]")
    if fix:
        say(f"  [dim]→[/] {text(fix)}")
    if isinstance(decision, Bill):
        _show_bill(decision)
    elif not why:
        say(f"  {text(decision.why)}")
    out.print()


def _show_bill(bill: Bill) -> None:
    for sentence in (*bill.sums, *bill.warnings):
        say(f"  {text(sentence)}")
    draft = bill.draft
    say(
        f"  {draft.line_amount_types.value}: net {amount(draft.sub_total)}, tax {amount(draft.total_tax)}, "
        f"total {amount(draft.total, draft.currency)}; dated {draft.date}, due {draft.due_date}"
    )
    for line in draft.lines:
        _show_line(line)


def _show_line(line: InvoiceLine) -> None:
    why = line.why
    first = line.description.splitlines()[0] if line.description else ""
    coded = f"account {text(line.account or '–')}, tax {text(line.tax_type or '–')}"
    say(f"\n  [bold]{text(first)}[/]  {amount(line.amount)}  {coded}")
    seen = ", ".join(f"{name} = {value}" for name, value in why.matched.items()) or "everything"
    say(f"    rule [cyan]{text(why.rule)}[/] ({text(why.where)}, v{why.version}) matched {text(seen)}")
    sources = (("account", why.account_from), ("tax", why.tax_from), ("amount", why.amount_from))
    say("    " + "; ".join(f"{name} from {text(source)}" for name, source in sources if source))
    for rejected in why.rejected:
        condition = (
            f"{rejected.condition} wants {rejected.wanted}, saw {rejected.seen or 'nothing'}"
            if rejected.condition
            else rejected.seen
        )
        say(f"    [dim]not {text(rejected.rule)}: {text(condition)}[/]")
