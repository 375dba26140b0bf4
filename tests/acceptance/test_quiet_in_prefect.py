"""What a remote says when it refuses may repeat a customer's name: people are told it, Prefect never is."""

import asyncio
import json
from collections.abc import Iterator
from inspect import isawaitable
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.filters import FlowRunFilterParentFlowRunId as ParentId
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from flows.quiet import quiet
from milepost.errors import RemoteError
from sandbox.faults import Fault
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

WORDS = "Jane Example, 5 Secret Street"
PLATFORM = Fault("status", times=-1, status=400, body=json.dumps({"errorCode": 400, "message": WORDS}))
XERO = Fault("status", path="*/Contacts", times=-1, status=403, body=json.dumps({"Title": WORDS, "Detail": WORDS}))
for fault in (PLATFORM, XERO):
    fault.headers = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def logs_are_kept() -> Iterator[None]:
    """Prefect keeps the logs of runs, as it does where it is installed."""
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: True}):
        yield


async def kept_of(client: PrefectClient, run_id: str) -> dict[str, list[Any]]:
    """All that Prefect keeps of a run and its subflows."""
    if isawaitable(drained := APILogWorker.drain_all()):
        await drained
    ids = [UUID(run_id)]
    ids += [r.id for r in await client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=ParentId(any_=ids)))]
    return {
        "flow runs": await client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=ids))),
        "task runs": await client.read_task_runs(
            task_run_filter=TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=ids))
        ),
        "logs": await client.read_logs(log_filter=LogFilter(flow_run_id=LogFilterFlowRunId(any_=ids))),
        "artifacts": await client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=ids))
        ),
    }


async def text_of(client: PrefectClient, run_id: str) -> dict[str, str]:
    """All that Prefect keeps as one text a kind, once the task runs are there: they reach the server as events, later."""
    for _ in range(100):
        kept = await kept_of(client, run_id)
        text = {kind: " ".join(record.model_dump_json() for record in records) for kind, records in kept.items()}
        if "Refused" in text["task runs"]:
            break
        await asyncio.sleep(0.1)
    return text


async def is_told_to_people_alone(plumber: Business, what: str) -> None:
    """The run is stopped with the remote's words, and Prefect, which knows what failed, has none of them."""
    run = await plumber.poll()
    assert WORDS in str(run.stopped_by)
    assert any(WORDS in str(message) for message in plumber.slack)
    async with get_client() as client:
        shown = await text_of(client, run.id)
    assert "Refused" in shown["task runs"]
    assert what in shown["flow runs"]
    assert what in shown["logs"]
    for kind, text in shown.items():
        assert not [word for word in ("Jane", "Secret", "Example") if word in text], kind


async def test_what_the_platform_says_when_it_refuses_is_not_in_prefect(business: Businesses) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", lines=[("Labour", "2", "95.00")])
    plumber.system.faults.add(PLATFORM)
    await is_told_to_people_alone(plumber, "HTTP 400")


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_what_xero_says_when_it_refuses_is_not_in_prefect(business: Businesses, method: str) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", lines=[("Labour", "2", "95.00")])
    plumber.sandbox.xero.faults.add(Fault("status", method=method, path=XERO.path, status=403, times=-1, body=XERO.body))
    await is_told_to_people_alone(plumber, f"{method} Contacts")


def test_the_quiet_form_has_no_query_and_none_of_the_remotes_words() -> None:
    error = RemoteError("X", "GET jobs?name=Jane", WORDS, permanent=True, status=400, fix="Try again.")
    assert str(quiet(error)) == "X: GET jobs failed (HTTP 400). Try again."
