"""Pydantic's errors in the words of the person who wrote the connection file; what was given is not repeated.

Only kinds and names are, which cannot be secrets.
"""

import re
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from milepost.connection import Connection
from milepost.rules.problems import did_you_mean

_NAME = "a name has small letters, digits and -, begins with a letter or digit and has at most 40 of them"
_FIXED = {
    "missing": "is missing",
    "model_type": "is not a section of keys",
    "model_attributes_type": "is not a section of keys",
}


def complaint(error: ErrorDetails) -> str:
    """One sentence for one error."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(error["loc"])
    if error["input"] is None:
        return "is empty; fill it in, or remove the key"
    return _FIXED.get(kind) or _about_a_word(error) or _plain(error["msg"])


def _about_a_word(error: ErrorDetails) -> str | None:
    """The value is one of a few words, or should be."""
    kind = error["type"]
    if kind == "union_tag_not_found":
        return f"'kind' is missing: one of {', '.join(_kinds())}"
    if kind == "union_tag_invalid":
        return f"kind {_unknown_word(str(error['ctx']['tag']), _kinds())}"
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
        return _unknown_word(str(error["input"]), known)
    return _NAME if error["loc"] == ("name",) and kind == "string_pattern_mismatch" else None


def _plain(message: str) -> str:
    """Pydantic's own sentence, which describes what is wanted and not what was given."""
    message = message.removeprefix("Value error, ")
    return re.sub(r"^(Input|String|Value) should ", "must ", message)


def _unknown_word(given: str, words: Iterable[str]) -> str:
    known = list(words)
    return f"'{given}' is not one of {', '.join(known)}{did_you_mean(given, known)}"


def _unknown_key(loc: tuple[int | str, ...]) -> str:
    known = [name for model in _models_at(loc[:-1]) for name in model.model_fields]
    guess = did_you_mean(str(loc[-1]), known)
    return f"unknown key{guess or '; there are ' + ', '.join(known)}"


def _kinds() -> list[str]:
    """The platforms a connection file may name."""
    field = Connection.model_fields["platform"]
    return [str(model.model_fields["kind"].default) for model in _models_in(field.annotation)]


def _models_at(loc: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """The models that pydantic tried at a location, which names the kind of a platform as a step of its own."""
    models: list[type[BaseModel]] = [Connection]
    for step in loc:
        tagged = [model for model in models if "kind" in model.model_fields and model.model_fields["kind"].default == step]
        inner = [model.model_fields[step].annotation for model in models if step in model.model_fields]
        models = tagged or [found for kind in inner for found in _models_in(kind)]
    return models


def _models_in(kind: Any) -> list[type[BaseModel]]:
    """The models among the alternatives of an annotation."""
    if get_origin(kind) is Annotated:
        return _models_in(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [model for alternative in get_args(kind) for model in _models_in(alternative)]
    return [kind] if isinstance(kind, type) and issubclass(kind, BaseModel) else []
