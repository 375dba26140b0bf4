"""Limits, idempotency and faults of the local Xero, over a real socket."""

import asyncio
from typing import Any

import httpx
import pytest

from sandbox.faults import Fault
from sandbox.xero import InternalError, RateLimits, Switches
from sandbox.xero.tenant import stable_id
from tests.integration.sandbox_xero import OTHER, Local, content, invoice, local_xero

KEY = {"Idempotency-Key": "k-1"}


async def create(xero: Local, key: str | None = "k-1", path: str = "Invoices", **fields: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key is not None else None
    return await xero.ask("PUT", path, {"Invoices": [invoice(**fields)]}, headers)


async def test_every_answer_tells_what_is_left_of_each_limit() -> None:
    async with local_xero(limits=RateLimits()) as xero:
        await xero.get("Organisation")
        for path, status in (("Organisation", 200), ("Invoices/unknown", 404)):
            answer = await xero.get(path)
            assert answer.status_code == status
        assert answer.headers["x-minlimit-remaining"] == "57"
        assert answer.headers["x-daylimit-remaining"] == "4997"
        assert answer.headers["x-appminlimit-remaining"] == "9997"
        assert len(answer.headers["xero-correlation-id"]) == 36


LIMITS = [
    ("minute", RateLimits(minute=2), range(1, 61)),
    ("day", RateLimits(day=2), range(1, 86_401)),
    ("appminute", RateLimits(app_minute=2), range(1, 61)),
]


@pytest.mark.parametrize(("problem", "limits", "seconds"), LIMITS)
async def test_beyond_a_limit_comes_a_429_that_names_it(problem: str, limits: RateLimits, seconds: range) -> None:
    async with local_xero(limits=limits, switches=Switches(too_many_requests_body="slow down")) as xero:
        assert [(await xero.get("Organisation")).status_code for _ in range(3)] == [200, 200, 429]
        refused = xero.log[-1]
        assert refused.headers["x-rate-limit-problem"] == problem
        assert int(refused.headers["retry-after"]) in seconds
        assert refused.text == "slow down"
        xero.clock.advance(int(refused.headers["retry-after"]))
        later = xero.sandbox.state.connect("web", "nz")["access_token"]
        assert (await xero.get("Organisation", {"Authorization": f"Bearer {later}"})).status_code == 200


async def test_tenants_have_minutes_of_their_own_and_token_calls_cost_nothing() -> None:
    async with local_xero(limits=RateLimits(minute=1)) as xero:
        token = xero.sandbox.state.connect("web", "uk")
        headers = {
            "Authorization": f"Bearer {token['access_token']}",
            "xero-tenant-id": xero.sandbox.state.organisations["uk"].tenant_id,
        }
        assert (await xero.client.get("/connections")).status_code == 200
        assert (await xero.get("Organisation")).status_code == 200
        assert (await xero.get("Organisation", headers)).status_code == 200
        assert (await xero.get("Organisation")).status_code == 429


async def test_the_sixth_call_in_progress_is_refused_and_later_ones_pass() -> None:
    async with local_xero(limits=RateLimits(), switches=Switches(concurrent_retry_after=3)) as xero:
        xero.sandbox.app.latency = 0.1
        answers = await asyncio.gather(*(xero.get("Organisation") for _ in range(8)))
        assert sorted(a.status_code for a in answers) == [200] * 5 + [429] * 3
        refused = next(a for a in answers if a.status_code == 429)
        assert (refused.headers["x-rate-limit-problem"], refused.headers["retry-after"]) == ("concurrent", "3")
        assert (await xero.get("Organisation")).status_code == 200


async def test_limits_can_be_switched_off_while_running() -> None:
    async with local_xero(limits=RateLimits(minute=1)) as xero:
        xero.sandbox.set_limits(on=False)
        assert [(await xero.get("Organisation")).status_code for _ in range(3)] == [200] * 3


def test_the_starter_tier_has_a_thousand_calls_a_day() -> None:
    assert (RateLimits().day, RateLimits.starter().day, RateLimits.starter().minute) == (5000, 1000, 60)


async def test_the_same_key_gives_the_same_answer_and_does_the_work_once() -> None:
    async with local_xero() as xero:
        first, again = await create(xero), await create(xero)
        assert first.content == again.content
        assert len(xero.org.invoices) == 1


async def test_replays_count_against_the_limits() -> None:
    async with local_xero(limits=RateLimits()) as xero:
        await create(xero)
        assert (await create(xero)).headers["x-minlimit-remaining"] == "58"


DIFFERENT: list[dict[str, Any]] = [{"Reference": "other"}, {"path": "Invoices?unitdp=4"}]


@pytest.mark.parametrize("change", DIFFERENT)
@pytest.mark.parametrize(("style", "key"), [("problem", "Detail"), ("api_exception", "Message")])
async def test_a_key_used_for_another_request_is_refused(change: Any, style: Any, key: str) -> None:
    async with local_xero(switches=Switches(idempotency_error=style)) as xero:
        await create(xero)
        refused = await create(xero, **change)
        assert refused.status_code == 400
        assert refused.json()[key] == "Idempotency Key: k-1 is used with a different request."
        assert len(xero.org.invoices) == 1


async def test_a_key_lives_six_minutes() -> None:
    async with local_xero() as xero:
        await create(xero)
        xero.clock.advance(359)
        await create(xero)
        assert len(xero.org.invoices) == 1
        xero.clock.advance(1)
        await create(xero)
        assert len(xero.org.invoices) == 2


async def test_keys_belong_to_an_app_and_mean_nothing_on_a_get() -> None:
    async with local_xero() as xero:
        other = xero.sandbox.state.connect(OTHER.client_id, "nz")
        await create(xero)
        headers = {**KEY, "Authorization": f"Bearer {other['access_token']}"}
        await xero.ask("PUT", "Invoices", {"Invoices": [invoice()]}, headers)
        assert len(xero.org.invoices) == 2
        assert len(content(await xero.get("Invoices", KEY))) == 2


@pytest.mark.parametrize("key", ["", "k" * 129])
async def test_an_empty_or_overlong_key_is_refused(key: str) -> None:
    async with local_xero() as xero:
        assert (await create(xero, key)).status_code == 400
        assert len(xero.org.invoices) == 0


@pytest.mark.parametrize(("when", "saved"), [("before_saving", 0), ("after_saving", 1)])
async def test_an_internal_error_is_remembered_under_its_key(when: Any, saved: int) -> None:
    async with local_xero() as xero:
        xero.sandbox.state.internal_errors.append(InternalError(when, path="*/Invoices"))
        first, replay = await create(xero), await create(xero)
        assert [first.status_code, replay.status_code] == [500, 500]
        assert len(xero.org.invoices) == saved
        assert (await create(xero, "k-2")).status_code == 200
        assert len(xero.org.invoices) == saved + 1


async def test_a_refusal_is_remembered_too() -> None:
    async with local_xero() as xero:
        assert (await create(xero, Type=None)).status_code == 400
        assert (await create(xero, Type=None)).content == xero.log[0].content


@pytest.mark.parametrize(("kind", "saved"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_lost_answer_is_recovered_by_replaying_the_key(kind: Any, saved: int) -> None:
    async with local_xero() as xero:
        xero.sandbox.faults.add(Fault(kind, method="PUT", path="*/Invoices"))
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await create(xero)
        assert len(xero.org.invoices) == saved
        assert (await create(xero)).status_code == 200
        assert [i.number for i in xero.org.invoices] == ["INV-0001"]


async def test_a_lost_answer_without_a_key_doubles_the_invoice() -> None:
    async with local_xero() as xero:
        xero.sandbox.faults.add(Fault("drop_after"))
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await create(xero, None)
        await create(xero, None)
        assert len(xero.org.invoices) == 2


async def test_an_outage_answers_plain_text_and_is_not_remembered() -> None:
    async with local_xero() as xero:
        xero.sandbox.faults.add(Fault("status", status=503, body="API is currently unavailable"))
        away = await create(xero)
        assert (away.status_code, away.text) == (503, "API is currently unavailable")
        assert away.headers["content-type"].startswith("text/plain")
        assert (await create(xero)).status_code == 200


async def test_a_lost_token_answer_is_covered_by_the_grace_period() -> None:
    async with local_xero() as xero:
        form = {"grant_type": "refresh_token", "refresh_token": xero.token["refresh_token"]}
        xero.sandbox.faults.add(Fault("drop_after", path="/connect/token"))
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await xero.client.post("/connect/token", data=form, auth=("web", "web-secret"))
        assert (await xero.client.post("/connect/token", data=form, auth=("web", "web-secret"))).status_code == 200


@pytest.mark.parametrize(("ids", "status"), [(50, 200), (60, 414)])
async def test_a_list_of_ids_must_fit_into_a_url(ids: int, status: int) -> None:
    async with local_xero() as xero:
        wanted = ",".join(stable_id(str(n)) for n in range(ids))
        assert (await xero.get("Contacts", IDs=wanted)).status_code == status


async def test_a_body_beyond_the_size_limit_is_refused() -> None:
    async with local_xero(switches=Switches(largest_body=1000)) as xero:
        assert (await create(xero, Reference="x" * 200)).status_code == 200
        assert (await create(xero, "k-2", Reference="x" * 1000)).status_code == 413


async def test_the_log_counts_calls_by_method_and_resource() -> None:
    async with local_xero() as xero:
        await create(xero)
        await xero.get("Invoices/INV-0001")
        await xero.get("Contacts", page=1)
        counts = xero.sandbox.log.counts()
        assert counts == {("PUT", "Invoices"): 1, ("GET", "Invoices"): 1, ("GET", "Contacts"): 1}
        assert {entry.tenant for entry in xero.sandbox.log.entries} == {xero.org.tenant_id}
