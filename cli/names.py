"""Names that the shell completes: the connections of this installation."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from milepost.errors import MilepostError


def connection_names(incomplete: str) -> list[str]:
    """The connections whose names begin so; none, and no trouble, where there is no installation yet."""
    from cli.connection import rows_of_all  # noqa: PLC0415  it needs the names of this module

    if "MILEPOST_DATABASE_URL" not in os.environ and not Path(os.environ.get("MILEPOST_HOME") or ".milepost").is_dir():
        return []
    try:
        return [row.name for row in asyncio.run(rows_of_all()) if row.name.startswith(incomplete)]
    except (MilepostError, OSError):
        return []


ConnectionName = Annotated[
    str, typer.Argument(metavar="CONNECTION", help="The connection's name.", autocompletion=connection_names)
]
