"""`milepost verify CONNECTION`: proves from Xero that each billing has one live invoice, same total and contact."""

import typer

from cli.names import ConnectionName
from cli.prefect_api import run, use_prefect
from cli.show import Json, as_json, say, text
from milepost.settings import installation
from milepost.steps.verify import Finding, Verified, verify_billings
from milepost.steps.workspace import open_workspace


def verify(connection: ConnectionName, json: Json = False) -> None:
    """Prove from Xero's own data that no job was billed twice, lost or changed. Exit code 1 when anything is off."""
    use_prefect()
    verified = run(_verify(connection))
    if json:
        as_json(
            {
                "billings": verified.billings,
                "invoices": verified.invoices,
                "findings": [_document(f) for f in verified.findings],
            }
        )
    else:
        _show(verified)
    if verified.findings:
        raise typer.Exit(1)


def _show(verified: Verified) -> None:
    for finding in verified.findings:
        place = f"job {text(finding.job)}, {text(finding.milestone)}: " if finding.job != "?" else ""
        say(f"[red]✗[/] {place}invoice {text(finding.invoice or '–')}: {text(finding.why)}\n  [dim]→[/] {text(finding.fix)}")
    found = len(verified.findings)
    held = f"{verified.billings} billings held against {verified.invoices} invoices in Xero"
    say(f"[red]✗[/] {held}: {found} do not agree" if found else f"[green]✓[/] {held}: all agree")


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
