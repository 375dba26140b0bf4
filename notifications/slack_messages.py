"""Slack messages from templates: blocks within Block Kit's limits by construction, and always a fallback text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notifications.templating import MARKS, TICK, Link, templates, usable_links
from notifications.troubles import RunSummary, Trouble


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """What is posted. `text` is the fallback: what a notification and a screen reader say."""

    text: str
    blocks: Sequence[dict[str, Any]] = ()


def summary_message(summary: RunSummary, *, threaded: bool, told_before: int = 0, resolved: bool = False) -> SlackMessage:
    """One run in figures. `told_before`: troubles that are not told again; `resolved`: what was told has cleared."""
    links = {"prefect": summary.prefect_url, "console": summary.console_url}
    return _rendered(
        "summary",
        summary=summary,
        threaded=threaded,
        told_before=told_before,
        resolved=resolved,
        mark=TICK if resolved else "",
        links=usable_links(links),
    )


def trouble_message(trouble: Trouble, connection: str) -> SlackMessage:
    """What happened, to what, why, and what to do."""
    return _rendered(
        "trouble",
        trouble=trouble,
        headline=trouble.headline(connection),
        mark=MARKS[trouble.status],
        links=_links(trouble),
    )


def resolved_message(trouble: Trouble, connection: str, *, still_in_trouble: bool) -> SlackMessage:
    """The reply when a trouble clears; `still_in_trouble`: something else is wrong there now."""
    return _rendered("resolved", whom=trouble.whom(connection), mark=TICK, still_in_trouble=still_in_trouble)


def settled_message(trouble: Trouble, connection: str) -> SlackMessage:
    """What the trouble's own message becomes when it clears."""
    return _rendered("settled", trouble=trouble, whom=trouble.whom(connection), mark=TICK, links=_links(trouble))


def more_message(count: int, connection: str, console_url: str | None) -> SlackMessage:
    """The closing message of a run with more troubles than messages."""
    links = usable_links({"console": console_url})
    return _rendered("more", count=count, connection=connection, links=links)


def _links(trouble: Trouble) -> list[Link]:
    return usable_links(trouble.links)


def _rendered(name: str, **values: Any) -> SlackMessage:
    message = json.loads(templates.get_template(f"slack/{name}.json.j2").render(values))
    return SlackMessage(message["text"], tuple(message["blocks"]))
