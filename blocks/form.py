"""How a block's fields relate to the settings they stand for: same names, same defaults, checked by the same rules."""

from abc import ABC
from copy import deepcopy
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from milepost.errors import ConfigError

Settings = TypeVar("Settings", bound=BaseModel)
SomeBlock = TypeVar("SomeBlock", bound=Block)


class SettingsBlock(Block, ABC):
    """A block whose fields are those of some settings. One that cannot be loaded does not show what it holds."""

    model_config = ConfigDict(hide_input_in_errors=True)

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """The schema, made once: Prefect asks for it again for every field that it saves, a second in all."""
        return deepcopy(_schema(cls, args, tuple(options.items())))


@cache
def _schema(block: type[SettingsBlock], args: tuple[Any, ...], options: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return super(SettingsBlock, block).model_json_schema(*args, **dict(options))


def as_in(settings: type[BaseModel], name: str, description: str | None = None) -> Any:
    """The field of a block for the field `name` of the settings, with its default and, unless given, its description."""
    field: FieldInfo = settings.model_fields[name]
    described = description or field.description
    if field.is_required():
        return Field(description=described)
    return Field(default=_simple(field.get_default(call_default_factory=True)), description=described)


def settings_of(block: Block, settings: type[Settings]) -> Settings:
    """The settings that a block holds; what is left blank in its form takes the default. Raises ConfigError."""
    values = {name: _revealed(getattr(block, name)) for name in settings.model_fields}
    return checked(block, settings, {name: value for name, value in values.items() if not _is_blank(value)})


def checked(block: Block, settings: type[Settings], values: dict[str, Any]) -> Settings:
    """The settings of these values. Raises ConfigError, which names the block and repeats nothing of what it holds."""
    try:
        return settings.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
    found = "; ".join(f"{_place(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}" for fault in faults)
    raise ConfigError(f"{_named(block)} cannot be used: {found}. Edit it in Prefect, or add the connection again.")


def block_of(block: type[SomeBlock], settings: BaseModel) -> SomeBlock:
    """The block that holds these settings."""
    return block(**{name: _simple(getattr(settings, name)) for name in type(settings).model_fields})


def _revealed(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretDict) else value


def _is_blank(value: object) -> bool:
    """A form gives an empty text where nothing was filled in."""
    return value is None or value == "" or (isinstance(value, SecretStr) and not value.get_secret_value())


def _simple(value: object) -> Any:
    """The value as a form holds it: texts for paths and words of a list, lists for tuples, dicts for sections."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_simple(item) for item in value]
    if isinstance(value, dict):
        return {key: _secret_text(item) for key, item in value.items()}
    return value


def _secret_text(value: object) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else _simple(value)


def _place(loc: tuple[int | str, ...]) -> str:
    return " > ".join(str(step) for step in loc) or "its values together"


def _named(block: Block) -> str:
    name = block._block_document_name  # noqa: SLF001 (Prefect offers no other way to ask)
    return f"Block {block.get_block_type_slug()}{'/' + name if name else ''}"
