"""What an answer of Xero's that is not a success means, as one of our errors; secrets and personal data left out."""

import re
from typing import Any

import httpx

from milepost.errors import AuthError, RemoteError
from milepost.xero import wire

SYSTEM = "Xero"
RECONNECT = "Sign in to Xero again: `milepost connection connect NAME`."
_SHOWN = 300
_LOOKED_AT = 20_000

_TAG = re.compile(r"<(?:style|script)\b.*?(?:</(?:style|script)>|\Z)|<[^<>]*>", re.DOTALL | re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@<>\"'=:,;]+@[^\s@<>\"',;]+")
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_SECRET = re.compile(r"(?i:bearer|basic)\s+\S+|[\w+/=.~-]{32,}")

_SCOPES_OF = {
    "Invoices": "accounting.invoices",
    "CreditNotes": "accounting.invoices",
    "Contacts": "accounting.contacts",
    "Payments": "accounting.payments",
    "Prepayments": "accounting.payments",
    "Overpayments": "accounting.payments",
    "BankTransactions": "accounting.banktransactions",
}


def readable(response: httpx.Response) -> Any | None:
    """The JSON of an answer, or None where it is something else: Xero's 404 and 503 may be HTML or plain text."""
    if "json" not in response.headers.get("content-type", "").lower():
        return None
    try:
        return wire.loads(response.content)
    except ValueError:
        return None


def excerpt(text: str) -> str:
    """At most 300 characters of a text, on one line, without markup, e-mail addresses and anything like a token."""
    plain = " ".join(_TAG.sub(" ", text[:_LOOKED_AT]).split())[: 4 * _SHOWN]
    hidden = _SECRET.sub(_hide_unless_guid, _EMAIL.sub("(e-mail address)", plain))
    return hidden if len(hidden) <= _SHOWN else hidden[: _SHOWN - 1].rstrip() + "…"


def _hide_unless_guid(match: re.Match[str]) -> str:
    return match[0] if _GUID.fullmatch(match[0].strip(".")) else "(hidden)"


def correlation_id(response: httpx.Response) -> str | None:
    """What Xero's support asks for."""
    return wire.text(response.headers.get("xero-correlation-id"))


def detail(response: httpx.Response) -> str:
    """The `Detail` of the gateway's refusals (401, 403), else ""."""
    return str(wire.lower_keys(readable(response)).get("detail") or "")


def is_validation(data: Any) -> bool:
    """Whether a 400 is a ValidationException, whose outcomes are read element by element."""
    body = wire.lower_keys(data)
    return body.get("type") == "ValidationException" and bool(wire.elements(data, "elements"))


def refusal(response: httpx.Response, what: str, resource: str) -> RemoteError:
    """The error for an answer that is no success. `what` was attempted; `resource` is the path's first segment."""
    error = _signed_out(response, what, resource) or _refused(response, what)
    error.correlation_id = correlation_id(response)
    return error


def _signed_out(response: httpx.Response, what: str, resource: str) -> AuthError | None:
    """401 and 403 (Xero developer docs, "HTTP response codes"); None for anything else."""
    status, reason = response.status_code, detail(response)
    if status == httpx.codes.UNAUTHORIZED and "AuthorizationUnsuccessful" in reason:
        return _lacking_scope(what, resource)
    if status == httpx.codes.UNAUTHORIZED:
        why = f"Xero no longer accepts our sign-in ({excerpt(reason) or 'no reason given'})"
        return AuthError(SYSTEM, what, why, state="token_expired", fix=RECONNECT, status=status)
    if status == httpx.codes.FORBIDDEN and "AuthenticationUnsuccessful" in reason:
        why = "the organisation is not connected to this app any more"
        return AuthError(SYSTEM, what, why, state="disconnected", fix=RECONNECT, status=status)
    if status == httpx.codes.FORBIDDEN:
        why = excerpt(reason or response.text) or "no reason given"
        fix = "Check the role in Xero of the user who connected, and the organisation's plan, then reconnect."
        return AuthError(SYSTEM, what, why, fix=fix, status=status)
    return None


def _lacking_scope(what: str, resource: str) -> AuthError:
    scope = _SCOPES_OF.get(resource, "accounting.settings.read")
    why = f"the sign-in lacks a permission that {resource} needs"
    fix = f"Give the Xero app the scope '{scope}' and sign in again: `milepost connection connect NAME`."
    return AuthError(SYSTEM, what, why, fix=fix, status=httpx.codes.UNAUTHORIZED)


def _refused(response: httpx.Response, what: str) -> RemoteError:
    status = response.status_code
    away = status >= httpx.codes.INTERNAL_SERVER_ERROR and status != httpx.codes.NOT_IMPLEMENTED
    permanent = not away and status != httpx.codes.REQUEST_TIMEOUT
    fix = "" if permanent else "It is tried again by itself; status.xero.com tells whether Xero has trouble."
    return RemoteError(SYSTEM, what, _why(response), permanent=permanent, fix=fix, status=status)


def _why(response: httpx.Response) -> str:
    """Xero's own words, from whichever of its envelopes the answer has."""
    body = wire.lower_keys(readable(response))
    nested = (row.get("validationerrors") for row in wire.elements(body, "elements"))
    texts = wire.messages(*nested) or tuple(str(body[key]) for key in ("message", "detail", "title") if body.get(key))
    said = "; ".join(texts) if body else response.text
    if response.is_redirect:
        return "it points to another address, which is not followed with our sign-in"
    return excerpt(said).rstrip(".") or "it gave no reason"
