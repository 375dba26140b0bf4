"""Every request that the ServiceM8 platform makes, and every field it reads or writes, is in ServiceM8's own description."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from milepost.platforms.protocol import WriteBack
from milepost.platforms.servicem8.oauth import TOKEN_PATH
from milepost.platforms.servicem8.platform import ServiceM8Platform
from milepost.platforms.servicem8.records import RECORDS, UNDOCUMENTED, ServiceM8Record
from milepost.platforms.servicem8.settings import STATUSES, ServiceM8Settings
from sandbox.server import LoopbackServer
from sandbox.servicem8 import create_servicem8

SPEC = Path(__file__).parents[2].parent / "shared/specs/servicem8.json"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CLAUSE = re.compile(r"(?P<field>\w+) (?:eq|ne|gt|lt) (?:'(?:[^']|'')*'|\d+)")
# The description leaves paging to developer.servicem8.com/docs/pagination and filters to docs/filtering.
DOCUMENTED_ELSEWHERE = {"cursor", "$filter", "$top"}

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="ServiceM8's description is not on this machine")


@dataclass(frozen=True)
class Recorded:
    """A request as it came over HTTP."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: frozenset[str]
    body: Any

    @property
    def template(self) -> str:
        return UUID.sub("{uuid}", self.path.removeprefix("/api_1.0"))

    @property
    def kind(self) -> str:
        return self.template.strip("/").partition("/")[0].removesuffix(".json")


@cache
def spec() -> dict[str, Any]:
    return dict(json.loads(SPEC.read_text()))


def schema(name: str) -> dict[str, Any]:
    return dict(spec()["components"]["schemas"][name])


def read_schema(kind: str) -> dict[str, Any]:
    """The schema of one record as its list gives it."""
    answer = spec()["paths"][f"/{kind}.json"]["get"]["responses"]["200"]
    return schema(answer["content"]["application/json"]["schema"]["items"]["$ref"].rsplit("/", 1)[1])


def write_schema(request: Recorded) -> dict[str, Any]:
    """The schema of a request's body."""
    body = spec()["paths"][request.template][request.method.lower()]["requestBody"]
    return schema(body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def requests() -> AsyncIterator[list[Recorded]]:
    """All that the platform asks while it does everything it can: few jobs, many jobs, by number, and writing back."""
    made: list[Recorded] = []

    async def record(request: Request, call_next: RequestResponseEndpoint) -> Response:
        body = await request.body()
        query = tuple(parse_qsl(request.url.query, keep_blank_values=True, strict_parsing=bool(request.url.query)))
        seen = Recorded(
            request.method, request.url.path, query, frozenset(request.headers), json.loads(body) if body else None
        )
        made.append(seen)
        return await call_next(request)

    world = create_servicem8()
    world.settings.limits = False
    recording = Middleware(BaseHTTPMiddleware, dispatch=record)
    server = LoopbackServer("servicem8", Starlette(routes=[Mount("/", app=world.app)], middleware=[recording]))
    await server.start()
    key = world.account().api_key
    lines = [{"name": "Labour", "quantity": "2", "price": "95", "bundle": "Bathroom"}]
    uuids = [world.job(number=str(n), customer=f"C{n}", lines=lines, category="Plumbing")["uuid"] for n in range(12)]
    settings = ServiceM8Settings.model_validate({"api_key": key, "api_url": server.url})
    async with ServiceM8Platform(settings) as platform:
        await platform.test()
        await platform.fetch([uuids[0], "5"])
        await platform.fetch(uuids)
        listed = await platform.list_changed(None)
        await platform.list_changed(listed.cursor)
        await platform.write_back(uuids[0], WriteBack(key="k", note="Billed", processed=True))
    await server.stop()
    yield made


async def test_every_path_and_method_is_described(requests: list[Recorded]) -> None:
    asked = {(request.template, request.method.lower()) for request in requests}
    unknown = {(path, method) for path, method in asked if method not in spec()["paths"].get(path, {})}
    assert unknown == set()
    assert len(asked) > 15


async def test_every_parameter_is_described_and_only_sent_where_lists_are_filtered(requests: list[Recorded]) -> None:
    for request in requests:
        names = [name for name, _ in request.query]
        assert set(names) <= DOCUMENTED_ELSEWHERE
        assert len(names) == len(set(names))
        if "$filter" in names:
            assert "result filtering" in spec()["paths"][request.template]["get"]["description"]


async def test_every_filter_is_understood_and_names_fields_of_its_object(requests: list[Recorded]) -> None:
    filters = [(request.kind, value) for request in requests for name, value in request.query if name == "$filter"]
    assert filters
    for kind, text in filters:
        clauses = [CLAUSE.fullmatch(clause) for clause in text.split(" and ")]
        assert 0 < len(clauses) <= 10
        fields = {clause["field"] for clause in clauses if clause}
        assert None not in clauses, text
        assert fields <= set(read_schema(kind)["properties"])


async def test_every_body_holds_fields_that_may_be_written_in_their_types(requests: list[Recorded]) -> None:
    written = [request for request in requests if request.body is not None]
    assert {request.template for request in written} == {"/note.json", "/job/{uuid}.json"}
    for request in written:
        described = write_schema(request)
        # An update names a part of the record: what is required is required of a new one.
        part = {**described, "required": [], "additionalProperties": False}
        problems = Draft202012Validator(part).iter_errors(request.body)
        assert [problem.message for problem in problems] == []


async def test_the_key_goes_in_the_described_header(requests: list[Recorded]) -> None:
    header = spec()["components"]["securitySchemes"]["apiKey"]
    assert (header["in"], header["name"].lower()) == ("header", "x-api-key")
    assert all("x-api-key" in request.headers for request in requests)


def test_tokens_are_renewed_where_the_description_says() -> None:
    flow = spec()["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"]
    base = ServiceM8Settings.model_validate({"api_key": "k"}).api_url
    assert flow["tokenUrl"] == base + TOKEN_PATH


def test_the_limits_kept_are_the_described_ones() -> None:
    said = spec()["info"]["description"]
    policy = ServiceM8Platform.rate_policy
    assert f"limit of {policy.per_minute} requests per minute" in said
    assert f"limit of {policy.per_day} requests per day" in said


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_every_field_that_is_read_is_described(record: type[ServiceM8Record]) -> None:
    described = set(read_schema(record.kind)["properties"])
    assert read_schema(record.kind) == schema(record.schema_name)
    assert set(record.model_fields) - UNDOCUMENTED.get(record.kind, set()) <= described


@pytest.mark.parametrize("kind", sorted(UNDOCUMENTED))
def test_what_is_called_undocumented_is(kind: str) -> None:
    assert UNDOCUMENTED[kind] & set(read_schema(kind)["properties"]) == set()


def test_the_statuses_are_the_described_ones() -> None:
    assert set(STATUSES) == set(read_schema("job")["properties"]["status"]["enum"])
