"""Faults over a real socket: what a client sees, and whether the service had done the work."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sandbox.faults import Fault, FaultMiddleware, Faults, RequestLog
from tests.integration.sandbox_xero import serve


class Counting:
    """A service that counts what it has done, behind faults."""

    def __init__(self, *, wrapped: bool = False) -> None:
        self.served = 0
        self.faults, self.log = Faults(), RequestLog()
        app: Any = Starlette(routes=[Route("/{rest:path}", self._work, methods=["GET", "PUT", "POST"])])
        self.app: Any = FaultMiddleware(app, self.faults, self.log)
        if wrapped:
            outer = Starlette()
            outer.mount("/", self.app)
            self.app = outer

    async def _work(self, request: Request) -> PlainTextResponse:
        self.served += 1
        return PlainTextResponse(f"{request.method} {self.served}")


@pytest.fixture(params=[False, True], ids=["alone", "mounted in another application"])
async def service(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Counting, httpx.AsyncClient]]:
    counting = Counting(wrapped=request.param)
    async with serve(counting.app) as url, httpx.AsyncClient(base_url=url, timeout=5) as client:
        yield counting, client


async def test_a_connection_dropped_before_serving_leaves_nothing_done(service: Any) -> None:
    counting, client = service
    counting.faults.add(Fault("drop_before"))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await client.put("/Invoices")
    assert counting.served == 0
    assert (await client.put("/Invoices")).text == "PUT 1"


async def test_a_connection_dropped_after_serving_has_done_the_work_without_an_answer(service: Any) -> None:
    counting, client = service
    counting.faults.add(Fault("drop_after", method="PUT"))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await client.put("/Invoices")
    assert counting.served == 1
    assert [entry.status for entry in counting.log.entries] == [0]
    assert (await client.put("/Invoices")).text == "PUT 2"


async def test_a_status_fault_answers_without_serving(service: Any) -> None:
    counting, client = service
    counting.faults.add(Fault("status", status=503, body="organisation offline", headers={"Retry-After": "7"}))
    answer = await client.get("/x")
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (
        503,
        "organisation offline",
        "7",
    )
    assert counting.served == 0


async def test_a_fault_skips_matches_and_ends_after_its_times(service: Any) -> None:
    counting, client = service
    counting.faults.add(Fault("status", method="PUT", path="/Inv*", skip=1, times=2))
    asked = [
        ("GET", "/Invoices"),
        *[("PUT", "/Invoices")] * 2,
        ("PUT", "/Contacts"),
        *[("PUT", "/Invoices")] * 2,
    ]
    statuses = [(await client.request(method, path)).status_code for method, path in asked]
    assert statuses == [200, 200, 500, 200, 500, 200]


async def test_a_held_request_goes_on_when_the_faults_are_cleared(service: Any) -> None:
    counting, client = service
    counting.faults.add(Fault("hold_after", seconds=30))
    asked = asyncio.create_task(client.get("/x"))
    while counting.served == 0:  # noqa: ASYNC110 - the service under test has no event to wait for
        await asyncio.sleep(0.005)
    assert not asked.done()
    assert counting.log.entries[0].status is None
    counting.faults.clear()
    assert (await asked).status_code == 200


@pytest.mark.parametrize("kind", ["slow", "hold_before", "hold_after"])
async def test_waiting_faults_serve_after_their_seconds(service: Any, kind: Any) -> None:
    counting, client = service
    counting.faults.add(Fault(kind, seconds=0.05))
    assert (await client.get("/x")).status_code == 200
    assert counting.log.entries[0].ms >= 50


async def test_the_log_counts_by_method_and_first_segment(service: Any) -> None:
    counting, client = service
    for path in ("/Invoices/1", "/Invoices?page=2", "/Contacts"):
        await client.get(path, headers={"Xero-Tenant-Id": "t-1"})
    assert counting.log.counts() == {("GET", "Invoices"): 2, ("GET", "Contacts"): 1}
    assert [(e.query, e.tenant, e.status) for e in counting.log.entries][1] == ("page=2", "t-1", 200)


def test_faults_survive_json() -> None:
    faults = Faults([Fault("status", status=429, headers={"Retry-After": "1"}), Fault("slow", seconds=2, times=-1)])
    assert Faults.from_json(faults.to_json()).to_json() == faults.to_json()


@pytest.mark.parametrize("row", [{"kind": "explode"}, {"kind": "slow", "second": 1}])
def test_a_fault_that_does_not_exist_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"explode|second"):
        Fault.from_json(row)
