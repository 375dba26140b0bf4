"""Codes, tokens and connections: who may call what, and how long."""

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.xero.settings import App, Switches
from sandbox.xero.tenant import stable_id

CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(minutes=30)
REFRESH_LIFE = timedelta(days=60)
GRACE = timedelta(minutes=30)
USER_ID = stable_id("user")
_SIGNING_KEY = secrets.token_bytes(32)


class OAuthError(Exception):
    """A refusal in OAuth's own words, such as invalid_grant."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


@dataclass
class Connection:
    """One organisation connected to one app; it keeps its first auth event."""

    id: str
    client_id: str
    organisation: str
    auth_event_id: str
    created: datetime
    updated: datetime


@dataclass(frozen=True)
class Grant:
    """What a consent, or a custom connection, allows."""

    client_id: str
    scopes: frozenset[str]
    auth_event_id: str
    organisation: str | None = None  # only of a custom connection


@dataclass(frozen=True)
class Code:
    """An authorization code waiting to be exchanged."""

    grant: Grant
    redirect_uri: str
    challenge: str | None
    expires: datetime


@dataclass(frozen=True)
class AccessToken:
    """A bearer token that has been given out."""

    grant: Grant
    expires: datetime


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token; once rotated it works for the grace period only."""

    grant: Grant
    expires: datetime
    rotated: datetime | None = None
    answer: dict[str, Any] | None = None


@dataclass
class TokenStore:
    """All that the identity service remembers; tokens are per user and app, not per organisation."""

    switches: Switches
    codes: dict[str, Code] = field(default_factory=dict)
    access: dict[str, AccessToken] = field(default_factory=dict)
    refresh: dict[str, RefreshToken] = field(default_factory=dict)
    connections: list[Connection] = field(default_factory=list)

    def consent(self, app: App, scopes: frozenset[str], organisations: tuple[str, ...], now: datetime) -> Grant:
        """The user connects these organisations; scopes only ever grow."""
        grant = Grant(app.client_id, scopes, str(uuid.uuid4()))
        for key in organisations:
            held = next((c for c in self.connections_of(grant) if c.organisation == key), None)
            if held is not None:
                held.updated = now
                continue
            connection = Connection(str(uuid.uuid4()), app.client_id, key, grant.auth_event_id, now, now)
            self.connections.append(connection)
        return grant

    def new_code(self, grant: Grant, redirect_uri: str, challenge: str | None, now: datetime) -> str:
        code = secrets.token_urlsafe(32)
        self.codes[code] = Code(grant, redirect_uri, challenge, now + CODE_LIFE)
        return code

    def exchange(self, app: App, code: str, redirect_uri: str, verifier: str, now: datetime) -> dict[str, Any]:
        """A token set for a code, once; raises OAuthError."""
        held = self.codes.pop(code, None)
        if held is None or held.grant.client_id != app.client_id or held.expires <= now:
            raise OAuthError("invalid_grant")
        if held.redirect_uri != redirect_uri or not _pkce_holds(held.challenge, verifier):
            raise OAuthError("invalid_grant")
        return self.issue(held.grant, now)

    def rotate(self, app: App, token: str, now: datetime) -> dict[str, Any]:
        """A new token set for a refresh token; the old one is good for 30 minutes more. Raises OAuthError."""
        held = self.refresh.get(token)
        if held is None or held.grant.client_id != app.client_id or held.expires <= now:
            raise OAuthError("invalid_grant")
        if held.rotated is not None:
            in_grace = now - held.rotated <= GRACE
            if not in_grace or self.switches.second_refresh_in_grace == "invalid":
                raise OAuthError("invalid_grant")
            if self.switches.second_refresh_in_grace == "same" and held.answer is not None:
                return held.answer
        answer = self.issue(held.grant, now)
        self.refresh[token] = replace(held, rotated=held.rotated or now, answer=held.answer or answer)
        return answer

    def issue(self, grant: Grant, now: datetime) -> dict[str, Any]:
        """The token endpoint's answer."""
        access = _jwt(grant, now)
        self.access[access] = AccessToken(grant, now + ACCESS_LIFE)
        answer: dict[str, Any] = {
            "access_token": access,
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(sorted(grant.scopes)),
        }
        if "openid" in grant.scopes:
            answer["id_token"] = _jwt(grant, now)
        if "offline_access" in grant.scopes and grant.organisation is None:
            answer["refresh_token"] = secrets.token_urlsafe(32)
            self.refresh[answer["refresh_token"]] = RefreshToken(grant, now + REFRESH_LIFE)
        return answer

    def revoke(self, app: App, token: str) -> None:
        """Revoking a refresh token takes all of the user's tokens and connections of the app with it."""
        held = self.refresh.get(token)
        if held is None or held.grant.client_id != app.client_id:
            return
        self.access = {k: v for k, v in self.access.items() if v.grant.client_id != app.client_id}
        self.refresh = {k: v for k, v in self.refresh.items() if v.grant.client_id != app.client_id}
        self.connections = [c for c in self.connections if c.client_id != app.client_id]

    def bearer(self, authorization: str) -> AccessToken | None:
        scheme, _, token = authorization.partition(" ")
        return self.access.get(token.strip()) if scheme.lower() == "bearer" else None

    def connections_of(self, grant: Grant) -> list[Connection]:
        return [c for c in self.connections if c.client_id == grant.client_id]

    def expire_access(self, now: datetime) -> None:
        self.access = {k: replace(v, expires=min(v.expires, now)) for k, v in self.access.items()}


def _pkce_holds(challenge: str | None, verifier: str) -> bool:
    if challenge is None:
        return True
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(digest, challenge)


def _jwt(grant: Grant, now: datetime) -> str:
    claims = {
        "nbf": int(now.timestamp()),
        "exp": int((now + ACCESS_LIFE).timestamp()),
        "iss": "https://identity.xero.com",
        "aud": "https://identity.xero.com/resources",
        "client_id": grant.client_id,
        "sub": USER_ID.replace("-", ""),
        "xero_userid": USER_ID,
        "authentication_event_id": grant.auth_event_id,
        "jti": uuid.uuid4().hex,
        "scope": sorted(grant.scopes),
    }
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = hmac.new(_SIGNING_KEY, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _part(value: dict[str, Any]) -> str:
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
