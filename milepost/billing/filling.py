"""The texts of a coded line: the templates of its rule filled in, and each kept as it was before and after."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from milepost.billing.checks import check_item
from milepost.billing.decision import Filled, TrackingChoice
from milepost.billing.tracking import laid_over, tracking_choices
from milepost.billing.trouble import Trouble
from milepost.billing.words import LONGEST_DESCRIPTION, line_words
from milepost.jobs import Line
from milepost.rules.model import Then
from milepost.rules.templates import TemplateProblem, render

if TYPE_CHECKING:
    from milepost.billing.coding import Coding

_MARKS = ("{{", "{%", "{#")


class Texts(NamedTuple):
    """What a line says, its item and its tracking; `filled` are the templates among them, not the plain texts."""

    description: str
    item: str | None
    tracking: tuple[TrackingChoice, ...]
    filled: tuple[Filled, ...]


def fill_texts(coding: "Coding", line: Line, then: Then, where: str) -> Texts | Trouble:
    """The line's texts by its rule, and the invoice's tracking below the rule's."""
    if not (then.description or then.item or then.tracking or coding.settings.tracking):
        return Texts(_said(line.description, line), None, (), ())
    values, filled = coding.values(line), list[Filled]()
    try:
        description = fill("description", then.description, values, filled) if then.description else line.description
        item = fill("item", then.item, values, filled) if then.item else None
        tracked = laid_over(coding.settings.tracking, then.tracking or {})
        options = [(category, fill(f"tracking {category}", text, values, filled)) for category, text in tracked]
    except TemplateProblem as problem:
        return Trouble(
            "template",
            f"A template of the rule at {where} cannot be filled: {problem}.",
            f"Correct it at {where}.",
        )
    tracking = tracking_choices(coding.chart, options, where)
    if isinstance(tracking, Trouble):
        return tracking
    if item and (trouble := check_item(coding.chart, item, where)):
        return trouble
    return Texts(_said(description, line), item or None, tracking, tuple(filled))


def _said(description: str, line: Line) -> str:
    return (description.strip() or line_words(line))[:LONGEST_DESCRIPTION]


def fill(name: str, template: str, values: Mapping[str, Any], filled: list[Filled]) -> str:
    """The text, which is entered in `filled` where it is a template. Raises TemplateProblem."""
    result = render(template, values).strip()
    if any(mark in template for mark in _MARKS):
        filled.append(Filled(name=name, template=template, result=result))
    return result
