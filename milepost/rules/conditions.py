"""The conditions of a rule book: what a rule asks of a line, and what a stage asks of a job. Evaluated by `match`."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from milepost.rules.fields import Globs, IsoDate, Kinds, Section


class Range(Section):
    """Bounds of an amount or a quantity; all that are given must hold."""

    over: Decimal | None = Field(None, description="more than this")
    at_least: Decimal | None = Field(None, description="this or more")
    under: Decimal | None = Field(None, description="less than this")
    at_most: Decimal | None = Field(None, description="this or less")

    @model_validator(mode="after")
    def _bounds(self) -> "Range":
        low = [bound for bound in (self.over, self.at_least) if bound is not None]
        high = [bound for bound in (self.under, self.at_most) if bound is not None]
        if not low and not high:
            raise ValueError("give one of over, at_least, under, at_most")
        if len(low) > 1 or len(high) > 1:
            raise ValueError("give 'over' or 'at_least', and 'under' or 'at_most'")
        is_open = self.over is not None or self.under is not None
        if low and high and (low[0] > high[0] or (low[0] == high[0] and is_open)):
            raise ValueError("no number is both that large and that small")
        return self

    def holds(self, number: Decimal) -> bool:
        """Whether a number is within the bounds."""
        return (
            (self.over is None or number > self.over)
            and (self.at_least is None or number >= self.at_least)
            and (self.under is None or number < self.under)
            and (self.at_most is None or number <= self.at_most)
        )

    def __str__(self) -> str:
        return " and ".join(f"{name.replace('_', ' ')} {bound}" for name, bound in self if bound is not None)


class DateRange(Section):
    """Days; both ends belong to it."""

    since: IsoDate | None = Field(None, description="this day or later")
    until: IsoDate | None = Field(None, description="this day or earlier")

    @model_validator(mode="after")
    def _ends(self) -> "DateRange":
        if self.since is None and self.until is None:
            raise ValueError("give 'since', 'until' or both")
        if self.since and self.until and self.since > self.until:
            raise ValueError("'until' is before 'since'")
        return self

    def holds(self, day: date) -> bool:
        """Whether a day lies in it."""
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)

    def __str__(self) -> str:
        return " ".join(f"{name} {day}" for name, day in self if day is not None)


def _filled(section: Section) -> Section:
    if not section.model_fields_set:
        raise ValueError("has no condition, and would hold for everything; fill it in, or remove it")
    return section


def _some_texts(texts: Globs) -> Globs:
    if not texts:
        raise ValueError("is empty; fill it in, or remove the condition")
    return texts


def _each_once(custom_fields: dict[str, Globs]) -> dict[str, Globs]:
    names = [name.casefold() for name in custom_fields]
    if twice := next((name for name in custom_fields if names.count(name.casefold()) > 1), None):
        raise ValueError(f"names the field '{twice}' twice; upper and lower case do not matter")
    return custom_fields


_some = AfterValidator(_filled)
_A_LIST = Field(min_length=1)


class JobWhen(Section):
    """Conditions on a job: all that are given must hold. Texts are globs, or regular expressions between slashes, without
    regard to case.

    A condition on something that a job does not say (no category, no total) does not hold. So a `not` of it holds: with
    `not: {category: Warranty}` jobs without a category are taken, too. `not: {category: "*"}` takes only these.
    """

    job_type: Globs | None = Field(None, description="the job's type")
    business_unit: Globs | None = Field(None, description="the job's business unit")
    category: Globs | None = Field(None, description="the job's category; of a line its own, where it has one")
    customer: Globs | None = Field(None, description="the customer's name")
    customer_tag: Globs | None = Field(None, description="one of the customer's tags")
    job_tag: Globs | None = Field(None, description="one of the job's tags")
    site_region: Globs | None = Field(None, description="the region of the site")
    custom_fields: (
        Annotated[dict[str, Annotated[Globs, AfterValidator(_some_texts)]], _A_LIST, AfterValidator(_each_once)] | None
    ) = Field(None, description="custom field of the job: what it must say")
    job_total: Range | None = Field(
        None, description="the job's total before tax, as the platform states it; else what its lines come to"
    )
    completed: DateRange | None = Field(None, description="the day of the job's completion, in its account's time zone")
    any_: Annotated[tuple[Annotated["JobWhen", _some], ...], _A_LIST] | None = Field(
        None, alias="any", description="a list of conditions of which one must hold"
    )
    all_: Annotated[tuple[Annotated["JobWhen", _some], ...], _A_LIST] | None = Field(
        None, alias="all", description="a list of conditions that must all hold"
    )
    not_: Annotated["JobWhen", _some] | None = Field(None, alias="not", description="conditions that must not all hold")

    @field_validator("*", mode="before")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        if value in ([], {}, ()):
            raise ValueError("is empty; fill it in, or remove the condition")
        return value


class When(JobWhen):
    """The conditions of a rule, on a line and its job."""

    kind: Kinds | None = Field(None, description="what the line stands for")
    code: Globs | None = Field(None, description="the item's code")
    description: Globs | None = Field(None, description="the line's description")
    section: Globs | None = Field(None, description="the section, bundle or cost centre that the line stands in")
    staff: Globs | None = Field(None, description="who did the work")
    tax: Globs | None = Field(None, description="the platform's tax name")
    quantity: Range | None = Field(None, description="the line's quantity")
    amount: Range | None = Field(
        None,
        description="the line's amount before tax where the platform states it, else its quantity times its price; a "
        "discount's is below zero",
    )
    worked_on: DateRange | None = Field(None, description="the day of the work")
    any_: Annotated[tuple[Annotated["When", _some], ...], _A_LIST] | None = Field(
        None, alias="any", description="a list of conditions of which one must hold"
    )
    all_: Annotated[tuple[Annotated["When", _some], ...], _A_LIST] | None = Field(
        None, alias="all", description="a list of conditions that must all hold"
    )
    not_: Annotated["When", _some] | None = Field(None, alias="not", description="conditions that must not all hold")
