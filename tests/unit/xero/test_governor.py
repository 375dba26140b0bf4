"""The governor against a model of Xero's limits on a clock of the test's own: full speed, and never a 429 of our making."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.errors import RateLimited
from milepost.xero.allowance import Limits
from milepost.xero.governor import Governor, MemoryBudgets

MINUTE = 60.0
Headers = Mapping[str, str]


class Clock:
    """Time that passes only when somebody sleeps: the earliest sleeper wakes first."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self.slept: list[float] = []
        self._count = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Sleep on this clock, noted as the governor's."""
        self.slept.append(seconds)
        await self.passing(seconds)

    async def passing(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._count += 1
        self._sleepers.append((self.now + seconds, self._count, woken))
        await woken.wait()

    async def run(self, *coroutines: Any) -> list[Any]:
        """Run to the end, moving time on whenever everybody sleeps."""
        running = asyncio.gather(*coroutines, return_exceptions=True)
        while not running.done():
            for _ in range(30):
                await asyncio.sleep(0)
            if self._sleepers and not running.done():
                self._sleepers.sort(key=lambda sleeper: sleeper[:2])
                at, _, woken = self._sleepers.pop(0)
                self.now = max(self.now, at)
                woken.set()
        return list(running.result())


class Xero:
    """A sliding minute, a day's allowance and five at once, as Xero counts them when a call arrives."""

    def __init__(self, clock: Clock, *, minute: int = 60, day: int = 5000, travel: float = 0.05, work: float = 0.1) -> None:
        self.clock, self.minute, self.day, self.travel, self.work = clock, minute, day, travel, work
        self.counted: list[float] = []
        self.in_progress = 0
        self.most_at_once = 0
        self.refused = 0
        self.served = 0

    async def call(self, governor: Governor) -> None:
        async with governor.slot() as slot:
            await self.clock.passing(self.travel)
            status, headers = await self.serve()
            await self.clock.passing(self.travel)
            slot.saw(headers, status)

    async def serve(self) -> tuple[int, dict[str, str]]:
        self.in_progress += 1
        self.most_at_once = max(self.most_at_once, self.in_progress)
        try:
            self.counted = [at for at in self.counted if at > self.clock.now - MINUTE]
            if len(self.counted) >= self.minute:
                self.refused += 1
                wait = int(self.counted[0] + MINUTE - self.clock.now) + 1
                return 429, {**self._left(), "x-rate-limit-problem": "minute", "retry-after": str(wait)}
            self.counted.append(self.clock.now)
            self.served += 1
            self.day -= 1
            headers = self._left()
            await self.clock.passing(self.work)
            return 200, headers
        finally:
            self.in_progress -= 1

    def _left(self) -> dict[str, str]:
        return {"x-minlimit-remaining": str(self.minute - len(self.counted)), "x-daylimit-remaining": str(self.day)}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def governor(clock: Clock) -> Governor:
    return Governor(store=MemoryBudgets(clock), sleep=clock.sleep)


async def test_sixty_calls_go_out_in_the_first_minute_without_waiting(clock: Clock, governor: Governor) -> None:
    xero = Xero(clock)
    await clock.run(*(xero.call(governor) for _ in range(60)))
    assert (xero.served, xero.refused, xero.most_at_once) == (60, 0, 5)
    assert clock.now < 1000 + MINUTE
    assert clock.slept == []


async def test_the_sixty_first_call_waits_for_the_window_and_is_not_refused(clock: Clock, governor: Governor) -> None:
    xero = Xero(clock)
    outcomes = await clock.run(*(xero.call(governor) for _ in range(65)))
    assert outcomes == [None] * 65
    assert xero.refused == 0
    assert clock.now > 1000 + MINUTE


@settings(max_examples=40, deadline=None)
@given(
    travel=st.floats(0, 2),
    work=st.floats(0, 8),
    calls=st.integers(1, 90),
    others=st.integers(0, 20),
)
async def test_no_call_is_refused_whatever_the_delays(travel: float, work: float, calls: int, others: int) -> None:
    clock = Clock()
    governor = Governor(store=MemoryBudgets(clock), sleep=clock.sleep)
    xero = Xero(clock, travel=travel, work=work)
    xero.counted = [clock.now] * others
    await clock.run(xero.call(governor))
    await clock.run(*(xero.call(governor) for _ in range(calls)))
    assert xero.refused == 0
    assert xero.most_at_once <= 5


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 3), min_size=1, max_size=70))
async def test_answers_out_of_order_do_not_open_the_gate_too_wide(works: list[float]) -> None:
    clock = Clock()
    governor = Governor(store=MemoryBudgets(clock), sleep=clock.sleep)
    xero = Xero(clock)

    async def call(work: float) -> None:
        async with governor.slot() as slot:
            status, headers = await xero.serve()
            await clock.passing(work)
            slot.saw(headers, status)

    await clock.run(*(call(work) for work in works))
    assert xero.refused == 0


async def test_what_other_processes_use_is_learnt_from_the_headers(clock: Clock, governor: Governor) -> None:
    async with governor.slot() as slot:
        slot.saw({"x-minlimit-remaining": "7", "x-daylimit-remaining": "4000"}, 200)
    budget = governor.budget()
    assert (budget.minute_left, budget.day_left) == (7, 4000)


async def test_a_minute_that_began_anew_at_xero_is_believed_but_for_one_call(clock: Clock, governor: Governor) -> None:
    for _ in range(50):
        async with governor.slot():
            pass
    async with governor.slot() as slot:
        slot.saw({"x-minlimit-remaining": "59"}, 200)
    assert governor.budget().minute_left == 58


async def test_a_429_for_the_minute_stops_everybody_until_retry_after_and_then_goes_on(
    clock: Clock, governor: Governor
) -> None:
    async with governor.slot() as slot:
        slot.saw({"x-rate-limit-problem": "minute", "retry-after": "12", "x-minlimit-remaining": "0"}, 429)
    assert governor.budget().closed_for == pytest.approx(12)
    started = clock.now
    xero = Xero(clock)
    outcomes = await clock.run(*(xero.call(governor) for _ in range(20)))
    assert outcomes == [None] * 20
    assert 12 <= clock.now - started < 30
    assert governor.budget().refused == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-rate-limit-problem": "day", "retry-after": "67000"}, 67000),
        ({"x-rate-limit-problem": "minute", "retry-after": "66"}, 66),
        ({"x-rate-limit-problem": "day"}, 3600),
        ({"X-Unknown": "1", "retry-after": "900"}, 900),
    ],
)
async def test_a_long_wait_is_handed_back_not_slept_through(
    clock: Clock, governor: Governor, headers: Headers, seconds: int
) -> None:
    async with governor.slot() as slot:
        slot.saw(headers, 429)
    with pytest.raises(RateLimited) as caught:
        async with governor.slot():
            pytest.fail("the gate let a call through")
    assert caught.value.retry_after == timedelta(seconds=seconds)
    assert not caught.value.permanent
    assert clock.slept == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-rate-limit-problem": "concurrent"}, 1),
        ({"x-rate-limit-problem": "appminute"}, 60),
        ({"x-rate-limit-problem": "Minute"}, 60),
        ({}, 60),
        ({"retry-after": "Fri, 20 Nov 2026 22:00:00 GMT"}, 60),
    ],
)
async def test_a_429_without_a_usable_retry_after_has_a_sensible_wait(
    governor: Governor, headers: Headers, seconds: int
) -> None:
    async with governor.slot() as slot:
        slot.saw(headers, 429)
    assert governor.budget().closed_for == pytest.approx(seconds)


async def test_nobody_waits_longer_than_max_wait(clock: Clock) -> None:
    governor = Governor(Limits(per_minute=2), MemoryBudgets(clock), max_wait=timedelta(seconds=65), sleep=clock.sleep)
    xero = Xero(clock, minute=2)
    started = clock.now
    outcomes = await clock.run(*(xero.call(governor) for _ in range(9)))
    limited = [outcome for outcome in outcomes if outcome is not None]
    assert xero.served == 4
    assert len(limited) == 5
    assert all(isinstance(outcome, RateLimited) and outcome.retry_after for outcome in limited)
    assert clock.now - started < 66


async def test_the_days_allowance_used_up_is_asked_for_once_an_hour(clock: Clock, governor: Governor) -> None:
    async with governor.slot() as slot:
        slot.saw({"x-daylimit-remaining": "0"}, 200)
    with pytest.raises(RateLimited, match="day limit"):
        async with governor.slot():
            pytest.fail("the gate let a call through")
    clock.now += 3601
    async with governor.slot() as slot:
        with pytest.raises(RateLimited):
            async with governor.slot():
                pytest.fail("a second call asked too")
        slot.saw({"x-daylimit-remaining": "4999"}, 200)
    assert governor.budget().day_left == 4999


async def test_a_day_429_that_is_over_lets_calls_through_again(clock: Clock, governor: Governor) -> None:
    async with governor.slot() as slot:
        slot.saw({"x-rate-limit-problem": "day", "retry-after": "100", "x-daylimit-remaining": "0"}, 429)
    clock.now += 101
    async with governor.slot() as slot:
        slot.saw({"x-daylimit-remaining": "4999", "x-minlimit-remaining": "59"}, 200)
    async with governor.slot():
        assert governor.budget().day_left == 4998


async def test_a_call_whose_answer_was_lost_still_counts(governor: Governor) -> None:
    with pytest.raises(ConnectionError):
        async with governor.slot():
            raise ConnectionError
    budget = governor.budget()
    assert (budget.minute_left, budget.in_flight, budget.calls) == (59, 0, 1)


async def test_spare_calls_keep_a_reserve_of_the_minute_and_of_the_day(clock: Clock, governor: Governor) -> None:
    assert governor.spare() == 40
    async with governor.slot() as slot:
        slot.saw({"x-minlimit-remaining": "25", "x-daylimit-remaining": "4000"}, 200)
    assert governor.spare() == 5
    async with governor.slot() as slot:
        slot.saw({"x-minlimit-remaining": "24", "x-daylimit-remaining": "501"}, 200)
    assert governor.spare() == 1
    async with governor.slot() as slot:
        slot.saw({"x-minlimit-remaining": "23", "x-daylimit-remaining": "3"}, 200)
    assert governor.spare() == 0


async def test_nothing_is_spare_while_the_gate_is_closed(governor: Governor) -> None:
    async with governor.slot() as slot:
        slot.saw({"retry-after": "5"}, 429)
    assert governor.spare() == 0


def test_a_governor_serves_one_event_loop_after_another() -> None:
    """Each command of the CLI and each flow has a loop of its own, and they share one allowance."""
    governor = Governor(Limits(concurrent=1))

    async def two_calls() -> None:
        async def call() -> None:
            async with governor.slot():
                await asyncio.sleep(0)

        await asyncio.gather(call(), call())

    for _ in range(2):
        with asyncio.Runner() as runner:
            runner.run(two_calls())
    assert governor.budget().calls == 4
