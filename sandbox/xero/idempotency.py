"""The Idempotency-Key cache: six minutes, per app, failures included.

Source: Xero developer page "Idempotent requests" (128 characters at most; another URL, body or method is refused).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.xero import texts
from sandbox.xero.settings import Switches
from sandbox.xero.wire import ApiError, Reply, api_exception, problem

LIFE = timedelta(minutes=6)
METHODS = frozenset({"PUT", "POST", "PATCH"})
_LONGEST = 128


@dataclass(frozen=True)
class Remembered:
    """The first request under a key, and what it was answered."""

    fingerprint: str
    reply: Reply
    at: datetime


@dataclass
class IdempotencyStore:
    """Answers by (client id, key). The store is per app, not per organisation."""

    answers: dict[tuple[str, str], Remembered] = field(default_factory=dict)

    def replay(self, client_id: str, key: str, fingerprint: str, now: datetime, switches: Switches) -> Reply | None:
        """The remembered answer, or None for a new key; raises ApiError 400 for a bad key or another request."""
        if not 0 < len(key) <= _LONGEST:
            raise _refused(texts.IDEMPOTENCY_KEY_LENGTH, switches)
        held = self.answers.get((client_id, key))
        if held is None or now - held.at >= LIFE:
            return None
        if held.fingerprint != fingerprint:
            raise _refused(f"Idempotency Key: {key} is used with a different request.", switches)
        return held.reply

    def remember(self, client_id: str, key: str, fingerprint: str, reply: Reply, now: datetime) -> None:
        while self.answers and now - next(iter(self.answers.values())).at >= LIFE:
            del self.answers[next(iter(self.answers))]
        self.answers.pop((client_id, key), None)
        self.answers[client_id, key] = Remembered(fingerprint, reply, now)


def fingerprint(method: str, url: str, body: bytes) -> str:
    return f"{method} {url} {hashlib.sha256(body).hexdigest()}"


def _refused(message: str, switches: Switches) -> ApiError:
    if switches.idempotency_error == "problem":
        return problem(400, "Bad Request", message)
    return api_exception(10, "ValidationException", message)
