"""Every night: each connection is held against Xero and its job system, and what does not agree is told; old log goes.

Beside the way of a job: nothing is billed by it.
"""

import logging
from datetime import timedelta
from typing import Literal

from prefect import flow, task
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run
from prefect.states import Completed

import notifications.outbox
from blocks.store import list_connections, load_connection
from flows.links import flow_run_url
from flows.quiet import quietly
from milepost.errors import MilepostError
from milepost.ledger import alerts, calllog, connections
from milepost.ledger.connections import ConnectionStatus
from milepost.ledger.database import open_database
from milepost.settings import installation
from milepost.steps.findings import Finding, Verified
from milepost.steps.verify import verify_billings
from milepost.steps.workspace import Workspace, open_workspace, utcnow
from notifications.troubles import VERIFY, Counts, RunSummary, Trouble

_log = logging.getLogger(__name__)

LOG_KEPT = timedelta(days=400)
"""How long the sync log is kept: a year and some weeks, for whoever asks about last year's books."""
MOST_TOLD = 20
"""Findings told one by one; of more than these only how many there are."""
_OK = (ConnectionStatus.CONNECTED, ConnectionStatus.ERROR)
"""Connections that can be asked. The others wait for a person, who has been told."""

Outcome = Literal["agrees", "differs", "away"]


@flow(name="nightly-check", flow_run_name="nightly check")
async def nightly_check() -> State:
    """Verify every connection, tell what does not agree, and forget log entries older than 400 days."""
    await prune_log()
    outcomes = {name: await _checked(name) for name in await _to_check()}
    differ = [name for name, outcome in outcomes.items() if outcome == "differs"]
    away = [name for name, outcome in outcomes.items() if outcome == "away"]
    if differ:
        return State(type=StateType.FAILED, name="NeedsPerson", message=f"not all agrees: {', '.join(differ)}")
    if away:
        return State(type=StateType.FAILED, name="StillAway", message=f"not verified: {', '.join(away)}")
    return Completed(message=f"{len(outcomes)} connections verified")


@task(name="prune-log", task_run_name="prune-log")
@quietly
async def prune_log() -> int:
    """Forget what the sync log has kept long enough; how many entries."""
    async with open_database(installation()) as db, db.write() as c:
        return await calllog.prune(c, utcnow() - LOG_KEPT)


async def _to_check() -> list[str]:
    names = await list_connections()
    async with open_database(installation()) as db, db.read() as c:
        statuses = {row.name: row.status for row in await connections.list_connections(c)}
    return [name for name in names if statuses.get(name) in _OK]


async def _checked(connection: str) -> Outcome:
    """Trouble with one connection stops none of the others; its polls tell of it."""
    try:
        return "differs" if await verify_connection(connection) else "agrees"
    except MilepostError as error:
        _log.warning("connection %s cannot be verified (%s)", connection, type(error).__name__)
        return "away"


@task(name="verify-connection", task_run_name="verify-connection {connection}")
@quietly
async def verify_connection(connection: str) -> int:
    """Verify one connection and tell its people what does not agree; the number of findings."""
    async with open_workspace(await load_connection(connection), installation(), for_person=False) as workspace:
        verified = await verify_billings(workspace)
        await _tell(workspace, verified)
    _log.info(
        "%d billings verified at %d calls: %d findings", verified.billings, verified.xero_calls, len(verified.findings)
    )
    return len(verified.findings)


async def _tell(workspace: Workspace, verified: Verified) -> None:
    """Each finding once while it stands, and that it has cleared."""
    run_id = flow_run.get_id() or ""
    summary = RunSummary(
        connection=workspace.name,
        run_id=run_id,
        rule_book=workspace.connection.rule_book,
        counts=Counts(),
        prefect_url=flow_run_url(run_id),
    )
    troubles = _troubles(workspace.name, verified.findings)
    channels = workspace.connection.alerts
    async with workspace.db.write() as c:
        told = {row.subject for row in await alerts.open_alerts(c, workspace.name) if row.subject.startswith(VERIFY)}
        cleared = sorted(told - {trouble.subject for trouble in troubles})
        await notifications.outbox.record(c, workspace.name, channels, summary, troubles, cleared, workspace.clock())
    await notifications.outbox.deliver(workspace.db, workspace.name, channels)


def _troubles(connection: str, findings: tuple[Finding, ...]) -> list[Trouble]:
    told = [_trouble(finding) for finding in findings[:MOST_TOLD]]
    if len(findings) > MOST_TOLD:
        why = f"More than {MOST_TOLD} things do not agree with Xero."
        fix = f"All of them: milepost verify {connection}"
        told.append(Trouble(subject=f"{VERIFY}more", code="verify_more", status="held", why=why, fix=fix))
    return told


def _trouble(finding: Finding) -> Trouble:
    is_of_job = finding.job != "?"
    invoice = f"Invoice {finding.invoice}: " if finding.invoice else ""
    return Trouble(
        subject=f"{VERIFY}{finding.code}:{finding.subject}",
        code=f"verify_{finding.code}",
        status="held",
        job_number=finding.job if is_of_job else None,
        milestone_name=finding.milestone if is_of_job and finding.milestone else None,
        why=f"{invoice}{finding.why}",
        fix=finding.fix,
    )
