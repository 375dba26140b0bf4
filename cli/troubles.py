"""`milepost troubles [CODE]`: what a code means and what mends it; `--write` writes the page of all of them."""

from pathlib import Path
from typing import Annotated

import typer

from cli.show import Json, as_json, say, table, text
from milepost.errors import UnknownName
from milepost.troubles.kinds import MEANING, Known
from milepost.troubles.page import about, codes, page, plain_fix


def troubles(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="The code of an alert or of the queue.")] = None,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page of all codes to this file.")] = None,
    json: Json = False,
) -> None:
    """What a trouble's code means, what Milepost does about it, and what mends it."""
    if write:
        write.write_text(page(), encoding="utf-8")
        return
    known = _named(code)
    if json:
        as_json([_document(one) for one in known])
        return
    for one in known if code else []:
        say(f"[bold]{text(one.code)}[/] ({one.does.value}): {text(one.why)}\n  [dim]→[/] {text(plain_fix(one))}")
        say(f"  {text(MEANING[one.does])}")
        for said in one.says:
            say(f"  [dim]“{text(said)}”[/]")
    if not code:
        table(
            "", ("code", "class", "why"), [(text(k.code), k.does.value, text(k.why)) for k in known], whole=("code", "class")
        )


def _named(code: str | None) -> list[Known]:
    if code is None:
        return [one for name in codes() for one in about(name)]
    if found := about(code):
        return found
    raise UnknownName(f"no trouble has the code {code!r}. `milepost troubles` lists them all.")


def _document(known: Known) -> dict[str, object]:
    return {
        "code": known.code,
        "class": known.does.value,
        "why": known.why,
        "fix": plain_fix(known),
        "says": list(known.says),
    }
