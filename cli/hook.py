"""`milepost connection hook`: the address that a job system's webhooks go to, which is a secret in itself."""

import asyncio
from typing import Annotated

import typer

from cli.names import ConnectionName
from cli.show import Json, as_json, say, text
from milepost.ledger import connections, hook_secrets
from milepost.ledger.database import open_database
from milepost.settings import installation
from milepost.steps.workspace import utcnow


def hook(
    name: ConnectionName,
    renew: Annotated[bool, typer.Option("--renew", help="Make another address; the one so far is dead at once.")] = False,
    json: Json = False,
) -> None:
    """The address to give to the job system for its webhooks. Whoever knows it can ring: keep it like a password."""
    url = asyncio.run(hook_url(name, renew=renew))
    if json:
        as_json({"name": name, "platform_hook": url, "xero_hook": xero_hook_url()})
        return
    say(text(url))
    if renew:
        say("[yellow]![/] The address so far rings no more: give this one to the job system.")


async def hook_url(name: str, *, renew: bool = False) -> str:
    """Where the connection's job system is to ring. Raises UnknownName."""
    where = installation()
    async with open_database(where) as db, db.write() as c:
        await connections.get_connection(c, name)
        make = hook_secrets.renew_secret if renew else hook_secrets.secret_of
        secret = await make(c, db.sealer, name, utcnow())
    return f"{where.console_url}/hooks/platform/{name}/{secret}"


def xero_hook_url() -> str:
    """Where Xero is to ring, for all connections."""
    return f"{installation().console_url}/hooks/xero"
