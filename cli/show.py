"""How the command speaks: tables and colours for people, JSON for programs, trouble on standard error."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

LOOKS = {
    "planned": "[cyan]○ planned[/]",
    "done": "[green]✓ invoiced[/]",
    "held": "[yellow]! held[/]",
    "failed": "[red]✗ failed[/]",
    "skipped": "[dim]– skipped[/]",
    "sending": "[magenta]? unanswered[/]",
}
"""A billing's status: one colour, shape and word each."""


def complain(message: str) -> None:
    """An expected trouble, on standard error."""
    err.print(f"[red]milepost:[/] {escape(message)}", soft_wrap=True)


def as_json(value: Any) -> None:
    """One JSON document on standard output; amounts as text, so that no reader makes floats of them."""
    out.print_json(json.dumps(value, default=_plain), indent=2, highlight=False)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) or not hasattr(value, "model_dump") else value.model_dump(mode="json")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A table; nothing at all for no rows. Cells are markup: escape what comes from outside."""
    if not rows:
        return
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="bold dim", box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*row)
    out.print(shown)
    out.print()


def text(value: object) -> str:
    """Text from outside, made safe to show."""
    return escape("" if value is None else str(value))


def amount(value: Decimal | None, currency: str | None = None) -> str:
    """`NZD 1,234.50`; empty when unknown."""
    return "" if value is None else f"{currency + ' ' if currency else ''}{value:,.2f}"
