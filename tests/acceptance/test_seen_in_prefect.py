"""What an operator sees of a run in Prefect: names, tags, state, artifacts and log, and nothing personal in any of them."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
)
from prefect.client.schemas.filters import FlowRunFilterParentFlowRunId as ParentId
from prefect.logging.handlers import APILogHandler

from flows.report import in_words, verdict
from milepost.steps.run import BillingRun
from sandbox.faults import Fault
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

RIDGELINE = {"name": "Ridgeline Builders", "email": "accounts@ridgeline.example"}
NOTHING = dict.fromkeys(("planned", "done", "held", "failed", "skipped", "sending"), 0)


@pytest_asyncio.fixture(loop_scope="session")
async def client(prefect_api: str) -> AsyncIterator[PrefectClient]:
    async with get_client() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def plumber(business: Businesses) -> Business:
    """One job that can be billed and one without a price, its number written like Markdown."""
    made = await business("kauri")
    made.job(number="1482", customer=RIDGELINE, lines=[("Labour", "2.5", "95.00")], completed="2026-07-14 16:20:00")
    made.job(number="[14_90]", customer=RIDGELINE, lines=[("Hose", "1", None)], completed="2026-07-14 16:20:00")
    return made


async def artifacts_of(client: PrefectClient, run: BillingRun) -> dict[str, Any]:
    """The run's artifacts by type."""
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(run.id)]))
    return {str(artifact.type): artifact for artifact in await client.read_artifacts(artifact_filter=of_run)}


async def test_a_run_is_named_for_what_came_of_it_and_red_when_a_person_is_needed(
    plumber: Business, client: PrefectClient
) -> None:
    run = await plumber.poll()

    seen = await client.read_flow_run(UUID(run.id))
    assert seen.name == f"{plumber.name}: 1 invoiced, 1 held"
    assert set(seen.tags) == {plumber.name, "poll", "needs-a-person"}
    assert seen.state is not None
    assert (seen.state.name, seen.state.type.value, seen.state.message) == ("NeedsPerson", "FAILED", "1 invoiced, 1 held")
    (stage,) = await client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=ParentId(any_=[UUID(run.id)])))
    assert stage.name == "completion: 1 invoiced, 1 held"
    assert set(stage.tags) == {plumber.name, "FIN"}


async def test_the_table_puts_who_needs_a_person_first_links_invoices_and_cannot_be_given_markdown(
    plumber: Business, client: PrefectClient
) -> None:
    run = await plumber.poll()

    held, invoiced = json.loads((await artifacts_of(client, run))["table"].data)
    assert held == {
        "job": "\\[14\\_90\\]",
        "stage": "completion",
        "outcome": "! held",
        "invoice in Xero": "",
        "contact": "",
        "why": "price missing",
    }
    (invoice,) = plumber.invoices
    assert (invoiced["job"], invoiced["outcome"], invoiced["contact"]) == ("1482", "✓ invoiced", "found by email")
    assert invoiced["invoice in Xero"].startswith(f"[{invoice.number}](https://")
    assert invoiced["invoice in Xero"].endswith(f"/{invoice.id})")


async def test_the_summary_tells_the_command_that_explains_what_is_held(plumber: Business, client: PrefectClient) -> None:
    run = await plumber.poll()

    summary = (await artifacts_of(client, run))["markdown"].data
    assert "| completion (FIN) | 1 | 1 |" in summary
    assert f"| ! held | price missing | `milepost explain {plumber.name} [14_90]` |" in summary
    assert "Planned only" not in summary


async def test_nothing_personal_and_no_amount_is_in_what_prefect_keeps_of_a_run(
    plumber: Business, client: PrefectClient, caplog: pytest.LogCaptureFixture
) -> None:
    run = await plumber.poll()

    seen = await client.read_flow_run(UUID(run.id))
    kept = [seen.model_dump_json(), *(str(artifact.data) for artifact in (await artifacts_of(client, run)).values())]
    kept += caplog.messages
    for secret in ("Ridgeline", "accounts@", "95.00", "273.13", "237.50", "Hose"):
        assert not [text for text in kept if secret in text], secret


async def test_the_log_of_a_run_tells_what_each_step_found(plumber: Business, caplog: pytest.LogCaptureFixture) -> None:
    await plumber.poll()

    told = [record.getMessage() for record in caplog.records if record.name == "flows.steps"]
    assert "jobs read: 2, unreadable: 0, billings due: 2" in told
    assert "customers: 1, found in Xero: 1, new: 0" in told
    assert "FIN: 1 invoiced, 1 held" in told


@pytest.mark.parametrize("name", ["milepost", "notifications", "flows"])
def test_what_our_loggers_say_is_handed_to_prefect_once(name: str) -> None:
    (handler,) = (h for h in logging.getLogger(name).handlers if isinstance(h, APILogHandler))
    outside_a_run = logging.LogRecord(name, logging.INFO, __file__, 1, "nothing to do with a run", None, None)
    assert not handler.filter(outside_a_run)
    assert logging.getLogger(f"{name}.any").isEnabledFor(logging.INFO)


async def test_a_plan_is_green_tagged_so_and_says_that_nothing_was_written(
    business: Businesses, client: PrefectClient
) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", customer=RIDGELINE, lines=[("Labour", "2.5", "95.00")], completed="2026-07-14 16:20:00")
    run = await plumber.plan()

    seen = await client.read_flow_run(UUID(run.id))
    assert (seen.name, set(seen.tags)) == (f"{plumber.name}: 1 planned", {plumber.name, "person", "plan"})
    assert "nothing was written" in (await artifacts_of(client, run))["markdown"].data
    assert not plumber.invoices


async def test_a_run_that_could_not_go_on_is_named_stopped_and_tagged(business: Businesses, client: PrefectClient) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", customer=RIDGELINE, lines=[("Labour", "2.5", "95.00")], completed="2026-07-14 16:20:00")
    plumber.system.faults.add(Fault("status", times=-1, status=401))
    run = await plumber.poll()

    seen = await client.read_flow_run(UUID(run.id))
    assert seen.name == f"{plumber.name}: stopped"
    assert "needs-a-person" in seen.tags
    assert seen.state is not None
    assert seen.state.name == "Stopped"


@pytest.mark.parametrize(
    ("counts", "words", "state"),
    [
        ({}, "nothing to bill", "Completed"),
        ({"done": 38}, "38 invoiced", "Completed"),
        ({"done": 2, "skipped": 1}, "2 invoiced, 1 skipped", "Completed"),
        ({"done": 38, "held": 3, "failed": 1}, "38 invoiced, 3 held, 1 failed", "NeedsPerson"),
        ({"sending": 1}, "1 unanswered", "NeedsPerson"),
    ],
)
def test_a_verdict_is_green_only_when_nobody_is_needed(counts: dict[str, int], words: str, state: str) -> None:
    told = verdict(NOTHING | counts)
    assert (in_words(counts), told.message, told.name) == (words, words, state)
