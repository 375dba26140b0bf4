"""What is left of an organisation's limits, as a value: the arithmetic of the governor, without waiting and without I/O.

Reference: Xero developer docs, "API rate limits": 5 calls at once, 60 a minute, 5,000 a day (1,000 on Starter), told by
`X-MinLimit-Remaining` and `X-DayLimit-Remaining` on every answer; a 429 names its limit and a `Retry-After`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

DAY_RESERVE_PERCENT = 10
MINUTE_RESERVE = 20
MINUTE = 60.0
SLOT_LEASE = 120.0
"""Seconds after which a slot that was never given back is free: the longest answer, and the minute in which it counts."""

_TOO_MANY_REQUESTS = 429
_DAY = 86_400.0
_PROBE_AFTER = 3600.0
_DEFAULT_RETRY = {"minute": MINUTE, "appminute": MINUTE, "day": _PROBE_AFTER, "concurrent": 1.0}
_LOOK_AGAIN = 1.0
_BRIEFLY = 0.02
_ITSELF = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What Xero allows one app on one organisation; `window` is its minute, in seconds."""

    per_minute: int = 60
    per_day: int = 5000
    concurrent: int = 5
    window: float = MINUTE

    @property
    def kept_back(self) -> int:
        """The day's calls that scheduled runs leave to people."""
        return self.per_day * DAY_RESERVE_PERCENT // 100


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The limit that keeps calls back and for how long (seconds); `is_told`: by Xero's word, not by our own count."""

    limit: str
    seconds: float
    is_told: bool


NOTHING = Obstacle("", 0.0, is_told=False)


@dataclass(frozen=True, slots=True)
class Flight:
    """A call that has set out: the process that made it, and the moment after which nobody waits for its end."""

    owner: str
    until: float


@dataclass(slots=True)
class Allowance:
    """The calls of one organisation as they are known at `now` (seconds, by the clock of whoever keeps them).

    A call counts for the minute from its *answer* on: Xero counted it no later than that, so clocks need not agree.
    """

    limits: Limits
    now: float = 0.0
    counted: list[float] = field(default_factory=list)
    flying: dict[str, Flight] = field(default_factory=dict)
    ended: int = 0
    refused: int = 0
    day_left: int = 0
    day_told_at: float | None = None
    closed_until: float = 0.0
    closed_by: str = ""

    def at(self, now: float) -> Self:
        """Move on to `now`: what has run out is forgotten, and a day that nobody spoke of begins anew.

        The first move begins a day. A clock that was set back makes nobody wait for longer than a minute.
        """
        self.now = now
        self.counted = [min(moment, now) for moment in self.counted if moment > now - self.limits.window]
        self.flying = {slot: flight for slot, flight in self.flying.items() if flight.until > now}
        if self.day_told_at is None or now - self.day_told_at >= _DAY:
            self.day_left, self.day_told_at = self.limits.per_day, now
        return self

    def obstacle(self, keep_back: int = 0) -> Obstacle:
        """What keeps the next call back. keep_back: the day's calls that this caller must leave to others."""
        if self.closed_until > self.now:
            return Obstacle(self.closed_by, self.closed_until - self.now, is_told=True)
        if self.day_left <= keep_back and (wait := self._day_opens_in()) > 0:
            return Obstacle("day" if self.day_left <= 0 else "reserve", wait, is_told=True)
        if len(self.flying) >= self.limits.concurrent:
            return Obstacle("concurrent", _BRIEFLY, is_told=False)
        if len(self.counted) + len(self.flying) < self.limits.per_minute:
            return NOTHING
        wait = self.counted[0] + self.limits.window - self.now if self.counted else _LOOK_AGAIN
        return Obstacle("minute", wait, is_told=False)

    def _day_opens_in(self) -> float:
        """Nobody says when the day begins anew, so one call an hour asks."""
        return (self.day_told_at or 0.0) + _PROBE_AFTER - self.now

    def take(self, slot: str, owner: str, keep_back: int = 0) -> int:
        """Let a call set out; the number of calls that had ended before it."""
        if self.day_left <= keep_back:
            self.day_told_at = self.now
        self.flying[slot] = Flight(owner, self.now + SLOT_LEASE)
        self.day_left -= 1
        return self.ended

    def end(self, slot: str, ended_before: int, headers: Mapping[str, str] | None, status: int = 0) -> None:
        """A call is over. headers: of its answer, names in lower case; None when the answer was lost, and it counts as well.

        Xero's own count is believed: others may use the same limits, and its minute may start anew before ours.
        """
        if headers is not None:
            self._correct(headers, unseen=len(self.flying) - 1 + self.ended - ended_before)
            if status == _TOO_MANY_REQUESTS:
                self._refuse(headers)
        self.flying.pop(slot, None)
        self.ended += 1
        self.counted.append(self.now)

    def drop(self, is_gone: Callable[[str], bool]) -> None:
        """Free the slots of processes that are gone. Their calls may have reached Xero, so they count."""
        for slot in [slot for slot, flight in self.flying.items() if is_gone(flight.owner)]:
            self.end(slot, self.ended, None)

    def _correct(self, headers: Mapping[str, str], unseen: int) -> None:
        """unseen: calls in flight, and those that ended since this one set out: Xero's count may leave them out."""
        if (left := _whole(headers.get("x-daylimit-remaining"))) is not None:
            self.day_left, self.day_told_at = left - unseen, self.now
        if (left := _whole(headers.get("x-minlimit-remaining"))) is not None:
            self._correct_minute(self.limits.per_minute - left, unseen)

    def _correct_minute(self, counted_there: int, unseen: int) -> None:
        """Add what others used; drop what Xero has forgotten, but one: its count may leave out the call it answers."""
        flying = len(self.flying)
        by_others = counted_there - len(self.counted) - flying
        self.counted.extend([self.now] * by_others)
        surplus = len(self.counted) + flying - (counted_there + unseen) - _ITSELF
        del self.counted[: max(0, surplus)]

    def _refuse(self, headers: Mapping[str, str]) -> None:
        """A 429: nobody calls before `Retry-After` has passed; then one call goes ahead and its answer tells of the rest."""
        limit = headers.get("x-rate-limit-problem", "").strip().lower() or "minute"
        told = _whole(headers.get("retry-after"))
        wait = float(told) if told is not None else _DEFAULT_RETRY.get(limit.replace("-", ""), MINUTE)
        self.refused += 1
        self.closed_until = max(self.closed_until, self.now + max(wait, 0.1))
        self.closed_by = limit
        if limit == "day":
            # When the gate opens, the first call asks; were nothing left now, it would wait an hour more.
            self.day_told_at = self.closed_until - _PROBE_AFTER
        elif self.counted:
            self.counted[0] = min(self.counted[0], self.closed_until - self.limits.window)

    @property
    def minute_left(self) -> int:
        """Calls that may still go out within this minute."""
        return max(0, self.limits.per_minute - len(self.counted) - len(self.flying))

    @property
    def closed_for(self) -> float:
        """Seconds until calls may go out again after a 429; 0 when they may now."""
        return max(0.0, self.closed_until - self.now)

    def spare(self) -> int:
        """Calls that may be spent on what is nice to have: what is left now, less a reserve for what must be done."""
        if self.closed_for:
            return 0
        return max(0, min(self.minute_left - MINUTE_RESERVE, self.day_left - self.limits.kept_back))

    def to_json(self) -> str:
        """As a store keeps it; the limits are the caller's."""
        return json.dumps(
            {
                "counted": [round(moment, 3) for moment in self.counted],
                "flying": {slot: [flight.owner, flight.until] for slot, flight in self.flying.items()},
                "ended": self.ended,
                "refused": self.refused,
                "day_left": self.day_left,
                "day_told_at": self.day_told_at,
                "closed_until": self.closed_until,
                "closed_by": self.closed_by,
            }
        )

    @classmethod
    def from_json(cls, text: str, limits: Limits) -> Self:
        """What `to_json` gave."""
        kept: dict[str, Any] = json.loads(text)
        flying = {slot: Flight(owner, until) for slot, (owner, until) in kept.pop("flying").items()}
        return cls(limits, flying=flying, **kept)


_LONGEST_COUNT = 10


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and value.strip().isdecimal() and len(value) < _LONGEST_COUNT else None
