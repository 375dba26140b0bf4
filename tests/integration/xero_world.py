"""A local Xero behind a real socket, and the product's own client signed in to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from milepost.connection import XeroSettings
from milepost.xero.client import CallRecord, XeroClient
from milepost.xero.governor import Governor
from milepost.xero.oauth import StoredTokens, Tokens, TokenSet
from sandbox.clock import SandboxClock
from sandbox.faults import ASGIApp, Fault
from sandbox.server import LoopbackServer
from sandbox.xero.app import XeroSandbox, create_xero
from sandbox.xero.settings import RateLimits, Switches, demo_app, demo_custom_app
from sandbox.xero.settings import XeroSettings as SandboxSettings
from sandbox.xero.tenant import Organisation

TOKEN_SET = "acme"


class KeptTokens:
    """A token store in memory, by compare-and-set, shared by several `Tokens` as by so many processes."""

    def __init__(self) -> None:
        self.kept: dict[str, StoredTokens] = {}
        self._refreshing: dict[str, asyncio.Lock] = {}

    async def load(self, token_set_id: str) -> StoredTokens | None:
        return self.kept.get(token_set_id)

    @asynccontextmanager
    async def alone(self, token_set_id: str) -> AsyncIterator[None]:
        """One at a time, as a lease in the ledger has it."""
        async with self._refreshing.setdefault(token_set_id, asyncio.Lock()):
            yield

    async def save(self, token_set_id: str, tokens: TokenSet, expected_version: int | None) -> bool:
        held = self.kept.get(token_set_id)
        if (held.version if held else None) != expected_version:
            return False
        self.kept[token_set_id] = StoredTokens(version=(expected_version or 0) + 1, tokens=tokens)
        return True


@dataclass
class World:
    """One sandbox, one organisation, one token store; `tokens()` and `client()` are each like a process of its own."""

    sandbox: XeroSandbox
    url: str
    clock: SandboxClock
    org: Organisation
    settings: XeroSettings
    http: httpx.AsyncClient
    store: KeptTokens = field(default_factory=KeptTokens)
    calls: list[CallRecord] = field(default_factory=list)

    def sign_in(self, scopes: frozenset[str] | None = None) -> None:
        """The consent of a user, without a browser."""
        answer = self.sandbox.state.connect(self.settings.client_id, self.org.key, scopes=scopes)
        tokens = TokenSet(
            access_token=SecretStr(answer["access_token"]),
            refresh_token=SecretStr(answer["refresh_token"]),
            expires_at=self.clock() + timedelta(seconds=answer["expires_in"]),
            scope=answer["scope"],
        )
        self.store.kept[TOKEN_SET] = StoredTokens(version=1, tokens=tokens)

    def tokens(self) -> Tokens:
        return Tokens(self.settings, self.store, self.http, TOKEN_SET, self.clock, race_pauses=(0, 0.1))

    def client(self, governor: Governor | None = None, tenant_id: str | None = None, **more: Any) -> XeroClient:
        tenant = self.org.tenant_id if tenant_id is None else tenant_id
        timing = {"read_pauses": (0.01, 0.01), **more}
        return XeroClient(self.settings, self.tokens(), governor or Governor(), tenant, self.calls.append, **timing)

    def fault(self, kind: str, **more: object) -> None:
        self.sandbox.faults.add(Fault.from_json({"kind": kind, **more}))

    def requests(self, method: str, path: str) -> int:
        """How many requests of this kind arrived."""
        return sum(entry.method == method and entry.path.endswith(path) for entry in self.sandbox.log.entries)

    @property
    def secrets(self) -> list[str]:
        """Everything that must never be seen in a message."""
        kept = [stored.tokens for stored in self.store.kept.values()]
        access = [tokens.access_token.get_secret_value() for tokens in kept]
        refresh = [tokens.refresh_token.get_secret_value() for tokens in kept if tokens.refresh_token]
        return [*access, *refresh, self.settings.client_secret.get_secret_value()]


@asynccontextmanager
async def xero_world(
    organisation: str = "nz",
    switches: Switches | None = None,
    limits: RateLimits | None = None,
    *,
    is_custom: bool = False,
    in_front: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> AsyncIterator[World]:
    """Without limits unless a test asks for them; `in_front` wraps what is served."""
    clock = SandboxClock()
    apps = (demo_app(), demo_custom_app(organisation))
    limits = limits or RateLimits(enabled=False)
    sandbox = create_xero(SandboxSettings(apps, limits, switches or Switches(), consent=(organisation,)), clock)
    app = apps[1] if is_custom else apps[0]
    server = LoopbackServer("xero", in_front(sandbox.app))
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        stack.callback(sandbox.faults.clear)
        http = await stack.enter_async_context(httpx.AsyncClient())
        settings = XeroSettings(
            grant="client_credentials" if is_custom else "authorization_code",
            client_id=app.client_id,
            client_secret=SecretStr(app.client_secret or ""),
            api_url=server.url,
            identity_url=server.url,
            login_url=server.url,
        )
        world = World(sandbox, server.url, clock, sandbox.state.organisations[organisation], settings, http)
        if not is_custom:
            world.sign_in()
        yield world
