"""All that a sandbox Xero knows, in memory; tests and the demo read it and steer it from here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Literal

from sandbox.xero.idempotency import IdempotencyStore
from sandbox.xero.limits import Limiter
from sandbox.xero.organisations import demo_organisations
from sandbox.xero.settings import App, XeroSettings
from sandbox.xero.tenant import Organisation
from sandbox.xero.tokens import TokenStore


@dataclass
class InternalError:
    """A failure inside Xero (unlike a fault on the way): the idempotency cache remembers its answer.

    `when` says whether the work was done before it broke. `path` is an fnmatch glob on the whole path.
    """

    when: Literal["before_saving", "after_saving"] = "before_saving"
    method: str = "*"
    path: str = "*"
    times: int = 1


@dataclass
class XeroState:
    """The state of one sandbox. `organisations` are keyed "nz", "uk", "au"."""

    settings: XeroSettings
    clock: Callable[[], datetime]
    organisations: dict[str, Organisation] = field(default_factory=demo_organisations)
    internal_errors: list[InternalError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens = TokenStore(self.settings.switches)
        self.limiter = Limiter(self.settings.limits, self.settings.switches)
        self.idempotency = IdempotencyStore()

    def app(self, client_id: str) -> App | None:
        return next((app for app in self.settings.apps if app.client_id == client_id), None)

    def connect(self, client_id: str, *organisations: str, scopes: frozenset[str] | None = None) -> dict[str, Any]:
        """What a user's consent ends in, without a browser: connections and a token set."""
        app = self.app(client_id)
        if app is None:
            raise KeyError("no app has that client id")
        chosen = organisations or self.settings.consent
        grant = self.tokens.consent(app, scopes or app.scopes, chosen, self.clock())
        return self.tokens.issue(grant, self.clock())

    def expire_tokens(self) -> None:
        """Every access token expires now; refresh tokens stay good."""
        self.tokens.expire_access(self.clock())

    def disconnect(self, organisation: str) -> None:
        """What the customer does in Xero itself: the connection goes, tokens stay valid."""
        kept = [c for c in self.tokens.connections if c.organisation != organisation]
        self.tokens.connections = kept

    def merge_contacts(self, organisation: str, loser_id: str, winner_id: str) -> None:
        """What the Merge button in Xero does; raises KeyError when a contact does not exist."""
        self.organisations[organisation].merge_contacts(loser_id, winner_id, self.clock())

    def take_internal_error(self, method: str, path: str) -> InternalError | None:
        for error in self.internal_errors:
            if error.method in ("*", method) and fnmatchcase(path, error.path):
                error.times -= 1
                if error.times == 0:
                    self.internal_errors.remove(error)
                return error
        return None
