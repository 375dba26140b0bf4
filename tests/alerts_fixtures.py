"""A ledger, a Slack and a mailbox for tests of alerts, each told from the view of one connection."""

import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from milepost.connection import AlertSettings, EmailSettings, SlackSettings
from milepost.ledger.database import Database, open_database
from milepost.settings import Installation
from notifications.delivery import Delivery
from notifications.outbox import deliver, record
from notifications.troubles import RunSummary, Trouble
from sandbox.server import LoopbackServer
from sandbox.slack import SlackMessage, SlackSandbox, create_slack
from sandbox.smtp import SmtpSink
from tests.databases import ledger_in
from tests.unit.notifications.builders import summary

_numbers = itertools.count(1)


class Desk:
    """One connection's alerts: runs are recorded and delivered, and what arrived is read."""

    def __init__(self, db: Database, slack: SlackSandbox, url: str, mail: SmtpSink) -> None:
        self.db = db
        self.slack = slack
        self.mail = mail
        self.url = url
        self.name = f"desk-{next(_numbers)}"
        self.alerts = AlertSettings(slack=self.bot())

    def bot(self, **changes: str) -> SlackSettings:
        """Slack by bot token."""
        values = {"token": "xoxb-sandbox-token", "channel": "#billing", "api_url": f"{self.url}/api/"}
        return SlackSettings.model_validate(values | changes)

    def webhook(self) -> SlackSettings:
        """Slack by incoming webhook."""
        return SlackSettings.model_validate({"webhook_url": f"{self.url}/services/T0/B0/secret"})

    def mailbox(self) -> EmailSettings:
        """The SMTP sink."""
        return EmailSettings(
            host=self.mail.host,
            port=self.mail.port,
            sender="Milepost <milepost@example.com>",
            to=("billing@example.com",),
            starttls=False,
        )

    async def record(self, *troubles: Trouble, cleared: Sequence[str] = (), run: RunSummary | None = None) -> int:
        """Record a run."""
        run = run or summary(f"run-{next(_numbers)}", connection=self.name)
        async with self.db.write() as c:
            return await record(c, self.name, self.alerts, run, troubles, cleared, datetime.now(UTC))

    async def deliver(self) -> Delivery:
        """Deliver what is due."""
        return await deliver(self.db, self.name, self.alerts)

    async def run(self, *troubles: Trouble, cleared: Sequence[str] = (), run: RunSummary | None = None) -> Delivery:
        """Record a run and deliver."""
        await self.record(*troubles, cleared=cleared, run=run)
        return await self.deliver()

    @property
    def tops(self) -> list[SlackMessage]:
        """The messages that stand in the channel."""
        return self.slack.state.tops()

    @property
    def replies(self) -> list[SlackMessage]:
        """The messages that stand in a thread."""
        return [message for message in self.slack.messages if message.thread_ts]

    @property
    def texts(self) -> list[str]:
        """The fallback text of every message."""
        return [message.text for message in self.slack.messages]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alerts_ledger(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """A real ledger, shared by the tests of a module, each of which has a connection of its own."""
    home: Path = tmp_path_factory.mktemp("ledger")
    with ledger_in(home) as url:
        installation = Installation(home, url, Fernet.generate_key(), "http://127.0.0.1:4280")
        async with open_database(installation) as db:
            yield db


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def slack_server() -> AsyncIterator[tuple[SlackSandbox, str]]:
    """A Slack over HTTP."""
    slack = create_slack()
    server = LoopbackServer("slack", slack.app)
    await server.start()
    yield slack, server.url
    slack.faults.clear()
    await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(alerts_ledger: Database, slack_server: tuple[SlackSandbox, str]) -> AsyncIterator[Desk]:
    """A connection with an empty channel and an empty mailbox."""
    slack, url = slack_server
    slack.faults.clear()
    slack.state.clear()
    async with SmtpSink() as mail:
        yield Desk(alerts_ledger, slack, url, mail)
