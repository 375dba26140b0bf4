"""What is wrong with a description, in a person's words: pydantic's findings with the nearest right word."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from milepost.platforms.convert import shown
from milepost.rules.problems import did_you_mean, nearest

_EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text",
    "dict_type": "a section of keys",
    "model_type": "a section of keys",
    "model_attributes_type": "a section of keys",
    "tuple_type": "a list",
    "list_type": "a list",
}


def in_words(detail: ErrorDetails, known: Mapping[str, str]) -> str:
    """One sentence for one finding. `known` are the keys of the section it was found in, with their meaning."""
    kind, got, context = detail["type"], detail["input"], detail.get("ctx", {})
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return f"unknown key{did_you_mean(key, known) or '; known here: ' + ', '.join(sorted(known)[:12])}"
    if kind == "missing":
        about = known.get(key, "")
        return f"'{key}' is missing{': ' + about if about else ''}"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {_shown(got)}"
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        return _one_of(str(context.get("expected") or context.get("expected_tags")), context.get("tag", got))
    if kind == "union_tag_not_found":
        wanted = str(context.get("discriminator")).strip("'")
        near = nearest(wanted, map(str, got)) if isinstance(got, dict) else None
        return f"say which with '{wanted}'" + (f"; is '{near}' meant to be '{wanted}'?" if near else "")
    return _plain(detail["msg"])


def _one_of(expected: str, got: Any) -> str:
    words = [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]
    return f"expected one of {', '.join(words)}, got {_shown(got)}{did_you_mean(str(got), words)}"


def _shown(got: Any) -> str:
    return "nothing" if got is None else shown(got)


def _plain(message: str) -> str:
    said = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return said[:1].lower() + said[1:] if said[1:2].islower() else said


def known_keys(schema: Mapping[str, Any], place: Sequence[str | int]) -> dict[str, str]:
    """The keys, each with its meaning, of the section that holds the place: from the JSON schema."""
    node: Any = schema
    for step in place[:-1]:
        node = _step(_resolved(schema, node), step)
    properties = _resolved(schema, node).get("properties", {})
    return {name: _resolved(schema, about).get("description", "") for name, about in properties.items()}


def _step(node: Mapping[str, Any], step: str | int) -> Any:
    if isinstance(step, int):
        return node.get("items", node)
    if step in node.get("properties", {}):
        return node["properties"][step]
    if step in node.get("discriminator", {}).get("mapping", {}):
        return {"$ref": node["discriminator"]["mapping"][step]}
    return node.get("additionalProperties") or node


def _resolved(schema: Mapping[str, Any], node: Any) -> dict[str, Any]:
    """The node behind references, and of alternatives the section."""
    found: dict[str, Any] = node if isinstance(node, dict) else {}
    while "$ref" in found or "anyOf" in found:
        if "$ref" in found:
            about = {"description": found["description"]} if "description" in found else {}
            found = schema["$defs"][found["$ref"].rsplit("/", 1)[-1]] | about
            continue
        sections = [one for one in found["anyOf"] if one.get("type") not in ("null", "string")]
        if not sections:
            break
        found = sections[-1] | ({"description": found["description"]} if found.get("description") else {})
    return found
