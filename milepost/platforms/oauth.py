"""OAuth 2 client credentials for job systems: one token for all callers, renewed when due or refused."""

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Callable
from urllib.parse import quote_plus

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from milepost.bodies import TOKEN_BYTES, read_in_auth
from milepost.errors import AuthError
from milepost.platforms.answers import MENDS_ITSELF, Asked, refusal

_EARLY = 60.0
"""Seconds before its end at which a token is renewed."""


_A_YEAR = 366 * 86_400


class TokenGrant(BaseModel):
    """What a token endpoint answers (RFC 6749, 5.1). `expires_in`: seconds, five minutes where not said."""

    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: SecretStr = Field(min_length=1)
    expires_in: float = Field(300.0, gt=0, le=_A_YEAR)


class ClientCredentials(httpx.Auth):
    """Bearer tokens by the client credentials grant (RFC 6749, 4.4).

    Callers that need a token at the same time share one request for it; a 401 renews the token once and
    repeats the request (a 401 means that it was not carried out). `basic` sends the client's id and secret in
    the Authorization header of the token request, else they go into its form.
    """

    def __init__(
        self,
        system: str,
        token_url: str,
        client_id: str,
        client_secret: SecretStr,
        scope: str = "",
        *,
        basic: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._system = system
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._scope = scope
        self._basic = basic
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._ends = float("-inf")

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign the request; after a 401 once more, with a new token."""
        refused = ""
        for _ in range(2):
            async with self._lock:
                if self._is_due(refused):
                    answer = yield self._token_request()
                    self._keep(answer, await read_in_auth(answer, TOKEN_BYTES))
            refused = self._token
            request.headers["Authorization"] = f"Bearer {refused}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return

    def _is_due(self, refused: str) -> bool:
        return self._token in ("", refused) or self._clock() > self._ends

    def _token_request(self) -> httpx.Request:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        secret = self._client_secret.get_secret_value()
        headers = {"Accept": "application/json"}
        if self._basic:
            pair = f"{quote_plus(self._client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._client_id, "client_secret": secret}
        return httpx.Request("POST", self._token_url, data=form, headers=headers)

    def _keep(self, answer: httpx.Response, body: bytes) -> None:
        asked = Asked(self._system, "POST", httpx.URL(self._token_url), (self._client_secret.get_secret_value(),))
        if answer.status_code in MENDS_ITSELF:
            raise refusal(asked, answer, body)
        try:
            grant = TokenGrant.model_validate_json(body)
        except ValidationError as error:
            raise AuthError(
                self._system,
                str(asked),
                "the token endpoint gave no token for the client id and secret",
                fix="Check the client id, the client secret and the token URL.",
                status=answer.status_code,
            ) from error
        self._token = grant.access_token.get_secret_value()
        self._ends = self._clock() + max(grant.expires_in - _EARLY, grant.expires_in / 2)
