"""No change is missed, not even when the account's clocks are put back or forward."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.platforms.servicem8.changes import changes, last_stamp, window_start
from milepost.platforms.servicem8.query import Row

NOW = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)
ZONES = ["Pacific/Auckland", "Australia/Sydney", "Australia/Lord_Howe", "Europe/London", "America/New_York"]


def stamp(moment: datetime, zone: str) -> str:
    """As ServiceM8 writes it: the wall clock, without a zone."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def cursor(text: str | None) -> str:
    return json.dumps({"edit_date": text})


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Pacific/Auckland", "2026-04-04T13:50:00Z", "2026-04-04T14:10:00Z"),  # 02:50 NZDT, then 02:10 NZST
        ("Pacific/Auckland", "2026-09-26T13:59:59Z", "2026-09-26T14:00:00Z"),  # 01:59:59 NZST, then 03:00 NZDT
        ("Australia/Sydney", "2026-04-04T15:59:00Z", "2026-04-04T16:01:00Z"),  # 02:59 AEDT, then 02:01 AEST
        ("Australia/Sydney", "2026-10-03T15:59:59Z", "2026-10-03T16:00:00Z"),  # 01:59:59 AEST, then 03:00 AEDT
    ],
)
def test_a_change_after_the_clocks_were_changed_lies_in_the_window(zone: str, before: str, after: str) -> None:
    earlier, later = (stamp(datetime.fromisoformat(moment), zone) for moment in (before, after))
    start = window_start(cursor(earlier), None, ZoneInfo(zone))
    assert start is not None
    assert later > start
    since = window_start(None, datetime.fromisoformat(before), ZoneInfo(zone))
    assert since is not None
    assert later > since


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(), timedelta(days=400)),
    st.sampled_from(ZONES),
)
def test_whatever_comes_later_lies_in_the_window_in_every_zone(first: datetime, gap: timedelta, zone: str) -> None:
    start = window_start(cursor(stamp(first, zone)), None, ZoneInfo(zone))
    assert start is not None
    assert stamp(first + gap, zone) > start


def test_the_cursor_wins_over_since_and_nothing_asks_for_everything() -> None:
    zone, since = ZoneInfo("UTC"), datetime(2020, 1, 1, tzinfo=UTC)
    assert window_start(cursor("2026-11-19 10:00:00"), since, zone) == "2026-11-18 10:00:00"
    assert window_start(None, since, zone) == "2019-12-31 00:00:00"
    assert window_start(cursor(None), since, zone) == "2019-12-31 00:00:00"
    assert window_start(None, None, zone) is None


@pytest.mark.parametrize("broken", ["", "not json", "[]", "{}", '{"edit_date": 5}', '{"edit_date": "18/11/2026"}'])
def test_a_cursor_that_is_not_ours_lists_everything_anew(broken: str) -> None:
    assert last_stamp(broken) is None


def test_a_job_is_marked_with_the_newest_stamp_of_itself_and_its_lines() -> None:
    jobs = [
        {"uuid": "a", "edit_date": "2026-11-18 10:00:00"},
        {"uuid": "b", "edit_date": "2026-11-18 12:00:00"},
    ]
    lines = [
        {"job_uuid": "a", "edit_date": "2026-11-18 13:00:00"},
        {"job_uuid": "a", "edit_date": "2026-11-18 09:00:00"},
        {"job_uuid": "c", "edit_date": "2026-11-18 11:00:00"},
        {"job_uuid": "", "edit_date": "2026-11-18 14:00:00"},
    ]
    found = changes(jobs, lines, None, NOW)
    assert [(ref.id, ref.marker[11:16]) for ref in found.refs] == [("c", "11:00"), ("b", "12:00"), ("a", "13:00")]
    assert found.cursor == cursor("2026-11-18 13:00:00")


@pytest.mark.parametrize(
    ("edited", "held", "kept"),
    [
        ("2026-11-18 10:00:00", "2026-11-18 12:00:00", "2026-11-18 12:00:00"),
        ("2026-11-18 12:00:00", "2026-11-18 10:00:00", "2026-11-18 12:00:00"),
        ("0000-00-00 00:00:00", "2026-11-18 10:00:00", "2026-11-18 10:00:00"),
        ("soon", "2026-11-18 10:00:00", "2026-11-18 10:00:00"),
        (None, "2026-11-18 10:00:00", "2026-11-18 10:00:00"),
        ("2026-13-45 99:00:00", "2026-11-18 10:00:00", "2026-11-18 10:00:00"),
        ("2999-01-01 00:00:00", "2026-11-18 10:00:00", "2026-11-20 09:00:00"),
        ("1900-01-01 00:00:00", "2999-01-01 00:00:00", "2026-11-20 09:00:00"),
    ],
)
def test_the_cursor_never_moves_back_nor_to_what_is_no_time(edited: str | None, held: str, kept: str) -> None:
    found = changes([{"uuid": "a", "edit_date": edited}], [], cursor(held), NOW)
    assert found.cursor == cursor(kept)
    assert [ref.id for ref in found.refs] == ["a"]


def test_nothing_found_at_first_leaves_a_cursor_without_a_time() -> None:
    assert last_stamp(changes([], [], None, NOW).cursor) is None


STAMPED = {"uuid": "a", "edit_date": "2026-11-18 10:00:00", "active": 1}
OLDER = {"job_uuid": "a", "edit_date": "2026-11-17 10:00:00", "price": "1.00"}


@pytest.mark.parametrize(
    ("rows", "lines", "same"),
    [
        ([STAMPED], [OLDER], True),
        ([STAMPED], [], True),
        ([{**STAMPED, "active": 0}], [OLDER], False),
        ([STAMPED], [{**OLDER, "edit_date": STAMPED["edit_date"]}], False),
    ],
    ids=["nothing", "an older line left the overlap", "again within the second", "a line within the second"],
)
def test_a_marker_changes_with_what_is_read_at_the_newest_second(rows: list[Row], lines: list[Row], same: bool) -> None:
    first = changes([STAMPED], [OLDER], None, NOW).refs
    assert (changes(rows, lines, None, NOW).refs == first) is same
