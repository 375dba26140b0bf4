"""The governor: every call to one organisation passes here, so that Xero's limits are respected, not discovered.

Reference: Xero developer docs, "API rate limits": 5 calls at once, 60 a minute, 5,000 a day (1,000 on Starter), told by
`X-MinLimit-Remaining` and `X-DayLimit-Remaining` on every answer; a 429 names its limit and a `Retry-After`.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from weakref import WeakKeyDictionary

from milepost.connection import XeroSettings
from milepost.errors import RateLimited
from milepost.xero.refusals import SYSTEM

logger = logging.getLogger(__name__)

WINDOW = 60.0
MINUTE_RESERVE = 20
DAY_RESERVE_PERCENT = 10
_TOO_MANY_REQUESTS = 429
_PROBE_AFTER = 3600.0
_DEFAULT_RETRY = {"minute": WINDOW, "appminute": WINDOW, "day": _PROBE_AFTER, "concurrent": 1.0}
_HEADROOM = 0.001
_LOOK_AGAIN = 1.0
_ITSELF = 1


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of an organisation's limits, as last seen; `closed_for`: seconds until calls may go out again."""

    per_minute: int
    minute_left: int
    per_day: int
    day_left: int
    in_flight: int
    closed_for: float
    calls: int
    refused: int


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """The limit that keeps calls back and for how long; `is_told`: by Xero's word, not by our own count."""

    limit: str
    seconds: float
    is_told: bool


class Slot:
    """One call's place. Tell it the answer by `saw`; a call whose answer is lost counts all the same."""

    def __init__(self, governor: "Governor") -> None:
        self._governor = governor
        self.ended_before = governor.ended

    def saw(self, headers: Mapping[str, str], status: int) -> None:
        """Correct the budget by what Xero says is left; a 429 closes the gate for everybody. Header names in lower case."""
        self._governor.correct(self, headers)
        if status == _TOO_MANY_REQUESTS:
            self._governor.refuse(headers)


class Governor:
    """Lets calls through at Xero's pace.

    A call counts for the minute from its *answer* on: Xero counted it no later than that, so clocks need not agree.
    Waiting at the gate never takes longer than `max_wait`; what would is handed back as RateLimited.
    """

    def __init__(
        self,
        per_minute: int = 60,
        per_day: int = 5000,
        concurrent: int = 5,
        max_wait: timedelta = timedelta(seconds=65),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._per_minute = per_minute
        self._per_day = per_day
        self._concurrent = concurrent
        self._max_wait = max_wait.total_seconds()
        self._clock = clock
        self._sleep = sleep
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._counted: deque[float] = deque()
        self._in_flight = 0
        self._day_left = per_day
        self._day_probe_at: float | None = None
        self._closed_until = 0.0
        self._closed_by = ""
        self._refused = 0
        self.ended = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """A place for one call. Raises RateLimited, with nothing sent, when the gate stays shut for longer than max_wait."""
        until = self._clock() + self._max_wait
        async with self._places_here():
            await self._pass_gate(until)
            slot = Slot(self)
            try:
                yield slot
            finally:
                self._in_flight -= 1
                self.ended += 1
                self._counted.append(self._clock())

    def spare(self) -> int:
        """Calls that may be spent on what is nice to have: what is left now, less a reserve for what must be done."""
        budget = self.budget()
        if budget.closed_for:
            return 0
        day = budget.day_left - self._per_day * DAY_RESERVE_PERCENT // 100
        return max(0, min(budget.minute_left - MINUTE_RESERVE, day))

    def budget(self) -> Budget:
        """The numbers for `milepost status`."""
        now = self._clock()
        self._forget_before(now - WINDOW)
        return Budget(
            per_minute=self._per_minute,
            minute_left=max(0, self._per_minute - len(self._counted) - self._in_flight),
            per_day=self._per_day,
            day_left=max(0, self._day_left),
            in_flight=self._in_flight,
            closed_for=max(0.0, self._closed_until - now),
            calls=self.ended,
            refused=self._refused,
        )

    def opens_in(self) -> timedelta:
        """How long until the next call may go out."""
        return timedelta(seconds=max(1.0, self._obstacle().seconds))

    async def _pass_gate(self, until: float) -> None:
        """Wait for the gate, and count this call as in flight in the same breath as it is found open.

        An answer to another call may open it sooner than foreseen, so it is looked at every second.
        """
        while (obstacle := self._obstacle()).seconds > 0:
            patience = until - self._clock()
            if patience <= 0 or (obstacle.is_told and obstacle.seconds > patience):
                raise _limited(obstacle)
            logger.debug("xero: waiting for the %s limit, %.1f s more", obstacle.limit, obstacle.seconds)
            await self._sleep(min(obstacle.seconds + _HEADROOM, patience, _LOOK_AGAIN))
        if self._day_left <= 0:
            self._day_probe_at = self._clock() + _PROBE_AFTER
        self._in_flight += 1
        self._day_left -= 1

    def _obstacle(self) -> _Obstacle:
        """What keeps the next call back, as far as is known now; zero seconds where nothing does."""
        now = self._clock()
        self._forget_before(now - WINDOW)
        if self._closed_until > now:
            return _Obstacle(self._closed_by, self._closed_until - now, is_told=True)
        if self._day_left <= 0:
            return _Obstacle("day", max(0.0, self._day_opens_at(now) - now), is_told=True)
        if len(self._counted) + self._in_flight < self._per_minute:
            return _Obstacle("minute", 0.0, is_told=False)
        wait = self._counted[0] + WINDOW - now if self._counted else _LOOK_AGAIN
        return _Obstacle("minute", wait, is_told=False)

    def _day_opens_at(self, now: float) -> float:
        """When the day's calls are used up: nobody says when the day begins anew, so one call an hour asks."""
        if self._day_probe_at is None:
            self._day_probe_at = now + _PROBE_AFTER
        return self._day_probe_at

    def correct(self, slot: Slot, headers: Mapping[str, str]) -> None:
        """Believe Xero's own count: other processes use the same limits, and its minute may start anew before ours.

        Calls in flight, and those that ended since this one set out, may not be in its count yet: they stay counted.
        """
        unseen = self._in_flight - 1 + self.ended - slot.ended_before
        if (left := _whole(headers.get("x-daylimit-remaining"))) is not None:
            self._day_left = left - unseen
            if self._day_left > 0:
                self._day_probe_at = None
        if (left := _whole(headers.get("x-minlimit-remaining"))) is not None:
            self._correct_minute(self._per_minute - left, unseen)

    def _correct_minute(self, counted_there: int, unseen: int) -> None:
        """Add what others used; drop what Xero has forgotten, but one: its count may leave out the call it answers."""
        now = self._clock()
        self._forget_before(now - WINDOW)
        in_flight_here = self._in_flight
        by_others = counted_there - len(self._counted) - in_flight_here
        self._counted.extend([now] * by_others)
        surplus = len(self._counted) + in_flight_here - (counted_there + unseen)
        for _ in range(min(surplus - _ITSELF, len(self._counted))):
            self._counted.popleft()

    def refuse(self, headers: Mapping[str, str]) -> None:
        """A 429: nobody calls before `Retry-After` has passed; then one call goes ahead and its answer tells of the rest."""
        limit = headers.get("x-rate-limit-problem", "").strip().lower() or "minute"
        told = _whole(headers.get("retry-after"))
        wait = float(told) if told is not None else _DEFAULT_RETRY.get(limit.replace("-", ""), WINDOW)
        self._refused += 1
        self._closed_until = max(self._closed_until, self._clock() + max(wait, 0.1))
        self._closed_by = limit
        if limit == "day":
            self._day_left = max(self._day_left, 1)
        elif self._counted:
            self._counted[0] = min(self._counted[0], self._closed_until - WINDOW)
        logger.warning("xero: the %s limit was hit; no calls for %.0f s", limit, wait)

    def _forget_before(self, moment: float) -> None:
        while self._counted and self._counted[0] <= moment:
            self._counted.popleft()

    def _places_here(self) -> asyncio.Semaphore:
        """The concurrency limit of the running event loop: a semaphore cannot outlive its loop, the counts can."""
        loop = asyncio.get_running_loop()
        if loop not in self._places:
            self._places[loop] = asyncio.Semaphore(self._concurrent)
        return self._places[loop]


def _limited(obstacle: _Obstacle) -> RateLimited:
    wait = timedelta(seconds=math.ceil(obstacle.seconds))
    why = f"the {obstacle.limit} limit of calls on this organisation is reached"
    fix = f"Nothing was sent; it goes on by itself in {wait}."
    return RateLimited(SYSTEM, "a call", why, permanent=False, fix=fix, retry_after=wait)


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and value.strip().isdecimal() else None


_governors: dict[tuple[str, str], Governor] = {}


def governor_for(settings: XeroSettings, tenant_id: str) -> Governor:
    """The one governor of this organisation in this process."""
    key = (settings.api_url, tenant_id)
    if key not in _governors:
        _governors[key] = Governor(per_day=settings.day_limit)
    return _governors[key]
