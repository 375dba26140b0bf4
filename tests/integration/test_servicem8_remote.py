"""ServiceM8 when it is away, limited, or opened by an app; what is told to it, and what it rings for."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from milepost.errors import AnswerLost, AuthError, RateLimited, RemoteError
from milepost.platforms.protocol import Challenge, JobRef, WebhookRequest, WriteBack
from milepost.platforms.servicem8.platform import ServiceM8Platform
from sandbox.faults import Fault
from sandbox.server import LoopbackServer, Sandbox
from sandbox.servicem8.records import Row
from tests.integration.servicem8_world import KEY, LINES, at_once, calls, jobs, settings


@pytest_asyncio.fixture(loop_scope="session")
async def platform(world: Sandbox) -> AsyncIterator[ServiceM8Platform]:
    async with ServiceM8Platform(settings(world)) as opened:
        yield opened


def ours() -> "set[asyncio.Task[object]]":
    """The tasks that run the product's own code; the sandbox's servers have theirs in the same loop."""
    return {
        task
        for task in asyncio.all_tasks()
        if "/milepost/" in getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "")
    }


class TestAway:
    async def test_a_moment_of_absence_is_waited_out(self, world: Sandbox) -> None:
        world.servicem8.faults.add(Fault("status", path="*/job.json", status=503))
        jobs(world, 1)
        async with ServiceM8Platform(settings(world), pause=at_once) as platform:
            assert len((await platform.list_changed(None)).refs) == 1

    @pytest.mark.parametrize(("period", "seconds"), [("minute", 60), ("day", 3600)])
    async def test_a_reached_limit_says_when_to_come_back(self, world: Sandbox, period: str, seconds: int) -> None:
        limits = world.servicem8.settings
        limits.limits, limits.per_minute, limits.per_day = True, 180, 20_000
        setattr(limits, f"per_{period}", 1)
        async with ServiceM8Platform(settings(world), pause=at_once) as platform:
            with pytest.raises(RateLimited, match=f"per {period} exceeded") as caught:
                await platform.list_changed(None)
        assert (caught.value.permanent, caught.value.retry_after) == (False, timedelta(seconds=seconds))

    @pytest.mark.parametrize("body", ["<html>Down for maintenance</html>", '{"errorCode":"0"}', '["x"]'])
    async def test_an_answer_of_the_wrong_shape_is_a_remote_error(
        self, world: Sandbox, platform: ServiceM8Platform, body: str
    ) -> None:
        fault = Fault("status", path="*/job.json", status=200, body=body, headers={"content-type": "application/json"})
        world.servicem8.faults.add(fault)
        with pytest.raises(RemoteError, match="ServiceM8"):
            await platform.list_changed(None)

    async def test_a_failed_read_among_many_leaves_no_call_running(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        uuids = jobs(world, 3)
        world.servicem8.faults.add(Fault("status", path="*/jobpayment.json", times=-1, status=401))
        before = ours()
        with pytest.raises(RemoteError):
            await platform.fetch(uuids)
        assert ours() <= before


class TestApp:
    """OAuth 2: tokens of an app."""

    SCOPES = (
        "vendor read_jobs manage_jobs read_customers read_customer_contacts read_job_contacts read_job_materials"
        " read_inventory read_schedule read_staff read_job_notes publish_job_notes read_job_categories"
    )

    def granted(self, world: Sandbox, scopes: str) -> dict[str, Any]:
        identity = world.servicem8.identity
        client = {"client_id": "servicem8-app", "client_secret": "servicem8-secret"}
        code = identity.consent("servicem8-app", scopes)
        tokens = identity.exchange({"grant_type": "authorization_code", "code": code, **client})
        return {**client, "refresh_token": tokens["refresh_token"], "api_key": None}

    def renewals(self, world: Sandbox) -> int:
        return sum(entry.path == "/oauth/access_token" for entry in world.servicem8.log.entries)

    async def test_callers_at_once_share_one_renewal_and_the_rotated_token_is_handed_over(self, world: Sandbox) -> None:
        kept: list[str] = []

        async def keep(tokens: Any) -> None:
            kept.append(tokens.refresh_token.get_secret_value())

        granted = self.granted(world, f"{self.SCOPES} read_job_payments read_tax_rates")
        uuids = jobs(world, 5)
        async with ServiceM8Platform(settings(world, **granted), on_tokens=keep) as platform:
            assert len((await platform.fetch(uuids)).jobs) == 5
            assert (self.renewals(world), len(kept)) == (1, 1)
            world.servicem8.identity.expire()
            assert len((await platform.fetch(uuids)).jobs) == 5
        assert (self.renewals(world), len(kept)) == (2, 2)
        assert len({granted["refresh_token"], *kept}) == 3

    async def test_the_tokens_told_last_open_the_account_again(self, world: Sandbox) -> None:
        kept: list[Any] = []

        async def keep(tokens: Any) -> None:
            kept.append(tokens)

        spent = settings(world, **self.granted(world, self.SCOPES))
        async with ServiceM8Platform(spent, on_tokens=keep) as platform:
            await platform.test()
        async with ServiceM8Platform(spent, tokens=kept[-1]) as platform:
            assert (await platform.test()).name == "Kauri"
        assert self.renewals(world) == 1
        async with ServiceM8Platform(spent) as platform:
            with pytest.raises(AuthError, match="Connect ServiceM8 again") as caught:
                await platform.test()
        assert not any(secret in str(caught.value) for secret in spent.secrets)

    async def test_a_token_endpoint_that_is_away_is_tried_again(self, world: Sandbox) -> None:
        world.servicem8.faults.add(Fault("status", path="/oauth/access_token", status=503))
        app = settings(world, **self.granted(world, self.SCOPES))
        async with ServiceM8Platform(app, pause=at_once) as platform:
            assert (await platform.test()).name == "Kauri"

    async def test_scopes_that_are_missing_are_said_on_the_job_and_stop_nothing(self, world: Sandbox) -> None:
        uuid = world.servicem8.job(number="1", lines=LINES, payments=[{"amount": "5.00"}])["uuid"]
        async with ServiceM8Platform(settings(world, **self.granted(world, self.SCOPES))) as platform:
            [job] = (await platform.fetch([uuid])).jobs
            calls(world)
            assert len((await platform.fetch([uuid])).jobs) == 1
        assert job.payments == ()
        assert [line.tax for line in job.lines] == [None, None]
        assert sum("payments (scope read_job_payments)" in text for text in job.warnings) == 1
        assert sum("tax rates (scope read_tax_rates)" in text for text in job.warnings) == 1
        assert not calls(world).keys() & {"jobpayment", "taxrate"}

    async def test_jobs_are_not_read_without_the_scope_for_their_lines(self, world: Sandbox) -> None:
        uuid = world.servicem8.job(number="1", lines=LINES)["uuid"]
        scopes = self.SCOPES.replace("read_job_materials ", "")
        async with ServiceM8Platform(settings(world, **self.granted(world, scopes))) as platform:
            with pytest.raises(RemoteError, match="permission") as caught:
                await platform.fetch([uuid])
        assert caught.value.permanent


class TestWriteBack:
    TOLD = WriteBack(key="kauri/1482/FIN", note="Xero invoice INV-0042 was created.", processed=True)

    def job_row(self, world: Sandbox, uuid: str) -> Row:
        return world.servicem8.account().tables["job"].get(uuid) or {}

    async def test_a_note_is_left_once_and_the_job_is_marked(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        [uuid] = jobs(world, 1)
        for _ in range(2):
            await platform.write_back(uuid, self.TOLD)
        [note] = world.servicem8.notes()
        assert (note["related_object"], note["related_object_uuid"]) == ("job", uuid)
        assert note["note"].startswith(self.TOLD.note)
        assert self.job_row(world, uuid)["payment_processed"] == 1

    async def test_another_key_is_another_note_and_the_mark_is_left_alone_where_not_processed(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        [uuid] = jobs(world, 1)
        await platform.write_back(uuid, WriteBack(key="a", note="Deposit"))
        await platform.write_back(uuid, WriteBack(key="ab", note="Completion"))
        assert [note["note"].split("\n")[0] for note in world.servicem8.notes()] == ["Deposit", "Completion"]
        assert self.job_row(world, uuid)["payment_processed"] == 0

    async def test_a_lost_answer_leaves_one_note_after_the_next_try(
        self, world: Sandbox, platform: ServiceM8Platform
    ) -> None:
        [uuid] = jobs(world, 1)
        world.servicem8.faults.add(Fault("drop_after", method="POST", path="*/note.json"))
        with pytest.raises(AnswerLost):
            await platform.write_back(uuid, self.TOLD)
        await platform.write_back(uuid, self.TOLD)
        assert len(world.servicem8.notes()) == 1

    async def test_two_processes_at_once_leave_one_note(self, world: Sandbox) -> None:
        [uuid] = jobs(world, 1)
        async with ServiceM8Platform(settings(world)) as one, ServiceM8Platform(settings(world)) as two:
            await asyncio.gather(one.write_back(uuid, self.TOLD), two.write_back(uuid, self.TOLD))
        assert len(world.servicem8.notes()) == 1

    async def test_what_is_no_uuid_is_written_nowhere(self, world: Sandbox, platform: ServiceM8Platform) -> None:
        with pytest.raises(RemoteError, match="not a ServiceM8 uuid"):
            await platform.write_back("../vendor", self.TOLD)
        assert calls(world) == {}


class Receiver:
    """What the console does with a webhook: verify it, answer a handshake, note the jobs."""

    def __init__(self, platform: ServiceM8Platform) -> None:
        self.platform = platform
        self.refs: list[JobRef] = []
        self.app = Starlette(routes=[Route("/hooks/servicem8", self.receive, methods=["POST"])])

    async def receive(self, request: Request) -> Response:
        arrived = WebhookRequest(await request.body(), dict(request.headers), dict(request.query_params))
        if not self.platform.verify_webhook(arrived):
            return Response(status_code=404)
        found = self.platform.parse_webhook(arrived)
        if isinstance(found, Challenge):
            return Response(found.answer)
        self.refs += found
        return Response()


class TestWebhooks:
    SECRET = "an-unguessable-secret"

    @pytest.fixture
    def receiver(self, world: Sandbox) -> Receiver:
        return Receiver(ServiceM8Platform(settings(world, webhook_secret=self.SECRET)))

    @pytest_asyncio.fixture(loop_scope="session")
    async def callback(self, receiver: Receiver) -> AsyncIterator[str]:
        server = LoopbackServer("receiver", receiver.app)
        await server.start()
        yield f"{server.url}/hooks/servicem8"
        await server.stop()

    async def subscribed(self, world: Sandbox, http: httpx.AsyncClient, callback: str, headers: dict[str, str]) -> int:
        form = {"event": "job.completed", "callback_url": callback, "unique_id": "milepost"}
        url = f"{world.urls['servicem8']}/webhook_subscriptions/event"
        return (await http.post(url, data=form, headers=headers)).status_code

    @pytest.mark.parametrize("wrapping", ["json", "form", "jwt"])
    async def test_a_completed_job_rings_in_every_wrapping(
        self, world: Sandbox, http: httpx.AsyncClient, receiver: Receiver, callback: str, wrapping: Any
    ) -> None:
        world.servicem8.settings.webhook_body = wrapping
        [uuid] = jobs(world, 1, status="Work Order")
        assert await self.subscribed(world, http, f"{callback}?secret={self.SECRET}", {"x-api-key": KEY}) == 200
        world.servicem8.account().change("job", uuid, {"status": "Completed"})
        await world.servicem8.deliveries.drain()
        assert receiver.refs == [JobRef(uuid)]

    @pytest.mark.parametrize(("secret", "status"), [(SECRET, 200), ("a-guess", 400)])
    async def test_an_app_subscribes_by_the_handshake(
        self, world: Sandbox, http: httpx.AsyncClient, callback: str, secret: str, status: int
    ) -> None:
        identity, client = world.servicem8.identity, {"client_id": "servicem8-app", "client_secret": "servicem8-secret"}
        code = identity.consent("servicem8-app", "vendor read_jobs")
        tokens = identity.exchange({"grant_type": "authorization_code", "code": code, **client})
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        assert await self.subscribed(world, http, f"{callback}?secret={secret}", headers) == status
