"""The JSON schema of descriptions, for editors: `platform.schema.json`, made by `milepost platform schema`."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from milepost.platforms.declared.description import Description

SCHEMA_FILE = Path(__file__).with_name("platform.schema.json")


@lru_cache(maxsize=1)
def description_schema() -> dict[str, Any]:
    """The schema, with lists that may be written as their only section."""
    schema = Description.model_json_schema(by_alias=True)
    for name in Description.one_or_more:
        whole = schema["properties"][name]
        schema["properties"][name] = {"anyOf": [whole["items"], whole], "title": whole.pop("title")}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(description_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
