"""Pydantic's errors in the words of the person who wrote the book: what is wrong here, and what was probably meant."""

import re
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from milepost.rules.fields import CURRENCY, MILESTONE_CODE, RULE_ID
from milepost.rules.model import RuleBook
from milepost.rules.problems import did_you_mean
from milepost.rules.yaml_text import Path

_PATTERNS = {
    RULE_ID: "an id has small letters, digits, - and _, and begins with a letter or digit",
    MILESTONE_CODE: "a code has 1 to 8 capital letters and digits",
    CURRENCY: "give 'job' or an ISO code such as NZD",
}
_KINDS = {
    "int": "a whole number",
    "decimal": "a number",
    "bool": "true or false",
    "date": "a date like 2026-07-01",
    "string": "a text",
    "tuple": "a list",
    "dict": "a section of keys",
    "model": "a section of keys",
}


def complaint(error: ErrorDetails, path: Path, root: type[BaseModel] = RuleBook) -> str:
    """One sentence for one error at this place of a file whose model is `root`.

    `path` holds only keys and places that are really in the file.
    """
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path, root)
    if error["input"] is None:
        return "is empty; fill it in, or remove the key"
    if kind in ("enum", "literal_error"):
        return _unknown_word(error)
    if kind == "string_pattern_mismatch":
        return f"{_shown(error)} does not fit: {_PATTERNS[error['ctx']['pattern']]}"
    if kind == "value_error":
        return _capless(error["msg"].removeprefix("Value error, "))
    return _wrong_kind(error) or _shortened(error)


def _unknown_key(path: Path, root: type[BaseModel]) -> str:
    key = str(path[-1])
    owners = list(_models_at(path[:-1], root))
    known = [written for owner in owners for written in _keys(owner)]
    if key in known:
        return f"does not go together with the other keys here; give one of {', '.join(known)}"
    if guess := did_you_mean(key, known):
        return f"unknown key{guess}"
    if home := next((name for owner in owners for name in _homes(owner, key)), None):
        return f"unknown key; it belongs under '{home}'"
    return f"unknown key; there are {', '.join(known)}"


def _homes(owner: type[BaseModel], key: str) -> Iterator[str]:
    """The sections directly under this one that have such a key."""
    for written, field in _keys(owner).items():
        if any(key in _keys(section) for section in _models_in(field.annotation)):
            yield written


def _models_at(path: Path, root: type[BaseModel]) -> Iterable[type[BaseModel]]:
    """The models that may stand at a place of the file."""
    kinds: list[Any] = [root]
    for step in path:
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
    return [model for kind in kinds for model in _models_in(kind)]


def _inside(kind: Any, step: str | int) -> Iterator[Any]:
    for plain in _plain(kind):
        if isinstance(plain, type) and issubclass(plain, BaseModel):
            if field := _keys(plain).get(str(step)):
                yield field.annotation
        elif get_origin(plain) is dict:
            yield get_args(plain)[1]
        elif get_origin(plain) is tuple:
            yield get_args(plain)[0]


def _keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a section as they are written, which for `any`, `all` and `not` are no names of Python's."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_in(kind: Any) -> list[type[BaseModel]]:
    return [plain for plain in _plain(kind) if isinstance(plain, type) and issubclass(plain, BaseModel)]


def _plain(kind: Any) -> Iterator[Any]:
    """The alternatives of a union, without their annotations."""
    if get_origin(kind) is Annotated:
        yield from _plain(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for alternative in get_args(kind):
            yield from _plain(alternative)
    else:
        yield kind


def _unknown_word(error: ErrorDetails) -> str:
    words = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
    guess = did_you_mean(error["input"], words) if isinstance(error["input"], str) else ""
    return f"{_shown(error)} is not one of {', '.join(words)}{guess}"


def _wrong_kind(error: ErrorDetails) -> str | None:
    """The value cannot be read as what is wanted: int_parsing, model_type, ..."""
    wanted, _, rest = error["type"].partition("_")
    if wanted in _KINDS and rest in ("type", "parsing", "from_float", "from_date_parsing"):
        return f"{_shown(error)} is not {_KINDS[wanted]}"
    return None


def _shortened(error: ErrorDetails) -> str:
    """What remains is mostly pydantic's own sentence: greater_than, string_too_long, ..."""
    if error["type"] == "amount":
        return error["msg"]
    if error["type"] in ("too_short", "string_too_short"):
        return "is empty; at least one is needed"
    message = re.sub(r"^(\w+ )?(input )?should (be|have)", r"must \3", error["msg"], flags=re.IGNORECASE)
    return f"{_shown(error)} {message}"


def _shown(error: ErrorDetails) -> str:
    value = error["input"]
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    return f"'{text[:60]}...'" if len(text) > 60 else f"'{text}'"


def _capless(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
