"""`milepost verify CONNECTION`: proves from Xero that each billing has one live invoice, same total and contact."""

import asyncio
from typing import Annotated

import typer

from cli.prefect_api import use_prefect
from cli.show import as_json, out, table, text
from milepost.settings import installation
from milepost.steps.verify import Finding, Verified, verify_billings
from milepost.steps.workspace import open_workspace


def verify(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Prove from Xero's own data that no job was billed twice, lost or changed. Exit code 1 when anything is off."""
    use_prefect()
    verified = asyncio.run(_verify(connection))
    if json:
        as_json(
            {
                "billings": verified.billings,
                "invoices": verified.invoices,
                "findings": [_document(f) for f in verified.findings],
            }
        )
    else:
        rows = [(text(f.job), text(f.milestone), text(f.invoice), text(f.why), text(f.fix)) for f in verified.findings]
        table("What does not agree", ("job", "stage", "invoice", "why", "fix"), rows)
        mark = "[red]✗[/]" if rows else "[green]✓[/]"
        out.print(
            f"{mark} {verified.billings} billings against {verified.invoices} invoices in Xero: {len(rows)} do not agree"
        )
    if verified.findings:
        raise typer.Exit(1)


async def _verify(connection: str) -> Verified:
    from blocks.store import load_connection  # noqa: PLC0415

    settings = await load_connection(connection)
    async with open_workspace(settings, installation()) as workspace:
        return await verify_billings(workspace)


def _document(finding: Finding) -> dict[str, str]:
    return {
        "job": finding.job,
        "milestone": finding.milestone,
        "invoice": finding.invoice,
        "why": finding.why,
        "fix": finding.fix,
    }
