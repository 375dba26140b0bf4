"""What an operator sees in Prefect: one run a trigger, one subflow a milestone, named steps, and nothing personal."""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest_asyncio
import yaml
from prefect.client.orchestration import get_client
from prefect.runner import Runner
from prefect.server.services.scheduler import schedule_deployments

from flows.deployments import DEPLOYMENTS, Deployed, served_deployments
from tests.flow_fixtures import PROJECT, Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

PERSON = {
    "name": "Zebedee Quillfeather",
    "email": "zq@quillfeather.example",
    "phone": "0270 555 91827",
    "first": "Zebedee",
    "last": "Quillfeather",
    "street": "77 Marmalade Crescent",
}
SECRETS = ("secret-uk", "fieldbook-token-", "xoxb-sandbox-token", "a-webhook-secret")
PERSONAL = ("Quillfeather", "Zebedee", "91827", "Marmalade", "4321.09", "5185.31", "864.22", "Conservatory", *SECRETS)
STEPS = [
    "recover-requests",
    "find-changed-jobs",
    "fetch-jobs",
    "read-chart",
    "resolve-contacts",
    "send-alerts",
    "write-back",
]


class Api:
    """Prefect's REST API, asked as any client may ask it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def rows(self, what: str, **filters: Any) -> list[dict[str, Any]]:
        """Everything of a kind that fits the filters."""
        answer = await self._http.post(f"/{what}/filter", json={"limit": 200, **filters})
        answer.raise_for_status()
        body: Any = answer.json()
        found: list[dict[str, Any]] = body["events"] if what == "events" else body
        return found

    async def run_of(self, business: Business) -> dict[str, Any]:
        """The latest run of a connection that is not a subflow."""
        tagged = {"tags": {"all_": [business.name]}, "parent_task_run_id": {"is_null_": True}}
        return (await self.rows("flow_runs", flow_runs=tagged, sort="START_TIME_DESC"))[0]

    async def inside(self, run: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The subflows of a run in order, and the tasks of it and of them."""
        parents = {"flow_runs": {"parent_flow_run_id": {"any_": [run["id"]]}}, "sort": "START_TIME_ASC"}
        subflows = await self.rows("flow_runs", **parents)
        ids = [run["id"], *(subflow["id"] for subflow in subflows)]
        tasks = await self.rows("task_runs", task_runs={"flow_run_id": {"any_": ids}})
        return subflows, tasks

    async def everything_of(self, run: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """All that the API tells of a run: runs, tasks, artifacts, logs, events; and every block without its secrets."""
        subflows, tasks = await self.inside(run)
        ids = [run["id"], *(subflow["id"] for subflow in subflows)]
        return {
            "runs": [dict(run), *subflows],
            "tasks": tasks,
            "artifacts": await self.rows("artifacts", artifacts={"flow_run_id": {"any_": ids}}),
            "logs": await self.rows("logs", logs={"flow_run_id": {"any_": ids}}),
            "events": await self.rows(
                "events", filter={"related": {"id": [f"prefect.flow-run.{i}" for i in ids]}}, limit=50
            ),
            "blocks": await self.rows("block_documents"),
        }


@pytest_asyncio.fixture(loop_scope="session")
async def api(prefect_api: str) -> AsyncIterator[Api]:
    """The session's Prefect server."""
    async with httpx.AsyncClient(base_url=prefect_api, trust_env=False, timeout=20) as http:
        yield Api(http)


async def _settled_logs(api: Api, business: Business) -> dict[str, list[dict[str, Any]]]:
    """Everything of the latest run, once its tasks and logs have been recorded: they follow a little later."""
    for _ in range(100):
        told = await api.everything_of(await api.run_of(business))
        names = {task["name"] for task in told["tasks"]}
        if {"write-back", "create-invoices FIN"} <= names and told["logs"] and told["events"]:
            break
        await asyncio.sleep(0.1)
    return told


async def test_a_run_shows_its_work_and_nothing_personal(business: Businesses, api: Api) -> None:
    """By the command, whose logs go to the server as a worker's do; with an invoice, a new contact and a held job."""
    builder = await business("albion")
    items = [("Labour: Conservatory", "1", "4321.09")]
    builder.job(ref="AFO-1", state="accepted", customer=PERSON, items=[("Conservatory", "1", "4321.09")])
    builder.job(ref="AFO-2", customer=PERSON, items=items)
    builder.job(ref="AFO-3", customer=PERSON, items=[("Conservatory without a price", "1", None)])
    said = await builder.command("poll", builder.name, "--json")
    assert said.code == 1, said.err
    assert json.loads(said.out)["counts"]["done"] == 2

    told = await _settled_logs(api, builder)
    run, subflows = told["runs"][0], told["runs"][1:]
    assert run["name"] == f"{builder.name}: 2 invoiced, 1 held"
    assert set(run["tags"]) == {builder.name, "poll", "needs-a-person"}
    assert (run["state_type"], run["state_name"]) == ("FAILED", "NeedsPerson")
    assert run["parameters"] == {"connection": builder.name}
    assert [subflow["parameters"]["milestone"] for subflow in subflows] == ["DEP", "FIN"]
    assert [subflow["state_name"] for subflow in subflows] == ["Completed", "NeedsPerson"]

    stages = [f"{step} {code}" for code in ("DEP", "FIN") for step in ("code-lines", "create-contacts", "create-invoices")]
    names = {task["name"] for task in told["tasks"] if not task["task_key"].startswith("bill_milestone")}
    assert names == {*STEPS, *stages}

    own = [artifact for artifact in told["artifacts"] if artifact["flow_run_id"] == run["id"]]
    assert sorted(artifact["type"] for artifact in own) == ["markdown", "table"]
    table = json.dumps(next(artifact["data"] for artifact in own if artifact["type"] == "table"))
    assert all(job in table for job in ("AFO-1", "AFO-2", "AFO-3"))

    assert len(told["logs"]) > len(STEPS)
    assert told["events"]
    shown = json.dumps(told, ensure_ascii=False)
    assert [secret for secret in PERSONAL if secret in shown] == []
    assert [secret for secret in PERSONAL if secret in said.err] == []


async def test_a_run_that_needs_nobody_is_green(business: Businesses, api: Api) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", lines=[("Labour", "1", "95.00")])
    await plumber.poll()
    run = await api.run_of(plumber)
    assert (run["state_type"], run["name"]) == ("COMPLETED", f"{plumber.name}: 1 invoiced")
    assert set(run["tags"]) == {plumber.name, "poll"}

    await plumber.poll()
    run = await api.run_of(plumber)
    assert (run["state_type"], run["name"]) == ("COMPLETED", f"{plumber.name}: nothing to bill")


@asynccontextmanager
async def served() -> AsyncIterator[Runner]:
    """All deployments as `milepost up` serves them, without a process that runs them; gone afterwards."""
    runner = Runner(name="acceptance")
    ids = [await runner.aadd_deployment(deployment) for deployment in await served_deployments()]
    try:
        yield runner
    finally:
        async with get_client() as client:
            for id_ in ids:
                await client.delete_deployment(id_)


async def test_served_deployments_get_their_scheduled_runs(api: Api) -> None:
    """SQLAlchemy 2.1 breaks this in Prefect 3.8: deployments are there, and nothing is ever scheduled.

    Prefect's scheduler is called by hand, on the database of the session's server, which runs none of its own.
    """
    async with served():
        await schedule_deployments()
        runs = await api.rows("flow_runs", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}})
        flows = {flow["id"]: flow["name"] for flow in await api.rows("flows")}
    assert {flows[run["flow_id"]] for run in runs if run["auto_scheduled"]} == {
        deployed.flow.name for deployed in DEPLOYMENTS if deployed.every or deployed.cron
    }


def test_the_work_pool_has_the_deployments_that_are_served() -> None:
    file = yaml.safe_load((PROJECT / "prefect.yaml").read_text())
    declared = {
        (_name_of(row["entrypoint"]), row["name"], row["description"], _schedule(row), "concurrency_limit" in row)
        for row in file["deployments"]
    }
    assert declared == {
        (one.flow.name, one.name, one.description, _own_schedule(one), _own_schedule(one) is not None) for one in DEPLOYMENTS
    }
    assert {tuple(row["tags"]) for row in file["deployments"]} == {("milepost",)}
    assert {row["work_pool"]["name"] for row in file["deployments"]} == {"milepost"}


def _name_of(entrypoint: str) -> str:
    """The name of the flow that an entrypoint leads to."""
    path, function = entrypoint.split(":")
    return str(getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), function).name)


def _schedule(row: Mapping[str, Any]) -> float | str | None:
    """Seconds, or a cron line."""
    schedules = row.get("schedules", [])
    if not schedules:
        return None
    return str(schedules[0]["cron"]) if "cron" in schedules[0] else float(schedules[0]["interval"])


def _own_schedule(one: Deployed) -> float | str | None:
    return one.every.total_seconds() if one.every else one.cron
