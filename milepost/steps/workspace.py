"""What the steps work with: one connection's platform, Xero client, rule books and ledger, opened once for a run."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.connection import Connection
from milepost.errors import AuthError, ConfigError
from milepost.ledger import books, calllog, charts, connections, jobs
from milepost.ledger.budgets import Counted, LedgerBudgets
from milepost.ledger.calllog import LogEntry
from milepost.ledger.connections import ConnectionStatus
from milepost.ledger.database import Database, open_database
from milepost.ledger.platform_tokens import PlatformTokens
from milepost.ledger.tokens import LedgerTokenStore
from milepost.platforms.http import Call
from milepost.platforms.protocol import Platform
from milepost.platforms.registry import Wiring, open_platform
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.rules.shelf import BookShelf
from milepost.rules.versions import BookFolder
from milepost.settings import Installation
from milepost.xero.client import CallRecord, XeroClient
from milepost.xero.governor import governor_for
from milepost.xero.grants import TokenSet, user_of
from milepost.xero.oauth import Tenant, Tokens, choose_tenant, list_tenants
from milepost.xero.refusals import SYSTEM

_log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def utcnow() -> datetime:
    """The clock of a real run."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Workspace:
    """One connection's open clients and ledger. Xero is opened when it is first needed, since many polls find nothing.

    Billed is by `shelf`, the published versions of a rule book; `files` are what people write them in, if they are here.
    """

    connection: Connection
    installation: Installation
    db: Database
    platform: Platform
    files: BookFolder
    http: httpx.AsyncClient
    tokens: Tokens
    stack: AsyncExitStack
    clock: Clock = utcnow
    calls: list[LogEntry] = field(default_factory=list)
    run_id: str | None = None
    for_person: bool = True
    _xero: XeroClient | None = None
    _xero_answered: bool = False
    _shelves: dict[str, BookShelf] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connection.name

    async def shelf(self, book: str | None = None) -> BookShelf:
        """The published versions of a rule book, by default the connection's; read once for the workspace's life."""
        name = book or self.connection.rule_book
        if name not in self._shelves:
            async with self.db.read() as c:
                self._shelves[name] = await books.shelf_of(c, name)
        return self._shelves[name]

    async def xero(self) -> XeroClient:
        """The client of the connection's organisation; finds out which one that is on first use."""
        if self._xero is None:
            tenant_id = await self._tenant_id()
            xero = self.connection.xero
            counts = LedgerBudgets(self.db, Counted(xero.api_url, xero.client_id, tenant_id))
            governor = governor_for(xero, counts, for_person=self.for_person)
            await governor.look()
            client = XeroClient(xero, self.tokens, governor, tenant_id, self._saw_xero)
            self._xero = await self.stack.enter_async_context(client)
        return self._xero

    def begin_run(self) -> None:
        """Another run begins on a workspace that was kept open: what belonged to the last one is forgotten."""
        self.run_id = None
        self._xero_answered = False

    def forget_books(self) -> None:
        """Versions were published since the rule books were read."""
        self._shelves.clear()

    async def tenant_id(self) -> str:
        """The organisation's tenant id."""
        return (await self.xero()).tenant_id

    async def _tenant_id(self) -> str:
        async with self.db.read() as c:
            row = await connections.get_connection(c, self.name)
        if row.tenant_id:
            return row.tenant_id
        tenant = await self.find_tenant()
        return tenant.tenant_id

    async def short_code(self) -> str | None:
        """The organisation's short code for links into Xero, once its chart was read."""
        async with self.db.read() as c:
            kept = await charts.get_chart(c, await self.tenant_id())
        return kept[0].organisation.short_code if kept else None

    async def find_tenant(self) -> Tenant:
        """Ask Xero which organisations the sign-in opens, choose the connection's, and keep it."""
        token = await self.tokens.access_token()
        tenants = await list_tenants(self.connection.xero, self.http, token)
        tenant = choose_tenant(tenants, self.connection.xero.tenant)
        async with self.db.write() as c:
            now = self.clock()
            await connections.set_tenant(c, self.name, tenant.tenant_id, tenant.name, tenant.id, self.tokens.id, now)
            await connections.set_status(c, self.name, ConnectionStatus.CONNECTED, "", now)
        return tenant

    async def use_sign_in(self, tokens: TokenSet) -> None:
        """Keep the tokens of a finished consent, and use them from now on; other connections of that user do so, too."""
        key = token_set_id(self.connection, user_of(tokens))
        store = LedgerTokenStore(self.db)
        async with store.alone(key):
            kept = await store.load(key)
            await store.save(key, tokens, kept.version if kept else None)
        async with self.db.write() as c:
            await connections.set_token_set(c, self.name, key, self.clock())
        self.tokens = Tokens(self.connection.xero, store, self.http, key)

    def _saw_xero(self, call: CallRecord) -> None:
        self._xero_answered = self._xero_answered or call.status == "ok"
        self.calls.append(
            LogEntry(
                at=self.clock(),
                connection=self.name,
                system="xero",
                operation=call.operation,
                entity=call.entity,
                status=call.status,
                http_status=call.http_status,
                duration_ms=call.duration_ms,
                bytes_in=call.bytes_in,
                correlation_id=call.correlation_id,
            )
        )

    async def flush_calls(self) -> None:
        """Write the sync log of the calls made so far."""
        calls = [replace(call, run_id=self.run_id) for call in self.calls]
        self.calls.clear()
        if calls:
            async with self.db.write() as c:
                await calllog.append(c, calls)

    async def note_status(self, status: ConnectionStatus, why: str) -> None:
        """Record whether the connection can bill, for the pages and the command that show it."""
        async with self.db.write() as c:
            await connections.set_status(c, self.name, status, why, self.clock())

    async def note_auth_trouble(self, error: AuthError) -> None:
        """Record what a person must mend. Only Xero's own states keep the polls away: reconnecting ends those alone."""
        status = ConnectionStatus(error.state) if error.system == SYSTEM else ConnectionStatus.ERROR
        await self.note_status(status, f"{error.system}: {error.why}. {error.fix}".strip())

    async def note_working(self) -> None:
        """A run went through: what a person had to mend is mended, as far as this run has seen."""
        async with self.db.read() as c:
            row = await connections.get_connection(c, self.name)
        is_xeros = row.status_why.startswith(f"{SYSTEM}:")
        if row.status is not ConnectionStatus.ERROR or (is_xeros and not self._xero_answered):
            return
        await self.note_status(ConnectionStatus.CONNECTED if row.tenant_id else ConnectionStatus.PENDING, "")


async def register(c: AsyncConnection, connection: Connection, now: datetime) -> None:
    """Enter a connection in the ledger, or bring its row up to date.

    A new one bills from today unless its settings name a day: years of old jobs were invoiced by other means. So does one
    that moves to another job system, where the same jobs have other ids and would be billed once more. When the day is
    moved back, the jobs since then are looked at again.
    """
    kind, book = connection.platform.kind, connection.rule_book
    before = next((row for row in await connections.list_connections(c) if row.name == connection.name), None)
    is_new_there = before is None or before.platform_kind != kind
    live_from = connection.live_from or (now.date() if is_new_there else None)
    await connections.save_connection(c, connection.name, kind, book, now, live_from=live_from)
    moved_back = bool(before and before.live_from and live_from and live_from < before.live_from)
    if is_new_there or moved_back:
        await connections.set_cursor(c, connection.name, None, now)
    if moved_back and live_from:
        await jobs.decide_again(c, connection.name, completed_since=live_from)


async def _registered(db: Database, connection: Connection, now: datetime) -> None:
    """A connection whose blocks were made by hand has no row yet."""
    async with db.read() as c:
        known = any(row.name == connection.name for row in await connections.list_connections(c))
    if not known:
        async with db.write() as c:
            await register(c, connection, now)


def token_set_id(connection: Connection, user: str | None = None) -> str:
    """Which stored tokens open the connection: a custom connection's app has its own, a sign-in is its user's.

    One sign-in serves all organisations of its user, and refreshing it for one would end the copies of the others. Of a
    user that is not known (yet), the connection's name stands in.
    """
    owner = "app" if connection.xero.grant == "client_credentials" else user or connection.name
    return f"{_app_of(connection)}{owner}"[:200]


def _app_of(connection: Connection) -> str:
    return f"{connection.xero.identity_url}|{connection.xero.client_id}|"


async def sign_in_of(db: Database, connection: Connection) -> str:
    """The token set that the connection was signed in with, where that is of the app it has now."""
    async with db.read() as c:
        kept = (await connections.get_connection(c, connection.name)).token_set
    is_its = connection.xero.grant == "authorization_code" and kept and kept.startswith(_app_of(connection))
    return kept if is_its and kept else token_set_id(connection)


def books_folder(connection: Connection) -> Path:
    """Where the connection's rule books are: its own folder, else `mappings/` here, else Milepost's own."""
    if connection.rule_books_dir:
        return connection.rule_books_dir
    here = Path("mappings")
    return here if (here / connection.rule_book).is_dir() else Path(__file__).parents[2] / "mappings"


def unpublished(connection: Connection) -> ConfigError:
    """Nothing can be billed by a book of which no version was published."""
    own = connection.rule_books_dir
    where = f" --folder {own}" if own else ""
    return ConfigError(
        f"connection {connection.name!r} bills by rule book {connection.rule_book!r}, of which no version is published. "
        f"Publish it: milepost rules publish {connection.rule_book}{where}"
    )


@asynccontextmanager
async def open_workspace(
    connection: Connection, installation: Installation, clock: Clock = utcnow, *, for_person: bool = True
) -> AsyncIterator[Workspace]:
    """Open a connection for one run; everything is closed, and the sync log written, on the way out.

    for_person: somebody waits for it, so it may use the day's last calls to Xero.
    """
    calls: list[LogEntry] = []
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_database(installation))
        await _registered(db, connection, clock())
        http = await stack.enter_async_context(httpx.AsyncClient())
        wiring = await _wiring(connection, db, calls, clock)
        platform = await stack.enter_async_context(open_platform(connection.platform, wiring))
        tokens = Tokens(connection.xero, LedgerTokenStore(db), http, await sign_in_of(db, connection))
        files = BookFolder(books_folder(connection))
        workspace = Workspace(connection, installation, db, platform, files, http, tokens, stack, clock, calls)
        workspace.for_person = for_person
        try:
            yield workspace
        finally:
            await workspace.flush_calls()


async def _wiring(connection: Connection, db: Database, calls: list[LogEntry], clock: Clock) -> Wiring:
    """The platform's calls go to the sync log; its rotating tokens, where it has them, are kept sealed in the ledger."""

    def saw(call: Call) -> None:
        entry = LogEntry(
            at=clock(),
            connection=connection.name,
            system="platform",
            operation=call.operation,
            entity=call.entity,
            status="ok" if call.status and call.status < 400 else "failed",
            http_status=call.status,
            duration_ms=call.duration_ms,
            bytes_in=call.bytes_in,
        )
        calls.append(entry)

    if not isinstance(connection.platform, ServiceM8Settings) or connection.platform.refresh_token is None:
        return Wiring(on_call=saw)
    kept = PlatformTokens(db, f"servicem8|{connection.name}")
    return Wiring(on_call=saw, tokens=await kept.load(), on_tokens=kept.save)
