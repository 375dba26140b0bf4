"""The way through Xero's consent page: which scopes and why, the address to send the browser to, PKCE."""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from urllib.parse import urlencode

from milepost.connection import XeroSettings

SCOPES = {
    "openid": "identifies the Xero user who connects",
    "profile": "shows that user's name on the connection page",
    "email": "shows that user's e-mail address on the connection page",
    "offline_access": "keeps the connection working while nobody is signed in",
    "accounting.invoices": "creates the invoices and credit notes, and reads their payment state",
    "accounting.payments": "records the payments taken on the job, and reads prepayments",
    "accounting.contacts": "finds the customer, and creates it where it is unknown",
    "accounting.settings.read": "reads accounts, tax rates, items, tracking and lock dates, to check the coding",
    "accounting.attachments": "attaches the job's documents to its invoice",
}
"""The granular scopes asked for (Xero developer docs, "Scopes", since March 2026), each with its reason."""

_IDENTITY = ("openid", "profile", "email", "offline_access")
CUSTOM_CONNECTION_SCOPES = tuple(scope for scope in SCOPES if scope not in _IDENTITY)
"""What a custom connection asks for: it has no user."""


def new_pkce() -> tuple[str, str]:
    """A verifier to keep and its S256 challenge to send (RFC 7636)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorize_url(
    settings: XeroSettings,
    redirect_uri: str,
    state: str,
    code_challenge: str | None = None,
    scopes: Iterable[str] = tuple(SCOPES),
) -> str:
    """Where to send the browser. `redirect_uri` must equal the app's byte for byte; `state` is compared on return."""
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
    }
    if code_challenge:
        query |= {"code_challenge": code_challenge, "code_challenge_method": "S256"}
    return f"{settings.login_url.rstrip('/')}/identity/connect/authorize?{urlencode(query)}"
