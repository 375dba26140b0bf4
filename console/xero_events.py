"""Xero's webhooks: whether one is genuine, and what it speaks of. The events are thin; what they name is read anew.

Reference: Xero developer docs, webhooks, "Overview" (payload) and "Configuring your server" (signature).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from milepost.ledger.events import NewEvent, mark_of


class _Event(BaseModel):
    """One event, as far as it is looked at."""

    model_config = ConfigDict(hide_input_in_errors=True)

    resource_id: str = Field(alias="resourceId", max_length=60)
    date: str = Field(alias="eventDateUtc", max_length=60)
    kind: str = Field(alias="eventType", max_length=40)
    category: str = Field(alias="eventCategory", max_length=20)
    tenant_id: str = Field(alias="tenantId", max_length=40)


def is_signed(body: bytes, signature: str, keys: Iterable[SecretStr]) -> bool:
    """Whether the signature was made with one of the keys. Every key is tried, however early one fits."""
    fits = [hmac.compare_digest(_signature(body, key).encode(), signature.encode()) for key in keys]
    return any(fits)


def _signature(body: bytes, key: SecretStr) -> str:
    return base64.b64encode(hmac.new(key.get_secret_value().encode(), body, hashlib.sha256).digest()).decode()


def read_events(body: bytes) -> list[NewEvent]:
    """The events of a genuine delivery; one that cannot be read is left out: a new kind must not hold up the others."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    rows = document.get("events") if isinstance(document, dict) else None
    return [event for row in (rows if isinstance(rows, list) else []) if (event := _read(row))]


def _read(row: Any) -> NewEvent | None:
    try:
        event = _Event.model_validate(row)
    except ValidationError:
        return None
    return NewEvent(
        "xero",
        event.category,
        event.resource_id.lower(),
        tenant_id=event.tenant_id,
        mark=mark_of("xero", event.tenant_id, event.resource_id, event.category, event.kind, event.date),
    )
