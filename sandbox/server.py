"""The whole sandbox as one async context manager: every vendor on a loopback port of its own, in this event loop."""

import asyncio
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType

import uvicorn

from sandbox.clock import SandboxClock
from sandbox.control_app import create_control
from sandbox.faults import ASGIApp
from sandbox.fieldbook import FieldbookSandbox, FieldbookSettings, create_fieldbook
from sandbox.servicem8 import ServiceM8Sandbox, ServiceM8Settings, create_servicem8
from sandbox.slack import SlackSandbox, SlackSettings, create_slack
from sandbox.smtp import SmtpSink
from sandbox.xero.app import XeroSandbox, create_xero
from sandbox.xero.settings import XeroSettings

HOST = "127.0.0.1"
_POLL = 0.005
_TICK = 0.1
_GRACE = 1.0


@dataclass
class SandboxSettings:
    """`ports` fixes a port by vendor ("xero", "servicem8", "fieldbook", "slack", "control", "smtp"); else free ones.

    `latency` is seconds added to every call of every vendor.
    """

    xero: XeroSettings = field(default_factory=XeroSettings)
    servicem8: ServiceM8Settings = field(default_factory=ServiceM8Settings)
    fieldbook: FieldbookSettings = field(default_factory=FieldbookSettings)
    slack: SlackSettings = field(default_factory=SlackSettings)
    ports: Mapping[str, int] = field(default_factory=dict)
    latency: float = 0.0


class Sandbox:
    """`async with Sandbox() as s`: `s.urls` by vendor, and `s.xero`, `s.servicem8`, `s.fieldbook`, `s.slack`, `s.mail`.

    Each vendor has `faults`, `log` and `app.latency`; the job systems and Slack have builders and what was written
    to them. `s.clock.advance(seconds)` moves all of them forward.
    """

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self.settings = settings or SandboxSettings()
        self.clock = SandboxClock()
        self.urls: dict[str, str] = {}
        self.xero: XeroSandbox = create_xero(self.settings.xero, self.clock)
        self.servicem8: ServiceM8Sandbox = create_servicem8(self.settings.servicem8, self.clock)
        self.fieldbook: FieldbookSandbox = create_fieldbook(self.settings.fieldbook, self.clock)
        self.slack: SlackSandbox = create_slack(self.settings.slack, self.clock)
        self.mail = SmtpSink(port=self.settings.ports.get("smtp", 0))
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Sandbox":
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.mail)
            servers = [self._server(name, app) for name, app in self._apps().items()]
            stack.push_async_callback(_stop_all, servers)
            await asyncio.gather(*(server.start() for server in servers))
            for deliveries in (self.servicem8.deliveries, self.fieldbook.deliveries, self.xero.hooks.deliveries):
                deliveries.start()
                stack.push_async_callback(deliveries.stop)
            self._stack = stack.pop_all()
        self.urls = {server.name: server.url for server in servers}
        self.urls["smtp"] = f"smtp://{self.mail.host}:{self.mail.port}"
        self.servicem8.hooks.base_url = self.urls["servicem8"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for vendor in (self.xero, self.servicem8, self.fieldbook, self.slack):
            vendor.faults.clear()
        await self._stack.aclose()

    def _apps(self) -> dict[str, ASGIApp]:
        self.xero.app.latency = self.xero.app.latency or self.settings.latency
        for vendor in (self.servicem8, self.fieldbook, self.slack):
            vendor.app.latency = self.settings.latency
        return {
            "xero": self.xero.app,
            "servicem8": self.servicem8.app,
            "fieldbook": self.fieldbook.app,
            "slack": self.slack.app,
            "control": create_control(self),
        }

    def _server(self, name: str, app: ASGIApp) -> "LoopbackServer":
        return LoopbackServer(name, app, self.settings.ports.get(name, 0))


class LoopbackServer:
    """One ASGI application on a loopback port, without signal handlers, access log or reload."""

    def __init__(self, name: str, app: ASGIApp, port: int = 0) -> None:
        self.name = name
        self._socket = _listening(port)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=60,
        )
        self._server = _QuietServer(config)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._running = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._running.done():
                await self._running
                raise RuntimeError(f"the sandbox's {self.name} did not start")
            await asyncio.sleep(_POLL)

    async def stop(self) -> None:
        self._server.leave()
        if self._running is not None:
            await self._running
        self._socket.close()


def _listening(port: int) -> socket.socket:
    """Named as TCP in so many words: asyncio turns off Nagle's delay (40 ms a call) for such sockets only."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((HOST, port))
    return listening


class _QuietServer(uvicorn.Server):
    """uvicorn takes over SIGINT and SIGTERM; here the process that runs the sandbox keeps them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        self.should_exit = True
        self._leaving.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """As uvicorn has it, but it ends at once."""
        tick = 0
        while not await self.on_tick(tick):
            tick = (tick + 1) % 864_000
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), _TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn has it, but without its pauses: a test starts and stops many servers."""
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if tasks := set(self.server_state.tasks):
            _, late = await asyncio.wait(tasks, timeout=_GRACE)
            for task in late:
                task.cancel()


async def _stop_all(servers: Sequence[LoopbackServer]) -> None:
    await asyncio.gather(*(server.stop() for server in servers))
