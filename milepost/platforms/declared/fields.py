"""How a description fills a record: one map a field, checked against what the field can hold."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, Field, create_model, model_validator

from milepost.platforms.declared.expressions import Expression
from milepost.platforms.declared.parts import Scalar, Short, Strict, Zone
from milepost.platforms.declared.targets import Target, Targets
from milepost.rules.problems import did_you_mean

_WRITTEN = {"cents": "decimal", "fraction": "decimal", "decimal_comma": "decimal", "html": "text"}
"""The forms a source may write a value in, and the kind of field each is for."""


class FieldMap(Short):
    """Where a field's value comes from. A plain text is the path alone."""

    short_for: ClassVar[str] = "path"

    path: Expression | None = Field(None, description="a JMESPath expression over the record")
    value: Scalar | None = Field(None, description="a constant, instead of a path")
    type: Literal["cents", "fraction", "decimal_comma", "html"] | None = Field(
        None,
        description="how the system writes it: cents (1250 is 12.50), fraction (0.15 is 15 percent), "
        "decimal_comma (1.234,50), html (its tags are taken off)",
    )
    format: str | None = Field(
        None,
        description="of a date or moment: epoch, epoch_ms or as strptime has it (%d/%m/%Y %H:%M); else ISO 8601",
        min_length=1,
    )
    time_zone: Zone | None = Field(None, description="of a moment without an offset; else the description's")
    map: dict[str, Scalar] | None = Field(None, description="the system's words to ours", min_length=1)
    default: Scalar | None = Field(None, description="where nothing came, or a word that `map` does not have")
    separator: str = Field(",", description="between the parts of a text that is a list", min_length=1)

    @model_validator(mode="after")
    def _one_source(self) -> "FieldMap":
        if (self.path is None) == (self.value is None):
            raise ValueError("give either a 'path' or a constant 'value'")
        return self


def check_fits(target: Target, field: FieldMap | None) -> FieldMap | None:
    """The map, or ValueError where it can never fill this field."""
    if field is None:
        return None
    if field.type and _WRITTEN[field.type] != target.kind:
        raise ValueError(f"type '{field.type}' is for a {_WRITTEN[field.type]} field, this one is {target.kind}")
    if field.format and target.kind not in ("date", "moment"):
        raise ValueError(f"'format' is for dates and moments, this field is {target.kind}")
    if target.words:
        for word in filter(None, (field.value, field.default, *(field.map or {}).values())):
            _check_word(word, target.words)
    return field


def _check_word(word: str, words: type[StrEnum]) -> None:
    known = [str(member) for member in words]
    if word not in known:
        raise ValueError(f"'{word}' is none of {', '.join(known)}{did_you_mean(word, known)}")


class Section(Strict):
    """A record to fill. The fields that `targets` names are added by `filling`."""

    targets: ClassVar[Targets] = {}

    def maps(self) -> Iterator[tuple[str, Target, FieldMap]]:
        """The fields that are filled, without those of the reader's own names."""
        for name, target in self.targets.items():
            field = getattr(self, name)
            if isinstance(field, FieldMap):
                yield name, target, field

    def named(self, name: str) -> dict[str, FieldMap]:
        """The maps of a field of the reader's own names, such as `custom_fields`."""
        found: dict[str, FieldMap] = getattr(self, name)
        return found

    def missing(self) -> tuple[str, ...]:
        """The required fields that are not filled."""
        return tuple(n for n, target in self.targets.items() if target.required and getattr(self, n) is None)


AnySection = TypeVar("AnySection", bound=Section)


def filling(targets: Targets) -> Callable[[type[AnySection]], type[AnySection]]:
    """A class decorator: the section gets one optional `FieldMap` for each target, described for the schema."""

    def with_fields(section: type[AnySection]) -> type[AnySection]:
        fields: dict[str, Any] = {name: _field(target) for name, target in targets.items()}
        made = create_model(section.__name__, __base__=section, __module__=section.__module__, **fields)
        made.__doc__ = section.__doc__
        made.targets = targets
        return made

    return with_fields


def _field(target: Target) -> tuple[Any, Any]:
    if target.kind == "named":
        return dict[str, FieldMap], Field(default_factory=dict, description=target.about)
    fits = Annotated[FieldMap | None, AfterValidator(partial(check_fits, target))]
    return fits, Field(None, description=target.about)
