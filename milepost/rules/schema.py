"""The JSON schema of rule books, which gives an editor completion and help. Made from the model, never by hand.

`python -m milepost.rules.schema` writes mappings/rule-book.schema.json; a test holds the two equal.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from milepost.rules.model import RuleBook

SCHEMA_FILE = Path("mappings/rule-book.schema.json")

_TEXT = ["string", "number", "boolean"]


def rule_book_schema() -> dict[str, Any]:
    """The schema of rule books."""
    return editor_schema(RuleBook, "Milepost rule book")


def editor_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """A file's schema. An editor's YAML reads 200 as a number and true as a boolean where the loader keeps text: all fit."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_widened(model.model_json_schema())}
    return schema | {"title": title}


def schema_text() -> str:
    """The schema of rule books as its file has it."""
    return as_text(rule_book_schema())


def as_text(schema: dict[str, Any]) -> str:
    """A schema as its file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _widened(node: Any) -> Any:
    """The same schema, in which every text, number and switch may be written as YAML writes it."""
    if isinstance(node, list):
        return [_widened(part) for part in node]
    if not isinstance(node, dict):
        return node
    widened = {key: _widened(value) for key, value in node.items()}
    kind = node.get("type")
    if kind == "string" and not {"enum", "const", "format"} & node.keys():
        widened["type"] = _TEXT
    elif any(part.get("type") == "number" for part in node.get("anyOf", ())):
        return node  # a Decimal: pydantic already says number or text
    elif kind == "integer":
        widened |= {"type": ["integer", "string"], "pattern": r"^\d+$"}
    elif kind == "boolean":
        widened = {"anyOf": [widened, {"enum": ["yes", "no", "on", "off", "true", "false"]}], **_words_of(node)}
    return widened


def _words_of(node: dict[str, Any]) -> dict[str, Any]:
    return {key: node[key] for key in ("title", "description", "default") if key in node}


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"wrote {SCHEMA_FILE}\n")
