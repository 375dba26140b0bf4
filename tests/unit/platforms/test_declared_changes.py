"""Which jobs changed: by a filter, by stopping at a watermark, or by markers; nothing is missed at an edge."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.errors import RemoteError
from milepost.platforms.convert import as_moment
from milepost.platforms.declared.changes import floor_of, written
from milepost.platforms.declared.parts import zone_info
from milepost.platforms.declared.platform import DeclaredPlatform
from milepost.platforms.declared.requests import Since
from milepost.platforms.declared.settings import DeclaredSettings
from tests.unit.platforms.loopback import Heard, Server, says_json, serving

NOON = datetime(2026, 7, 31, 12, tzinfo=UTC)
HEAD = """\
name: Yard
base_url: http://yard.example
auth: {kind: none}
job: {status: state, stage: {value: completed}}
jobs:
"""


def row(number: int, minutes: float) -> dict[str, Any]:
    return {"id": number, "state": "done", "changed": (NOON + timedelta(minutes=minutes)).isoformat()}


@asynccontextmanager
async def yard(
    folder: Path, jobs: str, rows: Sequence[dict[str, Any]], per_page: int = 2
) -> AsyncIterator[tuple[DeclaredPlatform, Server]]:
    """A system whose list has these rows, in pages, and answers single jobs too."""

    def reply(heard: Heard) -> Any:
        if heard.path != "/jobs":
            return says_json(next(one for one in rows if heard.path == f"/jobs/{one['id']}"))
        start = (int(heard.query.get("page", "1")) - 1) * per_page
        return says_json(list(rows[start : start + per_page]))

    (folder / "yard.yaml").write_text(HEAD + jobs)
    async with serving(reply=reply) as server:
        settings = DeclaredSettings(file=folder / "yard.yaml", base_url=server.url)
        async with DeclaredPlatform(settings) as platform:
            yield platform, server


SINCE = """\
  list:
    {path: /jobs, complete: true, modified: changed, paging: {style: page},
     changes: {by: since, param: after, format: FORMAT, time_zone: ZONE, overlap: 10m}}
"""


@pytest.mark.parametrize(
    ("form", "zone", "asked"),
    [
        ("iso", "UTC", "2026-07-31T11:50:00Z"),
        ("iso", "Pacific/Auckland", "2026-07-31T23:50:00+12:00"),
        ("epoch", "UTC", "1785498600"),
        ("epoch_ms", "UTC", "1785498600000"),
        ("'%Y-%m-%d %H:%M:%S'", "Australia/Sydney", "2026-07-31 21:50:00"),
    ],
)
async def test_the_moment_is_asked_for_as_the_api_takes_it(tmp_path: Path, form: str, zone: str, asked: str) -> None:
    jobs = SINCE.replace("FORMAT", form).replace("ZONE", zone)
    async with yard(tmp_path, jobs, [row(1, 5)]) as (platform, server):
        changes = await platform.list_changed(json.dumps({"since": NOON.isoformat()}))
    assert server.heard[0].query["after"] == asked
    assert [ref.id for ref in changes.refs] == ["1"]
    assert json.loads(changes.cursor) == {"since": "2026-07-31T12:05:00+00:00"}


@settings(deadline=None)
@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2060, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_is_asked_is_never_later_than_what_is_meant(moment: datetime) -> None:
    for zone in ("Pacific/Auckland", "Europe/London"):
        asked = written(moment, Since(by="since", param="x", time_zone=zone))
        found = as_moment(asked, zone_info(zone))
        assert found is not None
        assert moment - timedelta(seconds=1) < found <= moment


async def test_the_first_poll_may_begin_at_a_date_or_with_all(tmp_path: Path) -> None:
    jobs = SINCE.replace("FORMAT", "iso").replace("ZONE", "UTC")
    async with yard(tmp_path, jobs, [row(1, 5)]) as (platform, server):
        await platform.list_changed(None)
        await platform.list_changed(None, since=NOON)
    assert "after" not in server.heard[0].query
    assert server.heard[2].query["after"] == "2026-07-31T11:50:00Z"


async def test_an_empty_list_keeps_the_watermark(tmp_path: Path) -> None:
    jobs = SINCE.replace("FORMAT", "iso").replace("ZONE", "UTC")
    cursor = json.dumps({"since": NOON.isoformat()})
    async with yard(tmp_path, jobs, []) as (platform, _):
        assert (await platform.list_changed(cursor)).cursor == cursor


async def test_a_job_of_the_future_does_not_carry_the_watermark_away(tmp_path: Path) -> None:
    jobs = SINCE.replace("FORMAT", "iso").replace("ZONE", "UTC")
    async with yard(tmp_path, jobs, [row(1, 60 * 24 * 9000)]) as (platform, _):
        changes = await platform.list_changed(None)
    assert datetime.fromisoformat(json.loads(changes.cursor)["since"]) <= datetime.now(UTC)


async def test_a_job_listed_twice_counts_once(tmp_path: Path) -> None:
    jobs = SINCE.replace("FORMAT", "iso").replace("ZONE", "UTC")
    async with yard(tmp_path, jobs, [row(1, 0), row(2, 1), row(1, 2)]) as (platform, _):
        changes = await platform.list_changed(None)
    assert sorted((ref.id, ref.marker[11:16]) for ref in changes.refs) == [("1", "12:02"), ("2", "12:01")]


NEWEST = """\
  list:
    {path: /jobs, modified: changed, paging: {style: page}, changes: {by: newest_first, overlap: 10m}}
  detail: /jobs/{id}
"""


async def test_a_sorted_list_is_read_down_to_the_watermark(tmp_path: Path) -> None:
    rows = [row(n, minutes) for n, minutes in enumerate([30, 20, 5, -5, -20, -30, -40, -50])]
    async with yard(tmp_path, NEWEST, rows) as (platform, server):
        changes = await platform.list_changed(json.dumps({"since": NOON.isoformat()}))
    assert [ref.id for ref in changes.refs] == ["0", "1", "2", "3"]
    assert len(server.heard) == 3
    assert json.loads(changes.cursor)["since"] == "2026-07-31T12:30:00+00:00"


async def test_a_list_that_is_not_newest_first_is_refused(tmp_path: Path) -> None:
    async with yard(tmp_path, NEWEST, [row(1, 0), row(2, 10)]) as (platform, _):
        with pytest.raises(RemoteError, match=r"not newest first.*yard\.yaml:7:"):
            await platform.list_changed(None)


EVERYTHING = "  list: {path: /jobs, complete: true, only: \"state == 'done'\"}\n"


async def test_without_moments_a_changed_row_has_another_marker(tmp_path: Path) -> None:
    rows = [{"id": 1, "state": "done", "n": 1}, {"id": 2, "state": "draft"}]
    async with yard(tmp_path, EVERYTHING, rows) as (platform, _):
        first = await platform.list_changed(None)
        same = await platform.list_changed(first.cursor)
        rows[0]["n"] = 2
        changed = await platform.list_changed(first.cursor)
    assert [ref.id for ref in first.refs] == ["1"], "a draft is left out by 'only'"
    assert same.refs == first.refs
    assert changed.refs != first.refs


@pytest.mark.parametrize(
    ("jobs", "rows", "why"),
    [
        (EVERYTHING, [{"ref": 1, "state": "done"}], "a row has no id at 'id'; its keys are ref, state"),
        (EVERYTHING, [{"id": [1], "state": "done"}], "id: expected text, got a list of 1"),
        (NEWEST, [{"id": 1, "changed": "soon"}], "modified: expected a moment such as .*, got the text 'soon'"),
        ("  list: {path: /jobs, complete: true, only: 'sum(id)'}\n", [{"id": "x"}], "expected array-number for sum"),
    ],
)
async def test_a_row_that_does_not_fit_says_where_to_look(tmp_path: Path, jobs: str, rows: Any, why: str) -> None:
    async with yard(tmp_path, jobs, rows) as (platform, _):
        with pytest.raises(RemoteError, match=why) as caught:
            await platform.list_changed(None)
    assert "yard.yaml:" in caught.value.fix


@pytest.mark.parametrize("cursor", ["", "x", "[]", '{"since": "soon"}', '{"s": 1}', '{"since": 5}'])
def test_a_cursor_that_is_not_ours_is_an_error(cursor: str) -> None:
    with pytest.raises(RemoteError, match="the kept cursor cannot be read"):
        floor_of(cursor, None, "Yard")
