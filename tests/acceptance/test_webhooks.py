"""Webhooks in: a job system or Xero rings, the run begins in the receiving process, and strangers learn nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from prefect import get_client
from sqlalchemy import func, select, update

from cli.hook import hook_url
from console.app import create_app
from console.limits import Buckets, Limits, Rate
from milepost.ledger import events as ledger_events
from milepost.ledger import mirror
from milepost.ledger.connections import ConnectionStatus
from milepost.ledger.events import NewEvent
from milepost.ledger.tables import events
from milepost.settings import installation
from sandbox.faults import Fault
from sandbox.fieldbook.hooks import SIGNATURE_HEADER, sign
from sandbox.server import LoopbackServer
from sandbox.xero.hooks import sign as xero_sign
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

SECRET = "a-webhook-secret"
KEY = "the-apps-webhook-key"
PATIENCE = 30.0


@asynccontextmanager
async def receiving(limits: Limits | None = None) -> AsyncIterator[str]:
    """The console's application, served on loopback; its address."""
    app = create_app(installation(), limits=limits, gather=0.05)
    server = LoopbackServer("console", app)
    async with app.router.lifespan_context(app):
        await server.start()
        try:
            yield server.url
        finally:
            await server.stop()


async def path_of(business: Business) -> str:
    """The hook's path, its secret in it."""
    return (await hook_url(business.name)).removeprefix(installation().console_url)


def doorbell(job_id: str, secret: str = SECRET, **more: str) -> dict[str, Any]:
    """A delivery as Fieldbook makes it, for httpx."""
    body = json.dumps({"event": "job.changed", "jobId": job_id, **more}).encode()
    return {"content": body, "headers": {SIGNATURE_HEADER: sign(secret, body)}}


async def until(true: Callable[[], Any]) -> None:
    """Wait for it, as long as a slow machine may take."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = true()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)


async def statuses(business: Business) -> dict[str, int]:
    """The events in the ledger by status."""
    async with business.ledger() as db, db.read() as c:
        return dict((await c.execute(select(events.c.status, func.count()).group_by(events.c.status))).tuples().all())


async def all_worked(business: Business) -> bool:
    found = await statuses(business)
    return bool(found) and set(found) == {"done"}


async def flow_runs(tag: str, name: str) -> list[Any]:
    async with get_client() as client:
        return [run for run in await client.read_flow_runs() if tag in run.tags and run.name.startswith(f"{name}:")]


def a_job(business: Business, ref: str = "AFO-1", **more: Any) -> str:
    return business.job(ref=ref, customer="Brindley Offices Ltd", items=[("Partition wall", "12", "80.00")], **more)


async def test_a_completed_job_that_rings_is_billed_by_a_run_that_prefect_shows(
    business: Businesses, http: httpx.AsyncClient
) -> None:
    builder = await business("albion")
    async with receiving() as url:
        builder.sandbox.fieldbook.hooks.add(builder.account, url + await path_of(builder), SECRET)
        a_job(builder)
        await until(lambda: all_worked(builder))
    assert len(builder.invoices) == 1
    assert builder.notes
    row = await builder.row("AFO-1")
    shown = {str(run.id): run.state for run in await flow_runs("webhook", builder.name)}
    assert row.run_id is not None
    state = shown[row.run_id]
    assert state is not None
    assert state.is_completed()


async def test_servicem8_is_answered_its_challenge_and_heard_by_the_secret_in_the_address(
    business: Businesses, http: httpx.AsyncClient
) -> None:
    plumber = await business("kauri")
    async with receiving() as url:
        address = url + await path_of(plumber)
        assert await plumber.system.hooks.handshake(address)
        form = {"event": "job.completed", "callback_url": address, "unique_id": "m"}
        subscribed = await http.post(
            f"{plumber.sandbox.urls['servicem8']}/webhook_subscriptions/event",
            headers={"x-api-key": f"servicem8-key-{plumber.account}"},
            data=form,
        )
        assert subscribed.status_code == 200
        plumber.job(number="1482", customer="Ngaio Cafe", lines=[("Labour", "2.5", "95.00")])
        await until(lambda: all_worked(plumber))
    assert len(plumber.invoices) == 1


async def test_the_same_event_delivered_ten_times_makes_one_invoice(business: Businesses, http: httpx.AsyncClient) -> None:
    builder = await business("albion")
    job_id = a_job(builder)
    async with receiving() as url:
        address = url + await path_of(builder)
        answers = await asyncio.gather(*(http.post(address, **doorbell(job_id)) for _ in range(10)))
        assert {answer.status_code for answer in answers} == {200}
        await until(lambda: all_worked(builder))
    assert len(builder.invoices) == 1


async def test_events_that_arrive_while_a_run_is_under_way_are_worked_together_by_the_next(
    business: Businesses, http: httpx.AsyncClient
) -> None:
    builder = await business("albion")
    ids = [a_job(builder, f"AFO-{n}") for n in range(8)]
    builder.sandbox.fieldbook.app.latency = 0.2
    async with receiving() as url:
        address = url + await path_of(builder)
        await http.post(address, **doorbell(ids[0]))
        await until(lambda: builder.system.log.entries)  # the first is being read
        for job_id in ids[1:] * 2:
            await http.post(address, **doorbell(job_id))
        await until(lambda: all_worked(builder))
    assert len(builder.invoices) == 8
    assert len(await flow_runs("webhook", builder.name)) == 2


async def test_an_event_that_a_killed_process_had_in_hand_is_worked_after_the_next_start(business: Businesses) -> None:
    builder = await business("albion")
    job_id = a_job(builder)
    async with builder.ledger() as db, db.write() as c:
        now = datetime.now(UTC)
        await ledger_events.receive(c, [NewEvent("platform", "job", job_id, connection=builder.name)], now)
        (taken,) = await ledger_events.take(c, "platform", connection=builder.name, now=now)
        gone = update(events).where(events.c.id == taken.id)
        await c.execute(gone.values(owner="elsewhere", due_at=now - timedelta(seconds=1)))
    async with receiving():
        await until(lambda: all_worked(builder))
    assert len(builder.invoices) == 1


async def test_an_event_whose_job_cannot_be_read_yet_waits_for_another_try(
    business: Businesses, http: httpx.AsyncClient
) -> None:
    builder = await business("albion")
    job_id = a_job(builder)
    builder.system.faults.add(Fault("status", path="*", times=-1, status=401))
    async with receiving() as url:
        await http.post(url + await path_of(builder), **doorbell(job_id))
        await until(lambda: flow_runs_ended(builder))
    assert builder.invoices == []
    builder.system.faults.clear()
    await builder.poll()
    assert len(builder.invoices) == 1


async def flow_runs_ended(business: Business) -> bool:
    return bool(await flow_runs("needs-a-person", business.name))


async def test_events_of_a_connection_that_is_signed_out_wait_until_it_is_back(
    business: Businesses, http: httpx.AsyncClient
) -> None:
    builder = await business("albion")
    job_id = a_job(builder)
    async with builder.workspace() as opened:
        await opened.note_status(ConnectionStatus.TOKEN_EXPIRED, "Xero: run out")
    async with receiving() as url:
        assert (await http.post(url + await path_of(builder), **doorbell(job_id))).status_code == 200
        await asyncio.sleep(0.2)
        assert await statuses(builder) == {"waiting": 1}
    async with builder.workspace() as opened:
        await opened.note_status(ConnectionStatus.CONNECTED, "")
    async with receiving():
        await until(lambda: all_worked(builder))
    assert len(builder.invoices) == 1


async def test_a_published_rule_book_and_a_changed_connection_are_used_by_the_next_event(
    business: Businesses, http: httpx.AsyncClient
) -> None:
    """The connection is kept open between runs: signing in anew, in another process, must reach the next one."""
    builder = await business("albion")
    async with receiving() as url:
        address = url + await path_of(builder)
        await http.post(address, **doorbell(a_job(builder)))
        await until(lambda: all_worked(builder))
        async with builder.workspace() as opened:
            await opened.find_tenant()
        await http.post(address, **doorbell(a_job(builder, "AFO-2")))
        await until(lambda: len(builder.invoices) == 2)
        await until(lambda: all_worked(builder))


@pytest.mark.parametrize("place", ["unknown connection", "wrong secret", "no such page"])
async def test_strangers_are_answered_alike(business: Businesses, http: httpx.AsyncClient, place: str) -> None:
    builder = await business("albion")
    right = await path_of(builder)
    wrong = {
        "unknown connection": right.replace(builder.name, "nobody"),
        "wrong secret": f"/hooks/platform/{builder.name}/guessed",
        "no such page": "/hooks/platform/nobody/guessed",
    }[place]
    async with receiving() as url:
        answer = await http.post(url + wrong, **doorbell("1"))
    assert (answer.status_code, answer.content) == (404, b"")
    assert {name for name in answer.headers if name not in ("date", "server")} == {"content-length"}
    assert await statuses(builder) == {}


async def test_a_wrong_signature_is_refused_and_nothing_is_kept(business: Businesses, http: httpx.AsyncClient) -> None:
    builder = await business("albion")
    async with receiving() as url:
        answer = await http.post(url + await path_of(builder), **doorbell(a_job(builder), secret="another"))
    assert (answer.status_code, answer.content) == (401, b"")
    assert await statuses(builder) == {}


async def test_an_address_that_was_renewed_rings_no_more(business: Businesses, http: httpx.AsyncClient) -> None:
    builder = await business("albion")
    before = await path_of(builder)
    assert await path_of(builder) == before
    await hook_url(builder.name, renew=True)
    async with receiving() as url:
        assert (await http.post(url + before, **doorbell("1"))).status_code == 404
        assert (await http.post(url + await path_of(builder), **doorbell("1"))).status_code == 200


@pytest.mark.parametrize("is_said", [True, False], ids=["by its length", "by what comes"])
async def test_a_body_over_the_limit_is_refused(business: Businesses, http: httpx.AsyncClient, is_said: bool) -> None:
    builder = await business("albion")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    async with receiving() as url:
        content = b"x" * 1_000_001 if is_said else endless()
        answer = await http.post(url + await path_of(builder), content=content)
    assert answer.status_code == 413
    assert await statuses(builder) == {}


async def test_too_many_at_once_have_to_wait(business: Businesses, http: httpx.AsyncClient) -> None:
    builder = await business("albion")
    few = Limits(connections=Buckets(Rate(1, 2)), strangers=Buckets(Rate(1, 1)))
    async with receiving(few) as url:
        address = url + await path_of(builder)
        answers = [await http.post(address, **doorbell("1")) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert int(answers[-1].headers["retry-after"]) > 0
        guesses = [await http.post(f"{url}/hooks/platform/x/{n}") for n in range(2)]
        assert [guess.status_code for guess in guesses] == [404, 429]


async def test_xero_is_told_right_signatures_from_wrong_ones(business: Businesses) -> None:
    builder = await business("albion", xero={"webhook_key": KEY})
    hooks = builder.sandbox.xero.hooks
    hooks.key = KEY
    async with receiving() as url:
        hooks.url = f"{url}/hooks/xero"
        assert await hooks.intent_to_receive()
        hooks.key = "of-another-app"
        assert not await hooks.intent_to_receive()


async def test_invoices_that_xero_says_changed_are_read_by_one_call_and_a_replay_reads_nothing(
    business: Businesses, http: httpx.AsyncClient
) -> None:
    builder = await business("albion", xero={"webhook_key": KEY})
    for number in range(5):
        a_job(builder, f"AFO-{number}")
    await builder.poll()
    ids = [invoice.id for invoice in builder.invoices]
    for invoice_id in ids:
        await void(http, builder, invoice_id)
    builder.sandbox.xero.log.clear()
    hooks = builder.sandbox.xero.hooks
    hooks.key = KEY
    async with receiving() as url:
        hooks.url = f"{url}/hooks/xero"
        body = hooks.announce(builder.org.tenant_id, "INVOICE", [*ids, "00000000-0000-4000-8000-000000000001"])
        await hooks.deliveries.drain()
        await until(lambda: all_worked(builder))
        hooks.resend(body)
        await hooks.deliveries.drain()
        await asyncio.sleep(0.2)
    assert {row.invoice_status for row in await builder.rows()} == {"DELETED"}
    assert builder.xero_calls == {("GET", "Invoices"): 1}


async def void(http: httpx.AsyncClient, business: Business, invoice_id: str) -> None:
    """What a person does in Xero."""
    async with business.workspace() as opened:
        client = await opened.xero()
        body = json.dumps({"Invoices": [{"InvoiceID": invoice_id, "Status": "DELETED"}]})
        await client.send("POST", "Invoices", body, idempotency_key=None)


async def test_a_contact_that_changed_in_xero_makes_the_mirror_stale(business: Businesses) -> None:
    builder = await business("albion", xero={"webhook_key": KEY})
    a_job(builder)
    await builder.poll()
    hooks = builder.sandbox.xero.hooks
    hooks.key = KEY
    async with receiving() as url:
        hooks.url = f"{url}/hooks/xero"
        hooks.announce(builder.org.tenant_id, "CONTACT", ["00000000-0000-4000-8000-000000000002"])
        await hooks.deliveries.drain()
        await until(lambda: all_worked(builder))
    async with builder.ledger() as db, db.read() as c:
        state = await mirror.mirror_state(c, builder.org.tenant_id)
    assert state is not None
    assert state.refreshed_at.year == 2000


async def test_events_of_an_organisation_that_is_not_ours_are_not_kept(
    business: Businesses, http: httpx.AsyncClient
) -> None:
    builder = await business("albion", xero={"webhook_key": KEY})
    body = json.dumps({"events": [{"resourceId": "1", "tenantId": "another", "eventDateUtc": "x"}, "odd", {}]}).encode()
    async with receiving() as url:
        headers = {"x-xero-signature": xero_sign(KEY, body)}
        answer = await http.post(f"{url}/hooks/xero", content=body, headers=headers)
        odd = b'[[["' + b"[" * 5000
        headers = {"x-xero-signature": xero_sign(KEY, odd)}
        assert (await http.post(f"{url}/hooks/xero", content=odd, headers=headers)).status_code == 200
    assert (answer.status_code, answer.content) == (200, b"")
    assert await statuses(builder) == {}
