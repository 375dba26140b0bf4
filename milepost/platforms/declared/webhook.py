"""Webhooks of a declared system: whether one is genuine, and which jobs it speaks of."""

import base64
import hashlib
import hmac

from milepost.exact_json import read_json
from milepost.platforms.convert import as_text
from milepost.platforms.declared.description import Webhook
from milepost.platforms.declared.expressions import search
from milepost.platforms.protocol import JobRef, WebhookRequest


def is_genuine(webhook: Webhook, secret: str, request: WebhookRequest) -> bool:
    """Whether the sender knows the secret; compared in constant time."""
    if not secret:
        return False
    if webhook.scheme == "query":
        return _same(request.query.get(webhook.name, ""), secret)
    sent = request.headers.get(webhook.name.lower(), "")
    if not sent.startswith(webhook.prefix):
        return False
    given = sent.removeprefix(webhook.prefix).strip()
    return _same(given, secret if webhook.scheme == "header" else signature(webhook, secret, request.body))


def signature(webhook: Webhook, secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the raw body, as the description writes it."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return digest.hex() if webhook.encoding == "hex" else base64.b64encode(digest).decode()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def changed_jobs(webhook: Webhook, request: WebhookRequest) -> tuple[JobRef, ...]:
    """The jobs that the body names; none where it speaks of something else."""
    try:
        event = read_json(request.body)
        found = search(webhook.ids, event)
        marker = as_text(search(webhook.marker, event)) if webhook.marker else None
        ids = [as_text(one) for one in (found if isinstance(found, list) else [found])]
    except ValueError:  # a Misfit is one
        return ()
    return tuple(JobRef(job_id, marker or "") for job_id in dict.fromkeys(ids) if job_id)
