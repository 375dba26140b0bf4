"""The tracking of a line: templates laid over each other, and what they give brought to Xero's own names."""

from collections.abc import Iterable, Mapping

from milepost.billing.checks import check_tracking
from milepost.billing.decision import TrackingChoice
from milepost.billing.trouble import Trouble
from milepost.chart import Chart


def laid_over(*layers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Category and template: the later layers win, category by category without regard to case."""
    templates: dict[str, tuple[str, str]] = {}
    for layer in layers:
        for category, template in layer.items():
            name = category.strip()
            templates[name.casefold()] = (name, template)
    return list(templates.values())


def tracking_choices(chart: Chart, options: Iterable[tuple[str, str]], where: str) -> tuple[TrackingChoice, ...] | Trouble:
    """Categories and their options in the words of the chart; an option that came out empty is left off."""
    choices: list[TrackingChoice] = []
    for category, option in options:
        choice = _choice(chart, category, option, where) if option else None
        if isinstance(choice, Trouble):
            return choice
        if choice:
            choices.append(choice)
    return tuple(choices)


def _choice(chart: Chart, category: str, option: str, where: str) -> TrackingChoice | Trouble:
    if trouble := check_tracking(chart, category, option, where):
        return trouble
    found = chart.tracking_category(category)
    assert found is not None
    names = (o.name for o in found.options if o.status == "ACTIVE")
    name = next(name for name in names if name.casefold() == option.casefold())
    return TrackingChoice(category=found.name, option=name)
