"""`milepost verify CONNECTION`: proves from Xero's own data that no job was billed twice, lost or changed unseen."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import typer

from cli.days import day
from cli.names import ConnectionName
from cli.prefect_api import run, use_prefect
from cli.show import Json, as_json, hint, say, text
from milepost.settings import installation
from milepost.steps.findings import Finding, Verified
from milepost.steps.verify import verify_billings
from milepost.steps.workspace import open_workspace

Since = Annotated[
    date | None,
    typer.Option("--since", parser=day, metavar="DATE", help="Only what was billed or completed since this day."),
]


def verify(connection: ConnectionName, since: Since = None, json: Json = False) -> None:
    """Prove from Xero's own data that no job was billed twice, lost or changed. Exit code 1 when anything is off."""
    use_prefect()
    hint("Reading Xero's invoices, a thousand a call …")
    verified = run(_verify(connection, since))
    if json:
        as_json(_document(verified))
    else:
        _show(verified)
    if verified.findings:
        raise typer.Exit(1)


async def _verify(connection: str, since: date | None) -> Verified:
    from blocks.store import load_connection  # noqa: PLC0415

    settings = await load_connection(connection)
    async with open_workspace(settings, installation()) as workspace:
        return await verify_billings(workspace, since)


def _show(verified: Verified) -> None:
    for finding in verified.findings:
        _receipt(finding)
    found = len(verified.findings)
    held = (
        f"{verified.billings:,} billings held against {verified.invoices:,} invoices in Xero, "
        f"of {verified.looked_at:,} looked through"
    )
    say(f"[red]✗[/] {held}: {found} do not agree" if found else f"[green]✓[/] {held}: all agree")
    lost = sum(finding.subject.startswith("job:") for finding in verified.findings)
    jobs = f"{verified.jobs:,} completed jobs, as {verified.source} lists them"
    say(f"[red]✗[/] {jobs}: {lost} without a reason" if lost else f"[green]✓[/] {jobs}: each is billed or says why not")
    if verified.remark:
        say(f"[yellow]![/] {text(verified.remark)}")
    noted = f"; {verified.updated:,} invoices' news noted" if verified.updated else ""
    say(f"[dim]It cost {verified.xero_calls} calls to Xero ({_size(verified.bytes_read)}) and {_asked(verified)}{noted}.[/]")


def _receipt(finding: Finding) -> None:
    """What, of which job; ours and Xero's; what to do."""
    stage = f", {text(finding.milestone)}" if finding.milestone else ""
    place = f"job {text(finding.job)}{stage}: " if finding.job != "?" else ""
    invoice = f"invoice {text(finding.invoice)}: " if finding.invoice else ""
    say(f"[red]✗[/] {place}{invoice}{text(finding.why)}")
    if finding.ours or finding.theirs:
        say(f"  [dim]ours:[/] {text(finding.ours or 'none')}   [dim]Xero's:[/] {text(finding.theirs or 'none')}")
    say(f"  [dim]→[/] {text(finding.fix)}")


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB" if count >= 100_000 else f"{count / 1_000:,.0f} KB"


def _asked(verified: Verified) -> str:
    return f"{verified.platform_calls} to the job system"


def _document(verified: Verified) -> dict[str, Any]:
    return {**asdict(verified), "findings": [asdict(finding) for finding in verified.findings]}
