"""ServiceM8 as the flows use it, over real HTTP: the account, what changed, and jobs read whole in few calls."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from milepost.errors import AuthError, RemoteError
from milepost.jobs import LineKind
from milepost.platforms.protocol import Fetched, Platform
from milepost.platforms.servicem8.platform import ServiceM8Platform
from sandbox.faults import Fault
from sandbox.server import Sandbox
from tests.integration.servicem8_world import LINES, by_number, calls, jobs, settings


@pytest_asyncio.fixture(loop_scope="session")
async def platform(world: Sandbox) -> AsyncIterator[ServiceM8Platform]:
    async with ServiceM8Platform(settings(world), clock=world.clock) as opened:
        yield opened


def test_it_is_a_platform(world: Sandbox) -> None:
    assert isinstance(ServiceM8Platform(settings(world)), Platform)


class TestAccount:
    async def test_the_account_is_read_with_its_zone_and_currency(self, platform: ServiceM8Platform) -> None:
        account = await platform.test()
        assert (account.name, account.timezone, account.currency) == ("Kauri", "Pacific/Auckland", "NZD")
        assert account.warnings == ()

    async def test_the_native_link_is_warned_of_when_jobs_were_exported_lately(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        world.servicem8.job(number="1", processed=True)
        assert "ServiceM8's own Xero link is on" in (await platform.test()).warnings[0]

    async def test_an_account_without_a_known_zone_is_read_as_utc_and_says_so(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        world.servicem8.account().vendor["timezone_name"] = "Middle/Earth"
        account = await platform.test()
        assert account.timezone == "UTC"
        assert "unknown time zone 'Middle/Earth'" in account.warnings[0]

    async def test_a_wrong_key_asks_for_a_person_and_is_not_shown(self, world: Sandbox) -> None:
        async with ServiceM8Platform(settings(world, api_key="wr0ng-key")) as platform:
            with pytest.raises(AuthError) as caught:
                await platform.test()
        assert caught.value.permanent
        assert "wr0ng-key" not in str(caught.value)

    async def test_what_is_no_account_is_said_to_be_none(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        json_type = {"content-type": "application/json"}
        world.servicem8.faults.add(Fault("status", status=200, body="[]", headers=json_type))
        with pytest.raises(RemoteError, match=r"vendor\.json does not describe one"):
            await platform.test()


class TestChanges:
    async def test_jobs_in_a_status_of_interest_are_listed_and_deleted_ones_are_not(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        listed = {
            status: world.servicem8.job(number=status, status=status) for status in ("Quote", "Work Order", "Completed")
        }
        world.servicem8.job(number="lost", status="Unsuccessful")
        world.servicem8.job(number="gone", extra={"active": 0})
        found = await platform.list_changed(None)
        assert {ref.id for ref in found.refs} == {row["uuid"] for row in listed.values()}

    async def test_a_listing_costs_two_calls_however_many_statuses(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        jobs(world, 3)
        await platform.list_changed(None)
        assert calls(world) == {"vendor": 1, "job": 1, "jobmaterial": 1}

    async def test_what_the_overlap_brings_again_carries_the_same_marker(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        jobs(world, 3)
        first = await platform.list_changed(None)
        again = await platform.list_changed(first.cursor)
        assert again == first

    async def test_a_changed_job_comes_with_a_new_marker(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        uuid, other = jobs(world, 2)
        first = await platform.list_changed(None)
        world.clock.advance(60)
        world.servicem8.account().change("job", uuid, {"purchase_order_number": "PO-2"})
        found = await platform.list_changed(first.cursor)
        assert set(found.refs) - set(first.refs) == {ref for ref in found.refs if ref.id == uuid}
        assert {ref.id for ref in found.refs} == {uuid, other}

    async def test_a_changed_line_brings_its_job_though_the_jobs_own_stamp_stays(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        world.servicem8.settings.lines_touch_job = False
        uuid, _ = jobs(world, 2)
        first = await platform.list_changed(None)
        world.clock.advance(3 * 86_400)
        account = world.servicem8.account()
        account.change("jobmaterial", account.children("jobmaterial", uuid)[0]["uuid"], {"price": "96.0000"})
        found = await platform.list_changed((await platform.list_changed(first.cursor)).cursor)
        assert [ref.id for ref in found.refs] == [uuid]
        assert found.refs[0].marker > first.refs[0].marker

    async def test_since_is_taken_in_the_accounts_own_time(self, world: Sandbox) -> None:
        old, new = jobs(world, 2)
        account = world.servicem8.account()
        account.load("job", {**(account.tables["job"].get(old) or {}), "edit_date": "2026-11-10 09:00:00"})
        account.load("job", {**(account.tables["job"].get(new) or {}), "edit_date": "2026-11-12 09:00:00"})
        since = datetime(2026, 11, 11, 20, tzinfo=UTC)
        async with ServiceM8Platform(settings(world, watch_lines=False)) as platform:
            assert [ref.id for ref in (await platform.list_changed(None, since=since)).refs] == [new]
            assert len((await platform.list_changed(None, since=since - timedelta(days=2))).refs) == 2
        assert "jobmaterial" not in calls(world)

    @pytest.mark.parametrize(
        ("zone", "moments"),
        [
            ("Pacific/Auckland", ["2026-04-04T13:50:00Z", "2026-04-04T14:10:00Z", "2026-04-04T14:50:00Z"]),
            ("Pacific/Auckland", ["2026-09-26T13:55:00Z", "2026-09-26T14:05:00Z"]),
            ("Australia/Sydney", ["2026-04-04T15:50:00Z", "2026-04-04T16:10:00Z"]),
            ("Australia/Sydney", ["2026-10-03T15:55:00Z", "2026-10-03T16:05:00Z"]),
        ],
    )
    async def test_no_job_is_missed_while_the_clocks_change(self, world: Sandbox, zone: str, moments: list[str]) -> None:
        account = world.servicem8.account("southern", timezone=zone)
        seen, cursor = [], None
        async with ServiceM8Platform(settings(world, api_key=account.api_key)) as platform:
            for number, moment in enumerate(moments):
                stamp = account.local(datetime.fromisoformat(moment))
                world.servicem8.job(account="southern", number=str(number), extra={"edit_date": stamp}, lines=None)
                account.load("job", {**account.tables["job"].where("generated_job_id", str(number))[0], "edit_date": stamp})
                found = await platform.list_changed(cursor)
                seen.append(len(found.refs))
                cursor = found.cursor
        assert seen == list(range(1, len(moments) + 1))

    async def test_many_changes_are_read_page_by_page(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        world.servicem8.settings.page_size = 4
        uuids = jobs(world, 10)
        assert {ref.id for ref in (await platform.list_changed(None)).refs} == set(uuids)
        assert calls(world)["job"] == 3

    async def test_a_cursor_sent_twice_is_an_error_and_not_a_loop(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        turning = {"content-type": "application/json", "x-next-cursor": "page-2"}
        world.servicem8.faults.add(Fault("status", path="*/job.json", times=-1, status=200, body="[]", headers=turning))
        with pytest.raises(RemoteError, match="same page's cursor twice"):
            await platform.list_changed(None)
        assert calls(world)["job"] == 2

    async def test_rows_that_an_ignored_filter_brings_are_left_out(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        uuid, other = jobs(world, 2)
        everything = str(
            [
                {"uuid": u, "status": s, "active": 1, "edit_date": "2026-11-18 10:00:00"}
                for u, s in [(uuid, "Quote"), (other, "Unsuccessful")]
            ]
        )
        world.servicem8.faults.add(
            Fault(
                "status",
                path="*/job.json",
                status=200,
                body=everything.replace("'", '"'),
                headers={"content-type": "application/json"},
            )
        )
        assert [ref.id for ref in (await platform.list_changed(None)).refs] == [uuid]


class TestFetch:
    async def test_one_job_costs_a_call_for_each_thing_it_has(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        uuid = world.servicem8.job(number="1482", customer="Ngaio Cafe", lines=LINES, category="Plumbing")["uuid"]
        job = by_number(await platform.fetch([uuid]))["1482"]
        assert [(line.kind, line.code) for line in job.lines] == [(LineKind.LABOUR, "LAB"), (LineKind.MATERIAL, "HWU")]
        assert job.warnings == ()
        assert calls(world) == {
            **dict.fromkeys(["vendor", "job", "jobmaterial", "jobcontact", "jobpayment", "jobactivity"], 1),
            **dict.fromkeys(["company", "companycontact", "taxrate", "staff", "category"], 1),
            "material": 2,
        }

    async def test_what_was_just_listed_is_not_read_again(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        uuids = jobs(world, 12)
        await platform.list_changed(None)
        calls(world)
        assert len((await platform.fetch(uuids)).jobs) == 12
        assert "job" not in calls(world)
        assert len((await platform.fetch(uuids[:1])).jobs) == 1
        assert calls(world)["job"] == 1

    async def test_many_jobs_cost_a_page_of_each_kind(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        uuids = jobs(world, 40)
        assert len((await platform.fetch(uuids)).jobs) == 40
        assert sum(calls(world).values()) <= 12

    async def test_both_ways_of_reading_give_the_same_jobs(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        uuids = jobs(world, 12, payments=[{"amount": "50.00", "is_deposit": True}], purchase_order="PO-1")
        together = by_number(await platform.fetch(uuids))
        alone = {}
        for uuid in uuids:
            alone.update(by_number(await platform.fetch([uuid])))
        assert together == alone

    async def test_a_collection_longer_than_its_worth_is_given_up_and_not_tried_again(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        world.servicem8.settings.page_size = 5
        uuids = jobs(world, 60)
        wanted = uuids[:12]
        assert len(by_number(await platform.fetch(wanted))) == 12
        assert calls(world)["jobmaterial"] == 12 // 2 + 12
        assert len(by_number(await platform.fetch(wanted))) == 12
        assert calls(world)["jobmaterial"] == 12

    async def test_jobs_are_found_by_the_number_that_people_use(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        uuid = world.servicem8.job(number="1482")["uuid"]
        assert (await platform.fetch(["1482"])).jobs[0].id == uuid

    async def test_ids_that_are_unknown_deleted_or_ambiguous_are_problems_of_their_own(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        good = world.servicem8.job(number="1")["uuid"]
        gone = world.servicem8.job(number="2", extra={"active": 0})["uuid"]
        for uuid in ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"):
            world.servicem8.account().load("job", {"uuid": uuid, "generated_job_id": "3", "status": "Quote"})
        unknown = "99999999-9999-4999-8999-999999999999"
        fetched = await platform.fetch([unknown, good, gone, "3", "no such", "../vendor", good])
        assert [job.id for job in fetched.jobs] == [good]
        assert [(p.job_id, p.why) for p in fetched.problems] == [
            (unknown, "ServiceM8 has no job with this id or number"),
            (gone, "the job was deleted in ServiceM8"),
            ("3", "2 jobs in ServiceM8 have this number"),
            ("no such", "ServiceM8 has no job with this id or number"),
            ("../vendor", "ServiceM8 has no job with this id or number"),
        ]

    @pytest.mark.parametrize(
        ("kind", "field", "value"),
        [
            ("jobmaterial", "quantity", "two"),
            ("jobpayment", "amount", "a lot"),
            ("jobcontact", "email", ["x"]),
            ("job", "completion_date", "yesterday"),
        ],
    )
    async def test_a_bad_record_harms_its_own_job_alone(
        self, world: Sandbox, platform: ServiceM8Platform, kind: str, field: str, value: object
    ) -> None:
        bad, good = jobs(world, 2, payments=[{"amount": "50.00"}])
        account = world.servicem8.account()
        row = next(row for row in account.tables[kind] if bad in (row["uuid"], row.get("job_uuid")))
        account.tables[kind].put({**row, field: value})
        fetched = await platform.fetch([bad, good])
        assert [job.id for job in fetched.jobs] == [good]
        [problem] = fetched.problems
        assert (problem.job_id, problem.job_number, problem.where) == (bad, "0", f"{kind} {row['uuid']} > {field}")
        assert str(value) not in problem.why + problem.fix

    async def test_a_client_with_a_bad_record_harms_its_own_jobs_alone(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        uuids = jobs(world, 4)
        account = world.servicem8.account()
        company = account.tables["company"].where("name", "Customer 0")[0]
        account.tables["company"].put({**company, "is_individual": "perhaps"})
        fetched = await platform.fetch(uuids)
        assert ({p.job_id for p in fetched.problems}, {j.id for j in fetched.jobs}) == (set(uuids[:2]), set(uuids[2:]))

    async def test_bundles_are_sections_and_read_only_where_a_line_has_one(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        lines = [
            {"name": "Basin", "price": "100", "bundle": "Bathroom"},
            {"name": "Tap", "price": "50", "bundle": "Bathroom"},
        ]
        uuid = world.servicem8.job(number="1", lines=lines)["uuid"]
        job = (await platform.fetch([uuid])).jobs[0]
        assert [line.section for line in job.lines] == ["Bathroom", "Bathroom"]
        assert calls(world)["jobmaterialbundle"] == 1

    async def test_progress_is_told_to_the_end(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        told: list[tuple[int, int | None]] = []
        await platform.fetch(jobs(world, 3), lambda done, whole: told.append((done, whole)))
        assert told == [(1, 3), (2, 3), (3, 3)]

    async def test_nothing_asked_for_is_nothing_fetched(self, platform: ServiceM8Platform) -> None:
        assert await platform.fetch([]) == Fetched()

    async def test_a_thousand_jobs_of_ten_lines_cost_a_dozen_and_some_calls(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        lines = [(f"Item {n}", "2", "10.00") for n in range(10)]
        uuids = [world.servicem8.job(number=str(n), customer=f"C{n % 300}", lines=lines)["uuid"] for n in range(1000)]
        refs = (await platform.list_changed(None)).refs
        assert len(by_number(await platform.fetch([ref.id for ref in refs]))) == len(uuids)
        assert sum(calls(world).values()) <= 20
