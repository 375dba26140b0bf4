"""A business to bill, through the real flows: a world of its own in the sandbox, a connection in Prefect, an empty ledger.

A test module that needs it says `pytest_plugins = ["tests.flow_fixtures"]` and takes `business`, a factory:

    plumber = await business("kauri")                       # servicem8, the NZ organisation, mappings/kauri-plumbing
    builder = await business("albion", book=BOOK)           # fieldbook (declared), the UK one, a rule book of the test's own
    plumber.job(number="1482", customer="Ngaio Cafe", lines=[("Labour", "2.5", "95.00")])
    run = await plumber.poll()                              # the BillingRun; `plumber.state` is what Prefect shows
    assert plumber.invoices[0].total == Decimal("273.13")   # as Xero holds it

All businesses of one test share one sandbox and one ledger. Nothing here is a double of our own code.
"""

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from prefect.client.schemas.objects import State

from blocks.store import save_connection as save_blocks
from flows.billing import bill_jobs, poll_jobs
from flows.current import watched_by
from milepost.connection import Connection
from milepost.ledger import billings
from milepost.ledger.billings import BillingRow
from milepost.ledger.connections import save_connection as save_row
from milepost.ledger.database import Database, open_database
from milepost.settings import installation
from milepost.steps.findings import Verified
from milepost.steps.run import BillingRun, Trigger
from milepost.steps.verify import verify_billings
from milepost.steps.workspace import Workspace, open_workspace
from sandbox.server import Sandbox
from sandbox.slack import SlackMessage
from sandbox.xero.documents import DEAD, Contact, Invoice
from sandbox.xero.settings import App, XeroSettings
from sandbox.xero.tenant import Organisation
from tests.book_files import publish, write_book
from tests.databases import installation_in
from tests.sandbox_fixtures import unlimited

pytest_plugins = ["tests.prefect_fixtures"]

PROJECT = Path(__file__).parents[1]
SECONDS_OF_A_COMMAND = 60
AT_ONCE = (0,) * 50
"""A ladder for tests that do not wait: what failed is due at the next poll."""
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of business: its job system, its account there, its organisation in Xero, its rule book."""

    platform: str
    organisation: str
    rule_book: str
    account: Mapping[str, str] = field(default_factory=dict)


KINDS = {
    "kauri": Kind("servicem8", "nz", "kauri-plumbing"),
    "albion": Kind("fieldbook", "uk", "albion-fitout"),
    "southern": Kind(
        "fieldbook", "au", "southern-electrical", {"timezone": "Australia/Sydney", "currency": "AUD", "prices": "gross"}
    ),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


class _Collector:
    """Watches the flows and keeps their runs."""

    def __init__(self) -> None:
        self.runs: list[BillingRun] = []

    def progress(self, step: str, done: int, of: int | None) -> None:
        """Tests look at what comes of it."""

    def finished(self, run: BillingRun) -> None:
        """Keep the run."""
        self.runs.append(run)


class Business:
    """One business: put jobs into its system, run the flows on its connection, look at what its Xero and Slack hold."""

    def __init__(self, kind: Kind, account: str, settings: Connection, sandbox: Sandbox, home: Path) -> None:
        self.kind = kind
        self.account = account
        self.settings = settings
        self.sandbox = sandbox
        self.home = home
        self.state: State[Any] | None = None
        self._known = {invoice.id for invoice in self.org.invoices}

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.settings.name

    @property
    def system(self) -> Any:
        """The job system in the sandbox, with its `faults`, `log` and `notes`."""
        return self.sandbox.servicem8 if self.kind.platform == "servicem8" else self.sandbox.fieldbook

    @property
    def org(self) -> Organisation:
        """The organisation in the sandbox's Xero, with everything in it."""
        return self.sandbox.xero.state.organisations[self.kind.organisation]

    def job(self, **what: Any) -> str:
        """Put a job into the job system, or change the one of that number; its id. Arguments as the system's builder has."""
        made = self.system.job(account=self.account, **what)
        return str(made["uuid"] if isinstance(made, dict) else made.id)

    @property
    def notes(self) -> list[str]:
        """What was written on jobs, oldest first."""
        notes = self.system.notes(account=self.account)
        return [str(note["note"]) if isinstance(note, dict) else note.text for note in notes]

    @property
    def invoices(self) -> list[Invoice]:
        """The live invoices that Xero holds and did not hold at first, oldest first."""
        return [i for i in self.org.invoices if i.id not in self._known and i.status not in DEAD]

    def invoices_of(self, reference: str) -> list[Invoice]:
        """The live invoices of one reference."""
        return [invoice for invoice in self.invoices if invoice.reference == reference]

    def contact_of(self, invoice: Invoice) -> Contact:
        """Whom an invoice bills."""
        contact = self.org.contacts.get(invoice.contact_id)
        assert contact is not None
        return contact

    @property
    def slack(self) -> list[SlackMessage]:
        """Every message that Slack received, oldest first."""
        return list(self.sandbox.slack.messages)

    @property
    def xero_calls(self) -> dict[tuple[str, str], int]:
        """Xero's calls by method and first path segment, such as ("PUT", "Invoices")."""
        return dict(self.sandbox.xero.log.counts())

    async def poll(self) -> BillingRun:
        """The flow `poll-jobs` on this connection."""
        return await self._run(lambda: poll_jobs(self.name, return_state=True))

    async def bill(self, ids: Sequence[str] = (), *, trigger: Trigger = "person", reissue: bool = False) -> BillingRun:
        """The flow `bill-jobs` on these jobs, by their ids."""
        return await self._run(
            lambda: bill_jobs(self.name, job_ids=list(ids), trigger=trigger, reissue=reissue, return_state=True)
        )

    async def plan(self, ids: Sequence[str] = ()) -> BillingRun:
        """The flow `bill-jobs`, which only plans."""
        return await self._run(lambda: bill_jobs(self.name, job_ids=list(ids), plan_only=True, return_state=True))

    async def _run(self, flow: Callable[[], Awaitable[Any]]) -> BillingRun:
        collector = _Collector()
        with watched_by(collector):
            self.state = await flow()
        if not collector.runs:  # it never began; its error says why
            await self.state.aresult(raise_on_failure=True)
        (run,) = collector.runs
        return run

    async def rows(self) -> list[BillingRow]:
        """The ledger's billings of this connection, oldest first."""
        async with self.ledger() as db, db.read() as c:
            return (await billings.listing(c, self.name, limit=10_000))[::-1]

    async def row(self, job_number: str, milestone: str | None = None) -> BillingRow:
        """The one billing of a job (and milestone)."""
        rows = [r for r in await self.rows() if r.job_number == job_number and milestone in (None, r.milestone)]
        (row,) = rows
        return row

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[Database]:
        """The ledger, opened."""
        async with open_database(installation()) as db:
            yield db

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Workspace]:
        """The connection's workspace, as a run opens it."""
        async with open_workspace(self.settings, installation()) as opened:
            yield opened

    async def verify(self) -> Verified:
        """Every billing held against Xero's own data."""
        async with self.workspace() as opened:
            return await verify_billings(opened)

    async def command(self, *arguments: str, **environment: str) -> Said:
        """Run `milepost` with these arguments as a process of its own, on this installation and its Prefect server."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from cli.main import run; run()",
            *arguments,
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": "120", "NO_COLOR": "1", **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), SECONDS_OF_A_COMMAND)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return Said(process.returncode or 0, out.decode(), err.decode())


Businesses = Callable[..., Awaitable[Business]]


def _apps() -> tuple[App, ...]:
    return tuple(
        App(f"app-{kind}", f"secret-{kind}", grants=frozenset({"client_credentials"}), custom_connection=kind)
        for kind in ("nz", "uk", "au")
    )


@pytest_asyncio.fixture(loop_scope="session")
async def flow_world(prefect_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """A sandbox and an installation of this test's own; the Prefect server is the session's."""
    monkeypatch.setenv("MILEPOST_CONSOLE_URL", "http://127.0.0.1:4280")
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    for variable in ("MILEPOST_DATABASE_URL", "MILEPOST_SECRET_KEY"):
        monkeypatch.delenv(variable, raising=False)
    settings = unlimited()
    settings.xero = XeroSettings(apps=_apps(), limits=settings.xero.limits)
    with installation_in(tmp_path / "home") as environment:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        async with Sandbox(settings) as sandbox:
            yield sandbox


@pytest.fixture
def business(flow_world: Sandbox, tmp_path: Path) -> Businesses:
    """Makes a business of one of the KINDS; see the module's docstring.

    `book` is the text of a rule book to use instead of the kind's; `platform`, `xero`, `slack` and `more` change single
    settings of the connection; `alerts=False` leaves the alert channels out, `published=False` the book unpublished.
    """

    async def make(
        kind: str = "kauri",
        *,
        book: str | None = None,
        alerts: bool = True,
        platform: Mapping[str, Any] | None = None,
        xero: Mapping[str, Any] | None = None,
        slack: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
        published: bool = True,
    ) -> Business:
        number = next(_numbers)
        chosen = KINDS[kind]
        account = f"{kind}-{number}"
        system: Any = flow_world.servicem8 if chosen.platform == "servicem8" else flow_world.fieldbook
        system.account(account, **chosen.account)
        values: dict[str, Any] = {
            "name": account,
            "platform": _platform(chosen, account, flow_world, tmp_path) | dict(platform or {}),
            "xero": _xero(chosen, flow_world) | dict(xero or {}),
            "retries": AT_ONCE,
            "rule_book": chosen.rule_book,
            "rule_books_dir": PROJECT / "mappings",
        }
        if book is not None:
            values |= {"rule_book": f"book-{number}", "rule_books_dir": write_book(tmp_path, f"book-{number}", book)}
        if alerts:
            values["alerts"] = {"slack": _slack(flow_world) | dict(slack or {})}
        settings = Connection.model_validate(values | dict(more or {}))
        await keep(settings)
        if published and settings.rule_books_dir:
            await publish(installation(), settings.rule_books_dir, settings.rule_book)
        return Business(chosen, account, settings, flow_world, tmp_path / "home")

    return make


async def keep(settings: Connection) -> None:
    """Save a connection where the flows look for it: its blocks in Prefect, its row in the ledger."""
    await save_blocks(settings)
    async with open_database(installation()) as db, db.write() as c:
        kind, book, now = settings.platform.kind, settings.rule_book, datetime.now(UTC)
        await save_row(c, settings.name, kind, book, now, live_from=getattr(settings, "live_from", None))


def run_id(run: BillingRun) -> UUID:
    """The id of the run's flow run in Prefect."""
    return UUID(run.id)


def _unhurried(folder: Path) -> Path:
    """The example's description of Fieldbook without its limits, which would have a test wait for the next minute."""
    text = (PROJECT / "docs/examples/fieldbook.yaml").read_text()
    file = folder / "fieldbook.yaml"
    file.write_text(text.replace("per_minute: 120", "per_minute: 6000"))
    return file


def _platform(kind: Kind, account: str, sandbox: Sandbox, folder: Path) -> dict[str, Any]:
    if kind.platform == "servicem8":
        return {"kind": "servicem8", "api_key": f"servicem8-key-{account}", "api_url": sandbox.urls["servicem8"]}
    return {
        "kind": "declared",
        "file": _unhurried(folder),
        "secrets": {"token": f"fieldbook-token-{account}", "webhook": "a-webhook-secret"},
        "base_url": sandbox.urls["fieldbook"],
        "time_zone": kind.account.get("timezone", "Europe/London"),
    }


def _xero(kind: Kind, sandbox: Sandbox) -> dict[str, Any]:
    return {
        "grant": "client_credentials",
        "client_id": f"app-{kind.organisation}",
        "client_secret": f"secret-{kind.organisation}",
        "api_url": sandbox.urls["xero"],
        "identity_url": sandbox.urls["xero"],
    }


def _slack(sandbox: Sandbox) -> dict[str, Any]:
    return {"token": "xoxb-sandbox-token", "channel": "#billing", "api_url": f"{sandbox.urls['slack']}/api/"}
