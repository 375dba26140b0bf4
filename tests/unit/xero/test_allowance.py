"""The arithmetic of an organisation's limits, without a clock: what is kept, what is renewed, what is left to people."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.xero.allowance import SLOT_LEASE, Allowance, Limits

NOW = 1_000_000.0
HOUR, DAY = 3600.0, 86_400.0
moments = st.floats(NOW, NOW + 2 * DAY).map(lambda at: round(at, 3))


@pytest.fixture
def allowance() -> Allowance:
    return Allowance(Limits(per_day=1000)).at(NOW)


def told(allowance: Allowance, day_left: int) -> None:
    """A call is made, and its answer says so many are left."""
    allowance.end("a", allowance.take("a", "me"), {"x-daylimit-remaining": str(day_left)}, 200)


@settings(max_examples=30)
@given(
    counted=st.lists(moments, max_size=60).map(sorted),
    flying=st.dictionaries(st.text("abc", min_size=1), st.text(max_size=9), max_size=5),
    day_left=st.integers(-5, 5000),
    told_at=st.none() | moments,
    closed=moments,
)
def test_a_store_gives_back_what_it_was_given(
    counted: list[float], flying: dict[str, str], day_left: int, told_at: float | None, closed: float
) -> None:
    kept = Allowance(Limits(), counted=counted, day_left=day_left, day_told_at=told_at, closed_until=closed, closed_by="day")
    for slot, owner in flying.items():
        kept.take(slot, owner)
    assert Allowance.from_json(kept.to_json(), Limits()) == kept


def test_a_day_nobody_spoke_of_for_a_day_begins_anew(allowance: Allowance) -> None:
    told(allowance, 7)
    assert allowance.at(NOW + DAY - 1).day_left == 7
    assert allowance.at(NOW + DAY).day_left == 1000


@pytest.mark.parametrize(("left", "scheduled", "person"), [(101, "", ""), (100, "reserve", ""), (0, "day", "day")])
def test_scheduled_runs_stop_at_the_reserve_and_people_at_the_end(
    allowance: Allowance, left: int, scheduled: str, person: str
) -> None:
    told(allowance, left)
    keep_back = allowance.limits.kept_back
    assert (allowance.obstacle(keep_back).limit, allowance.obstacle().limit) == (scheduled, person)


def test_a_scheduled_run_asks_once_an_hour_whether_the_day_has_begun_anew(allowance: Allowance) -> None:
    told(allowance, 50)
    keep_back = allowance.limits.kept_back
    assert allowance.obstacle(keep_back).seconds == HOUR
    allowance.at(NOW + HOUR)
    assert allowance.obstacle(keep_back).seconds == 0
    allowance.take("asks", "me", keep_back)
    assert allowance.obstacle(keep_back).seconds == HOUR
    allowance.end("asks", 1, {"x-daylimit-remaining": "999"}, 200)
    assert allowance.obstacle(keep_back).seconds == 0


def test_a_clock_that_was_set_back_locks_nobody_out(allowance: Allowance) -> None:
    for number in range(60):
        allowance.end(str(number), allowance.take(str(number), "me"), None)
    allowance.at(NOW - DAY)
    assert allowance.obstacle().seconds == 60
    assert allowance.at(NOW - DAY + 60).obstacle().seconds == 0


def test_a_slot_runs_out_once_its_call_cannot_count_any_more(allowance: Allowance) -> None:
    allowance.take("lost", "me")
    assert len(allowance.at(NOW + SLOT_LEASE - 1).flying) == 1
    assert allowance.at(NOW + SLOT_LEASE).flying == {}
    assert allowance.minute_left == 60


def test_a_call_that_ends_after_its_slot_ran_out_is_counted_all_the_same(allowance: Allowance) -> None:
    ended_before = allowance.take("slow", "me")
    allowance.at(NOW + SLOT_LEASE).end("slow", ended_before, {"x-minlimit-remaining": "59"}, 200)
    assert (allowance.ended, len(allowance.flying), allowance.minute_left) == (1, 0, 58)
