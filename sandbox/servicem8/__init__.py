"""A local ServiceM8 over real HTTP, from its published description: objects, filters, limits, webhooks."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.clock import SandboxClock
from sandbox.faults import FaultMiddleware, Faults, RequestLog
from sandbox.servicem8 import builder
from sandbox.servicem8.app import Endpoints
from sandbox.servicem8.auth import Caller, Identity
from sandbox.servicem8.hooks import Hooks
from sandbox.servicem8.records import Row
from sandbox.servicem8.settings import ServiceM8Settings
from sandbox.servicem8.shapes import Customer, CustomerLike, Line, Payment
from sandbox.servicem8.state import Account
from sandbox.webhooks import Deliveries
from sandbox.windows import SlidingWindow

__all__ = [
    "Account",
    "Customer",
    "Line",
    "Payment",
    "ServiceM8Sandbox",
    "ServiceM8Settings",
    "create_servicem8",
]


class ServiceM8Sandbox:
    """`app` is what to serve; `job`, `customer`, `account` build the world; `hooks.base_url` is given."""

    def __init__(self, settings: ServiceM8Settings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.clock = clock
        self.accounts: dict[str, Account] = {}
        self.files: dict[str, bytes] = {}
        self.deliveries = Deliveries()
        self.hooks = Hooks(settings, self.deliveries, clock)
        self.identity = Identity(settings, self.accounts, clock)
        self.faults = Faults()
        self.log = RequestLog(prefix="/api_1.0")
        self.app = FaultMiddleware(Endpoints(self).app(), self.faults, self.log)
        self._minute = SlidingWindow(settings.per_minute, 60, clock)
        self._day = SlidingWindow(settings.per_day, 86_400, clock)

    def account(self, name: str = "kauri", **where: str) -> Account:
        """The account of this name, made when it is new; `where` is timezone and currency for a new one."""
        if name not in self.accounts:
            self.accounts[name] = Account(name, self.settings, self.clock, self.hooks.announce, **where)
            builder.furnish(self.accounts[name])
        return self.accounts[name]

    def customer(self, who: CustomerLike, *, account: str = "kauri") -> Row:
        return builder.customer(self.account(account), who)

    def job(self, *, account: str = "kauri", **what: Any) -> Row:
        """See `builder.job`; the record as the API gives it."""
        return builder.job(self.account(account), **what)

    def notes(self, *, account: str = "kauri") -> list[Row]:
        """Notes written by clients of the API, oldest first."""
        return list(self.account(account).tables["note"])

    def over_limit(self, caller: Caller) -> str:
        """Count a request: "minute" or "day" when it is over that limit, else empty."""
        if not self.settings.limits:
            return ""
        key = f"{caller.client}/{caller.account.name}"
        self._minute.limit, self._day.limit = self.settings.per_minute, self.settings.per_day
        if self._day.take(key):
            return "day"
        return "minute" if self._minute.take(key) else ""


def create_servicem8(
    settings: ServiceM8Settings | None = None, clock: Callable[[], datetime] | None = None
) -> ServiceM8Sandbox:
    return ServiceM8Sandbox(settings or ServiceM8Settings(), clock or SandboxClock())
