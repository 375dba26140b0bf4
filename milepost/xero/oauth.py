"""Access tokens that are always good: refreshed by one process at a time for all of them, never lost by a race or a crash.

The parts of signing in are `consent` (the browser's way), `grants` (the token endpoint) and `tenants` (organisations);
their names are given on from here.
"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta

import httpx

from milepost.connection import XeroSettings
from milepost.errors import AuthError
from milepost.xero.consent import CUSTOM_CONNECTION_SCOPES, SCOPES, authorize_url, new_pkce
from milepost.xero.grants import (
    Clock,
    GrantDead,
    StoredTokens,
    TokenSet,
    TokenStore,
    by_credentials,
    by_refresh,
    revoke,
    utcnow,
)
from milepost.xero.grants import by_code as exchange_code
from milepost.xero.refusals import RECONNECT, SYSTEM
from milepost.xero.tenants import Tenant, choose_tenant, delete_connection, list_tenants

__all__ = [
    "CUSTOM_CONNECTION_SCOPES",
    "SCOPES",
    "StoredTokens",
    "Tenant",
    "TokenSet",
    "TokenStore",
    "Tokens",
    "authorize_url",
    "choose_tenant",
    "delete_connection",
    "exchange_code",
    "list_tenants",
    "new_pkce",
    "revoke",
]

REFRESH_MARGIN = timedelta(minutes=2)
RACE_PAUSES = (0.0, 0.5, 1.5)
"""Seconds before each look for what another process may have kept, when our refresh token turns out to be used up."""
_SPREAD = 60


class Tokens:
    """The access token of one token set, shared by every organisation of that sign-in.

    It is refreshed by one process at a time (`TokenStore.alone`), and the new set is kept before it is used. A process that
    dies between Xero's answer and that leaves the old refresh token, which Xero takes for 30 minutes more. Processes spread
    their refresh over the minute before the two-minute margin, so that seldom one waits for another.
    """

    def __init__(
        self,
        settings: XeroSettings,
        store: TokenStore,
        http: httpx.AsyncClient,
        token_set_id: str,
        clock: Clock = utcnow,
        *,
        race_pauses: Sequence[float] = RACE_PAUSES,
    ) -> None:
        self._settings = settings
        self._store = store
        self._http = http
        self.id = token_set_id
        self._clock = clock
        self._race_pauses = race_pauses
        self._margin = REFRESH_MARGIN + timedelta(seconds=secrets.randbelow(_SPREAD))
        self._current: TokenSet | None = None
        self._dead: tuple[int, GrantDead] | None = None
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return "Tokens()"

    async def access_token(self) -> str:
        """A token good for at least two more minutes. Raises AuthError when a person must sign in again."""
        if not self._is_good(self._current):
            async with self._lock:
                if not self._is_good(self._current):
                    self._current = await self._newest(refused=None)
        return _secret(self._current)

    async def renew(self, after: str) -> str:
        """A token other than `after`, which Xero has just refused as expired."""
        async with self._lock:
            if self._current is None or _secret(self._current) == after:
                self._current = await self._newest(refused=after)
        return _secret(self._current)

    async def keep_alive(self) -> None:
        """Refresh, however good the tokens are: a refresh token dies after 60 days without. Raises AuthError when it has."""
        async with self._lock, self._store.alone(self.id):
            self._current = await self._refresh(await self._store.load(self.id))

    def _is_good(self, tokens: TokenSet | None, refused: str | None = None) -> bool:
        if tokens is None or _secret(tokens) == refused:
            return False
        return tokens.expires_at - self._margin > self._clock()

    async def _newest(self, refused: str | None) -> TokenSet:
        """What another process has kept meanwhile, else a refreshed one."""
        stored = await self._store.load(self.id)
        if stored and self._is_good(stored.tokens, refused):
            return stored.tokens
        async with self._store.alone(self.id):
            stored = await self._store.load(self.id)
            if stored and self._is_good(stored.tokens, refused):
                return stored.tokens
            return await self._refresh(stored)

    async def _refresh(self, stored: StoredTokens | None) -> TokenSet:
        if stored and self._dead and self._dead[0] == stored.version:
            raise self._dead[1]  # the calls of a run that go out together need not all be told so by Xero
        try:
            fresh = await self._granted(stored)
        except GrantDead as error:
            newer = await self._newer_than(stored)
            if newer is None:
                self._dead = (stored.version, error) if stored else None
                raise
            return newer.tokens if self._is_good(newer.tokens) else await self._refresh(newer)
        if await self._store.save(self.id, fresh, stored.version if stored else None):
            return fresh
        first = await self._store.load(self.id)
        return first.tokens if first and self._is_good(first.tokens) else fresh

    async def _newer_than(self, stored: StoredTokens | None) -> StoredTokens | None:
        """What another process has kept after it used up our refresh token; it may be just about to."""
        for pause in self._race_pauses:
            await asyncio.sleep(pause)
            again = await self._store.load(self.id)
            if again and (stored is None or again.version != stored.version):
                return again
        return None

    async def _granted(self, stored: StoredTokens | None) -> TokenSet:
        if self._settings.grant == "client_credentials":
            scope = " ".join(CUSTOM_CONNECTION_SCOPES)
            return await by_credentials(self._settings, self._http, scope, self._clock)
        if stored is None:
            raise AuthError(SYSTEM, "signing in", "nobody has signed in yet", state="pending", fix=RECONNECT)
        if stored.tokens.refresh_token is None:
            why = "the sign-in was made without 'offline_access' and has run out"
            raise AuthError(SYSTEM, "signing in", why, state="token_expired", fix=RECONNECT)
        return await by_refresh(self._settings, self._http, stored.tokens.refresh_token, self._clock)


def _secret(tokens: TokenSet | None) -> str:
    return tokens.access_token.get_secret_value() if tokens else ""
