"""`milepost demo`: the real flows against a local Xero, job systems and Slack over real HTTP, and what came of it."""

import asyncio
from typing import Annotated

import typer

from cli.show import Json, say
from cli.until import INTERRUPTED, until_told


def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit when the story is told.")] = False,
    json: Json = False,
) -> None:
    """Bill three businesses end to end on this machine, calling nothing outside it; stays up until Ctrl-C.

    --json tells the story as one JSON document, and exits.
    """
    from cli.demo_stage import Stage  # noqa: PLC0415  the sandbox and all it needs, which no other command does

    stage = Stage(json=json)
    told_to_stop = asyncio.run(until_told(stage.play(once=once or json)))
    if told_to_stop and not json:
        say("The demo is down.")
    if told_to_stop and not stage.story_is_told:
        raise typer.Exit(INTERRUPTED)
