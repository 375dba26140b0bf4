"""Small building blocks of a description: strict models, short forms, secrets by name, durations, time zones."""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    SecretStr,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from milepost.rules.problems import did_you_mean

_SECRET = re.compile(r"\$\{(\w+)\}")
_DURATION = re.compile(r"(\d{1,6})\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Strict(BaseModel):
    """A part of a description: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Short(Strict):
    """A part that may be written as one text, which then stands for the key `short_for`."""

    short_for: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return {cls.short_for: data} if isinstance(data, str) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A text, or the whole form."""
        schema = handler(core_schema)
        resolved = handler.resolve_ref_schema(schema)
        if "anyOf" not in resolved:
            whole = dict(resolved)
            short = whole.get("properties", {}).get(cls.short_for, {}).get("description", "")
            resolved.clear()
            resolved |= {"description": whole.pop("description", ""), "title": whole.pop("title", "")}
            resolved["anyOf"] = [{"type": "string", "description": short}, whole]
        return schema


Scalar = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""Text, however YAML would read it."""


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_zone(name: str) -> str:
    """The IANA name of a time zone, or ValueError with the nearest one."""
    if name not in _zones():
        near = did_you_mean(name, _zones()) or "; write one such as Europe/London"
        raise ValueError(f"'{name}' is no time zone{near}")
    return name


Zone = Annotated[str, AfterValidator(check_zone)]


@lru_cache(maxsize=64)
def zone_info(name: str) -> ZoneInfo:
    """The zone of a checked name."""
    return ZoneInfo(name)


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(str(value).strip())
    if not found:
        raise ValueError("a duration is a number and s, m, h or d: 90s, 10m, 24h")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s*[smhd]$", "examples": ["10m", "24h"]}),
]


def _check_secret_text(text: str) -> str:
    if "${" in _SECRET.sub("", text):
        raise ValueError("a secret is written ${name}, the name as in the connection's secrets")
    return text


SecretText = Annotated[str, AfterValidator(_check_secret_text)]
"""Text in which `${name}` stands for one of the connection's secrets."""


def secret_names(text: str) -> tuple[str, ...]:
    """The secrets that a text asks for."""
    return tuple(_SECRET.findall(text))


def with_secrets(text: str, secrets: Mapping[str, SecretStr]) -> str:
    """The text with its secrets filled in; all of them are there (checked when the platform is made)."""
    return _SECRET.sub(lambda found: secrets[found[1]].get_secret_value(), text)
