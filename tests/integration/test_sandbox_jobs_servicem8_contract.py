"""The simulated ServiceM8's answers against ServiceM8's own OpenAPI description."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from sandbox.server import Sandbox
from sandbox.servicem8.records import SCOPES, blank

SPEC = Path(__file__).parents[2].parent / "shared/specs/servicem8.json"
KEY = {"x-api-key": "servicem8-key-kauri"}

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="ServiceM8's description is not on this machine")


@cache
def spec() -> dict[str, Any]:
    return dict(json.loads(SPEC.read_text()))


def item_schema(kind: str) -> dict[str, Any]:
    """The schema of one record as the list gives it."""
    answer = spec()["paths"][f"/{kind}.json"]["get"]["responses"]["200"]
    schema = answer["content"]["application/json"]["schema"]["items"]
    return {**schema, "components": spec()["components"]}


@pytest.mark.parametrize("kind", sorted(SCOPES))
async def test_every_record_of_the_demo_fits_its_schema(sandbox: Sandbox, http: httpx.AsyncClient, kind: str) -> None:
    rows = (await http.get(f"{sandbox.urls['servicem8']}/api_1.0/{kind}.json", headers=KEY)).json()
    validator = Draft202012Validator(item_schema(kind))
    problems = [f"{row['uuid']}: {e.json_path} {e.message}" for row in rows for e in validator.iter_errors(row)]
    assert problems == []
    assert rows or kind in {"note", "attachment"}


@pytest.mark.parametrize("kind", sorted(SCOPES))
def test_no_field_is_invented(kind: str) -> None:
    name = item_schema(kind)["$ref"].rsplit("/", 1)[1]
    assert set(blank(kind)) <= set(spec()["components"]["schemas"][name]["properties"])


@pytest.mark.parametrize("kind", sorted(SCOPES))
def test_the_scopes_are_those_of_the_description(kind: str) -> None:
    paths, scopes = spec()["paths"], SCOPES[kind]
    for path, method, scope in (
        (f"/{kind}.json", "get", scopes.read),
        (f"/{kind}.json", "post", scopes.create),
        (f"/{kind}/{{uuid}}.json", "post", scopes.change),
    ):
        operation = paths.get(path, {}).get(method)
        assert (operation is None) == (scope is None)
        if operation is not None:
            assert f"**{scope}**" in operation["description"]


async def test_errors_have_the_described_shape(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{sandbox.urls['servicem8']}/api_1.0/job.json")
    described = spec()["paths"]["/job.json"]["get"]["responses"]["401"]["content"]["application/json"]
    assert answer.json() == described["examples"]["unauthorized"]["value"]
