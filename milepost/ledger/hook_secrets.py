"""The secret in each connection's webhook address: made once, sealed like tokens, compared in constant time."""

import hmac
import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.bulk import insert_into, upsert
from milepost.ledger.sealer import Sealer
from milepost.ledger.tables import hook_secrets

_BYTES = 24
_NOBODYS = secrets.token_urlsafe(_BYTES)
"""What is compared where there is no secret, so that it takes as long. Nobody ever learns it."""


async def secret_of(c: AsyncConnection, sealer: Sealer, connection: str, now: datetime) -> str:
    """The connection's secret, made on first use. Two processes that both make one agree on the first."""
    row = {"connection": connection, "sealed": sealer.seal(secrets.token_urlsafe(_BYTES)), "made_at": now}
    await c.execute(insert_into(c, hook_secrets).values(row).on_conflict_do_nothing())
    query = select(hook_secrets.c.sealed).where(hook_secrets.c.connection == connection)
    return str(sealer.open((await c.execute(query)).scalar_one()))


async def renew_secret(c: AsyncConnection, sealer: Sealer, connection: str, now: datetime) -> str:
    """Another secret: the address so far is nobody's from now on."""
    fresh = secrets.token_urlsafe(_BYTES)
    await upsert(c, hook_secrets, [{"connection": connection, "sealed": sealer.seal(fresh), "made_at": now}])
    return fresh


async def is_secret_of(c: AsyncConnection, sealer: Sealer, connection: str, given: str) -> bool:
    """Whether this is the connection's secret; a connection that does not exist takes as long to say no."""
    query = select(hook_secrets.c.sealed).where(hook_secrets.c.connection == connection)
    sealed = (await c.execute(query)).scalar()
    kept = str(sealer.open(sealed if sealed is not None else sealer.seal(_NOBODYS)))
    return hmac.compare_digest(kept.encode(), given.encode()) and sealed is not None
