"""`milepost unbilled [CONNECTION]`: completed work without an invoice, by age and value, each with the reason."""

from typing import Annotated, Any

import typer

from cli.names import connection_names
from cli.prefect_api import run, use_prefect
from cli.show import Json, amount, as_json, hint, is_wide, say, table, text
from milepost.settings import installation
from milepost.steps.unbilled import Unbilled, UnbilledWork, is_before_live, total_by_currency, totals_by_age, unbilled_work
from milepost.steps.workspace import open_workspace

Connection = Annotated[
    str | None,
    typer.Argument(
        metavar="[CONNECTION]", help="The connection's name; all of them without it.", autocompletion=connection_names
    ),
]
_MARKS = {
    "held": "[yellow]! held[/]",
    "failed": "[red]✗ failed[/]",
    "lost": "[red]✗ lost[/]",
    "sending": "[magenta]? unanswered[/]",
    "planned": "[cyan]○ planned[/]",
    "waiting": "[cyan]○ waiting[/]",
    "skipped": "[dim]– skipped[/]",
}


def unbilled(connection: Connection = None, json: Json = False) -> None:
    """List completed work without an invoice, oldest first, and why. Exit code 1 when some of it needs a person."""
    use_prefect()
    hint("Asking the job system which jobs there are …")
    works = run(_gather(connection))
    items = sorted((item for work in works for item in work.items), key=lambda item: -(item.days or 0))
    if json:
        as_json(_document(works, items))
    else:
        _show(works, items)
    if any(item.needs_a_person for item in items):
        raise typer.Exit(1)


async def _gather(connection: str | None) -> list[UnbilledWork]:
    from blocks.store import list_connections, load_connection  # noqa: PLC0415

    works = []
    for name in [connection] if connection else await list_connections():
        settings = await load_connection(name)
        async with open_workspace(settings, installation()) as workspace:
            works.append(await unbilled_work(workspace))
    return works


def _show(works: list[UnbilledWork], items: list[Unbilled]) -> None:
    earlier = [item for item in items if is_before_live(item)]
    shown = [item for item in items if not is_before_live(item)]
    columns = ("job", "customer", "completed", "days", "value", "status", "why")
    rows = [_row(item, several=len(works) > 1) for item in shown]
    table("Completed and not billed", columns, rows, right=("days", "value"), whole=("job", "status"))
    for fix, count in _fixes(shown).items():
        say(f"[dim]→[/] {text(fix)}{f' [dim]({count} jobs)[/]' if count > 1 else ''}")
    ages = [(currency, age, str(n), amount(value)) for (currency, age), (n, value) in totals_by_age(shown).items()]
    table("By age", ("currency", "age", "jobs", "value before tax"), ages, right=("jobs", "value before tax"))
    if earlier:
        sums = ", ".join(amount(value, currency) for currency, value in total_by_currency(earlier).items())
        say(f"[dim]{len(earlier)} jobs ({sums}) were completed before the connection went live: they are never billed.[/]")
    for work in works:
        if work.remark:
            say(f"[yellow]![/] {text(work.connection)}: {text(work.remark)}")
    if not shown:
        say("[green]✓[/] Everything that is completed is billed.")


def _row(item: Unbilled, *, several: bool) -> tuple[str, ...]:
    standing = item.standing
    return (
        text(f"{item.connection} {standing.number}" if several else standing.number),
        text(item.customer) if is_wide() else "",
        str(standing.completed_on or ""),
        "" if item.days is None else str(item.days),
        "unknown" if item.value is None else amount(item.value, item.currency),
        _MARKS[standing.status],
        text(standing.why),
    )


def _fixes(items: list[Unbilled]) -> dict[str, int]:
    """What to do, each once, and for how many jobs; what nobody need do is left out."""
    fixes: dict[str, int] = {}
    for fix in (item.standing.fix for item in items if item.needs_a_person and item.standing.fix):
        fixes[fix] = fixes.get(fix, 0) + 1
    return fixes


def _document(works: list[UnbilledWork], items: list[Unbilled]) -> dict[str, Any]:
    return {
        "jobs": [_job(item) for item in items],
        "by_age": [
            {"currency": currency, "age": age, "jobs": count, "value": value}
            for (currency, age), (count, value) in totals_by_age(i for i in items if not is_before_live(i)).items()
        ],
        "totals": total_by_currency([item for item in items if not is_before_live(item)]),
        "connections": [{"connection": work.connection, "source": work.source, "remark": work.remark} for work in works],
    }


def _job(item: Unbilled) -> dict[str, Any]:
    standing = item.standing
    return {
        "connection": item.connection,
        "job": standing.number,
        "job_id": standing.job_id,
        "customer": item.customer or None,
        "completed_on": standing.completed_on.isoformat() if standing.completed_on else None,
        "days": item.days,
        "age": item.age,
        "value": item.value,
        "currency": item.currency or None,
        "status": standing.status,
        "code": standing.code,
        "why": standing.why,
        "fix": standing.fix or None,
        "needs_a_person": item.needs_a_person,
    }
