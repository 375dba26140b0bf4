"""The kinds of text that a rule book's model is made of: globs, dates, templates, codes. Each checks itself."""

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from milepost.jobs import Job, Line, LineKind, Record
from milepost.rules.patterns import check_pattern
from milepost.rules.templates import TemplateProblem, check_template

RULE_ID = r"^[a-z0-9][a-z0-9_-]*$"
MILESTONE_CODE = r"^[A-Z0-9]{1,8}$"
CURRENCY = r"^(job|[A-Z]{3})$"


class Section(BaseModel):
    """A part of a rule book: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Group(Record):
    """Lines that are shown as one: by what they were put together, and what each of them says."""

    name: str
    descriptions: tuple[str, ...] = ()


TEMPLATE_ROOTS: dict[str, type[BaseModel]] = {"job": Job, "line": Line, "group": Group}
"""What templates may read. The model adds its own `milestone`, which is made of these fields."""


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _written_as_iso(value: object) -> object:
    """Only the long form, since pydantic would also take 2026 for some seconds of 1970."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("is not a date; write it like 2026-07-01")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError("is not a day of the calendar") from error


def _checked_with(*roots: str) -> AfterValidator:
    """Texts that are templates over these names are compiled, and their names checked, when a book is made."""

    def check(text: str) -> str:
        try:
            check_template(text, {root: TEMPLATE_ROOTS[root] for root in roots})
        except TemplateProblem as problem:
            raise ValueError(problem.why) from problem
        return text

    return AfterValidator(check)


def _two_at_most(tracking: dict[str, str]) -> dict[str, str]:
    if len(tracking) > 2:
        raise ValueError("has more than two categories; Xero keeps two")
    return tracking


two_at_most = AfterValidator(_two_at_most)
"""Xero keeps two active tracking categories (OpenAPI text of TrackingCategories)."""

_one_or_more_texts = BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])
_one_or_more_kinds = BeforeValidator(_listed, json_schema_input_type=LineKind | tuple[LineKind, ...])

Kinds = Annotated[tuple[LineKind, ...], _one_or_more_kinds]
"""One kind of line or a list of them."""

_Several = Annotated[tuple[str, ...], Field(min_length=1)]

Statuses = Annotated[_Several, BeforeValidator(_listed, json_schema_input_type=str | _Several)]
"""One of the job system's statuses or a list of them."""

Globs = Annotated[tuple[Annotated[str, AfterValidator(check_pattern)], ...], _one_or_more_texts]
"""One text or a list of them, compared without regard to case; any may match. A text is a glob, or a regular expression
between slashes."""

IsoDate = Annotated[date, BeforeValidator(_written_as_iso)]

InvoiceText = Annotated[str, _checked_with("job", "milestone")]
"""A template for the invoice as a whole."""

LineText = Annotated[str, _checked_with("job", "line", "milestone")]
"""A template for one line of a job."""

AccountCode = Annotated[str, Field(min_length=1, max_length=10)]
"""Xero's account codes have at most 10 characters (OpenAPI text of Account)."""

GroupText = Annotated[str, _checked_with("job", "group", "milestone")]
"""A template for lines that are shown as one."""
