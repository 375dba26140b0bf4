"""`milepost explain CONNECTION JOB`: why a job was billed as it was: for each stage the sum, for each line the rule."""

import asyncio
from typing import Annotated, Any

import typer

from cli.jobs import job_ids
from cli.show import LOOKS, amount, as_json, out, text
from milepost.billing.decision import Bill, InvoiceLine
from milepost.errors import UnknownName
from milepost.ledger import billings, connections
from milepost.ledger.billings import BillingRow
from milepost.ledger.database import open_database
from milepost.settings import installation


def explain(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION")],
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's number or id.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Why a job was billed, held or skipped as it was: rule, version, file:line and the values seen, line by line."""
    rows = asyncio.run(_rows(connection, job))
    if json:
        as_json([_document(row) for row in rows])
        return
    for row in rows:
        _show(row)


async def _rows(connection: str, job: str) -> list[BillingRow]:
    ids = await job_ids(connection, [job])
    async with open_database(installation()) as db, db.read() as c:
        await connections.get_connection(c, connection)
        rows = await billings.rows_of(c, connection, ids)
    if not rows:
        raise UnknownName(
            f"Nothing was decided yet for job {job!r} of {connection}: it is unknown, or no milestone asks for its status. "
            f"Try: milepost plan {connection} --job {job}"
        )
    return rows


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
    decision = row.decided()
    number = f" {text(row.invoice_number)}" if row.invoice_number else ""
    out.print(f"[bold]job {text(row.job_number)}, {text(row.milestone)}[/] {LOOKS[row.status.value]}{number}")
    out.print(f"  rule book {text(row.book)} version {row.book_version}")
    if row.trouble_why:
        out.print(f"  [yellow]{text(row.trouble_why)}[/]\n  [dim]→[/] {text(row.trouble_fix)}", soft_wrap=True)
    if isinstance(decision, Bill):
        _show_bill(decision)
    elif not row.trouble_why:
        out.print(f"  {text(decision.why)}", soft_wrap=True)
    out.print()


def _show_bill(bill: Bill) -> None:
    for sentence in (*bill.sums, *bill.warnings):
        out.print(f"  {text(sentence)}", soft_wrap=True)
    draft = bill.draft
    out.print(
        f"  {draft.line_amount_types.value}: net {amount(draft.sub_total)}, tax {amount(draft.total_tax)}, "
        f"total {amount(draft.total, draft.currency)}; dated {draft.date}, due {draft.due_date}"
    )
    for line in draft.lines:
        _show_line(line)


def _show_line(line: InvoiceLine) -> None:
    why = line.why
    first = line.description.splitlines()[0] if line.description else ""
    coded = f"account {text(line.account or '–')}, tax {text(line.tax_type or '–')}"
    out.print(f"\n  [bold]{text(first)}[/]  {amount(line.amount)}  {coded}", soft_wrap=True)
    seen = ", ".join(f"{name} = {value}" for name, value in why.matched.items()) or "everything"
    out.print(f"    rule [cyan]{text(why.rule)}[/] ({text(why.where)}, v{why.version}) matched {text(seen)}", soft_wrap=True)
    sources = (("account", why.account_from), ("tax", why.tax_from), ("amount", why.amount_from))
    out.print("    " + "; ".join(f"{name} from {text(source)}" for name, source in sources if source), soft_wrap=True)
    for rejected in why.rejected:
        condition = (
            f"{rejected.condition} wants {rejected.wanted}, saw {rejected.seen or 'nothing'}"
            if rejected.condition
            else rejected.seen
        )
        out.print(f"    [dim]not {text(rejected.rule)}: {text(condition)}[/]", soft_wrap=True)
