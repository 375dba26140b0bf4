"""Signing in to Xero from the command line: consent in the browser, the code back on loopback, tokens into the ledger.

Reference: Xero developer docs, "The standard authorization code flow". Redirects go to `localhost` by name: Xero refuses
127.0.0.1.
"""

import asyncio
import secrets
import webbrowser
from html import escape
from urllib.parse import parse_qs, urlsplit

from blocks.store import load_connection
from cli.show import out
from milepost.errors import AuthError
from milepost.ledger import connections
from milepost.ledger.tokens import LedgerTokenStore
from milepost.settings import installation
from milepost.steps.workspace import open_workspace, token_set_id
from milepost.xero.oauth import SCOPES, Tenant, authorize_url, exchange_code

SECONDS = 300
"""Xero's code is good for five minutes."""


async def sign_in(name: str, *, port: int, open_browser: bool) -> Tenant:
    """Go through consent and choose the connection's organisation. Raises AuthError when it was refused or not genuine."""
    settings = await load_connection(name)
    if settings.xero.grant == "client_credentials":
        async with open_workspace(settings, installation()) as workspace:
            return await workspace.find_tenant()
    redirect, state = f"http://localhost:{port}/callback", secrets.token_urlsafe(24)
    answers: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda r, w: _receive(r, w, answers), "127.0.0.1", port)
    async with server, open_workspace(settings, installation()) as workspace:
        url = authorize_url(settings.xero, redirect, state, None, list(SCOPES))
        out.print(f"Sign in to Xero in your browser:\n{url}", soft_wrap=True, markup=False)
        if open_browser:
            webbrowser.open(url)
        code = _code(await asyncio.wait_for(answers, SECONDS), state)
        tokens = await exchange_code(settings.xero, workspace.http, code, redirect)
        store, key = LedgerTokenStore(workspace.db), token_set_id(settings)
        kept = await store.load(key)
        await store.save(key, tokens, kept.version if kept else None)
        async with workspace.db.read() as c:
            before = await connections.get_connection(c, name)
        tenant = await workspace.find_tenant()
        _same_organisation(name, before, tenant)
        return tenant


def _same_organisation(name: str, before: connections.ConnectionRow, tenant: Tenant) -> None:
    if before.tenant_id and before.tenant_id != tenant.tenant_id:
        out.print(
            f"[yellow]![/] {name} billed into {before.tenant_name} before; from now on it bills into {tenant.name}. "
            "Its customers are looked up anew there."
        )


def _code(answer: dict[str, str], state: str) -> str:
    if not secrets.compare_digest(answer.get("state", ""), state):
        raise AuthError("Xero", "signing in", "the redirect was not the answer to this sign-in", fix="Start it again.")
    if error := answer.get("error"):
        why = "consent was refused in Xero" if error == "access_denied" else error
        raise AuthError("Xero", "signing in", why, state="pending", fix="Start it again when you are ready.")
    return answer.get("code", "")


async def _receive(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: "asyncio.Future[dict[str, str]]"
) -> None:
    """One GET of the browser; anything but the callback is told to go away."""
    line = (await reader.readline()).decode("latin-1").split(" ")
    target = urlsplit(line[1] if len(line) > 1 else "")
    known = target.path == "/callback"
    words = "Milepost has what it needs. You may close this page." if known else "Nothing is here."
    body = f"<!doctype html><title>Milepost</title><p>{escape(words)}".encode()
    head = f"HTTP/1.1 {'200 OK' if known else '404 Not Found'}\r\nContent-Type: text/html; charset=utf-8\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    await writer.drain()
    writer.close()
    if known and not answers.done():
        answers.set_result({key: values[0] for key, values in parse_qs(target.query).items()})
