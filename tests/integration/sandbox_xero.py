"""A local Xero behind a real socket, and a client that says what a test means in few words."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

from sandbox.clock import SandboxClock
from sandbox.faults import ASGIApp
from sandbox.server import LoopbackServer
from sandbox.xero import App, RateLimits, Switches, XeroSandbox, XeroSettings, create_xero
from sandbox.xero.tenant import Organisation

API = "/api.xro/2.0"
CLIENT = App("web", "web-secret", redirect_uris=("http://localhost:9/back",))
OTHER = App("other", "other-secret", name="Another app", redirect_uris=("http://localhost:9/back",))
NATIVE = App("native", redirect_uris=("http://localhost:9/back",))
CUSTOM = App("custom", "custom-secret", grants=frozenset({"client_credentials"}), custom_connection="uk")
ZERO_GUID = "00000000-0000-0000-0000-000000000000"


def settings(switches: Switches | None = None, limits: RateLimits | None = None) -> XeroSettings:
    """Without limits unless a test asks for them."""
    limits = limits or RateLimits(enabled=False)
    return XeroSettings((CLIENT, OTHER, NATIVE, CUSTOM), limits, switches or Switches())


@dataclass
class Local:
    """One running sandbox and a client connected to one of its organisations."""

    sandbox: XeroSandbox
    url: str
    clock: SandboxClock
    org: Organisation
    token: dict[str, Any]
    client: httpx.AsyncClient
    log: list[httpx.Response] = field(default_factory=list)

    def now(self) -> datetime:
        return self.clock()

    async def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> httpx.Response:
        answer = await self.client.request(method, f"{API}/{path}", json=body, headers=headers, params=query or None)
        self.log.append(answer)
        return answer

    async def get(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> httpx.Response:
        return await self.ask("GET", path, headers=headers, **query)

    async def rows(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> list[dict[str, Any]]:
        """The elements of a list, or of one document."""
        answer = await self.get(path, headers, **query)
        assert answer.status_code == 200, answer.text
        return content(answer)

    async def put(self, name: str, *elements: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        """Create elements one by one (summarizeErrors=false) and give them back as answered."""
        return await self._write("PUT", name, elements, query)

    async def post(self, name: str, *elements: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        return await self._write("POST", name, elements, query)

    async def _write(self, method: str, name: str, elements: Any, query: dict[str, Any]) -> list[dict[str, Any]]:
        kind = name.split("/", 1)[0]
        answer = await self.ask(method, name, {kind: list(elements)}, **{"summarizeErrors": "false", **query})
        assert answer.status_code == 200, answer.text
        return content(answer)


def content(answer: httpx.Response) -> list[dict[str, Any]]:
    """The elements inside an envelope, with Decimals."""
    payload = loads(answer)
    name = next(key for key in reversed(payload) if isinstance(payload[key], list))
    found: list[dict[str, Any]] = payload[name]
    return found


def loads(answer: httpx.Response) -> Any:
    return answer.json(parse_float=Decimal)


def messages(element: dict[str, Any]) -> list[str]:
    return [error["Message"] for error in element.get("ValidationErrors", [])]


def line(**fields: Any) -> dict[str, Any]:
    return {"Description": "Labour", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200", **fields}


def invoice(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A draft for a known customer; a field set to None is left out."""
    whole = {"Type": "ACCREC", "Contact": {"Name": "Aroha Ngata"}, "LineItems": list(lines) or [line()], **fields}
    return {key: value for key, value in whole.items() if value is not None}


def approved(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return invoice(*lines, **{"Status": "AUTHORISED", "Date": "2026-11-02", "DueDate": "2026-11-20", **fields})


@asynccontextmanager
async def serve(app: ASGIApp) -> AsyncIterator[str]:
    """`app` on a loopback port, for the length of the block."""
    server = LoopbackServer("app", app)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


@asynccontextmanager
async def local_xero(
    organisation: str = "nz", *, switches: Switches | None = None, limits: RateLimits | None = None
) -> AsyncIterator[Local]:
    """A sandbox of the test's own with one organisation connected."""
    clock = SandboxClock()
    sandbox = create_xero(settings(switches, limits), clock)
    token = sandbox.state.connect(CLIENT.client_id, organisation)
    org = sandbox.state.organisations[organisation]
    headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/json"}
    headers["xero-tenant-id"] = org.tenant_id
    async with (
        serve(sandbox.app) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=10, trust_env=False) as client,
    ):
        yield Local(sandbox, url, clock, org, token, client)
        sandbox.faults.clear()
