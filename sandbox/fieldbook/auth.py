"""Who calls the simulated Fieldbook: by token header, query key, Basic, or OAuth 2 client credentials."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime, timedelta
from secrets import token_urlsafe

from starlette.requests import Request

from sandbox.fieldbook.settings import FieldbookSettings
from sandbox.fieldbook.state import Account

TOKEN_HEADER = "x-fieldbook-token"  # noqa: S105 - a header's name
QUERY_KEY = "access_key"


class Identity:
    """Finds the account behind a request, and gives bearer tokens."""

    def __init__(self, settings: FieldbookSettings, accounts: dict[str, Account], clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._accounts = accounts
        self._clock = clock
        self._bearers: dict[str, tuple[Account, datetime]] = {}

    def account(self, request: Request) -> Account | None:
        """None when no good credential came along."""
        token = request.headers.get(TOKEN_HEADER) or request.query_params.get(QUERY_KEY)
        if token:
            return next((a for a in self._accounts.values() if a.token == token), None)
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._bearer(value)
        user, password = basic_credentials(request)
        return self._client(user, password)

    def token(self, request: Request, form: dict[str, str]) -> dict[str, str | int] | None:
        """The token endpoint's answer for Basic or body credentials; None when they are wrong."""
        user, password = basic_credentials(request)
        client, secret = user or form.get("client_id", ""), password or form.get("client_secret", "")
        account = self._client(client, secret)
        if account is None:
            return None
        bearer, seconds = token_urlsafe(24), self._settings.access_seconds
        self._bearers[bearer] = (account, self._clock() + timedelta(seconds=seconds))
        return {"access_token": bearer, "token_type": "Bearer", "expires_in": seconds}

    def expire(self) -> None:
        """Every bearer token given out so far is refused from now on."""
        self._bearers.clear()

    def _bearer(self, token: str) -> Account | None:
        account, until = self._bearers.get(token, (None, None))
        return account if until is not None and until > self._clock() else None

    def _client(self, client: str, secret: str) -> Account | None:
        found = (a for a in self._accounts.values() if a.client_id == client and a.client_secret == secret)
        return next(found, None)


def basic_credentials(request: Request) -> tuple[str, str]:
    """User and password of HTTP Basic; empty when absent or unreadable."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
