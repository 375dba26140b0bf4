"""A local Fieldbook: an invented job system with a plain REST API, to prove platforms that are only declared.

Everything has Fieldbook's own names, and the same list can be had by page, by cursor and by Link header.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.clock import SandboxClock
from sandbox.faults import FaultMiddleware, Faults, RequestLog
from sandbox.fieldbook import builder
from sandbox.fieldbook.app import Endpoints
from sandbox.fieldbook.auth import Identity
from sandbox.fieldbook.hooks import Hooks
from sandbox.fieldbook.records import Customer, Item, Job, Note, Receipt
from sandbox.fieldbook.settings import FieldbookSettings
from sandbox.fieldbook.state import Account
from sandbox.fieldbook.wire import Money, as_number, as_text
from sandbox.webhooks import Deliveries
from sandbox.windows import SlidingWindow

__all__ = [
    "Account",
    "Customer",
    "FieldbookSandbox",
    "FieldbookSettings",
    "Item",
    "Job",
    "Receipt",
    "create_fieldbook",
]


class FieldbookSandbox:
    """`app` is what to serve; `job`, `customer` and `account` build the world."""

    def __init__(self, settings: FieldbookSettings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.clock = clock
        self.accounts: dict[str, Account] = {}
        self.deliveries = Deliveries()
        self.hooks = Hooks(self.deliveries, clock)
        self.identity = Identity(settings, self.accounts, clock)
        self.faults = Faults()
        self.log = RequestLog(prefix="/v2")
        self.app = FaultMiddleware(Endpoints(self).app(), self.faults, self.log)
        self._window = SlidingWindow(settings.per_minute, 60, clock)

    @property
    def money(self) -> Money:
        return as_number if self.settings.money == "number" else as_text

    def account(self, name: str = "albion", **where: str) -> Account:
        """The account of this name, made when it is new; `where` is timezone, currency and prices."""
        if name not in self.accounts:
            self.accounts[name] = Account(name, self.clock, self.hooks.announce, **where)
        return self.accounts[name]

    def customer(self, who: builder.CustomerLike, *, account: str = "albion") -> Customer:
        return builder.customer(self.account(account), who)

    def job(self, *, account: str = "albion", **what: Any) -> Job:
        """See `builder.job`."""
        return builder.job(self.account(account), **what)

    def notes(self, *, account: str = "albion") -> list[Note]:
        """Notes written by clients of the API, oldest first."""
        kept = self.account(account).notes.values()
        return sorted((note for notes in kept for note in notes), key=lambda note: note.written_at)

    def over_limit(self, account: Account) -> float:
        """Count a request: the seconds to wait when it is over the limit, else 0."""
        self._window.limit = self.settings.per_minute
        return self._window.take(account.name) if self.settings.limits else 0.0


def create_fieldbook(
    settings: FieldbookSettings | None = None, clock: Callable[[], datetime] | None = None
) -> FieldbookSandbox:
    return FieldbookSandbox(settings or FieldbookSettings(), clock or SandboxClock())
