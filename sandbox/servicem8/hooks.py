"""ServiceM8's webhook subscriptions: the challenge handshake, and what is posted when a record changes.

Source: ServiceM8 docs "webhooks overview". The body is a doorbell only (`object`, `entry`, `resource_url`).
Its wrapping differs between accounts: the settings choose JSON, a form, or a form whose first key is a JWT.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

from sandbox.servicem8.settings import ServiceM8Settings
from sandbox.servicem8.state import Change
from sandbox.webhooks import Deliveries, Delivery

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
EVENTS = frozenset(
    [
        "company.created",
        "company.updated",
        "form.response_created",
        "inbox.message_received",
        "job.badge_added",
        "job.badge_removed",
        "job.checked_in",
        "job.checked_out",
        "job.completed",
        "job.created",
        "job.invoice_paid",
        "job.invoice_sent",
        "job.note_added",
        "job.photo_added",
        "job.queued",
        "job.quote_accepted",
        "job.quote_sent",
        "job.review_received",
        "job.status_changed",
        "job.updated",
        "job.video_added",
        "proposal.sent",
        "proposal.viewed",
        "staff.clocked_on",
        "staff.clocked_off",
    ]
)


@dataclass(frozen=True)
class Subscription:
    """What is posted where: `event` for an event subscription, else `object` with the fields it watches."""

    account: str
    callback_url: str
    unique_id: str
    event: str = ""
    object: str = ""
    fields: frozenset[str] = frozenset()

    def wants(self, change: Change) -> bool:
        if self.account != change.account.name:
            return False
        if self.event:
            return self.event in {f"{change.kind}.{event}" for event in change.events}
        watched = not self.fields or bool(self.fields & set(change.fields))
        return self.object == change.kind and watched

    def to_json(self) -> dict[str, Any]:
        what = {"event": self.event} if self.event else {"object": self.object, "fields": sorted(self.fields)}
        return {**what, "callback_url": self.callback_url, "unique_id": self.unique_id}


class Hooks:
    """The subscriptions of all accounts. `base_url` is where the API stands, for `resource_url`."""

    def __init__(self, settings: ServiceM8Settings, deliveries: Deliveries, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._deliveries = deliveries
        self._clock = clock
        self.base_url = ""
        self.subscriptions: list[Subscription] = []

    async def handshake(self, callback_url: str) -> bool:
        """Whether the receiver answers 200 with exactly the challenge."""
        challenge = token_urlsafe(12)
        body = urlencode({"mode": "subscribe", "challenge": challenge}).encode()
        answer = await self._deliveries.post(callback_url, body, FORM)
        return answer is not None and answer.status_code == 200 and answer.text == challenge

    def subscribe(self, subscription: Subscription) -> None:
        self.unsubscribe(subscription)
        self.subscriptions.append(subscription)

    def unsubscribe(self, gone: Subscription) -> None:
        """Forget the subscription with the same account, target and unique id."""
        self.subscriptions = [s for s in self.subscriptions if _identity(s) != _identity(gone)]

    def announce(self, change: Change) -> None:
        """Queue a webhook for every subscription that wants this change."""
        for subscription in self.subscriptions:
            if subscription.wants(change):
                body, headers = self._wrap(self._payload(change))
                self._deliveries.send(
                    Delivery(
                        subscription.callback_url,
                        body,
                        headers,
                        on_gone=lambda gone=subscription: self.unsubscribe(gone),  # type: ignore[misc]
                    )
                )

    def _payload(self, change: Change) -> dict[str, Any]:
        time = self._clock().strftime("%Y-%m-%d %H:%M:%S")
        return {
            "object": change.kind,
            "entry": [{"changed_fields": list(change.fields), "time": time, "uuid": change.uuid}],
            "resource_url": f"{self.base_url}/api_1.0/{change.kind}/{change.uuid}.json",
        }

    def _wrap(self, payload: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        match self._settings.webhook_body:
            case "json":
                return json.dumps(payload).encode(), JSON
            case "form":
                flat = {k: v if isinstance(v, str) else json.dumps(v) for k, v in payload.items()}
                return urlencode(flat).encode(), FORM
            case "jwt":
                claims = {"eventVersion": "1.0", "eventName": "webhook_subscription", "eventArgs": payload}
                return urlencode({sign_jwt(claims, self._settings.app_secret): ""}).encode(), FORM


def sign_jwt(claims: dict[str, Any], secret: str) -> str:
    """An HS256 JSON Web Token (RFC 7515, compact)."""
    head = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{head}.{_base64url(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())}"


def _part(value: dict[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _identity(s: Subscription) -> tuple[str, str, str, str, str]:
    return (s.account, s.callback_url, s.unique_id, s.event, s.object)
