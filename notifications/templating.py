"""The templates of alerts, and what all of them share: marks, link labels, the filters that make text safe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from notifications import words

TICK = "✔"
MARKS = {"held": "⏸", "failed": "✖", "skipped": "↷"}
LABELS = {
    "milepost": "See why",
    "job": "Open the job",
    "xero": "Open in Xero",
    "prefect": "Open the run",
    "console": "Open Milepost",
}

Link = tuple[str, str, str]
"""Name, label, address."""

URL_LIMIT = 3000  # Slack docs, "Block Kit > Button element": url has at most 3000 characters

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    autoescape=select_autoescape(enabled_extensions=("html.j2",)),
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
templates.filters |= {"slack": words.slack, "plain": words.plain}


def usable_links(addresses: Mapping[Any, str | None]) -> list[Link]:
    """The links worth showing, in the order of the labels: web addresses of a length that Slack takes."""
    return [
        (name, label, address)
        for name, label in LABELS.items()
        if (address := addresses.get(name)) and _is_web_address(address)
    ]


def _is_web_address(address: str) -> bool:
    return (
        address.startswith(("https://", "http://"))
        and words.utf16_length(address) <= URL_LIMIT
        and words.one_line(address) == address
        and " " not in address
    )
