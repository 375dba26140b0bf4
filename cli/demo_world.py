"""The demo's story: three businesses, their connections, and three mornings of billing them with the real flows."""

from datetime import date
from pathlib import Path

from pydantic import SecretStr

from cli.connection import save
from cli.demo_businesses import BUSINESSES, Business
from cli.demo_show import Act, announce, show_messages
from cli.rules.publish import publish_from
from cli.run_show import seen, show_run
from milepost.connection import AlertSettings, Connection, SlackSettings, XeroSettings
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.registry import PlatformSettings
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.steps.run import BillingRun
from sandbox.faults import Fault
from sandbox.seed import move_on, seed_demo
from sandbox.server import Sandbox
from sandbox.worlds.kauri import NGAIO
from sandbox.xero.settings import App
from sandbox.xero.settings import XeroSettings as SandboxXero

AWAY = "API is currently unavailable"
"""Xero's own words in a 503 (developer docs, "Response codes and errors")."""
PROJECT = Path(__file__).parents[1]


class _Collector:
    """Watches the flows and keeps their runs."""

    def __init__(self) -> None:
        self.runs: list[BillingRun] = []

    def progress(self, step: str, done: int, of: int | None) -> None:
        """The demo is quick enough without a bar."""

    def finished(self, run: BillingRun) -> None:
        """Keep the run."""
        self.runs.append(run)


def xero_settings() -> SandboxXero:
    """The sandbox's Xero with one custom connection for each business."""
    custom = (
        App(
            f"milepost-{b.name}",
            f"secret-of-{b.name}",
            grants=frozenset({"client_credentials"}),
            custom_connection=b.organisation,
        )
        for b in BUSINESSES
    )
    return SandboxXero(apps=tuple(custom))


def connection_of(business: Business, sandbox: Sandbox) -> Connection:
    """The business's connection, as a connection file would give it."""
    urls = sandbox.urls
    return Connection(
        name=business.name,
        platform=_platform(business, sandbox),
        xero=XeroSettings(
            grant="client_credentials",
            client_id=f"milepost-{business.name}",
            client_secret=SecretStr(f"secret-of-{business.name}"),
            api_url=urls["xero"],
            identity_url=urls["xero"],
            history_notes=True,
        ),
        rule_book=business.rule_book,
        retries=(0, 5, 15, 45, 135),  # the story does not wait five minutes before Xero is tried again
        live_from=date(2020, 1, 1),
        rule_books_dir=PROJECT / "mappings",
        alerts=AlertSettings(
            slack=SlackSettings(token=SecretStr("xoxb-sandbox-token"), channel="#billing", api_url=f"{urls['slack']}/api/")
        ),
    )


def _platform(business: Business, sandbox: Sandbox) -> PlatformSettings:
    if business.name == "kauri":
        return ServiceM8Settings(api_key=SecretStr("servicem8-key-kauri"), api_url=sandbox.urls["servicem8"])
    zone = {"albion": "Europe/London", "southern": "Australia/Sydney"}[business.name]
    return DeclaredSettings(
        file=PROJECT / "docs/examples/fieldbook.yaml",
        secrets={"token": SecretStr(f"fieldbook-token-{business.name}"), "webhook": SecretStr("demo-webhook")},
        base_url=sandbox.urls["fieldbook"],
        time_zone=zone,
    )


async def play(sandbox: Sandbox, *, quiet: bool) -> list[Act]:
    """The whole story, shown as it goes unless quiet."""
    seed_demo(sandbox)
    for business in BUSINESSES:
        await save(connection_of(business, sandbox))
        await publish_from(PROJECT / "mappings", business.rule_book, "the demo")
    story = Story(sandbox, quiet=quiet)
    await story.act("1. The first morning: every business is polled")
    sandbox.xero.faults.add(Fault("status", method="PUT", path="*/Invoices*", times=-1, status=503, body=AWAY))
    move_on(sandbox)
    await story.act("2. Jobs move on, and Xero is away: nothing is lost, the team is told")
    sandbox.xero.faults.clear()
    sandbox.clock.advance(400)
    await story.act("3. Xero is back: what waited is billed, once")
    return story.acts


class Story:
    """The acts played so far, and what was shown in them."""

    def __init__(self, sandbox: Sandbox, *, quiet: bool) -> None:
        self.acts: list[Act] = []
        self._sandbox = sandbox
        self._quiet = quiet
        self._known: dict[str, str] = {}

    async def act(self, title: str) -> None:
        """Poll every business with the real flow."""
        if not self._quiet:
            announce(title)
        told_before = len(self._sandbox.slack.messages)
        runs: list[BillingRun] = []
        for business in BUSINESSES:
            runs.append(await _polled(business))
            if not self._quiet:
                show_run(runs[-1], self._known)
        if not self._quiet:
            show_messages(self._sandbox.slack.messages[told_before:])
        self._known |= {result.billing_id: seen(result) for run in runs for result in run.results}
        self.acts.append(Act(title, tuple(runs)))


async def _polled(business: Business) -> BillingRun:
    """One poll; an error that ended it is raised."""
    from flows.billing import poll_jobs  # noqa: PLC0415  Prefect reads its settings when it is imported
    from flows.current import watched_by  # noqa: PLC0415

    collector = _Collector()
    with watched_by(collector):
        state = await poll_jobs(business.name, return_state=True)
    if not collector.runs:
        await state.aresult(raise_on_failure=True)
    (run,) = collector.runs
    if run.stopped_by:
        raise run.stopped_by
    return run


def one_more_job(sandbox: Sandbox) -> None:
    """A job that is completed after the story, for the schedule to find."""
    lines = [("Labour", "1.5", "95.00"), ("Tap washer kit", "2", "14.60", "WASH")]
    sandbox.servicem8.job(account="kauri", number="1501", customer=NGAIO, lines=lines)


def scheduled() -> str:
    """The deployment that polls every connection by itself, as Prefect names it."""
    from flows.deployments import DEPLOYMENTS  # noqa: PLC0415  Prefect reads its settings when it is imported

    return next(f"{d.flow.name}/{d.name}" for d in DEPLOYMENTS if d.flow.name == "poll-connections")
