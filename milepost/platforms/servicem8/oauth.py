"""ServiceM8's two ways in: a private API key, or an app's OAuth 2 tokens, renewed in single flight and rotated.

Reference: developer.servicem8.com, authentication; OpenAPI securitySchemes. Access tokens last an hour.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from milepost.bodies import TOKEN_BYTES, read_in_auth
from milepost.errors import AuthError, RemoteError
from milepost.platforms.answers import MENDS_ITSELF
from milepost.platforms.servicem8.settings import ServiceM8Settings

SYSTEM = "ServiceM8"
TOKEN_PATH = "/oauth/access_token"  # noqa: S105 - a path
_EARLY = timedelta(seconds=60)
_RECONNECT = "Connect ServiceM8 again."


@dataclass(frozen=True, slots=True)
class Tokens:
    """What to keep of a consent. ServiceM8 may hand out a new refresh token with every renewal: keep the last."""

    refresh_token: SecretStr
    access_token: SecretStr | None = None
    expires_at: datetime | None = None


OnTokens = Callable[[Tokens], Awaitable[None]]
"""Told the new tokens before they are used, so that a crash loses none."""


class TokenAnswer(BaseModel):
    """What the token endpoint answers (RFC 6749, 5.1)."""

    model_config = ConfigDict(hide_input_in_errors=True)

    # Reference: developer.servicem8.com, "Authentication", OAuth 2.0
    access_token: SecretStr = Field(min_length=1)
    expires_in: float = Field(3600, gt=0, le=366 * 86_400)
    refresh_token: SecretStr | None = None


class ApiKey(httpx.Auth):
    """The `X-Api-Key` header of a private integration."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign the request."""
        request.headers["X-Api-Key"] = self._key.get_secret_value()
        yield request


class AppTokens(httpx.Auth):
    """Bearer tokens of an app: callers share one renewal; a 401 renews once and repeats the request."""

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: SecretStr,
        tokens: Tokens,
        on_tokens: OnTokens | None = None,
    ) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._tokens = tokens
        self._on_tokens = on_tokens
        self._lock = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign the request; after a 401, which means that nothing was done, once more with a new token."""
        refused: SecretStr | None = None
        for _ in range(2):
            async with self._lock:
                if self._is_due(refused):
                    answer = yield self._renewal()
                    await self._keep(answer.status_code, await read_in_auth(answer, TOKEN_BYTES))
            refused = self._tokens.access_token
            request.headers["Authorization"] = f"Bearer {refused.get_secret_value() if refused else ''}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return

    def _is_due(self, refused: SecretStr | None) -> bool:
        access, ends = self._tokens.access_token, self._tokens.expires_at
        return access is None or access == refused or ends is None or datetime.now(UTC) >= ends - _EARLY

    def _renewal(self) -> httpx.Request:
        form = {
            "grant_type": "refresh_token",
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
            "refresh_token": self._tokens.refresh_token.get_secret_value(),
        }
        return httpx.Request("POST", self._token_url, data=form, headers={"Accept": "application/json"})

    async def _keep(self, status: int, body: bytes) -> None:
        if status in MENDS_ITSELF:
            raise RemoteError(SYSTEM, "renewing the access token", "it is away", permanent=False, status=status)
        try:
            answer = TokenAnswer.model_validate_json(body)
        except ValidationError as error:
            if status < httpx.codes.BAD_REQUEST:
                why = "its answer holds no token"
                raise RemoteError(SYSTEM, "renewing the access token", why, permanent=False, status=status) from error
            answer = None
        if answer is None or status >= httpx.codes.BAD_REQUEST:
            raise AuthError(
                SYSTEM,
                "renewing the access token",
                "the refresh token or the app's id and secret are not accepted",
                fix=_RECONNECT,
                status=status,
            )
        self._tokens = Tokens(
            refresh_token=answer.refresh_token or self._tokens.refresh_token,
            access_token=answer.access_token,
            expires_at=datetime.now(UTC) + timedelta(seconds=answer.expires_in),
        )
        if self._on_tokens:
            await self._on_tokens(self._tokens)


def way_in(settings: ServiceM8Settings, tokens: Tokens | None = None, on_tokens: OnTokens | None = None) -> httpx.Auth:
    """How requests are signed. `tokens` are newer ones than the settings hold, as `on_tokens` was told them."""
    if settings.api_key:
        return ApiKey(settings.api_key)
    if not (settings.client_id and settings.client_secret and settings.refresh_token):
        raise ValueError("the settings hold neither an API key nor an app")
    return AppTokens(
        settings.api_url.rstrip("/") + TOKEN_PATH,
        settings.client_id,
        settings.client_secret,
        tokens or Tokens(settings.refresh_token),
        on_tokens,
    )
