"""The scheduled jobs of a whole installation: poll every connection, and deliver alerts that a channel kept waiting."""

import logging

from prefect import flow, task
from prefect.client.schemas.objects import State, StateType
from prefect.states import Completed

import notifications.outbox
from blocks.store import list_connections, load_connection
from flows.billing import poll_jobs, retry_jobs
from flows.quiet import quietly
from milepost.errors import MilepostError
from milepost.ledger import billings, connections
from milepost.ledger.connections import ConnectionStatus
from milepost.ledger.database import open_database
from milepost.settings import installation
from milepost.steps.workspace import utcnow

_log = logging.getLogger(__name__)

_BILLING = (ConnectionStatus.PENDING, ConnectionStatus.CONNECTED, ConnectionStatus.ERROR)
"""Connections worth a poll. A person must reconnect the others first, and has been told."""


@flow(name="poll-connections", flow_run_name="poll every connection")
async def poll_connections() -> State:
    """Poll every connection, one after another; trouble with one stops none of the others."""
    states = {name: await poll_jobs(name, return_state=True) for name in await _to_poll()}
    troubled = [name for name, state in states.items() if not state.is_completed()]
    if troubled:
        message = f"{len(troubled)} of {len(states)} connections need a person: {', '.join(troubled)}"
        return State(type=StateType.FAILED, name="NeedsPerson", message=message)
    return Completed(message=f"{len(states)} connections polled")


async def _to_poll() -> list[str]:
    """The connections that may bill; one that is only a block in Prefect yet begins with its first poll."""
    names = await list_connections()
    async with open_database(installation()) as db, db.read() as c:
        statuses = {row.name: row.status for row in await connections.list_connections(c)}
    return [name for name in names if statuses.get(name, ConnectionStatus.PENDING) in _BILLING]


@flow(name="retry-due", flow_run_name="retry what is due")
async def retry_due() -> State:
    """Try again what failed and whose time has come, connection by connection; trouble with one stops none of the others."""
    due = await _with_due()
    states = {name: await retry_jobs(name, return_state=True) for name in await _to_poll() if name in due}
    troubled = [name for name, state in states.items() if not state.is_completed()]
    if troubled:
        message = f"{len(troubled)} of {len(states)} connections need a person: {', '.join(troubled)}"
        return State(type=StateType.FAILED, name="NeedsPerson", message=message)
    return Completed(message=f"tried again on {len(states)} connections" if states else "nothing is due")


async def _with_due() -> list[str]:
    async with open_database(installation()) as db, db.read() as c:
        return await billings.connections_with_due(c, utcnow())


@flow(name="deliver-alerts", flow_run_name="deliver alerts")
async def deliver_alerts() -> State:
    """Send the alerts that are still due because a channel was away; one connection's trouble stops none of the others."""
    waiting = {name: await _waiting(name) for name in await list_connections()}
    late = [name for name, count in waiting.items() if count is None or count]
    if late:
        return State(type=StateType.FAILED, name="StillAway", message=f"alerts wait for: {', '.join(late)}")
    return Completed(message="all alerts are delivered")


async def _waiting(connection: str) -> int | None:
    """How many alerts still wait; None where they could not even be tried."""
    try:
        return await deliver_for(connection)
    except MilepostError as error:
        _log.warning("connection %s: alerts cannot be delivered (%s)", connection, type(error).__name__)
        return None


@task(name="send-alerts", task_run_name="send-alerts {connection}")
@quietly
async def deliver_for(connection: str) -> int:
    """Deliver one connection's alerts; the number that still wait."""
    settings = await load_connection(connection)
    async with open_database(installation()) as db:
        return (await notifications.outbox.deliver(db, connection, settings.alerts)).waiting
