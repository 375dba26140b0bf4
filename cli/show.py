"""How the command speaks: tables and colours for people, JSON for programs, trouble on standard error."""

import json
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

LOOKS = {
    "planned": "[cyan]○ planned[/]",
    "done": "[green]✓ invoiced[/]",
    "held": "[yellow]! held[/]",
    "failed": "[red]✗ failed[/]",
    "skipped": "[dim]– skipped[/]",
    "sending": "[magenta]? unanswered[/]",
}
"""A billing's status: one colour, shape and word each."""

_GAP, _LEAST = 2, 10
WIDE = 110
"""Columns of a terminal from which on tables show what can be done without."""


def complain(message: str) -> None:
    """An expected trouble, on standard error."""
    err.print(f"[red]milepost:[/] {text(message)}", soft_wrap=True)


def as_json(value: Any) -> None:
    """One JSON document on standard output; amounts as text, so that no reader makes floats of them."""
    typer.echo(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) or not hasattr(value, "model_dump") else value.model_dump(mode="json")


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
    short: Sequence[str] = (),
    total: Sequence[str] = (),
) -> None:
    """A table; nothing at all for no rows, and no column that is empty in every row.

    Cells are markup: escape what comes from outside. right: columns flush right and never broken; whole: never broken;
    short: cut off rather than broken; total: a last row.
    """
    if not rows:
        return
    shown = Table(header_style="bold dim", box=None, pad_edge=False, show_footer=bool(total), footer_style="bold")
    kept = [place for place, _ in enumerate(columns) if any(row[place] for row in rows)]
    widest = {place: _widest(place, columns, rows, total) for place in kept}
    room = out.width - sum(width + _GAP for place, width in widest.items() if columns[place] not in short)
    share = max(_LEAST, room // max(1, sum(columns[place] in short for place in kept)) - _GAP)
    for place in kept:
        name = columns[place]
        shown.add_column(
            name,
            footer=total[place] if total else "",
            justify="right" if name in right else "left",
            overflow="ellipsis" if name in short else "fold",
            no_wrap=name in (*right, *whole, *short),
            min_width=widest[place] if name in (*right, *whole) else None,
            max_width=share if name in short else None,
        )
    for row in rows:
        shown.add_row(*(row[place] for place in kept))
    if title:
        say(f"[bold]{title}[/]")
    out.print(shown)
    out.print()


def _widest(place: int, columns: Sequence[str], rows: Sequence[Sequence[str]], total: Sequence[str]) -> int:
    cells = [row[place] for row in (columns, *rows, *([total] if total else []))]
    return max(Text.from_markup(cell).cell_len for cell in cells)


def say(words: str) -> None:
    """A line of markup, broken only by the terminal, so that it can be copied whole."""
    out.print(words, soft_wrap=True)


def hint(words: str) -> None:
    """On standard error, to a person at a terminal only: why something takes a while."""
    if err.is_terminal:
        err.print(f"[dim]{escape(words)}[/]", soft_wrap=True)


def text(value: object) -> str:
    """Text from outside, made safe to show; files below the working directory are named from there."""
    return escape("" if value is None else str(value).replace(f"{Path.cwd()}{os.sep}", ""))


def amount(value: Decimal | None, currency: str | None = None) -> str:
    """`NZD 1,234.50`; empty when unknown."""
    return "" if value is None else f"{currency + ' ' if currency else ''}{value:,.2f}"


def is_wide() -> bool:
    """Whether there is room for what can be done without."""
    return out.width >= WIDE
