"""Days as people type them after an option."""

from datetime import date

import typer


def day(text: str) -> date:
    """A day written 2026-07-01. Raises BadParameter, which says so, for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is not a date; write it like 2026-07-01") from error
