"""The sandbox steered from outside: the control application, its client, and the sandbox as a process."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import httpx
import pytest

from sandbox.control import Control
from sandbox.server import Sandbox

KEY = {"x-api-key": "servicem8-key-kauri"}


async def test_the_state_tells_jobs_notes_contacts_and_messages(world: Sandbox, http: httpx.AsyncClient) -> None:
    world.servicem8.job(number="1482", lines=[("Labour", "1", "95.00")])
    await http.post(f"{world.urls['servicem8']}/api_1.0/note.json", headers=KEY, json={"note": "told"})
    await http.post(f"{world.urls['slack']}/services/T0/B0/secret", json={"text": "Run"})
    async with Control(world.urls["control"]) as control:
        state = await control.state()
    assert state["servicem8"]["kauri"]["jobs"][0]["number"] == "1482"
    assert [note["text"] for note in state["servicem8"]["kauri"]["notes"]] == ["told"]
    assert [message["text"] for message in state["slack"]] == ["Run"]
    assert "Aroha Ngata" in {contact["name"] for contact in state["xero"]["nz"]["contacts"]}
    assert state["xero"]["nz"]["counts"]["invoices"] == 0


@pytest.mark.parametrize(
    ("system", "job", "number"),
    [
        ("servicem8", {"number": "7", "lines": [["Labour", "1", "95.00"]], "customer": {"name": "Ngaio"}}, "7"),
        ("fieldbook", {"ref": "A-7", "items": [["Labour", "1", "48.50"]], "done_at": "2026-11-19T09:00:00+00:00"}, "A-7"),
    ],
)
async def test_a_job_is_added_and_changed(world: Sandbox, system: str, job: dict[str, object], number: str) -> None:
    async with Control(world.urls["control"]) as control:
        await control.job(system, **job)
        await control.job(system, **job)
        state = await control.state()
    (account,) = state[system].values()
    assert [row["number"] for row in account["jobs"]] == [number]


async def test_faults_limits_latency_and_the_log_of_a_vendor(world: Sandbox, http: httpx.AsyncClient) -> None:
    url = f"{world.urls['servicem8']}/api_1.0/job.json"
    async with Control(world.urls["control"]) as control:
        await control.add_fault("servicem8", "status", status=503, times=-1)
        assert (await http.get(url, headers=KEY)).status_code == 503
        await control.clear_faults("servicem8")
        await control.settings("servicem8", latency=0.05, limits=True)
        assert (await http.get(url, headers=KEY)).status_code == 200
        log = await control.log("servicem8")
        assert log["counts"] == [{"method": "GET", "what": "job.json", "count": 2}]
        assert [request["status"] for request in log["requests"]] == [503, 200]
        assert log["requests"][1]["ms"] >= 50
        await control.clear_log("servicem8")
        assert (await control.log("servicem8"))["requests"] == []
    assert world.servicem8.settings.limits is True


async def test_the_clock_moves_for_every_vendor_and_xero_tokens_expire(world: Sandbox) -> None:
    before = world.clock()
    token = world.xero.state.connect("sandbox-web-app", "nz")["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    async with Control(world.urls["control"]) as control, httpx.AsyncClient(trust_env=False) as client:
        url = f"{world.urls['xero']}/connections"
        assert (await client.get(url, headers=headers)).status_code == 200
        await control.expire_xero_tokens()
        assert (await client.get(url, headers=headers)).status_code == 401
        await control.advance(3600)
    assert (world.clock() - before).total_seconds() >= 3600


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/log/nobody", None, 404),
        ("POST", "/faults/xero", {"kind": "explode"}, 422),
        ("POST", "/faults/xero", {"kind": "slow", "colour": "red"}, 422),
        ("POST", "/settings/slack", {"limits": True}, 404),
        ("POST", "/settings/slack", {"colour": "red"}, 422),
        ("POST", "/jobs/simpro", {}, 404),
        ("POST", "/jobs/fieldbook", {"ref": "A-1", "state": "finished"}, 422),
        ("POST", "/jobs/servicem8", {"number": "1", "colour": "red"}, 422),
    ],
)
async def test_a_wrong_request_is_answered_with_what_was_wrong(
    world: Sandbox, http: httpx.AsyncClient, method: str, path: str, body: object, status: int
) -> None:
    answer = await http.request(method, world.urls["control"] + path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


async def started(*arguments: str) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", *arguments, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    return process, json.loads(await asyncio.wait_for(process.stdout.readline(), 20))


async def stopped(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), 10)


async def test_a_process_serves_a_seed_until_sigterm_and_comes_back_at_the_same_ports(tmp_path: Path) -> None:
    ports = tmp_path / "ports.json"
    process, urls = await started("--seed", "demo", "--ports-file", str(ports))
    try:
        async with Control(urls["control"]) as control:
            assert (await control.state())["servicem8"]["kauri"]["counts"]["jobs"] == 15
    finally:
        assert await stopped(process) == 0
    again, same = await started("--ports-file", str(ports))
    assert await stopped(again) == 0
    assert same == urls
