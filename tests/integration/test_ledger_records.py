"""The ledger's smaller tables: connections, charts, jobs, runs, published books, the log."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from milepost.chart import Account, Chart, Organisation
from milepost.errors import ConfigError, UnknownName
from milepost.jobs import Stage
from milepost.ledger import calllog, leases, runs
from milepost.ledger.books import get_version, list_versions, record_version
from milepost.ledger.calllog import LogEntry
from milepost.ledger.charts import get_chart, save_chart
from milepost.ledger.connections import (
    ConnectionStatus,
    get_connection,
    list_connections,
    save_connection,
    set_cursor,
    set_status,
    set_tenant,
)
from milepost.ledger.database import Database
from milepost.ledger.jobs import (
    find_job,
    get_jobs,
    known_markers,
    mark_decided,
    save_jobs,
    save_unread,
    undecided,
    unread,
)
from milepost.ledger.owner import this_process
from milepost.platforms.protocol import JobProblem
from milepost.rules.model import Milestone, Origin, Rule, RuleBook, Then
from tests.ledger_values import NOW, job, minutes

pytest_plugins = ["tests.ledger_fixtures"]
LATER = NOW + minutes(5)
ELSEWHERE = "another-host|boot|pid:[1]|pid:1@1"
GONE = this_process().rpartition("@")[0] + "@1"


async def test_a_connection_is_pending_until_it_is_connected(ledger: Database) -> None:
    async with ledger.write() as c:
        await save_connection(c, "acme", "servicem8", "plumber", NOW, live_from=date(2026, 7, 1))
        row = await get_connection(c, "acme")
        assert (row.status, row.live_from, row.tenant_id) == (ConnectionStatus.PENDING, date(2026, 7, 1), None)
        await set_tenant(c, "acme", "t1", "Acme Plumbing", "x-conn", "tokens-1", LATER)
        await set_status(c, "acme", ConnectionStatus.CONNECTED, "", LATER)
        await set_cursor(c, "acme", "cursor-1", LATER)
        row = await get_connection(c, "acme")
    assert (row.status, row.tenant_name, row.token_set) == (ConnectionStatus.CONNECTED, "Acme Plumbing", "tokens-1")
    assert (row.poll_cursor, row.created_at, row.updated_at) == ("cursor-1", NOW, LATER)


async def test_saving_a_connection_again_keeps_what_it_has_become(ledger: Database) -> None:
    async with ledger.write() as c:
        await save_connection(c, "acme", "servicem8", "plumber", NOW, live_from=date(2026, 7, 1))
        await set_status(c, "acme", ConnectionStatus.TOKEN_EXPIRED, "Xero refused the token.", NOW)
        await set_cursor(c, "acme", "cursor-1", NOW)
        await save_connection(c, "acme", "servicem8", "builder", LATER)
        row = await get_connection(c, "acme")
    assert (row.rule_book, row.status, row.status_why) == ("builder", "token_expired", "Xero refused the token.")
    assert (row.poll_cursor, row.live_from, row.created_at) == ("cursor-1", date(2026, 7, 1), NOW)


@pytest.mark.parametrize(
    ("known", "says"),
    [([], "connection add --from"), (["acme", "bolt"], "Did you mean 'acme'?"), (["zzz", "yyy"], "There are: yyy, zzz.")],
)
async def test_an_unknown_connection_names_the_nearest(ledger: Database, known: list[str], says: str) -> None:
    async with ledger.write() as c:
        for name in known:
            await save_connection(c, name, "csv", "book", NOW)
        with pytest.raises(UnknownName, match=re.escape(says)):
            await get_connection(c, "acne")
        with pytest.raises(UnknownName, match=re.escape(says)):
            await set_cursor(c, "acne", "cursor", NOW)
        assert [row.name for row in await list_connections(c)] == sorted(known)


async def test_a_chart_is_kept_whole_and_replaced(ledger: Database) -> None:
    organisation = Organisation(organisation_id="o1", name="Acme Plumbing", base_currency="NZD")
    account = Account(code="0200", account_id="a1", name="Sales", type="REVENUE")
    async with ledger.write() as c:
        assert await get_chart(c, "t1") is None
        await save_chart(c, "t1", Chart(organisation=organisation), NOW)
        chart = Chart(organisation=organisation, accounts=(account,))
        await save_chart(c, "t1", chart, LATER)
        assert await get_chart(c, "t1") == (chart, LATER)


async def test_a_chart_of_an_older_form_is_as_good_as_none(ledger: Database) -> None:
    async with ledger.write() as c:
        organisation = Organisation(organisation_id="o1", name="Acme Plumbing", base_currency="NZD")
        await save_chart(c, "t1", Chart(organisation=organisation), NOW)
        await c.execute(text("UPDATE charts SET snapshot = :old"), {"old": '{"organization": {}}'})
        assert await get_chart(c, "t1") is None


async def test_jobs_are_kept_with_what_they_were_at(ledger: Database) -> None:
    one, two = job("j1", number="1482"), job("j2")
    async with ledger.write() as c:
        await save_jobs(c, "acme", [one, two], {"j1": "2026-07-14T09:00"}, NOW)
        assert await known_markers(c, "acme", ["j1", "j2", "j3"]) == {"j1": "2026-07-14T09:00", "j2": ""}
        assert await get_jobs(c, "acme", ["j1", "j2", "j3"]) == {"j1": one, "j2": two}
        changed = one.model_copy(update={"title": "New title", "stage": Stage.IN_PROGRESS})
        await save_jobs(c, "acme", [changed], {"j1": "later"}, LATER)
        assert (await get_jobs(c, "acme", ["j1"]))["j1"].title == "New title"
        assert await get_jobs(c, "bolt", ["j1"]) == {}


async def test_a_job_is_found_by_its_id_before_any_by_its_number(ledger: Database) -> None:
    by_id, namesake = job("77", number="A"), job("x", number="77")
    async with ledger.write() as c:
        await save_jobs(c, "acme", [namesake], {}, LATER)
        await save_jobs(c, "acme", [by_id], {}, NOW)
        assert await find_job(c, "acme", "77") == by_id
        assert await find_job(c, "acme", "A") == by_id
        assert await find_job(c, "acme", "x") == namesake
        assert await find_job(c, "acme", "nothing") is None
        assert await find_job(c, "bolt", "77") is None


async def test_of_jobs_with_one_number_the_one_fetched_last_is_found(ledger: Database) -> None:
    async with ledger.write() as c:
        await save_jobs(c, "acme", [job("new", number="1482")], {}, LATER)
        await save_jobs(c, "acme", [job("old", number="1482")], {}, NOW)
        found = await find_job(c, "acme", "1482")
    assert found is not None
    assert found.id == "new"


async def test_a_job_waits_until_a_run_decided_on_it_as_it_is(ledger: Database) -> None:
    one, two = job("j1"), job("j2")
    changed = one.model_copy(update={"title": "Another job entirely"})
    async with ledger.write() as c:
        await save_jobs(c, "acme", [one, two], {}, NOW)
        assert await undecided(c, "acme") == ["j1", "j2"]
        await mark_decided(c, "acme", [one, two])
        assert await undecided(c, "acme") == []
        await save_jobs(c, "acme", [changed, two], {}, LATER)
        assert await undecided(c, "acme") == ["j1"]
        await mark_decided(c, "acme", [one])
        assert await undecided(c, "acme") == ["j1"], "a run decided on it as it was"
        await mark_decided(c, "acme", [changed])
        assert await undecided(c, "acme") == await undecided(c, "bolt") == []


async def test_a_job_that_cannot_be_read_is_tried_again_until_it_can(ledger: Database) -> None:
    def problem(job_id: str) -> JobProblem:
        return JobProblem(job_id, why="Its line 3 has \0 no price.", fix="Give it one.")

    async with ledger.write() as c:
        await save_unread(c, "acme", [problem("later")], LATER)
        await save_unread(c, "acme", [problem("j1"), problem("j2")], NOW)
        await save_unread(c, "acme", [problem("j1")], LATER)
        assert await unread(c, "acme") == ["j1", "j2", "later"]
        await save_jobs(c, "acme", [job("j1")], {}, LATER)
        assert await unread(c, "acme") == ["j2", "later"]
        assert await unread(c, "bolt") == []


async def test_a_run_has_its_counts_once_it_has_ended(ledger: Database) -> None:
    async with ledger.write() as c:
        await runs.start_run(c, "run-1", "acme", "poll", "flow-1", NOW)
        await runs.start_run(c, "run-2", "acme", "person", None, LATER)
        await runs.end_run(c, "run-1", {"invoiced": 38, "held": 3}, LATER)
        latest, first = await runs.recent(c, "acme", 10)
        assert [row.id for row in await runs.recent(c, "acme", 1)] == ["run-2"]
        assert await runs.recent(c, "bolt", 10) == []
    assert (latest.ended_at, latest.counts, latest.flow_run_id) == (None, {}, None)
    assert (first.ended_at, first.counts, first.trigger) == (LATER, {"invoiced": 38, "held": 3}, "poll")


async def test_a_killed_run_is_ended_by_the_next_and_a_living_one_is_left_alone(ledger: Database) -> None:
    async with runs.alive(ledger, "living"), ledger.write() as c:
        await leases.take(c, "run|killed", GONE, timedelta(minutes=2))
        await leases.take(c, "run|unseen", ELSEWHERE, timedelta(minutes=2))
        for run_id in ("living", "killed", "unseen", "long-ago"):
            await runs.start_run(c, run_id, "acme", "poll", None, NOW)
        await runs.start_run(c, "of-another", "bolt", "poll", None, NOW)
        assert await runs.end_dead(c, "acme", LATER) == ["killed", "long-ago"]
        found = {row.id: row for row in await runs.recent(c, "acme", 10)}
    assert (found["killed"].ended_at, found["killed"].counts) == (LATER, runs.DIED)
    assert [found[name].ended_at for name in ("living", "unseen")] == [None, None]


async def test_a_run_ends_once(ledger: Database) -> None:
    async with ledger.write() as c:
        await runs.start_run(c, "run-1", "acme", "poll", None, NOW)
        await runs.end_run(c, "run-1", {"invoiced": 1}, NOW)
        await runs.end_run(c, "run-1", {}, LATER)
        (row,) = await runs.recent(c, "acme", 1)
    assert (row.ended_at, row.counts) == (NOW, {"invoiced": 1})


def book(sha256: str, version: int = 3) -> RuleBook:
    made = RuleBook(
        version=version,
        effective_from=date(2026, 7, 1),
        organisation="Acme Plumbing",
        lines=(Rule(id="all", then=Then(account="200")),),
        milestones=(Milestone(code="FIN", name="completion", on_status=("Completed",)),),
    )
    return made.from_origin(Origin(book="acme", path="mappings/acme/v0003.yaml", sha256=sha256))


async def test_a_published_version_cannot_be_changed_only_followed(ledger: Database) -> None:
    async with ledger.write() as c:
        await record_version(c, book("a" * 64), "version: 3\n", NOW)
        await record_version(c, book("a" * 64), "version: 3\n", LATER)
        says = r"published on 20\d\d-\d\d-\d\d with another text.*make a new version.*v0004\.yaml"
        with pytest.raises(ConfigError, match=says):
            await record_version(c, book("b" * 64), "version: 3 # changed\n", LATER)
        kept = await get_version(c, "acme", 3)
        assert kept is not None
        assert (kept.text, kept.sha256, kept.published_at) == ("version: 3\n", "a" * 64, NOW)
        await record_version(c, book("b" * 64, version=4), "version: 4\n", LATER)
        assert [row.version for row in await list_versions(c, "acme")] == [3, 4]
        assert await get_version(c, "acme", 9) is None


def entry(operation: str = "create-invoices", **more: object) -> LogEntry:
    plain = LogEntry(at=NOW, connection="acme", system="xero", operation=operation, status="ok", bytes_in=1000)
    return replace(plain, **more)  # type: ignore[arg-type]


async def test_the_log_is_read_latest_first_page_by_page_and_by_what_is_sought(ledger: Database) -> None:
    async with ledger.write() as c:
        entries = [entry(f"op-{n}", status="ok" if n % 2 else "error") for n in range(5)]
        await calllog.append(c, [*entries, entry("post", system="slack"), entry("other", connection="bolt")])
        await calllog.append(c, [])
        first = await calllog.recent(c, "acme", limit=3)
        second = await calllog.recent(c, "acme", limit=10, before=first[-1].id)
        failed = await calllog.recent(c, "acme", system="xero", status="error")
    assert [x.operation for x in (*first, *second)] == ["post", "op-4", "op-3", "op-2", "op-1", "op-0"]
    assert [x.operation for x in failed] == ["op-4", "op-2", "op-0"]
    assert replace(failed[0], id=None) == entries[4]


async def test_calls_to_xero_are_counted_for_a_connection_and_for_all_of_its_tenant(ledger: Database) -> None:
    async with ledger.write() as c:
        for name in ("acme", "bolt"):
            await save_connection(c, name, "csv", "book", NOW)
            await set_tenant(c, name, "t1", "Acme Plumbing", None, "tokens", NOW)
        await calllog.append(c, [entry(), entry(connection="bolt", bytes_in=None), entry(system="slack")])
        await calllog.append(c, [entry(at=NOW - minutes(1500)), entry(connection="cove")])
        counted = [await calllog.calls_today(c, whose, NOW - minutes(60)) for whose in ("acme", "bolt", "t1", "t2")]
        read = [await calllog.bytes_since(c, whose, NOW - minutes(60)) for whose in ("acme", "bolt", "t1", "t2")]
    assert counted == [1, 1, 2, 0]
    assert read == [1000, 0, 1000, 0]


async def test_old_entries_of_the_log_are_forgotten(ledger: Database) -> None:
    async with ledger.write() as c:
        await calllog.append(c, [entry("old", at=NOW - minutes(60)), entry("new")])
        assert await calllog.prune(c, NOW) == 1
        assert [x.operation for x in await calllog.recent(c, "acme")] == ["new"]
