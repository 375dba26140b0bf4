"""How much may come in: requests of a source, of a connection, of strangers; the size of a body and the time it takes."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

LARGEST_BODY = 1_000_000
"""Bytes. A doorbell is small; the largest of a vendor's that hold a whole job are well below."""
SECONDS_FOR_A_BODY = 10.0
MOST_KEYS = 10_000


class TooLarge(Exception):
    """The body is over the limit; no more of it was read than that."""


class TooSlow(Exception):
    """The body did not arrive in time."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a minute in the long run, `burst` of them at once."""

    per_minute: float
    burst: int


@dataclass(slots=True)
class Buckets:
    """Who may come in, by key: each key's bucket fills by `rate` and every request takes one out of it."""

    rate: Rate
    clock: Callable[[], float] = time.monotonic
    _left: "OrderedDict[str, tuple[float, float]]" = field(default_factory=OrderedDict)

    def wait(self, key: str) -> int:
        """Seconds until one more may come in; 0 when one may now."""
        left, _ = self._filled(key)
        return 0 if left >= 1 else math.ceil((1 - left) * 60 / self.rate.per_minute)

    def spend(self, key: str) -> None:
        """One has come in. The keys that were not seen for longest are forgotten where there are too many."""
        left, now = self._filled(key)
        self._left[key] = (max(0.0, left - 1), now)
        self._left.move_to_end(key)
        while len(self._left) > MOST_KEYS:
            self._left.popitem(last=False)

    def _filled(self, key: str) -> tuple[float, float]:
        now = self.clock()
        left, at = self._left.get(key, (float(self.rate.burst), now))
        return min(self.rate.burst, left + (now - at) * self.rate.per_minute / 60), now


@dataclass(slots=True)
class Limits:
    """The limits of one process. A source is an address; one whose requests prove nothing soon has to wait."""

    sources: Buckets = field(default_factory=lambda: Buckets(Rate(1200, 400)))
    strangers: Buckets = field(default_factory=lambda: Buckets(Rate(30, 30)))
    connections: Buckets = field(default_factory=lambda: Buckets(Rate(600, 300)))


async def read_body(request: Request, largest: int = LARGEST_BODY, seconds: float = SECONDS_FOR_A_BODY) -> bytes:
    """The raw body. Raises TooLarge, by what it says of itself or by what has come, and TooSlow."""
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > largest:
        raise TooLarge
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > largest:
                    raise TooLarge
                parts.append(part)
    except TimeoutError:
        raise TooSlow from None
    return b"".join(parts)
