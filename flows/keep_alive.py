"""Once a month, every sign-in to Xero is renewed: a refresh token dies after 60 days without use, a quiet winter is longer.

One sign-in serves all organisations of its user, so it is renewed once for all connections that use it.
"""

import logging
from collections import defaultdict
from typing import Literal

from prefect import flow, task
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run
from prefect.states import Completed

import notifications.outbox
from blocks.store import list_connections, load_connection
from flows.alerts import CONNECTION
from flows.links import flow_run_url
from milepost.connection import Connection
from milepost.errors import AuthError, MilepostError, RemoteError
from milepost.ledger import connections
from milepost.ledger.connections import ConnectionStatus
from milepost.ledger.database import open_database
from milepost.settings import installation
from milepost.steps.words import why_of
from milepost.steps.workspace import Workspace, open_workspace, sign_in_of
from notifications.troubles import Counts, RunSummary, Trouble

_log = logging.getLogger(__name__)

Outcome = Literal["renewed", "dead", "away"]
_IN_USE = (ConnectionStatus.CONNECTED, ConnectionStatus.ERROR)
"""Connections with a sign-in to keep. The others wait for a person, who has been told."""


@flow(name="keep-tokens-alive", flow_run_name="keep sign-ins alive")
async def keep_tokens_alive() -> State:
    """Renew every sign-in in use; of those that are dead, tell the connections' people. Custom connections need none."""
    sign_ins = await _sign_ins()
    outcomes = {key: await renew_sign_in(used_by[0], used_by) for key, used_by in sign_ins.items()}
    concerned = sorted(name for key, outcome in outcomes.items() if outcome != "renewed" for name in sign_ins[key])
    if "dead" in outcomes.values():
        return State(type=StateType.FAILED, name="NeedsPerson", message=f"not renewed: {', '.join(concerned)}")
    if concerned:
        return State(type=StateType.FAILED, name="StillAway", message=f"not renewed yet: {', '.join(concerned)}")
    return Completed(message=f"{len(outcomes)} sign-ins renewed")


async def _sign_ins() -> dict[str, list[str]]:
    """By token set: the connections in use that were signed in with it."""
    found: dict[str, list[str]] = defaultdict(list)
    async with open_database(installation()) as db:
        async with db.read() as c:
            in_use = {row.name for row in await connections.list_connections(c) if row.status in _IN_USE}
        for name in [name for name in await list_connections() if name in in_use]:
            settings = await _settings(name)
            if settings and settings.xero.grant == "authorization_code":
                found[await sign_in_of(db, settings)].append(name)
    return found


async def _settings(name: str) -> Connection | None:
    """None where the connection's blocks cannot be read; its polls tell of that."""
    try:
        return await load_connection(name)
    except MilepostError as error:
        _log.warning("connection %s cannot be read (%s)", name, type(error).__name__)
        return None


@task(name="renew-sign-in", task_run_name="renew-sign-in {connection}")
async def renew_sign_in(connection: str, used_by: list[str]) -> Outcome:
    """Renew the sign-in of one connection; when it is dead, tell the people of all that use it.

    One that could not be asked for lives on: the next call of its connections renews it, or this flow a month later.
    """
    try:
        async with open_workspace(await load_connection(connection), installation(), for_person=False) as workspace:
            await workspace.tokens.keep_alive()
    except AuthError as error:
        for name in used_by:
            async with open_workspace(await load_connection(name), installation(), for_person=False) as workspace:
                await workspace.note_auth_trouble(error)
                await _tell(workspace, error)
        return "dead"
    except RemoteError as error:
        _log.warning("connection %s: the sign-in was not renewed (%s)", connection, type(error).__name__)
        return "away"
    return "renewed"


async def _tell(workspace: Workspace, error: AuthError) -> None:
    """In the words of a run that meets the same, so that it is told once, whoever is first."""
    run_id = flow_run.get_id() or ""
    summary = RunSummary(
        connection=workspace.name,
        run_id=run_id,
        rule_book=workspace.connection.rule_book,
        counts=Counts(),
        prefect_url=flow_run_url(run_id),
    )
    trouble = Trouble(subject=CONNECTION, code=type(error).__name__, status="failed", why=why_of(error), fix=error.fix)
    alerts = workspace.connection.alerts
    async with workspace.db.write() as c:
        await notifications.outbox.record(c, workspace.name, alerts, summary, [trouble], [], workspace.clock())
    await notifications.outbox.deliver(workspace.db, workspace.name, alerts)
