"""A job system's rotating tokens at rest: sealed like Xero's, and replaced before the new ones are used."""

from datetime import UTC, datetime

from pydantic import SecretStr

from milepost.ledger.database import Database
from milepost.ledger.tokens import LedgerTokenStore
from milepost.platforms.servicem8.oauth import Tokens
from milepost.xero.oauth import TokenSet


class PlatformTokens:
    """The tokens of one connection's job system, under a name of their own."""

    def __init__(self, db: Database, name: str) -> None:
        self._store = LedgerTokenStore(db)
        self._name = name

    async def load(self) -> Tokens | None:
        """The last ones that were kept; None when the connection's own refresh token was never used."""
        stored = await self._store.load(self._name)
        if stored is None or stored.tokens.refresh_token is None:
            return None
        return Tokens(stored.tokens.refresh_token, stored.tokens.access_token, stored.tokens.expires_at)

    async def save(self, tokens: Tokens) -> None:
        """Keep new ones. Of two processes that renewed at once, the platform decides whose are good; the last is kept."""
        kept = TokenSet(
            access_token=tokens.access_token or SecretStr(""),
            refresh_token=tokens.refresh_token,
            expires_at=tokens.expires_at or datetime.now(UTC),
        )
        while True:
            stored = await self._store.load(self._name)
            if await self._store.save(self._name, kept, stored.version if stored else None):
                return
