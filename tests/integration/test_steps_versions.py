"""Runs bill by what is published, whatever the files say by now; a new version is applied to the jobs that it may bill."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from milepost.errors import ConfigError
from milepost.ledger.database import open_database
from milepost.rules.versions import BookFolder
from milepost.steps import decide
from milepost.steps.publish import Publication, publish_book
from milepost.steps.run import BillingRun
from tests.integration.steps_world import PROJECT, Steps, only, steps_world

SHIPPED = (PROJECT / "mappings/albion-fitout/v0001.yaml").read_text()
COMPLETION_ONLY = SHIPPED[: SHIPPED.index("milestones:")] + (
    "milestones:\n  - {code: FIN, name: completion, on_status: [done], amount: remaining}\n"
)
WITH_DEPOSIT = COMPLETION_ONLY.replace("version: 1", "version: 2").replace(
    "milestones:\n", "milestones:\n  - {code: DEP, name: deposit, on_status: [accepted], amount: {percent: 30}}\n"
)


@pytest_asyncio.fixture(loop_scope="session")
async def world(tmp_path: Path) -> AsyncIterator[Steps]:
    async with steps_world(tmp_path, COMPLETION_ONLY) as made:
        yield made


def file_of(world: Steps, version: int = 1) -> Path:
    folder = world.connection.rule_books_dir
    assert folder is not None
    return folder / "own" / f"v{version:04}.yaml"


async def publish(world: Steps) -> Publication:
    folder = world.connection.rule_books_dir
    assert folder is not None
    async with open_database(world.installation) as db:
        return await publish_book(db, BookFolder(folder), "own", gates=(), by=None, now=world.clock())


async def test_a_changed_or_lost_file_changes_nothing_and_the_run_says_so(world: Steps) -> None:
    world.job("A-1")
    file_of(world).write_text("broken: [")
    run = await world.poll()
    assert (only(run).status, only(run).decision.book_version) == ("done", 1)
    (remark,) = run.remarks
    assert remark.startswith("Billed by the published text: ")
    file_of(world).unlink()
    world.job("A-2")
    run = await world.poll()
    assert (only(run).status, run.remarks) == ("done", [])


async def test_a_version_that_is_not_published_bills_nothing_and_is_pointed_out(
    world: Steps, caplog: pytest.LogCaptureFixture
) -> None:
    file_of(world, 2).write_text(WITH_DEPOSIT)
    world.job("A-1")
    with caplog.at_level("WARNING"):
        run = await world.poll()
    assert only(run).decision.book_version == 1
    (remark,) = run.remarks
    assert "version 2 of rule book 'own' is not published" in remark
    assert caplog.messages.count(remark) == 1


async def test_a_job_with_nothing_due_is_billed_by_the_next_poll_once_a_version_asks_for_its_status(world: Steps) -> None:
    world.job("A-1", "accepted")
    assert (await world.poll()).results == []
    assert (await world.poll()).jobs == {}  # nothing changed, nothing is looked at
    file_of(world, 2).write_text(WITH_DEPOSIT)
    assert (await publish(world)).refused == ()
    reads = len(world.sandbox.fieldbook.log.entries)
    run = await world.poll()
    assert (only(run).milestone.code, only(run).status, only(run).decision.book_version) == ("DEP", "done", 2)
    assert len(world.sandbox.fieldbook.log.entries) <= reads + 2  # the poll's question, and one look before billing
    assert (await world.poll()).jobs == {}


async def test_a_version_published_while_a_run_is_at_work_is_applied_by_the_next(world: Steps) -> None:
    world.job("A-1", "accepted")
    async with world.workspace() as workspace:
        run = BillingRun("run-1", "poll", workspace)
        await world.gather(run)
        file_of(world, 2).write_text(WITH_DEPOSIT)
        await publish(world)
        await decide.mark_decided(run)
    assert only(await world.poll()).milestone.code == "DEP"


async def test_what_was_billed_is_not_billed_again_by_a_new_version(world: Steps) -> None:
    world.job("A-1")
    await world.poll()
    file_of(world, 2).write_text(re.sub(r'account: "\d+"', 'account: "200"', WITH_DEPOSIT))
    await publish(world)
    run = await world.poll()
    assert [result.status for result in run.results if result.status == "done"] == []
    assert len(world.invoices) == 1


async def test_without_a_published_version_jobs_wait_and_the_error_says_how_to_publish(tmp_path: Path) -> None:
    async with steps_world(tmp_path, COMPLETION_ONLY, published=False) as world:
        assert (await world.poll()).results == []
        world.job("A-1")
        with pytest.raises(ConfigError, match=r"'acme' bills by rule book 'own'.*milepost rules publish own --folder"):
            await world.poll()
        await publish(world)
        assert only(await world.poll()).status == "done"
