"""Token sets and the calls to Xero's token endpoint that make them; `oauth` decides when.

Reference: Xero developer docs, "The standard authorization code flow" and "Custom connections".
"""

import base64
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
from pydantic import AwareDatetime, SecretStr

from milepost.bodies import TOKEN_BYTES, send_bounded
from milepost.connection import XeroSettings
from milepost.errors import AuthError, RemoteError
from milepost.jobs import Record
from milepost.xero import wire
from milepost.xero.refusals import RECONNECT, SYSTEM, excerpt, readable

Clock = Callable[[], datetime]
TIMEOUT = httpx.Timeout(connect=5, read=30, write=30, pool=5)
_TRIES = 3
_USUAL_SIGN_IN = timedelta(minutes=30)
_LONGEST_SIGN_IN = 86_400
"""Seconds; an access token that is said to last longer, or for no time, is taken to last as long as usual."""


class TokenSet(Record):
    """One sign-in of one user: it serves every organisation that user connected. Secrets are hidden in its repr."""

    access_token: SecretStr
    refresh_token: SecretStr | None = None
    expires_at: AwareDatetime
    scope: str = ""


class StoredTokens(Record):
    """A token set as it is kept, and the number of the version that it is."""

    version: int
    tokens: TokenSet


class TokenStore(Protocol):
    """Where token sets are kept, encrypted, shared by all processes."""

    async def load(self, token_set_id: str, /) -> StoredTokens | None:
        """The newest version."""

    async def save(self, token_set_id: str, tokens: TokenSet, expected_version: int | None, /) -> bool:
        """Keep a new version if the kept one is still `expected_version` (None: none is kept); False: it is not."""

    def alone(self, token_set_id: str, /) -> AbstractAsyncContextManager[None]:
        """Be the only one, of all processes, to refresh this set. Raises RemoteError when another is at it for too long."""


class GrantDead(AuthError):
    """Xero answered `invalid_grant`: this refresh token or code is used up, expired or revoked."""


def user_of(tokens: TokenSet) -> str | None:
    """Whose sign-in it is: the access token's claim `xero_userid`; None where it cannot be read.

    The token comes from Xero itself over TLS, so its signature is not looked at.
    """
    _, _, rest = tokens.access_token.get_secret_value().partition(".")
    claims = rest.partition(".")[0]
    try:
        body = wire.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        return None
    return wire.text(wire.lower_keys(body).get("xero_userid"))


def utcnow() -> datetime:
    """The default clock."""
    return datetime.now(UTC)


async def by_code(
    settings: XeroSettings,
    http: httpx.AsyncClient,
    code: str,
    redirect_uri: str,
    verifier: str | None = None,
    clock: Clock = utcnow,
) -> TokenSet:
    """Exchange the code of a finished consent, which is good once and for 5 minutes."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if verifier:
        form["code_verifier"] = verifier
    return await _token(settings, http, form, clock)


async def by_refresh(
    settings: XeroSettings, http: httpx.AsyncClient, refresh_token: SecretStr, clock: Clock = utcnow
) -> TokenSet:
    """Rotate a token set. A lost answer is asked for again: the old refresh token stays good for 30 minutes for that."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token.get_secret_value()}
    return await _token(settings, http, form, clock)


async def by_credentials(settings: XeroSettings, http: httpx.AsyncClient, scope: str, clock: Clock = utcnow) -> TokenSet:
    """A custom connection's token set; it has no refresh token."""
    return await _token(settings, http, {"grant_type": "client_credentials", "scope": scope}, clock)


async def revoke(settings: XeroSettings, http: httpx.AsyncClient, refresh_token: SecretStr) -> None:
    """Give a sign-in back: removes all connections of that user to this app (Xero developer docs, token revocation)."""
    form = {"token": refresh_token.get_secret_value()}
    response = await _post(settings, http, "/connect/revocation", form, "signing out")
    if response.is_error:
        raise _refused(response, "signing out")


async def _token(settings: XeroSettings, http: httpx.AsyncClient, form: Mapping[str, str], clock: Clock) -> TokenSet:
    asked_at = clock()
    repeats = 1 if form["grant_type"] == "authorization_code" else _TRIES
    response = await _post(settings, http, "/connect/token", form, "signing in", repeats)
    if response.is_error:
        raise _refused(response, "signing in")
    return _token_set(wire.lower_keys(readable(response)), asked_at, form)


def _token_set(body: Mapping[str, Any], asked_at: datetime, form: Mapping[str, str]) -> TokenSet:
    access, refresh = body.get("access_token"), body.get("refresh_token")
    if not isinstance(access, str) or not access or not isinstance(refresh, str | None):
        raise RemoteError(SYSTEM, "signing in", "its answer holds no access token", permanent=False)
    seconds = wire.amount(body.get("expires_in"))
    lasts = timedelta(seconds=int(seconds)) if seconds and 0 < seconds <= _LONGEST_SIGN_IN else _USUAL_SIGN_IN
    return TokenSet(
        access_token=SecretStr(access),
        refresh_token=SecretStr(refresh) if refresh else None,
        expires_at=asked_at + lasts,
        scope=str(body.get("scope") or form.get("scope") or ""),
    )


async def _post(
    settings: XeroSettings,
    http: httpx.AsyncClient,
    path: str,
    form: Mapping[str, str],
    what: str,
    tries: int = _TRIES,
) -> httpx.Response:
    """One form to the identity server, the client's id and secret by HTTP Basic; repeated while it is away."""
    url = settings.identity_url.rstrip("/") + path
    secret = settings.client_secret.get_secret_value()
    auth = httpx.BasicAuth(settings.client_id, secret)
    trouble = ""
    for _ in range(tries):
        try:
            request = http.build_request("POST", url, data=dict(form), timeout=TIMEOUT)
            response, _ = await send_bounded(http, request, TOKEN_BYTES, auth)
        except httpx.RequestError as error:
            trouble = f"no answer from {settings.identity_url} ({type(error).__name__})"
            continue
        if not response.is_server_error:
            return response
        trouble = f"{settings.identity_url} is away (HTTP {response.status_code})"
    raise RemoteError(SYSTEM, what, trouble, permanent=False, fix="It is tried again by itself.")


def _refused(response: httpx.Response, what: str) -> RemoteError:
    """The OAuth error of a refusal (RFC 6749, 5.2) as ours. Nothing of the request is in it."""
    body = wire.lower_keys(readable(response))
    code = excerpt(str(body.get("error") or "")) or f"HTTP {response.status_code}"
    status = response.status_code
    match code:
        case "invalid_grant":
            why = "the sign-in has expired, was used up, or was revoked in Xero"
            return GrantDead(SYSTEM, what, why, state="token_expired", fix=RECONNECT, status=status)
        case "invalid_client":
            fix = "Check client_id and client_secret of the connection against developer.xero.com, My Apps."
            return AuthError(SYSTEM, what, "Xero does not know this client id and secret", fix=fix, status=status)
        case "invalid_scope" | "unauthorized_client" | "unsupported_grant_type":
            fix = "Check the app's type and scopes on developer.xero.com, My Apps, and the connection's 'grant'."
            return AuthError(SYSTEM, what, f"the app may not ask for this ({code})", fix=fix, status=status)
    return RemoteError(SYSTEM, what, code, permanent=status != httpx.codes.TOO_MANY_REQUESTS, status=status)
