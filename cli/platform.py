"""`milepost platform`: the job systems there are, and trying out the description of another one on a real job."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from rich.table import Table

from cli.show import out, table, text
from milepost.errors import ConfigError
from milepost.jobs import Job
from milepost.platforms.csv.platform import CsvPlatform
from milepost.platforms.declared.load import unfilled
from milepost.platforms.declared.parts import check_zone
from milepost.platforms.declared.platform import DeclaredPlatform, Looked
from milepost.platforms.declared.schema import schema_text
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.protocol import Capabilities, JobProblem
from milepost.platforms.servicem8.platform import ServiceM8Platform

PERSON_NEEDED = 1
LONGEST_RAW = 60
KINDS = {platform.kind: platform for platform in (ServiceM8Platform, DeclaredPlatform, CsvPlatform)}
"""What the registry opens, as classes: they say what they can do."""

app = typer.Typer(no_args_is_help=True, help="Job systems: those there are, and trying out the description of another.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("try")
def try_out(
    file: Annotated[Path, typer.Argument(help="The description: a YAML file.")],
    job: Annotated[str | None, typer.Option(help="This job, by its id; by default the first of the list.")] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(help="A secret of the description. A name alone asks for its value.", metavar="NAME[=VALUE]"),
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Instead of the description's.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Instead of the description's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read one job and show what the system says beside what Milepost makes of it. Nothing is written anywhere.

    Exit code 1 where the job cannot be read or a required field is not filled.
    """
    settings = _settings(file, dict(map(_secret, secret or ())), base_url, time_zone)
    platform = DeclaredPlatform(settings, draft=True)
    looked = asyncio.run(_look(platform, job))
    warnings = [*map(str, unfilled(platform.loaded)), *_remarks(looked)]
    if as_json:
        _print_json(looked, warnings)
    else:
        _print(looked, warnings, platform.loaded.description.name)
    if isinstance(looked.outcome, JobProblem):
        raise typer.Exit(PERSON_NEEDED)


@app.command("list")
def list_platforms(as_json: AsJson = False) -> None:
    """List the kinds of job systems and what each can do."""
    found = {kind: _capabilities(platform) for kind, platform in KINDS.items()}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    names = [one.name for one in fields(Capabilities)]
    rows = [
        [kind.replace("_", " "), *("as its file says" if can is None else _mark(can[kind]) for can in found.values())]
        for kind in names
    ]
    table("Job systems", ["", *found], rows)


@app.command()
def schema(
    write: Annotated[Path | None, typer.Option(help="Write it to this file instead of printing it.")] = None,
) -> None:
    """Print the JSON schema that editors use to complete and check descriptions."""
    if write is None:
        typer.echo(schema_text(), nl=False)
        return
    write.write_text(schema_text(), encoding="utf-8")
    out.print(f"wrote {text(write)}")


def _settings(file: Path, secrets: dict[str, SecretStr], base_url: str | None, time_zone: str | None) -> DeclaredSettings:
    try:
        zone = check_zone(time_zone) if time_zone else None
    except ValueError as error:
        raise ConfigError(f"--time-zone: {error}") from error
    return DeclaredSettings(file=file, secrets=secrets, base_url=base_url, time_zone=zone)


def _secret(given: str) -> tuple[str, SecretStr]:
    """NAME=VALUE, or a name whose value is asked for without showing it."""
    name, equals, value = given.partition("=")
    return name, SecretStr(value if equals else typer.prompt(f"{name}", hide_input=True))


async def _look(platform: DeclaredPlatform, job: str | None) -> Looked:
    async with platform:
        found = job or await platform.first_job()
        if found is None:
            name = platform.loaded.description.name
            raise ConfigError(f"{name}: the list has no jobs. Name one with --job, or loosen the list's params.")
        return await platform.look(found)


def _remarks(looked: Looked) -> list[str]:
    """What deserves a look though nothing is wrong with the description."""
    said = [f"{one.section} > {one.field}: {one.trouble}" for one in looked.traces if one.trouble]
    if isinstance(looked.outcome, Job):
        if looked.outcome.customer is None:
            said.append("the job has no customer: it would be held")
        if not looked.outcome.lines:
            said.append("the job has no lines: the rule book's fallback would bill it")
        if looked.outcome.dates.completed is None:
            said.append("the job has no completion date: terms would count from the day of billing")
    if looked.unread:
        said.append(f"not read from the job's record: {', '.join(looked.unread)}")
    return said


def _print(looked: Looked, warnings: Sequence[str], system: str) -> None:
    rows = [
        [text(one.section), text(one.field), f"[dim]{text(one.source)}[/]", text(_short(one.raw)), _value(one)]
        for one in looked.traces
    ]
    table(f"Job {text(looked.job_id)}", ["", "Field", "Expression", text(system), "Milepost"], rows)
    if isinstance(looked.outcome, Job):
        if looked.outcome.lines:
            _print_lines(looked.outcome)
        out.print(f"[green]✓ reads as job {text(looked.outcome.number)}, {looked.outcome.stage}[/]")
    else:
        problem = looked.outcome
        out.print(
            f"[red]✗ {text(problem.where or problem.job_id)}: {text(problem.why)}[/]\n  {text(problem.fix)}", soft_wrap=True
        )
    for warning in warnings:
        out.print(f"[yellow]! {text(warning)}[/]", soft_wrap=True)


def _value(trace: Any) -> str:
    if trace.trouble and trace.value is None:
        return f"[red]✗ {text(trace.trouble)}[/]"
    return "[dim]unknown[/]" if trace.value in (None, ()) else text(_short(trace.value))


def _print_lines(job: Job) -> None:
    shown = Table(title="Lines", title_justify="left", title_style="bold", header_style="bold dim", box=None)
    for name in ("", "Kind", "Code", "Description"):
        shown.add_column(name, overflow="fold")
    for name in ("Quantity", "Price ex", "Price inc", "Total", "Tax"):
        shown.add_column(name, justify="right")
    for row, line in enumerate(job.lines, 1):
        prices = (line.quantity, line.unit_price_ex, line.unit_price_inc, line.total_ex or line.total_inc)
        tax = line.tax.name if line.tax else None
        words = (row, line.kind, line.code, line.description, *prices, tax)
        shown.add_row(*map(text, words))
    out.print(shown)


def _short(value: Any) -> str:
    said = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False).strip('"')
    one_line = " ".join(said.split())
    return one_line if len(one_line) <= LONGEST_RAW else one_line[: LONGEST_RAW - 1] + "…"


def _print_json(looked: Looked, warnings: Sequence[str]) -> None:
    job, problem = (looked.outcome, None) if isinstance(looked.outcome, Job) else (None, asdict(looked.outcome))
    shown = {
        "id": looked.job_id,
        "raw": looked.raw,
        "job": job.model_dump(mode="json") if job else None,
        "problem": problem,
        "fields": [asdict(one) for one in looked.traces],
        "warnings": warnings,
    }
    typer.echo(json.dumps(shown, indent=2, default=str, ensure_ascii=False))


def _capabilities(platform: Any) -> dict[str, bool] | None:
    """What a kind can do; None where that depends on a description."""
    known = getattr(platform, "capabilities", None)
    return asdict(known) if isinstance(known, Capabilities) else None


def _mark(can: bool) -> str:
    return "[green]✓[/]" if can else "[dim]–[/]"
