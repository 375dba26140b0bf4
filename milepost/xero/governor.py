"""The governor: every call to one organisation passes here, so that Xero's limits are respected, not discovered.

The counts are kept by a BudgetStore, which all processes of an installation share (`milepost.ledger.budgets`). The
arithmetic is in `allowance`, the waiting is here.
"""

import asyncio
import logging
import math
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import uuid4
from weakref import WeakKeyDictionary

from milepost.connection import XeroSettings
from milepost.errors import MilepostError, RateLimited
from milepost.xero.allowance import Allowance, Limits, Obstacle
from milepost.xero.refusals import SYSTEM

logger = logging.getLogger(__name__)

_HEADROOM = 0.001
_LOOK_AGAIN = 1.0
_JITTER_MS = 50
_WHY = {
    "reserve": "the day's calls on this organisation are used up but for those kept back for people",
    "busy": "the ledger, which counts the calls on this organisation, is busy",
}


class BudgetsBusy(MilepostError):
    """The counts cannot be read or written now, because others hold them; later they can."""


class BudgetStore(Protocol):
    """Where an organisation's counts are kept. A store serves one organisation; no turn is ever held while waiting."""

    @property
    def owner(self) -> str:
        """Who takes slots here, in words that outlive the process."""

    def now(self) -> float:
        """The moment, in seconds, by the clock that the counts go by."""

    async def look(self, limits: Limits, /) -> Allowance:
        """The counts as they are now, to be looked at only."""

    def turn(self, limits: Limits, /) -> AbstractAsyncContextManager[Allowance]:
        """The counts as they are now, for one caller at a time; what it changes is kept. Raises BudgetsBusy."""


class MemoryBudgets:
    """Counts that only this process knows: for what has no ledger."""

    owner = ""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = clock
        self._kept: Allowance | None = None

    async def look(self, limits: Limits) -> Allowance:
        """The counts as they are now."""
        if self._kept is None:
            self._kept = Allowance(limits)
        return self._kept.at(self.now())

    @asynccontextmanager
    async def turn(self, limits: Limits) -> AsyncIterator[Allowance]:
        """The counts; nothing else runs between a turn's beginning and its end, which hold no await."""
        yield await self.look(limits)


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


class Slot:
    """One call's place. Tell it the answer by `saw`; a call whose answer is lost counts all the same."""

    def __init__(self, ended_before: int, slot_id: str) -> None:
        self.id = slot_id
        self.ended_before = ended_before
        self.headers: Mapping[str, str] | None = None
        self.status = 0

    def saw(self, headers: Mapping[str, str], status: int) -> None:
        """What Xero answered; it corrects the counts when the slot is given back. Header names in lower case."""
        self.headers, self.status = headers, status


@dataclass(frozen=True, slots=True)
class _Here:
    """What the calls of one event loop wait at: as many places as Xero allows at once, and a gate passed one by one."""

    places: asyncio.Semaphore
    gate: asyncio.Lock


class Governor:
    """Lets calls through at Xero's pace.

    Waiting at the gate never takes longer than `max_wait`; what would is handed back as RateLimited.
    for_person: may use the day's last calls, which scheduled runs leave to people.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        store: BudgetStore | None = None,
        *,
        for_person: bool = True,
        max_wait: timedelta = timedelta(seconds=65),
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.limits = limits or Limits()
        self._store = store or MemoryBudgets()
        self._keep_back = 0 if for_person else self.limits.kept_back
        self._max_wait = max_wait.total_seconds()
        self._sleep = sleep
        self._here: WeakKeyDictionary[asyncio.AbstractEventLoop, _Here] = WeakKeyDictionary()
        self._seen = Allowance(self.limits).at(self._store.now())

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """A place for one call. Raises RateLimited, with nothing sent, when the gate stays shut for longer than max_wait."""
        until = self._store.now() + self._max_wait
        here = self._waiting_here()
        async with here.places:
            async with here.gate:
                slot = await self._pass_gate(until)
            try:
                yield slot
            finally:
                # Shielded: a run that is cancelled gives its places back all the same.
                await asyncio.shield(self._give_back(slot))

    def spare(self) -> int:
        """Calls that may be spent on what is nice to have, as last seen."""
        return self._as_seen().spare()

    def budget(self) -> Budget:
        """The numbers as last seen."""
        seen = self._as_seen()
        return Budget(
            per_minute=self.limits.per_minute,
            minute_left=seen.minute_left,
            per_day=self.limits.per_day,
            day_left=max(0, seen.day_left),
            in_flight=len(seen.flying),
            closed_for=seen.closed_for,
            calls=seen.ended,
            refused=seen.refused,
        )

    def opens_in(self) -> timedelta:
        """How long until the next call may go out, as last seen."""
        return timedelta(seconds=max(1.0, self._as_seen().obstacle(self._keep_back).seconds))

    async def look(self) -> None:
        """See the counts as they are, so that `spare` knows what other processes have used."""
        self._seen = await self._store.look(self.limits)

    async def _pass_gate(self, until: float) -> Slot:
        """Wait for the gate, and count this call as in flight in the same breath as it is found open.

        An answer to another call, here or elsewhere, may open it sooner than foreseen, so it is looked at every second.
        """
        taken, obstacle = await self._try()
        while taken is None:
            patience = until - self._store.now()
            if patience <= 0 or (obstacle.is_told and obstacle.seconds > patience):
                raise _limited(obstacle)
            logger.debug("xero: waiting for the %s limit, %.1f s more", obstacle.limit, obstacle.seconds)
            jitter = secrets.randbelow(_JITTER_MS) / 1000
            await self._sleep(min(obstacle.seconds + _HEADROOM, patience, _LOOK_AGAIN) + jitter)
            await self.look()
            obstacle = self._seen.obstacle(self._keep_back)
            if obstacle.seconds <= 0:
                taken, obstacle = await self._try()
        return taken

    async def _try(self) -> tuple[Slot | None, Obstacle]:
        """A slot, where the gate is open; else what keeps it shut."""
        try:
            async with self._store.turn(self.limits) as allowance:
                self._seen = allowance
                obstacle = allowance.obstacle(self._keep_back)
                if obstacle.seconds > 0:
                    return None, obstacle
                slot_id = uuid4().hex[:12]
                return Slot(allowance.take(slot_id, self._store.owner, self._keep_back), slot_id), obstacle
        except BudgetsBusy:
            return None, Obstacle("busy", _LOOK_AGAIN, is_told=False)

    async def _give_back(self, slot: Slot) -> None:
        try:
            async with self._store.turn(self.limits) as allowance:
                self._seen = allowance
                refused = allowance.refused
                allowance.end(slot.id, slot.ended_before, slot.headers, slot.status)
        except BudgetsBusy:
            logger.warning("xero: a call's end could not be noted; its place is free again in two minutes")
            return
        if self._seen.refused > refused:
            logger.warning("xero: the %s limit was hit; no calls for %.0f s", self._seen.closed_by, self._seen.closed_for)

    def _as_seen(self) -> Allowance:
        return self._seen.at(self._store.now())

    def _waiting_here(self) -> _Here:
        """The places of the running event loop: a semaphore cannot outlive its loop, the counts can."""
        loop = asyncio.get_running_loop()
        if loop not in self._here:
            self._here[loop] = _Here(asyncio.Semaphore(self.limits.concurrent), asyncio.Lock())
        return self._here[loop]


def _limited(obstacle: Obstacle) -> RateLimited:
    wait = timedelta(seconds=math.ceil(obstacle.seconds))
    why = _WHY.get(obstacle.limit) or f"the {obstacle.limit} limit of calls on this organisation is reached"
    fix = f"Nothing was sent; it goes on by itself in {wait}."
    return RateLimited(SYSTEM, "a call", why, permanent=False, fix=fix, retry_after=wait)


def governor_for(settings: XeroSettings, store: BudgetStore | None = None, *, for_person: bool = True) -> Governor:
    """The governor of one organisation, whose counts are in `store`."""
    return Governor(Limits(per_day=settings.day_limit), store, for_person=for_person)
