"""How the command ends when something is wrong: 0 fine, 1 a person is needed, 2 wrong usage, 3 a bug."""

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from cli.show import complain, text
from milepost import __version__
from milepost.errors import ConfigError, MilepostError
from milepost.settings import installation

NEEDS_A_PERSON, WRONG_USAGE, BUG = 1, 2, 3
_WITH_TRACEBACK = "with_traceback"
_USAGE: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What Typer itself says about wrong usage; newer versions of it bring their own click."""


class Milepost(TyperGroup):
    """The root of all commands: an expected error is one message and a code, anything else a bug with a report to send."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; no traceback ever reaches the screen, unless it was asked for."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, _USAGE):
            raise
        except BrokenPipeError:  # whoever read our output has had enough of it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit from None
        except MilepostError as error:
            complain(str(error))
            raise typer.Exit(WRONG_USAGE if isinstance(error, ConfigError) else NEEDS_A_PERSON) from error
        except Exception as error:
            if ctx.meta.get(_WITH_TRACEBACK):
                raise
            complain(
                f"This is a bug in Milepost ({type(error).__name__}), and nothing of yours is lost: what was done is in the "
                f"ledger, and the next run goes on from there. Please send the report: {text(report(error, ctx))} "
                "(places in the code only, no data)."
            )
            raise typer.Exit(BUG) from error


def want_traceback(ctx: typer.Context) -> None:
    """Let a bug show its traceback, which may hold values."""
    ctx.meta[_WITH_TRACEBACK] = True


def report(error: BaseException, ctx: Any = None) -> Path:
    """Write the report of a bug: the command and the places in the code, of the error and of its causes.

    No message of an exception is in it, since those may repeat a name or an amount.
    """
    named = f"bug-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    command = f"milepost {ctx.invoked_subcommand or ''}" if ctx else "milepost"
    text_ = f"milepost {__version__} on Python {sys.version}, {sys.platform}\n{command}\n{''.join(_chain(error))}"
    for folder in _folders():
        path = folder / named
        try:
            path.touch(mode=0o600)
            path.write_text(text_, encoding="utf-8")
        except OSError:
            continue
        return path
    return Path(named)


def _folders() -> Iterator[Path]:
    """Where a report may go: the installation's home, else where temporary files are."""
    with suppress(MilepostError):
        yield installation().home
    yield Path(tempfile.gettempdir())


def _chain(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield f"\n{type(current).__module__}.{type(current).__name__}\n"
        yield from traceback.format_tb(current.__traceback__)
        current = current.__cause__ or current.__context__
