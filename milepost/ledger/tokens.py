"""Xero's tokens at rest: sealed, and replaced by compare-and-set so that no process loses what another refreshed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import select, update

from milepost.errors import RemoteError
from milepost.ledger.bulk import insert_into
from milepost.ledger.database import Database
from milepost.ledger.leases import LeaseTaken, lease
from milepost.ledger.tables import token_sets
from milepost.xero.grants import Clock, StoredTokens, TokenSet, utcnow
from milepost.xero.refusals import SYSTEM

LEASE = timedelta(seconds=30)
PATIENCE = timedelta(seconds=45)
"""How long the right to refresh outlives a process that cannot be seen to be gone, and how long another waits for it."""


class LedgerTokenStore:
    """`milepost.xero.oauth.TokenStore` over the ledger. Each call is a transaction of its own."""

    def __init__(self, db: Database, clock: Clock = utcnow, *, patience: timedelta = PATIENCE) -> None:
        self._db = db
        self._clock = clock
        self._patience = patience

    async def load(self, token_set_id: str) -> StoredTokens | None:
        """The newest version. Raises ConfigError when it was sealed with another key."""
        async with self._db.read() as c:
            row = (await c.execute(select(token_sets).where(token_sets.c.id == token_set_id))).first()
        if row is None:
            return None
        return StoredTokens(version=row.version, tokens=TokenSet.model_validate(self._db.sealer.open(row.sealed)))

    async def save(self, token_set_id: str, tokens: TokenSet, expected_version: int | None) -> bool:
        """Keep a new version if the kept one is still `expected_version` (None: none is kept); False: it is not."""
        kept = {"sealed": self._db.sealer.seal(_plain(tokens)), "updated_at": self._clock()}
        async with self._db.write() as c:
            if expected_version is None:
                first = insert_into(c, token_sets).values(id=token_set_id, version=1, **kept)
                return (await c.execute(first.on_conflict_do_nothing().returning(token_sets.c.id))).first() is not None
            same = update(token_sets).where(token_sets.c.id == token_set_id, token_sets.c.version == expected_version)
            return (await c.execute(same.values(version=expected_version + 1, **kept))).rowcount == 1

    @asynccontextmanager
    async def alone(self, token_set_id: str) -> AsyncIterator[None]:
        """Be the only one, of all processes, to refresh this set. Raises RemoteError when another is at it for too long."""
        try:
            async with lease(self._db, f"tokens|{token_set_id}", for_=LEASE, wait=self._patience):
                yield
        except LeaseTaken:
            why = "another process has been refreshing the sign-in for long"
            raise RemoteError(SYSTEM, "signing in", why, permanent=False, fix="It is tried again by itself.") from None

    async def forget(self, token_set_id: str) -> None:
        """Remove a token set, once it was revoked."""
        async with self._db.write() as c:
            await c.execute(token_sets.delete().where(token_sets.c.id == token_set_id))


def _plain(tokens: TokenSet) -> dict[str, str | None]:
    refresh = tokens.refresh_token
    return {
        "access_token": tokens.access_token.get_secret_value(),
        "refresh_token": refresh.get_secret_value() if refresh else None,
        "expires_at": tokens.expires_at.isoformat(),
        "scope": tokens.scope,
    }
