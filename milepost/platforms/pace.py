"""Keeps calls to a job system under its published limits: every call of its HTTP client takes a turn here."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from milepost.errors import RateLimited
from milepost.platforms.protocol import RatePolicy

LONGEST_WAIT = 60.0
"""Seconds that are slept through; a longer wait is handed back as `RateLimited.retry_after`."""

_MINUTE = 60.5
"""A minute and what a call's way to the vendor may vary by."""
_DAY = 86_400.0

Pause = Callable[[float], Awaitable[None]]


class Pace:
    """Hands out turns: so many at once, so many in any minute, so many a second, so many in any 24 hours.

    It counts the calls of this process. Starting times are reserved before they are waited for, so that
    callers who ask together are spread out and do not start together.
    """

    def __init__(
        self,
        system: str,
        policy: RatePolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._system = system
        self._clock = clock
        self._pause = pause
        self._at_once = asyncio.Semaphore(policy.concurrent)
        self._spacing = 1 / policy.per_second if policy.per_second else 0.0
        self._minute: deque[float] = deque(maxlen=policy.per_minute)
        self._day: deque[float] = deque(maxlen=policy.per_day or 0)
        self._not_before = float("-inf")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place and a starting time. Raises `RateLimited` where the day's calls are used up."""
        async with self._at_once:
            wait = self._reserve() - self._clock()
            if wait > 0:
                await self._pause(wait)
            yield

    def hold(self, seconds: float) -> None:
        """Start nothing for so long: the vendor asked everyone to wait, not only the caller that was told."""
        self._not_before = max(self._not_before, self._clock() + seconds)

    def _reserve(self) -> float:
        now = self._clock()
        start = max(now, self._not_before, self._opens(self._minute, _MINUTE))
        opens_today = self._opens(self._day, _DAY)
        if opens_today - now > LONGEST_WAIT:
            raise self._day_used_up(opens_today - now)
        start = max(start, opens_today)
        self._not_before = start + self._spacing
        self._minute.append(start)
        self._day.append(start)
        return start

    @staticmethod
    def _opens(starts: deque[float], window: float) -> float:
        is_full = bool(starts) and len(starts) == starts.maxlen
        return starts[0] + window if is_full else float("-inf")

    def _day_used_up(self, seconds: float) -> RateLimited:
        return RateLimited(
            self._system,
            "the next call",
            f"the {self._day.maxlen:,} calls that it allows in 24 hours are used up",
            permanent=False,
            fix="The work goes on by itself when the limit opens.",
            retry_after=timedelta(seconds=seconds),
        )
