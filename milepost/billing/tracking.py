"""The tracking of a line: templates filled in, laid over each other, and brought to Xero's own names."""

from collections.abc import Mapping, Sequence
from typing import Any

from milepost.billing.checks import check_tracking
from milepost.billing.decision import TrackingChoice
from milepost.billing.trouble import Trouble
from milepost.chart import Chart
from milepost.rules.templates import render


def tracking_choices(
    chart: Chart, layers: Sequence[Mapping[str, str]], values: Mapping[str, Any], where: str
) -> tuple[TrackingChoice, ...] | Trouble:
    """The later layers win, category by category without regard to case; an option that comes out empty is left off.

    Raises TemplateProblem.
    """
    templates: dict[str, tuple[str, str]] = {}
    for layer in layers:
        templates |= {category.strip().casefold(): (category.strip(), template) for category, template in layer.items()}
    filled = [(category, render(template, values).strip()) for category, template in templates.values()]
    choices = [_choice(chart, category, option, where) for category, option in filled if option]
    trouble = next((choice for choice in choices if isinstance(choice, Trouble)), None)
    return trouble or tuple(choice for choice in choices if isinstance(choice, TrackingChoice))


def _choice(chart: Chart, category: str, option: str, where: str) -> TrackingChoice | Trouble:
    """The choice in the words of the chart."""
    if trouble := check_tracking(chart, category, option, where):
        return trouble
    found = chart.tracking_category(category)
    assert found is not None
    names = (o.name for o in found.options if o.status == "ACTIVE")
    name = next(name for name in names if name.casefold() == option.casefold())
    return TrackingChoice(category=found.name, option=name)
