"""`milepost`: the command, one module a group. Exit codes: 0 fine, 1 a person is needed, 2 wrong usage, 3 a bug."""

import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli import billing, connection, demo, explain, log, platform, rules, status, up, verify
from cli.show import complain
from milepost import __version__
from milepost.errors import ConfigError, MilepostError, RemoteError
from milepost.settings import installation

NEEDS_A_PERSON, WRONG_USAGE, BUG = 1, 2, 3

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Bills completed work: from a job-management system into Xero, each invoice exactly once, by your own rules.",
)
app.add_typer(connection.app, name="connection", help="Connect a job system, a Xero organisation and a rule book.")
app.add_typer(rules.app, name="rules", help="Check and show rule books.")
app.add_typer(platform.app, name="platform", help="Job systems: those there are, and trying one out.")
app.command("demo")(demo.demo)
app.command("up")(up.up)
app.command("status")(status.status)
app.command("plan")(billing.plan)
app.command("poll")(billing.poll)
app.command("bill")(billing.bill)
app.command("explain")(explain.explain)
app.command("verify")(verify.verify)
app.command("log")(log.log)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"milepost {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Bills completed work into Xero."""
    del version


def run() -> None:
    """The console script: expected errors are one message and a code, anything else is a bug with a report to send."""
    try:
        app()
    except RemoteError as error:
        complain(str(error))
        sys.exit(NEEDS_A_PERSON)
    except ConfigError as error:
        complain(str(error))
        sys.exit(WRONG_USAGE)
    except MilepostError as error:
        complain(str(error))
        sys.exit(NEEDS_A_PERSON)
    except Exception as error:
        complain(
            f"A bug in Milepost: {type(error).__name__}. A report to send is in {_report(error)}. Nothing is lost: run again."
        )
        if "--traceback" in sys.argv:
            raise
        sys.exit(BUG)


def _report(error: Exception) -> Path:
    """The traceback without values: code places only, so that no job's data or secret is in it."""
    path = installation().home / f"bug-{datetime.now(UTC):%Y%m%dT%H%M%S}.log"
    frames = "".join(traceback.format_tb(error.__traceback__))
    path.write_text(f"milepost {__version__} on Python {sys.version}\n{type(error).__name__}\n{frames}")
    return path
