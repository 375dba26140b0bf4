"""Signing in to Xero from the command line, and out: consent in the browser, the code back on loopback, tokens kept.

Reference: Xero developer docs, "The standard authorization code flow". Redirects go to `localhost` by name: Xero refuses
127.0.0.1.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from blocks.store import load_connection
from cli.callback import PATH, receiver
from milepost.connection import Connection
from milepost.errors import AuthError, RemoteError
from milepost.ledger import connections
from milepost.ledger.connections import ConnectionStatus
from milepost.settings import installation
from milepost.steps.workspace import Workspace, open_workspace
from milepost.xero.grants import GrantDead
from milepost.xero.oauth import SCOPES, Tenant, authorize_url, delete_connection, exchange_code

SECONDS = 300
"""Xero's code is good for five minutes."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The organisation that a connection bills into from now on, and the name of another one that it billed into before."""

    tenant: Tenant
    before: str | None = None


async def sign_in(name: str, *, port: int, show: Callable[[str], None]) -> SignedIn:
    """Go through consent, at the address that is shown, and choose the connection's organisation.

    Raises AuthError when consent was refused or never came, ConfigError when no one organisation is meant.
    """
    settings = await load_connection(name)
    async with open_workspace(settings, installation()) as workspace:
        async with workspace.db.read() as c:
            before = await connections.get_connection(c, name)
        if settings.xero.grant == "authorization_code":
            await _consent(settings, workspace, port, show)
        tenant = await workspace.find_tenant()
    is_another = before.tenant_id is not None and before.tenant_id != tenant.tenant_id
    return SignedIn(tenant, before.tenant_name if is_another else None)


async def _consent(settings: Connection, workspace: Workspace, port: int, show: Callable[[str], None]) -> None:
    """Have the consent given, and keep the tokens it gives."""
    redirect, state = f"http://localhost:{port}{PATH}", secrets.token_urlsafe(24)
    async with receiver(port, state) as answer:
        show(authorize_url(settings.xero, redirect, state, None, list(SCOPES)))
        try:
            code = _code(await asyncio.wait_for(answer, SECONDS))
        except TimeoutError:
            why = f"nobody gave consent within {SECONDS // 60} minutes"
            raise AuthError("Xero", "signing in", why, state="pending", fix="Start it again when you are ready.") from None
    try:
        tokens = await exchange_code(settings.xero, workspace.http, code, redirect)
    except GrantDead as error:
        why = "the code of the sign-in was used or has expired (it is good once, for five minutes)"
        raise AuthError("Xero", "signing in", why, state="pending", fix="Start it again.", status=error.status) from error
    await workspace.use_sign_in(tokens)


def _code(answer: dict[str, str]) -> str:
    error = answer.get("error")
    if error or not answer.get("code"):
        why = "consent was refused in Xero" if error == "access_denied" else error or "Xero sent no code"
        raise AuthError("Xero", "signing in", why, state="pending", fix="Start it again when you are ready.")
    return answer["code"]


async def sign_out(name: str) -> str | None:
    """Disconnect in Xero and here; why Xero could not be told, where it could not. Links and billings stay."""
    settings = await load_connection(name)
    async with open_workspace(settings, installation()) as workspace:
        trouble = None
        try:
            await _delete(settings, workspace)
        except RemoteError as error:
            trouble = str(error)
        await workspace.note_status(ConnectionStatus.DISCONNECTED, "disconnected on request")
    return trouble


async def _delete(settings: Connection, workspace: Workspace) -> None:
    """Take the organisation's connection to the app away. A custom connection is the app's own, and is not deleted."""
    async with workspace.db.read() as c:
        row = await connections.get_connection(c, workspace.name)
    if row.xero_connection_id and settings.xero.grant == "authorization_code":
        token = await workspace.tokens.access_token()
        await delete_connection(settings.xero, workspace.http, token, row.xero_connection_id)
