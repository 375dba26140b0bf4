"""All commands of `milepost`, one module a group."""

from typing import Annotated

import typer

from cli import billing, connection, demo, explain, log, platform, queue, rules, status, troubles, unbilled, up, verify
from cli.failures import Milepost, want_traceback
from milepost import __version__

START, DAILY, SET_UP = "See it work", "Every day", "Set up and run"

app = typer.Typer(
    cls=Milepost,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine, 1 a person is needed, 2 wrong usage, 3 a bug. Every command that lists takes --json.",
)
app.command("demo", rich_help_panel=START)(demo.demo)
app.command("status", rich_help_panel=DAILY)(status.status)
app.command("plan", rich_help_panel=DAILY)(billing.plan)
app.command("poll", rich_help_panel=DAILY)(billing.poll)
app.command("bill", rich_help_panel=DAILY)(billing.bill)
app.command("explain", rich_help_panel=DAILY)(explain.explain)
app.command("verify", rich_help_panel=DAILY)(verify.verify)
app.command("unbilled", rich_help_panel=DAILY)(unbilled.unbilled)
app.command("troubles", rich_help_panel=DAILY)(troubles.troubles)
app.command("log", rich_help_panel=DAILY)(log.log)
app.command("up", rich_help_panel=SET_UP)(up.up)
app.add_typer(
    queue.app, name="queue", help="What waits: list it, try it again, say what was done by hand.", rich_help_panel=DAILY
)
app.add_typer(
    connection.app,
    name="connection",
    help="Connect a job system, a Xero organisation and a rule book.",
    rich_help_panel=SET_UP,
)
app.add_typer(rules.app, name="rules", help="Check, show and list rule books.", rich_help_panel=SET_UP)
app.add_typer(
    platform.app, name="platform", help="Job systems: those there are, and trying one out.", rich_help_panel=SET_UP
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"milepost {__version__}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where a bug happened, data and all.")] = False,
) -> None:
    """Bills completed work: from a job-management system into Xero, each invoice exactly once, by your own rules."""
    del version
    if traceback:
        want_traceback(context)
