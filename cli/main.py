"""The console script `milepost`. It imports next to nothing, so that Ctrl-C is understood from the first moment."""

import sys

from cli.until import INTERRUPTED


def run() -> None:
    """Run the command; its exit codes: 0 fine, 1 a person is needed, 2 wrong usage, 3 a bug."""
    try:
        from cli.app import app  # noqa: PLC0415  it imports all commands

        app(prog_name="milepost")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
