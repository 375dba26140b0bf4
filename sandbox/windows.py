"""Sliding rate windows, counted per key, for the job systems' limits."""

from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta


class SlidingWindow:
    """At most `limit` requests a key in any `seconds`."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], datetime]) -> None:
        self.limit = limit
        self._length = timedelta(seconds=seconds)
        self._clock = clock
        self._taken: defaultdict[str, deque[datetime]] = defaultdict(deque)

    def take(self, key: str) -> float:
        """Count one request: 0.0 when it may pass, else the seconds until one would."""
        now, taken = self._clock(), self._taken[key]
        while taken and taken[0] <= now - self._length:
            taken.popleft()
        if len(taken) >= self.limit:
            return (taken[0] + self._length - now).total_seconds()
        taken.append(now)
        return 0.0
