"""The client against Xero's troubles over real HTTP: what is repeated, what never is, and what a person is told."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from milepost.errors import AnswerLost, AuthError, RateLimited, RemoteError
from milepost.xero.allowance import Limits
from milepost.xero.client import XeroClient
from milepost.xero.governor import Governor, MemoryBudgets, governor_for
from sandbox.xero.settings import ALL_SCOPES, RateLimits, Switches
from sandbox.xero.state import InternalError
from tests.integration.xero_world import World, xero_world

API = "/api.xro/2.0/"
BODY = '{"Contacts":[{"Name":"Ngaio Cafe","ContactNumber":"N-1"}]}'


@pytest.fixture
async def xero() -> AsyncIterator[World]:
    async with xero_world() as world:
        yield world


@pytest.fixture
async def client(xero: World) -> AsyncIterator[XeroClient]:
    async with xero.client() as client:
        yield client


async def put_contact(client: XeroClient, key: str | None = "key-1") -> object:
    answer = await client.send("PUT", "Contacts", BODY, idempotency_key=key, params={"summarizeErrors": "false"})
    return answer.data["Contacts"][0]["ContactID"]


def contacts_named(xero: World, name: str = "Ngaio Cafe") -> int:
    return sum(contact.name == name for contact in xero.org.contacts)


async def test_amounts_are_read_as_decimal(client: XeroClient) -> None:
    data = await client.get("TaxRates")
    assert all(isinstance(rate["EffectiveRate"], Decimal) for rate in data["TaxRates"])


async def test_every_call_is_recorded_with_its_correlation_id(xero: World, client: XeroClient) -> None:
    await client.get("Organisation", entity="organisation")
    await client.send("PUT", "Contacts", BODY, idempotency_key="k", operation="create-contacts")
    read, wrote = xero.calls
    assert (read.operation, read.entity, read.method, read.status) == ("get-organisation", "organisation", "GET", "ok")
    assert (wrote.operation, wrote.entity, wrote.method, wrote.http_status) == ("create-contacts", "Contacts", "PUT", 200)
    assert read.correlation_id
    assert read.correlation_id != wrote.correlation_id
    assert read.bytes_in > 100
    assert read.duration_ms >= 0


async def test_nothing_newer_is_an_empty_answer() -> None:
    async with xero_world(switches=Switches(not_modified_304=True)) as xero, xero.client() as client:
        later = xero.clock() + timedelta(hours=1)
        assert await client.get("Contacts", {"page": "1"}, modified_since=later) == {}


async def test_if_modified_since_is_utc_whatever_the_zone_it_is_given_in(xero: World, client: XeroClient) -> None:
    now = xero.clock()
    await put_contact(client)
    since = (now - timedelta(seconds=5)).astimezone(ZoneInfo("Pacific/Auckland"))
    names = [row["Name"] for row in (await client.get("Contacts", {"page": "1"}, modified_since=since))["Contacts"]]
    assert names == ["Ngaio Cafe"]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_a_read_that_broke_is_asked_again(xero: World, client: XeroClient, fault: str) -> None:
    xero.fault(fault, path=f"{API}Organisation")
    assert await client.get("Organisation")
    assert [call.status for call in xero.calls] == ["lost", "ok"]


async def test_a_read_is_given_up_after_three_tries(xero: World, client: XeroClient) -> None:
    xero.fault("status", path=f"{API}*", status=503, body="API is currently unavailable", times=-1)
    with pytest.raises(RemoteError, match="API is currently unavailable") as caught:
        await client.get("Organisation")
    assert (caught.value.status, caught.value.permanent) == (503, False)
    assert xero.requests("GET", "Organisation") == 3


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_a_write_whose_connection_broke_is_lost_and_never_repeated(
    xero: World, client: XeroClient, fault: str
) -> None:
    xero.fault(fault, method="PUT", path=f"{API}Contacts")
    with pytest.raises(AnswerLost) as caught:
        await put_contact(client)
    assert not caught.value.permanent
    assert xero.requests("PUT", "Contacts") == 1
    assert contacts_named(xero) == (1 if fault == "drop_after" else 0)
    assert xero.calls[-1].status == "lost"


async def test_a_lost_write_may_be_replayed_with_its_key(xero: World, client: XeroClient) -> None:
    xero.fault("drop_after", method="PUT", path=f"{API}Contacts")
    with pytest.raises(AnswerLost):
        await put_contact(client)
    assert await put_contact(client)
    assert contacts_named(xero) == 1


@pytest.mark.parametrize("when", ["before_saving", "after_saving"])
async def test_an_internal_error_leaves_a_write_undecided(xero: World, client: XeroClient, when: str) -> None:
    xero.sandbox.state.internal_errors.append(InternalError(when, "PUT", f"{API}Contacts"))  # type: ignore[arg-type]
    with pytest.raises(AnswerLost, match="unhandled error") as caught:
        await put_contact(client)
    assert caught.value.status == 500
    assert caught.value.correlation_id
    assert xero.requests("PUT", "Contacts") == 1


async def test_a_time_out_that_a_gateway_tells_leaves_a_write_undecided(xero: World, client: XeroClient) -> None:
    xero.fault("status", method="PUT", path=f"{API}*", status=408, body="", headers={"Content-Type": "text/plain"})
    with pytest.raises(AnswerLost):
        await put_contact(client)
    assert xero.requests("PUT", "Contacts") == 1


@pytest.mark.parametrize(
    ("body", "content_type"), [("<html>busy</html>", "text/html"), ("{broken", "application/json"), ("fine", "text/plain")]
)
async def test_a_write_that_was_accepted_unreadably_is_lost(
    xero: World, client: XeroClient, body: str, content_type: str
) -> None:
    xero.fault("status", method="PUT", path=f"{API}*", status=200, body=body, headers={"Content-Type": content_type})
    with pytest.raises(AnswerLost):
        await put_contact(client)


async def test_a_write_that_takes_too_long_is_lost(xero: World) -> None:
    xero.fault("slow", method="PUT", path=f"{API}*", seconds=0.2)
    async with xero.client(write_within=0.05) as client:
        with pytest.raises(AnswerLost, match="ReadTimeout"):
            await put_contact(client)


async def test_a_write_that_never_left_is_not_lost(xero: World) -> None:
    xero.settings = xero.settings.model_copy(update={"api_url": "http://127.0.0.1:1"})
    async with xero.client() as client:
        with pytest.raises(RemoteError, match="ConnectError") as caught:
            await put_contact(client)
    assert not isinstance(caught.value, AnswerLost)
    assert not caught.value.permanent
    assert xero.calls[-1].status == "error"


async def test_an_expired_token_is_renewed_and_the_write_sent_once_more(xero: World, client: XeroClient) -> None:
    await client.get("Organisation")
    xero.sandbox.state.expire_tokens()
    assert await put_contact(client)
    assert contacts_named(xero) == 1
    assert [call.http_status for call in xero.calls] == [200, 401, 200]


async def test_a_token_refused_again_after_its_renewal_ends_the_sign_in(xero: World, client: XeroClient) -> None:
    problem = {"Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired: token expired at 02/20/2025 08:32:50"}
    headers = {"Content-Type": "application/json"}
    xero.fault("status", path=f"{API}*", status=401, body=json.dumps(problem), headers=headers, times=-1)
    with pytest.raises(AuthError, match="TokenExpired") as caught:
        await client.get("Organisation")
    assert caught.value.state == "token_expired"
    assert xero.requests("GET", "Organisation") == 2


async def test_a_missing_scope_is_named(xero: World) -> None:
    xero.sign_in(scopes=ALL_SCOPES - {"accounting.contacts", "accounting.contacts.read"})
    async with xero.client() as client:
        with pytest.raises(AuthError, match=r"accounting\.contacts") as caught:
            await put_contact(client)
    assert caught.value.state == "error"
    assert xero.requests("PUT", "Contacts") == 1


@pytest.mark.parametrize("tenant_id", ["", "00000000-0000-4000-8000-000000000000"])
async def test_an_organisation_that_is_not_connected_is_said_to_be_disconnected(xero: World, tenant_id: str) -> None:
    async with xero.client(tenant_id=tenant_id) as client:
        with pytest.raises(AuthError, match="milepost connection connect") as caught:
            await client.get("Organisation")
    assert caught.value.state == "disconnected"
    assert caught.value.correlation_id


async def test_a_customer_who_disconnects_in_xero_is_noticed(xero: World, client: XeroClient) -> None:
    await client.get("Organisation")
    xero.sandbox.state.disconnect("nz")
    with pytest.raises(AuthError) as caught:
        await put_contact(client)
    assert caught.value.state == "disconnected"


async def test_a_custom_connection_works_with_and_without_the_tenant() -> None:
    async with xero_world(is_custom=True) as xero:
        for tenant_id in ("", xero.org.tenant_id):
            async with xero.client(tenant_id=tenant_id) as client:
                assert (await client.get("Organisation"))["Organisations"][0]["Name"] == xero.org.name


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "Invoices/00000000-0000-4000-8000-000000000000", 404, "cannot be found"),
        ("DELETE", "Organisation", 501, "not implemented"),
    ],
)
async def test_a_refusal_is_told_in_xeros_words(client: XeroClient, method: str, path: str, status: int, said: str) -> None:
    with pytest.raises(RemoteError, match=said) as caught:
        await (client.get(path) if method == "GET" else client.send(method, path, "", idempotency_key=None))
    assert (caught.value.status, caught.value.permanent) == (status, True)
    assert not isinstance(caught.value, AnswerLost)


@pytest.mark.parametrize("body", ["{broken", '{"Contacts":"none"}'])
async def test_a_body_xero_cannot_read_is_a_refusal(client: XeroClient, body: str) -> None:
    with pytest.raises(RemoteError, match="JSON") as caught:
        await client.send("PUT", "Contacts", body, idempotency_key="k")
    assert caught.value.permanent
    assert not isinstance(caught.value, AnswerLost)


async def test_a_key_used_for_another_body_is_a_refusal(client: XeroClient) -> None:
    await put_contact(client)
    with pytest.raises(RemoteError, match="is used with a different request") as caught:
        await client.send("PUT", "Contacts", BODY.replace("N-1", "N-2"), idempotency_key="key-1")
    assert caught.value.permanent


async def test_a_validation_exception_comes_back_as_an_answer(client: XeroClient) -> None:
    body = '{"Contacts":[{"Name":"Bad <name>"}]}'
    answer = await client.send("PUT", "Contacts", body, idempotency_key="k", params={"summarizeErrors": "true"})
    assert answer.status == 400
    assert answer.data["Elements"][0]["ValidationErrors"]
    assert answer.correlation_id


@pytest.mark.parametrize("key", ["", "k" * 129])
async def test_a_key_xero_would_refuse_is_a_bug(xero: World, client: XeroClient, key: str) -> None:
    with pytest.raises(ValueError, match="1 to 128"):
        await put_contact(client, key)
    assert xero.requests("PUT", "Contacts") == 0


async def test_a_429_for_the_minute_is_waited_for_and_the_call_goes_on(xero: World, client: XeroClient) -> None:
    headers = {"X-Rate-Limit-Problem": "minute", "Retry-After": "0"}
    xero.fault("status", method="PUT", path=f"{API}*", status=429, headers=headers, times=2)
    assert await put_contact(client)
    assert contacts_named(xero) == 1
    assert [call.status for call in xero.calls] == ["limited", "limited", "ok"]


async def test_a_call_refused_for_a_limit_three_times_is_handed_back(xero: World, client: XeroClient) -> None:
    headers = {"X-Rate-Limit-Problem": "concurrent", "Retry-After": "0"}
    xero.fault("status", path=f"{API}*", status=429, headers=headers, times=-1)
    with pytest.raises(RateLimited) as caught:
        await put_contact(client)
    assert caught.value.retry_after
    assert xero.requests("PUT", "Contacts") == 3


async def test_a_write_whose_turn_comes_too_late_is_not_sent(xero: World, client: XeroClient) -> None:
    headers = {"X-Rate-Limit-Problem": "minute", "Retry-After": "1"}
    xero.fault("status", method="PUT", path=f"{API}*", status=429, headers=headers)
    with pytest.raises(RateLimited, match="too late"):
        await client.send("PUT", "Contacts", BODY, idempotency_key="key-1", within=timedelta(seconds=0.5))
    assert (xero.requests("PUT", "Contacts"), contacts_named(xero)) == (1, 0)


async def test_the_days_limit_is_handed_back_as_a_time_to_come_again() -> None:
    async with xero_world(limits=RateLimits(day=2)) as xero, xero.client() as client:
        await client.get("Organisation")
        await client.get("Currencies")
        with pytest.raises(RateLimited, match="day") as caught:
            await put_contact(client)
        assert caught.value.retry_after
        assert caught.value.retry_after > timedelta(minutes=1)
        assert xero.requests("PUT", "Contacts") == 0


async def test_sixty_calls_at_once_meet_no_limit() -> None:
    async with xero_world(limits=RateLimits()) as xero, xero.client() as client:
        await asyncio.gather(*(client.get("Currencies") for _ in range(60)))
        assert {call.http_status for call in xero.calls} == {200}
        assert client.governor.budget().minute_left == 0


async def test_two_clients_of_one_organisation_share_its_counts(xero: World) -> None:
    counts = MemoryBudgets()
    mine, theirs = governor_for(xero.settings, counts), governor_for(xero.settings, counts)
    async with xero.client(mine) as one, xero.client(theirs) as other:
        await one.get("Organisation")
        await other.get("Organisation")
    assert theirs.budget().calls == 2
    assert theirs.budget().per_day == xero.settings.day_limit


async def test_no_secret_and_no_address_is_seen_in_errors_and_logs(
    xero: World, client: XeroClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = next(iter(xero.secrets))
    said = f"No user ann@example.com with Bearer {token} at {'x' * 500}"
    for status in (400, 403, 404, 500):
        xero.fault("status", method="PUT", path=f"{API}*", status=status, body=said)
        with pytest.raises(RemoteError) as caught:
            await put_contact(client)
        error = caught.value
        assert error.__context__ is None
        shown = f"{error} {error!r} {error.why}"
        assert len(error.why) < 400
        assert not [secret for secret in (*xero.secrets, "ann@example.com") if secret in shown]
    assert not [secret for secret in (*xero.secrets, "ann@example.com") if secret in caplog.text]
    assert not [secret for secret in xero.secrets if secret in f"{client!r} {vars(client)}"]


async def test_an_answers_repr_shows_no_names(client: XeroClient) -> None:
    answer = await client.send("PUT", "Contacts", BODY, idempotency_key=None)
    assert "Ngaio" not in repr(answer)
    assert answer.headers["content-type"].startswith("application/json")


async def test_a_cancelled_write_frees_its_place(xero: World) -> None:
    governor = Governor(Limits(concurrent=1))
    async with xero.client(governor) as client:
        xero.fault("slow", method="PUT", path=f"{API}*", seconds=0.2)
        writing = asyncio.create_task(put_contact(client))
        await asyncio.sleep(0.05)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await client.get("Organisation")
    assert governor.budget().in_flight == 0
