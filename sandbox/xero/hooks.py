"""The webhooks of the simulated Xero: signed doorbells, and the intent to receive with right and wrong signatures.

Source: Xero developer docs, webhooks "Overview" and "Configuring your server". The signature, in `x-xero-signature`, is the
base64 HMAC-SHA256 of the raw body under the app's webhook key. A receiver answers in 5 seconds, without a body or cookie.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from sandbox.webhooks import Deliveries, Delivery

SIGNATURE_HEADER = "x-xero-signature"
SECONDS_TO_ANSWER = 5.0


@dataclass
class XeroHooks:
    """An app's webhook subscription. `url` and `key` are as the app's page has them; without a url nothing is sent."""

    clock: Callable[[], datetime]
    url: str = ""
    key: str = "sandbox-webhook-key"
    deliveries: Deliveries = field(default_factory=lambda: Deliveries(timeout=SECONDS_TO_ANSWER))
    sequence: int = 0

    async def intent_to_receive(self) -> bool:
        """Whether the receiver tells right signatures from wrong ones, with nothing but the status."""
        answers = []
        for key in (self.key, "a-wrong-key", self.key, ""):
            body = self._body([], 0, 0)
            answer = await self.deliveries.post(self.url, body, _headers(key, body))
            is_bare = answer is not None and not answer.content and "set-cookie" not in answer.headers
            answers.append(is_bare and answer is not None and answer.status_code == (200 if key == self.key else 401))
        return all(answers)

    def announce(self, tenant_id: str, category: str, resource_ids: Sequence[str], kind: str = "UPDATE") -> bytes:
        """Queue one delivery with an event for each resource; the body, so that it may be sent once more."""
        first = self.sequence + 1
        self.sequence += len(resource_ids)
        body = self._body([self._event(tenant_id, category, i, kind) for i in resource_ids], first, self.sequence)
        self.resend(body)
        return body

    def resend(self, body: bytes) -> None:
        """Deliver a body again, as a replay does."""
        self.deliveries.send(Delivery(self.url, body, _headers(self.key, body)))

    def _event(self, tenant_id: str, category: str, resource_id: str, kind: str) -> dict[str, Any]:
        return {
            "resourceUrl": f"https://api.xero.com/api.xro/2.0/{category.title()}s/{resource_id}",
            "resourceId": resource_id,
            "eventDateUtc": self.clock().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
            "eventType": kind,
            "eventCategory": category,
            "tenantId": tenant_id,
            "tenantType": "ORGANISATION",
        }

    def _body(self, events: Sequence[dict[str, Any]], first: int, last: int) -> bytes:
        document = {"events": events, "firstEventSequence": first, "lastEventSequence": last, "entropy": token_urlsafe(15)}
        return json.dumps(document).encode()


def sign(key: str, body: bytes) -> str:
    """The signature that Xero sends."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def _headers(key: str, body: bytes) -> dict[str, str]:
    return {"content-type": "application/json", SIGNATURE_HEADER: sign(key, body)}
