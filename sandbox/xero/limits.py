"""Xero's four rate limits, the headers that tell of them, and the 429 that enforces them."""

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from sandbox.xero.settings import RateLimits, Switches
from sandbox.xero.wire import HTML, Reply

_DAY = timedelta(days=1)
Key = tuple[str, str]


@dataclass
class _Window:
    """Calls within the last `length`."""

    length: timedelta
    calls: deque[datetime] = field(default_factory=deque)

    def count(self, now: datetime) -> int:
        while self.calls and now - self.calls[0] >= self.length:
            self.calls.popleft()
        return len(self.calls)

    def seconds_until_free(self, now: datetime) -> int:
        return max(1, math.ceil((self.length - (now - self.calls[0])).total_seconds()))


@dataclass
class Limiter:
    """Counts calls per app and organisation; keys are (client id, tenant id)."""

    limits: RateLimits
    switches: Switches
    in_progress: Counter[Key] = field(default_factory=Counter)
    minutes: dict[Key, _Window] = field(default_factory=dict)
    days: dict[Key, _Window] = field(default_factory=dict)
    app_minutes: dict[str, _Window] = field(default_factory=dict)

    def enter(self, key: Key) -> bool:
        """Count a request in; False when too many are in progress (it is then not counted)."""
        if self.limits.enabled and self.in_progress[key] >= self.limits.concurrent:
            return False
        self.in_progress[key] += 1
        return True

    def leave(self, key: Key) -> None:
        self.in_progress[key] -= 1

    def refusal(self, key: Key, now: datetime, *, entered: bool) -> Reply | None:
        """The 429 for this call, or None when it may pass; a call that passes is counted."""
        if not self.limits.enabled:
            return None
        if not entered:
            return self._reply("concurrent", self.switches.concurrent_retry_after, key, now)
        minute, day, app = self._windows(key, now)
        if day.count(now) >= self.limits.day:
            return self._reply("day", self._until_next_day(day, now), key, now)
        if minute.count(now) >= self.limits.minute:
            return self._reply("minute", minute.seconds_until_free(now), key, now)
        if app.count(now) >= self.limits.app_minute:
            return self._reply("appminute", app.seconds_until_free(now), key, now)
        for window in (minute, day, app):
            window.calls.append(now)
        return None

    def headers(self, key: Key, now: datetime) -> dict[str, str]:
        minute, day, app = self._windows(key, now)
        return {
            "X-MinLimit-Remaining": str(max(0, self.limits.minute - minute.count(now))),
            "X-DayLimit-Remaining": str(max(0, self.limits.day - day.count(now))),
            "X-AppMinLimit-Remaining": str(max(0, self.limits.app_minute - app.count(now))),
        }

    def reset(self) -> None:
        """Forget all calls, as if a day had passed."""
        for windows in (self.minutes, self.days, self.app_minutes):
            windows.clear()

    def _windows(self, key: Key, now: datetime) -> tuple[_Window, _Window, _Window]:
        length = timedelta(seconds=self.limits.minute_seconds)
        minute = self.minutes.setdefault(key, _Window(length))
        day = self.days.setdefault(key, _Window(_DAY))
        app = self.app_minutes.setdefault(key[0], _Window(length))
        if self.switches.day_window == "fixed":
            midnight = datetime.combine(now.date(), time(), UTC)
            while day.calls and day.calls[0] < midnight:
                day.calls.popleft()
        return minute, day, app

    def _until_next_day(self, day: _Window, now: datetime) -> int:
        if self.switches.day_window == "rolling":
            return day.seconds_until_free(now)
        midnight = datetime.combine(now.date() + _DAY, time(), UTC)
        return max(1, math.ceil((midnight - now).total_seconds()))

    def _reply(self, problem: str, retry_after: int | None, key: Key, now: datetime) -> Reply:
        headers = {"X-Rate-Limit-Problem": problem, **self.headers(key, now)}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        return Reply(429, self.switches.too_many_requests_body.encode(), HTML, headers)
