"""Who calls the simulated ServiceM8: an account's key or an app's token (ServiceM8 docs: authentication)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe

from starlette.requests import Request

from sandbox.servicem8.settings import ALL_SCOPES, ServiceM8Settings
from sandbox.servicem8.state import Account

_CODE_SECONDS = 300


@dataclass(frozen=True)
class Caller:
    """The account a request acts on; `scopes` is None for an API key, which may do everything."""

    account: Account
    client: str
    scopes: frozenset[str] | None

    def may(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes


@dataclass(frozen=True)
class Grant:
    """What a code or a token stands for."""

    account: Account
    client: str
    scopes: frozenset[str]
    until: datetime


class GrantError(ValueError):
    """An OAuth 2 error code, such as invalid_grant."""


class Identity:
    """Codes and tokens of the apps."""

    def __init__(self, settings: ServiceM8Settings, accounts: dict[str, Account], clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._accounts = accounts
        self._clock = clock
        self._codes: dict[str, Grant] = {}
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def caller(self, request: Request) -> Caller | None:
        """Who sent this request; None when the key or token is missing, unknown or expired."""
        key = request.headers.get("x-api-key")
        if key is not None:
            found = [a for a in self._accounts.values() if a.api_key == key]
            return Caller(found[0], "api-key", None) if found else None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self._access.get(token) if scheme.lower() == "bearer" else None
        if grant is None or grant.until <= self._clock():
            return None
        return Caller(grant.account, grant.client, grant.scopes)

    def consent(self, client: str, scope: str) -> str:
        """A code for the account that consents; raises GrantError."""
        if client not in self._settings.clients:
            raise GrantError("invalid_client")
        if set(scope.split()) - set(ALL_SCOPES.split()):
            raise GrantError("invalid_scope")
        name = self._settings.authorising_account or next(iter(self._accounts))
        code = token_urlsafe(16)
        self._codes[code] = self._grant(self._accounts[name], client, frozenset(scope.split()), _CODE_SECONDS)
        return code

    def exchange(self, form: dict[str, str]) -> dict[str, str | int]:
        """The token endpoint's answer; raises GrantError."""
        client = form.get("client_id", "")
        if self._settings.clients.get(client) != form.get("client_secret"):
            raise GrantError("invalid_client")
        match form.get("grant_type"):
            case "authorization_code":
                grant = self._codes.pop(form.get("code", ""), None)
            case "refresh_token":
                grant = self._refresh.pop(form.get("refresh_token", ""), None)
            case _:
                raise GrantError("unsupported_grant_type")
        if grant is None or grant.client != client or grant.until <= self._clock():
            raise GrantError("invalid_grant")
        return self._tokens(grant)

    def expire(self) -> None:
        """Every access token given out so far is refused from now on; refresh tokens stay good."""
        self._access.clear()

    def _tokens(self, grant: Grant) -> dict[str, str | int]:
        seconds = self._settings.access_seconds
        access, refresh = token_urlsafe(24), token_urlsafe(24)
        self._access[access] = self._grant(grant.account, grant.client, grant.scopes, seconds)
        self._refresh[refresh] = self._grant(grant.account, grant.client, grant.scopes, 365 * 86_400)
        return {
            "access_token": access,
            "expires_in": seconds,
            "token_type": "bearer",
            "scope": " ".join(sorted(grant.scopes)),
            "refresh_token": refresh,
        }

    def _grant(self, account: Account, client: str, scopes: frozenset[str], seconds: int) -> Grant:
        return Grant(account, client, scopes, self._clock() + timedelta(seconds=seconds))
