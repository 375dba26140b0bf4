"""Puts the local Xero together: identity, connections and the Accounting API under one base URL."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sandbox.faults import ASGIApp, FaultMiddleware, Faults, Receive, RequestLog, Scope, Send
from sandbox.xero.gateway import PREFIX, Gateway, InProgress
from sandbox.xero.hooks import XeroHooks
from sandbox.xero.identity import Identity
from sandbox.xero.settings import XeroSettings, utcnow
from sandbox.xero.state import XeroState


@dataclass
class XeroSandbox:
    """A local Xero. `app` is what uvicorn serves; `state`, `faults`, `log` and `hooks` are for tests and the demo."""

    app: InProgress
    state: XeroState
    faults: Faults
    log: RequestLog
    hooks: XeroHooks

    def set_limits(self, *, on: bool) -> None:
        """Enforce the rate limits, or let every call pass."""
        self.state.limiter.limits = replace(self.state.limiter.limits, enabled=on)


def create_xero(settings: XeroSettings | None = None, clock: Callable[[], datetime] = utcnow) -> XeroSandbox:
    """A fresh sandbox; `clock` gives the time in UTC, which a test may move."""
    settings = settings or XeroSettings()
    state = XeroState(settings, clock)
    faults, log = Faults(), RequestLog(prefix=PREFIX)
    served = FaultMiddleware(_split(Gateway(state), Identity(state).app), faults, log, settings.latency)
    return XeroSandbox(InProgress(served, state), state, faults, log, XeroHooks(clock))


def _split(api: ASGIApp, identity: ASGIApp) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(f"{PREFIX}/")
        await (api if is_api else identity)(scope, receive, send)

    return serve
