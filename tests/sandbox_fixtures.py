"""The sandbox as pytest fixtures: the outside world of a test, over real HTTP on loopback ports.

`fresh_sandbox` (also `world`, for tests that read better so) is empty apart from the organisations in Xero and belongs
to one test: add to it with `world.servicem8.job(number="1482", customer="Ngaio Cafe", lines=[("Labour", "2.5", "95")])`
or `world.fieldbook.job(ref="AFO-1", items=[("Partition wall", "12", "80.00")])`. `sandbox` is seeded, shared by the
whole session and only to be read.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.seed import seed_demo
from sandbox.server import LoopbackServer, Sandbox, SandboxSettings
from sandbox.servicem8 import ServiceM8Settings
from sandbox.xero.settings import RateLimits, XeroSettings


def unlimited() -> SandboxSettings:
    """No vendor counts requests: a test that wants limits switches them on."""
    return SandboxSettings(xero=XeroSettings(limits=RateLimits(enabled=False)), servicem8=ServiceM8Settings(limits=False))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    """The demo's world, for tests that only read it."""
    async with Sandbox(unlimited()) as running:
        seed_demo(running)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def fresh_sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox of this test's own."""
    async with Sandbox(unlimited()) as running:
        running.servicem8.account("kauri")
        running.fieldbook.account("albion")
        yield running


@pytest.fixture
def world(fresh_sandbox: Sandbox) -> Sandbox:
    """The same as `fresh_sandbox`, for tests that build a world."""
    return fresh_sandbox


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A plain client that trusts nothing of the environment (no proxies)."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        yield client


@dataclass
class Receiver:
    """A webhook receiver of a test: what arrived, and how it answers (`echo` returns the challenge)."""

    url: str = ""
    status: int = 200
    is_echoing: bool = True
    arrived: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        challenge = dict(parse_qsl(body.decode(errors="replace"))).get("challenge")
        if challenge is not None:
            return PlainTextResponse(challenge if self.is_echoing else "no")
        self.arrived.append((dict(request.headers), body))
        return PlainTextResponse("taken", self.status)


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    """Somewhere for webhooks to go, on a loopback port."""
    taking = Receiver()
    server = LoopbackServer("receiver", Starlette(routes=[Route("/{rest:path}", taking.take, methods=["POST"])]))
    await server.start()
    taking.url = f"{server.url}/hook"
    yield taking
    await server.stop()
