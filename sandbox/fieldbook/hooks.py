"""Fieldbook's webhooks: a signed doorbell to every subscribed URL when a job changes.

The signature is in `X-Fieldbook-Signature`: `sha256=` and the hex HMAC-SHA256 of the raw body under the
subscription's secret. The body names the job and its state; the job itself is to be fetched.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sandbox.fieldbook.records import Job
from sandbox.fieldbook.state import Account
from sandbox.fieldbook.wire import moment
from sandbox.webhooks import Deliveries, Delivery

SIGNATURE_HEADER = "x-fieldbook-signature"
EVENT = "job.changed"


@dataclass(frozen=True)
class Hook:
    """One subscription of one account."""

    id: str
    account: str
    url: str
    secret: str


class Hooks:
    """The subscriptions of all accounts."""

    def __init__(self, deliveries: Deliveries, clock: Callable[[], datetime]) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self.hooks: dict[str, Hook] = {}

    def add(self, account: str, url: str, secret: str) -> Hook:
        hook = Hook(f"hook_{uuid4().hex[:12]}", account, url, secret)
        self.hooks[hook.id] = hook
        return hook

    def remove(self, hook_id: str) -> None:
        self.hooks.pop(hook_id, None)

    def announce(self, account: Account, job: Job) -> None:
        for hook in self.hooks.values():
            if hook.account == account.name:
                self._deliveries.send(self._delivery(hook, job))

    def _delivery(self, hook: Hook, job: Job) -> Delivery:
        event = {"event": EVENT, "jobId": job.id, "jobRef": job.ref, "state": job.state}
        body = json.dumps({**event, "eventId": uuid4().hex, "sentAt": moment(self._clock())}).encode()
        headers = {"content-type": "application/json", SIGNATURE_HEADER: sign(hook.secret, body)}
        return Delivery(hook.url, body, headers, on_gone=lambda: self.remove(hook.id))


def sign(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
