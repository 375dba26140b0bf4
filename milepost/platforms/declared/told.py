"""What the templates of a write-back may say, and how a body is made of them."""

import re
from typing import Any

from milepost.jobs import Record
from milepost.platforms.protocol import WriteBack
from milepost.rules.templates import TemplateProblem, check_template, render

_WORDS = {"true": True, "false": False, "null": None}
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")


class Told(Record):
    """What is told to the job system. `note` holds the key, so that it can be found again."""

    job_id: str
    key: str
    note: str
    invoice_number: str = ""
    invoice_url: str = ""


def as_told(job_id: str, told: WriteBack) -> Told:
    """The write-back as templates see it."""
    has_key = told.key in told.note
    return Told(
        job_id=job_id,
        key=told.key,
        note=told.note if has_key else f"{told.note} [{told.key}]",
        invoice_number=told.invoice_number or "",
        invoice_url=told.invoice_url or "",
    )


def check_template_tree(tree: Any) -> Any:
    """The tree, or ValueError where a text in it is no template over `told`."""
    for text in _texts(tree):
        try:
            check_template(text, {"told": Told})
        except TemplateProblem as error:
            raise ValueError(error.why) from error
    return tree


def _texts(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [text for branch in tree.values() for text in _texts(branch)]
    if isinstance(tree, list):
        return [text for branch in tree for text in _texts(branch)]
    return [tree] if isinstance(tree, str) else []


def filled_tree(tree: Any, told: Told) -> Any:
    """The JSON to send. What is written as `true`, `false`, `null` or a whole number is sent as such."""
    if isinstance(tree, dict):
        return {key: filled_tree(branch, told) for key, branch in tree.items()}
    if isinstance(tree, list):
        return [filled_tree(branch, told) for branch in tree]
    if not isinstance(tree, str):
        return tree
    if tree in _WORDS:
        return _WORDS[tree]
    return int(tree) if _WHOLE.fullmatch(tree) else render(tree, {"told": told})
