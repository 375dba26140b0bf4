"""A business whose steps a test takes one by one, without Prefect: sandbox, ledger and clock are the test's own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.fernet import Fernet

from milepost.connection import Connection
from milepost.ledger import billings, runs
from milepost.ledger.billings import BillingRow
from milepost.ledger.connections import save_connection
from milepost.ledger.database import open_database
from milepost.ledger.requests import RequestRow, unsettled
from milepost.settings import Installation
from milepost.steps import contacts, customers, decide, gather, invoices, recover
from milepost.steps.run import BillingRun, Result, Trigger
from milepost.steps.workspace import Workspace, open_workspace
from sandbox.faults import Fault
from sandbox.server import Sandbox
from sandbox.xero.documents import DEAD, Invoice
from sandbox.xero.settings import App, XeroSettings
from sandbox.xero.state import InternalError
from sandbox.xero.tenant import Organisation
from tests.book_files import publish, write_book
from tests.databases import ledger_in
from tests.sandbox_fixtures import unlimited

PROJECT = Path(__file__).parents[2]
PUT_INVOICES = {"method": "PUT", "path": "*/Invoices"}
ITEMS = [("Labour: joinery", "10", "48.50"), ("Partition", "4", "58.75")]


@dataclass
class Steps:
    """One connection on Fieldbook and the UK organisation; `ahead` is how far its clock runs before the world's."""

    sandbox: Sandbox
    connection: Connection
    installation: Installation
    ahead: timedelta = timedelta()
    _known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._known = {invoice.id for invoice in self.org.invoices}

    def clock(self) -> datetime:
        """What the steps take for now."""
        return datetime.now(UTC) + self.ahead

    def later(self, **by: float) -> None:
        """Time passes, for us and for Xero alike."""
        self.ahead += timedelta(**by)
        self.sandbox.clock.advance(timedelta(**by).total_seconds())

    @property
    def org(self) -> Organisation:
        return self.sandbox.xero.state.organisations["uk"]

    @property
    def invoices(self) -> list[Invoice]:
        """The live invoices that were made."""
        return [i for i in self.org.invoices if i.id not in self._known and i.status not in DEAD]

    def job(self, ref: str = "A-1", state: str = "done", **what: Any) -> str:
        """Put a job into Fieldbook, or change it; its id."""
        what = {"customer": {"name": f"Customer {ref}", "email": f"{ref.lower()}@example.com"}, "items": ITEMS, **what}
        done = {"done_at": self.sandbox.clock().isoformat()} if state == "done" else {}
        return str(self.sandbox.fieldbook.job(ref=ref, state=state, title=f"Work {ref}", **{**done, **what}).id)

    def fault(self, kind: str, **more: Any) -> None:
        """What happens to the next PUT of invoices, unless `more` says otherwise."""
        self.sandbox.xero.faults.add(Fault.from_json({"kind": kind, **PUT_INVOICES, **more}))

    def breaks(self, when: str, **more: Any) -> None:
        """A failure inside Xero, which its idempotency cache remembers."""
        error: Any = {"when": when, **PUT_INVOICES, **more}
        self.sandbox.xero.state.internal_errors.append(InternalError(**error))

    def calls(self, method: str = "", path: str = "") -> int:
        """How many calls of Xero's API there were since the log was cleared; sign-ins are none."""
        entries = self.sandbox.xero.log.entries
        return sum(e.method.startswith(method) and e.path.endswith(path) and "/api.xro/" in e.path for e in entries)

    def forget_calls(self) -> None:
        self.sandbox.xero.log.clear()

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Workspace]:
        async with open_workspace(self.connection, self.installation, self.clock) as opened:
            yield opened

    async def poll(self, trigger: Trigger = "poll", ids: list[str] | None = None, *, plan: bool = False) -> BillingRun:
        """The steps in the flow's order; what they write is theirs."""
        async with self.workspace() as workspace:
            return await self.poll_in(workspace, trigger, ids, plan=plan)

    async def poll_in(
        self, workspace: Workspace, trigger: Trigger = "poll", ids: list[str] | None = None, *, plan: bool = False
    ) -> BillingRun:
        """The same in a workspace that is open."""
        run = BillingRun(str(uuid4()), trigger, workspace, plan, wanted=list(ids or []))
        async with workspace.db.write() as c:
            await runs.start_run(c, run.id, workspace.name, trigger, None, self.clock())
        await self.take(run)
        return run

    async def take(self, run: BillingRun) -> None:
        """All steps of a run up to its invoices."""
        await take_steps(run)

    async def gather(self, run: BillingRun) -> None:
        """The steps that only read."""
        await gather_for(run)

    async def rows(self) -> dict[str, BillingRow]:
        """The ledger's billings, as `A-1 FIN`."""
        async with open_database(self.installation) as db, db.read() as c:
            rows = await billings.listing(c, self.connection.name, limit=1000)
        return {f"{row.job_number} {row.milestone}": row for row in rows}

    async def row(self, of: str = "A-1 FIN") -> BillingRow:
        return (await self.rows())[of]

    async def open_requests(self) -> list[RequestRow]:
        async with open_database(self.installation) as db, db.read() as c:
            return await unsettled(c, self.connection.name)


async def take_steps(run: BillingRun) -> None:
    """All steps of a run up to its invoices."""
    if not run.plan_only:
        await recover.recover(run)
    await gather_for(run)
    for milestone in run.milestones:
        results = await decide.decide_milestone(run, milestone.code)
        run.results += results
        if run.plan_only:
            continue
        await contacts.settle_contacts(run, results)
        await invoices.create_invoices(run, results)
        if run.lost:
            await recover.recover(run)
        async with run.workspace.db.read() as c:
            run.history |= await billings.history(c, run.workspace.name, [result.job.id for result in results])
    if not run.plan_only:
        await decide.mark_decided(run)


async def gather_for(run: BillingRun) -> None:
    """The steps that only read."""
    if not run.wanted:
        await gather.find_changed(run)
    await gather.fetch_jobs(run)
    await gather.find_due(run)
    if not run.plan_only:
        await decide.close_what_is_not_due(run)
    if run.due:
        await gather.gather_chart(run)
        await customers.look_up_contacts(run)


def only(run: BillingRun) -> Result:
    """The one result of a run."""
    (result,) = run.results
    return result


@asynccontextmanager
async def steps_world(home: Path, book: str | None = None, *, published: bool = True) -> AsyncIterator[Steps]:
    """A world with nothing in it yet; `book` is the text of a rule book of the test's own, `published` or not."""
    settings = unlimited()
    app = App("app", "secret", grants=frozenset({"client_credentials"}), custom_connection="uk")
    settings.xero = XeroSettings(apps=(app,), limits=settings.xero.limits)
    folder = PROJECT / "mappings"
    if book:
        folder = write_book(home, "own", book)
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(settings))
        sandbox.fieldbook.account("albion")
        connection = Connection.model_validate(
            {
                "name": "acme",
                "platform": {
                    "kind": "declared",
                    "file": PROJECT / "docs/examples/fieldbook.yaml",
                    "secrets": {"token": "fieldbook-token-albion", "webhook": "w"},
                    "base_url": sandbox.urls["fieldbook"],
                },
                "xero": {
                    "grant": "client_credentials",
                    "client_id": "app",
                    "client_secret": "secret",
                    "api_url": sandbox.urls["xero"],
                    "identity_url": sandbox.urls["xero"],
                },
                "retries": (0,) * 50,  # what failed is due at the next poll
                "rule_book": "own" if book else "albion-fitout",
                "rule_books_dir": folder,
            }
        )
        url = stack.enter_context(ledger_in(home))
        installation = Installation(home, url, Fernet.generate_key(), "http://127.0.0.1:4280")
        async with open_database(installation) as db, db.write() as c:
            await save_connection(c, "acme", "declared", connection.rule_book, datetime.now(UTC))
        if published:
            await publish(installation, folder, connection.rule_book)
        yield Steps(sandbox, connection, installation)
