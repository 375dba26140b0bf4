"""Connections kept open between the runs of this process, so that an event's run need not open everything first.

Opening takes longer than billing a job: certificates are loaded for each HTTP client, descriptions and rule books are read.
Before it is lent again, a workspace is held against all that it was opened from; what has changed is opened anew.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from prefect.context import AsyncClientContext, SyncClientContext
from pydantic import SecretStr

from blocks.store import list_connections, load_connection
from milepost.connection import Connection
from milepost.ledger import books, connections
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.settings import installation
from milepost.steps.workspace import Workspace, open_workspace

SETTINGS_KEPT = 30.0
"""Seconds after which a connection's blocks are read again."""

Stamp = tuple[object, ...]


@dataclass(slots=True)
class _Open:
    """An open workspace, what it was opened from, and the published versions that its shelf has."""

    workspace: Workspace
    stack: AsyncExitStack
    settings: Connection
    stamp: Stamp
    published: list[int]


class Warm:
    """The connections that this process keeps open. An async context manager; flows started inside make use of it."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._alone: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._settings: dict[str, tuple[float, Connection]] = {}
        self._keys: list[SecretStr] = []
        self._keys_read_at = -SETTINGS_KEPT
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Warm":
        await self._stack.enter_async_context(AsyncClientContext.get_or_create())
        self._stack.enter_context(SyncClientContext.get_or_create())
        self._token = _current.set(self)
        return self

    async def __aexit__(self, *_error: object) -> None:
        _current.reset(self._token)
        for name in list(self._open):
            await self._close(name)
        await self._stack.aclose()

    async def settings(self, name: str) -> Connection:
        """The connection as its blocks say; they are asked again twice a minute. Raises as `load_connection` does."""
        kept = self._settings.get(name)
        if kept is None or time.monotonic() - kept[0] > SETTINGS_KEPT:
            kept = (time.monotonic(), await load_connection(name))
            self._settings[name] = kept
        return kept[1]

    async def webhook_keys(self) -> list[SecretStr]:
        """The keys by which Xero may sign what it sends; connections of one app share theirs."""
        if time.monotonic() - self._keys_read_at > SETTINGS_KEPT:
            found = [(await self.settings(name)).xero.webhook_key for name in await list_connections()]
            self._keys = list({key.get_secret_value(): key for key in found if key}.values())
            self._keys_read_at = time.monotonic()
        return self._keys

    async def at_hand(self, name: str) -> Workspace:
        """The connection's workspace, to check and read a webhook with; what calls out needs it `lent`."""
        kept = self._open.get(name)
        if kept and kept.settings == await self.settings(name):
            return kept.workspace
        async with self._alone[name]:
            return (await self._opened(name)).workspace

    @asynccontextmanager
    async def lent(self, name: str) -> AsyncIterator[Workspace]:
        """The connection's workspace, for one run at a time."""
        async with self._alone[name]:
            opened = await self._opened(name)
            workspace = opened.workspace
            workspace.begin_run()
            try:
                yield workspace
            finally:
                await workspace.flush_calls()
                opened.stamp = await _stamp(workspace)

    async def _opened(self, name: str) -> _Open:
        settings = await self.settings(name)
        kept = self._open.get(name)
        if kept and (kept.settings != settings or kept.stamp != await _stamp(kept.workspace)):
            await self._close(name)
            kept = None
        if kept is None:
            kept = self._open[name] = await _open(settings)
        published = await _published(kept.workspace)
        if published != kept.published:
            kept.workspace.forget_books()
            kept.published = published
        return kept

    async def _close(self, name: str) -> None:
        await self._open.pop(name).stack.aclose()


_current: ContextVar[Warm | None] = ContextVar("milepost_warm", default=None)


@asynccontextmanager
async def workspace_for(connection: str, *, for_person: bool) -> AsyncIterator[Workspace]:
    """A connection's workspace for one run: one that this process keeps open, else its own. A person's is always its own."""
    warm = _current.get()
    if warm is not None and not for_person:
        async with warm.lent(connection) as workspace:
            yield workspace
        return
    async with open_workspace(await load_connection(connection), installation(), for_person=for_person) as workspace:
        yield workspace


async def _open(settings: Connection) -> _Open:
    stack = AsyncExitStack()
    workspace = await stack.enter_async_context(open_workspace(settings, installation(), for_person=False))
    return _Open(workspace, stack, settings, await _stamp(workspace), await _published(workspace))


async def _stamp(workspace: Workspace) -> Stamp:
    """What else a workspace was opened from: the sign-in, the organisation, the system's description."""
    async with workspace.db.read() as c:
        row = await connections.get_connection(c, workspace.name)
    platform = workspace.connection.platform
    described = platform.file.stat().st_mtime_ns if isinstance(platform, DeclaredSettings) else 0
    return row.tenant_id, row.token_set, described


async def _published(workspace: Workspace) -> list[int]:
    async with workspace.db.read() as c:
        return await books.published_numbers(c, workspace.connection.rule_book)
