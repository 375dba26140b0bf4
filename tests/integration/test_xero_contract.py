"""Every request the client makes, held against Xero's own OpenAPI descriptions: path, parameters, headers and body."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from jsonschema import Draft202012Validator

from milepost.jobs import Address
from milepost.xero.chart import read_chart
from milepost.xero.client import XeroClient
from milepost.xero.contacts import CONTACTS_PARAMS, CONTACTS_PATH, changed_contacts, contacts_body, restore_contact
from milepost.xero.invoices import (
    INVOICES_PARAMS,
    INVOICES_PATH,
    email_invoice,
    find_invoices,
    history_note,
    invoice_payload,
    invoices_body,
    read_invoice_outcomes,
)
from milepost.xero.oauth import delete_connection, list_tenants
from sandbox.faults import ASGIApp, Receive, Scope, Send
from sandbox.xero.tenant import stable_id
from tests.integration.xero_world import World, xero_world
from tests.unit.xero.builders import contact, draft, line, tracking

SPECS = Path(__file__).parents[2].parent / "shared/specs"
API = "/api.xro/2.0"
AROHA = stable_id("nz", "contact", "Aroha Ngata")
Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Recorder:
    """In front of the sandbox: keeps every request whole."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def __call__(self, app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            body = bytearray()

            async def noting() -> Any:
                message = await receive()
                body.extend(message.get("body", b""))
                return message

            await app(scope, noting, send)
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            query = dict(parse_qsl(scope["query_string"].decode()))
            self.asked.append(Asked(scope["method"], scope["path"], query, headers, bytes(body)))

        return serve


class Spec:
    """One OpenAPI description, with objects closed: a property it does not name is an error."""

    def __init__(self, path: Path) -> None:
        self.document = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        self.closed = deepcopy(self.document["components"])
        for schema in self.closed["schemas"].values():
            if "properties" in schema:
                schema["additionalProperties"] = False

    def problems(self, asked: Asked, prefix: str = "") -> list[str]:
        """What is wrong with a request; [] when nothing is."""
        template, operation = self._operation(asked.method, asked.path.removeprefix(prefix))
        if operation is None:
            return [f"{asked.method} {asked.path} is not described"]
        shared = self.document["paths"][template].get("parameters", [])
        parameters = [self._resolved(each) for each in (*shared, *operation.get("parameters", []))]
        return [
            *self._query(asked, parameters),
            *self._missing_headers(asked, parameters),
            *self._body(asked, operation),
        ]

    def _operation(self, method: str, path: str) -> tuple[str, Json | None]:
        """The one that fits with the fewest parameters in its path."""
        fitting = [
            template
            for template, operations in self.document["paths"].items()
            if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", template), path)
        ]
        best = min(fitting, key=lambda template: template.count("{"), default="")
        return best, self.document["paths"][best][method.lower()] if best else None

    def _resolved(self, node: Json) -> Json:
        while "$ref" in node:
            found: Any = self.document
            for key in node["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            node = found
        return node

    def _query(self, asked: Asked, parameters: list[Json]) -> list[str]:
        known = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
        return [
            f"{asked.path}: query {name}={value}"
            for name, value in asked.query.items()
            if name not in known or not _fits(value, self._resolved(known[name]))
        ]

    def _missing_headers(self, asked: Asked, parameters: list[Json]) -> list[str]:
        required = [each["name"] for each in parameters if each["in"] == "header" and each.get("required")]
        return [f"{asked.path}: header {name}" for name in required if not asked.headers.get(name.lower())]

    def _body(self, asked: Asked, operation: Json) -> list[str]:
        described = self._resolved(operation.get("requestBody", {})).get("content", {}).get("application/json")
        if described is None:
            return [f"{asked.path}: a body"] if asked.body else []
        schema = {**described["schema"], "components": self.closed}
        errors = Draft202012Validator(schema).iter_errors(json.loads(asked.body))
        return [f"{asked.path}: {error.json_path} {error.message[:200]}" for error in errors]


def _fits(value: str, schema: Mapping[str, Any]) -> bool:
    match schema.get("type"):
        case "boolean":
            return value in ("true", "false")
        case "integer":
            return value.isdecimal()
        case "array":
            return bool(value)
    return True


def spec(name: str) -> Spec:
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"{name}, Xero's own description, is not beside this checkout")
    return Spec(path)


@pytest.fixture(scope="module")
def accounting() -> Spec:
    return spec("xero_accounting.yaml")


@pytest.fixture(scope="module")
def identity() -> Spec:
    """Its one path is written with a capital there, and in small letters everywhere else, Xero's SDKs included."""
    described = spec("xero-identity.yaml")
    described.document["paths"] = {path.lower(): each for path, each in described.document["paths"].items()}
    return described


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def xero(recorder: Recorder) -> AsyncIterator[World]:
    async with xero_world(in_front=recorder) as world:
        yield world


async def create_everything(client: XeroClient) -> str:
    """A full contact and a full invoice; the invoice's id."""
    address = Address(line1="1 Ngaio Rd", city="Wellington", postcode="6035", country="New Zealand")
    person = {"first_name": "Mere", "last_name": "Tane", "email": "mere@ngaio.example", "phone": "555 0199"}
    full = contact("N-1", "Ngaio Cafe", tax_number="123", company_number="94", address=address, **person)
    body = contacts_body([full])
    await client.send("PUT", CONTACTS_PATH, body, idempotency_key="c", params=CONTACTS_PARAMS)
    invoice = draft(
        line("Labour", "2.5", "95.00", item="LAB"),
        line("Pipe", "12", "4.3275", discount_rate="10", tracking=(tracking("Region", "Waikato"),)),
        line("Call-out", "1", "80", discount_amount="5.00"),
        line("Thank you", "0", "0", account=None, tax_type=None),
        number="1482-FIN",
        status="AUTHORISED",
        branding_theme_id=stable_id("nz", "theme", "Standard"),
    )
    body = invoices_body([invoice_payload(invoice, AROHA)])
    answer = await client.send("PUT", INVOICES_PATH, body, idempotency_key="i", params=INVOICES_PARAMS)
    (outcome,) = read_invoice_outcomes(answer, 1, body)
    assert outcome.invoice_id, outcome.messages
    return outcome.invoice_id


async def test_every_call_on_the_organisation_is_as_xero_describes_it(
    xero: World, recorder: Recorder, accounting: Spec
) -> None:
    since = xero.clock() - timedelta(minutes=1)
    async with xero.client() as client:
        await read_chart(client)
        invoice_id = await create_everything(client)
        assert [page async for page in changed_contacts(client, since)]
        await restore_contact(client, stable_id("nz", "contact", "Old Mill Cafe"), "r")
        assert await find_invoices(client, since)
        await history_note(client, invoice_id, "Billed")
        assert await email_invoice(client, invoice_id) == ()
    calls = [asked for asked in recorder.asked if asked.path.startswith(API)]
    assert len(calls) == 14
    assert [problem for asked in calls for problem in accounting.problems(asked, API)] == []


async def test_every_write_says_it_is_json_and_carries_a_key(xero: World, recorder: Recorder) -> None:
    async with xero.client() as client:
        await create_everything(client)
    writes = [asked for asked in recorder.asked if asked.method == "PUT"]
    assert len(writes) == 2
    assert all(asked.headers["content-type"].startswith("application/json") for asked in writes)
    assert all(asked.headers["accept"] == "application/json" for asked in recorder.asked)
    assert [asked.headers["idempotency-key"] for asked in writes] == ["c", "i"]


async def test_the_list_of_organisations_is_asked_for_as_xero_describes_it(
    xero: World, recorder: Recorder, identity: Spec
) -> None:
    access = await xero.tokens().access_token()
    (tenant,) = await list_tenants(xero.settings, xero.http, access)
    await list_tenants(xero.settings, xero.http, access, stable_id("event"))
    await delete_connection(xero.settings, xero.http, access, tenant.id)
    assert len(recorder.asked) == 3
    assert [problem for asked in recorder.asked for problem in identity.problems(asked)] == []


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ('{"Invoices":[{"Typo":"ACCREC"}]}', {}),
        ('{"Invoices":[{"Type":"SALE"}]}', {}),
        ('{"Invoices":[{"LineItems":[{"Quantity":"1"}]}]}', {}),
        ('{"Invoices":[]}', {"summarizeErrors": "no"}),
        ('{"Invoices":[]}', {"unit": "4"}),
    ],
)
def test_a_request_that_is_not_as_described_would_be_seen(accounting: Spec, body: str, query: dict[str, str]) -> None:
    asked = Asked("PUT", "/Invoices", query, {"xero-tenant-id": "t"}, body.encode())
    assert len(accounting.problems(asked)) == 1
