"""Publishing a rule book into the ledger: all new versions or none, for every worker, and what is decided again by it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text, update

from milepost.errors import UnknownName
from milepost.jobs import Job, JobDates
from milepost.ledger import books, jobs
from milepost.ledger.billings import save_decisions
from milepost.ledger.connections import save_connection
from milepost.ledger.database import Database, open_database
from milepost.ledger.engine import create_engines, ledger_url
from milepost.ledger.migrate import MIGRATIONS
from milepost.ledger.tables import billings
from milepost.rules.model import RuleBook
from milepost.rules.versions import BookFolder
from milepost.settings import Installation
from milepost.steps.publish import Gate, Publication, publish_book
from tests.ledger_values import NOW, bill, installed, job
from tests.unit.rules.books import BOOK

pytest_plugins = ["tests.ledger_fixtures"]


def put(root: Path, version: int, begins: str = "2026-07-01", more: str = "") -> Path:
    """A version of the book acme as a file."""
    path = root / "books" / "acme" / f"v{version:04}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(BOOK.replace("version: 3", f"version: {version}").replace("2026-07-01", begins) + more)
    return path


async def publish(ledger: Database, root: Path, *gates: Gate, by: str = "ann") -> Publication:
    return await publish_book(ledger, BookFolder(root / "books"), "acme", gates=gates, by=by, now=NOW)


async def versions(ledger: Database) -> list[int]:
    async with ledger.read() as c:
        return await books.published_numbers(c, "acme")


async def test_new_versions_are_published_in_order_with_text_hash_and_name(ledger: Database, tmp_path: Path) -> None:
    first, second = put(tmp_path, 1), put(tmp_path, 2)
    done = await publish(ledger, tmp_path)
    assert (done.refused, done.warnings) == ((), ())
    assert [version.version for version in done.published] == [1, 2]
    async with ledger.read() as c:
        shelf = await books.shelf_of(c, "acme")
    assert [version.text for version in shelf.published] == [first.read_text(), second.read_text()]
    assert {(version.published_by, version.published_at) for version in shelf.published} == {("ann", NOW)}
    assert shelf.version(2).origin.sha256 == shelf.published[1].sha256


async def test_publishing_again_publishes_only_what_is_new(ledger: Database, tmp_path: Path) -> None:
    put(tmp_path, 1)
    await publish(ledger, tmp_path)
    assert await publish(ledger, tmp_path) == Publication("acme")
    put(tmp_path, 2)
    assert [version.version for version in (await publish(ledger, tmp_path, by="bob")).published] == [2]
    async with ledger.read() as c:
        assert [version.published_by for version in await books.list_versions(c, "acme")] == ["ann", "bob"]


async def test_a_changed_published_file_keeps_everything_back_and_names_the_way_out(
    ledger: Database, tmp_path: Path
) -> None:
    path = put(tmp_path, 1)
    await publish(ledger, tmp_path)
    put(tmp_path, 1, more="# an afterthought\n")
    put(tmp_path, 2)
    done = await publish(ledger, tmp_path)
    (why,) = done.refused
    assert "was changed after it was published on 2026-07-14" in why
    assert f"milepost rules history acme --text 1 > {path}" in why
    assert await versions(ledger) == [1]


async def test_one_version_that_does_not_load_keeps_all_of_them_back(ledger: Database, tmp_path: Path) -> None:
    put(tmp_path, 1)
    broken = put(tmp_path, 2)
    broken.write_text(broken.read_text().replace("DRAFT", "DRAF").replace("spread", "sprad"))
    done = await publish(ledger, tmp_path)
    assert [why.split(":")[0] for why in done.refused] == [str(broken)] * 2
    assert "did you mean 'DRAFT'?" in done.refused[0]
    assert await versions(ledger) == []


async def test_every_gate_sees_every_new_version_and_may_refuse_it(ledger: Database, tmp_path: Path) -> None:
    seen: list[tuple[int, Path]] = []

    def watches(book: RuleBook, folder: Path) -> list[str]:
        seen.append((book.version, folder))
        return []

    def refuses_two(book: RuleBook, folder: Path) -> list[str]:
        return [f"{folder.name} is two", "and that is too much"] if book.version == 2 else []

    folder = put(tmp_path, 1).parent
    put(tmp_path, 2)
    done = await publish(ledger, tmp_path, refuses_two, watches)
    assert done.refused == ("version 2: acme is two", "version 2: and that is too much")
    assert seen == [(1, folder), (2, folder)]
    assert await versions(ledger) == []


async def test_a_version_below_a_published_one_is_refused(ledger: Database, tmp_path: Path) -> None:
    put(tmp_path, 3)
    await publish(ledger, tmp_path)
    put(tmp_path, 2)
    (why,) = (await publish(ledger, tmp_path)).refused
    assert "version 3 is already published" in why
    assert await versions(ledger) == [3]


async def test_of_two_machines_that_publish_one_number_at_once_one_is_refused(ledger: Database, tmp_path: Path) -> None:
    put(tmp_path / "here", 1)
    put(tmp_path / "there", 1, more="# another text\n")
    done = await asyncio.gather(publish(ledger, tmp_path / "here"), publish(ledger, tmp_path / "there"))
    assert sorted(len(one.published) for one in done) == [0, 1]
    (why,) = [why for one in done for why in one.refused]
    assert "another text" in why or "was changed after it was published" in why
    assert await versions(ledger) == [1]


async def test_a_higher_version_published_while_a_lower_one_is_tested_keeps_that_one_back(
    installation: Installation, ledger: Database, tmp_path: Path
) -> None:
    put(tmp_path / "here", 1)
    put(tmp_path / "there", 2)

    async def elsewhere() -> None:
        async with open_database(installation) as theirs:
            assert not (await publish(theirs, tmp_path / "there")).refused

    def takes_long(book: RuleBook, folder: Path) -> list[str]:
        del book, folder
        with ThreadPoolExecutor(1) as machine:
            machine.submit(asyncio.run, elsewhere()).result()
        return []

    (why,) = (await publish(ledger, tmp_path / "here", takes_long)).refused
    assert "version 2 of rule book 'acme' was published by somebody else just now, so version 1 was not" in why
    assert await versions(ledger) == [2]


async def test_two_machines_that_publish_the_same_text_at_once_agree(ledger: Database, tmp_path: Path) -> None:
    put(tmp_path, 1)
    done = await asyncio.gather(*(publish(ledger, tmp_path) for _ in range(3)))
    assert [one.refused for one in done] == [(), (), ()]
    assert await versions(ledger) == [1]


async def test_a_book_that_is_not_there_is_named_with_the_nearest(ledger: Database, tmp_path: Path) -> None:
    put(tmp_path, 1)
    with pytest.raises(UnknownName, match="did you mean 'acme'"):
        await publish_book(ledger, BookFolder(tmp_path / "books"), "acne", gates=(), by=None, now=NOW)


async def test_a_version_that_reaches_back_says_what_it_replaces_and_what_was_billed(
    ledger: Database, tmp_path: Path
) -> None:
    put(tmp_path, 3)
    await publish(ledger, tmp_path)
    await billed(ledger, "early", date(2026, 1, 31))
    await billed(ledger, "late", date(2026, 7, 2))
    put(tmp_path, 4, "2026-02-01")
    replaced, sent = (await publish(ledger, tmp_path)).warnings
    assert replaced.startswith("version 4 applies from 2026-02-01 and takes the place of version 3 altogether")
    assert sent.startswith("1 billing of a job completed since 2026-02-01 went out by an earlier version already")
    put(tmp_path, 5, "2027-01-01")
    assert (await publish(ledger, tmp_path)).warnings == ()


async def test_a_stage_of_another_code_that_would_bill_its_share_again_is_warned_of(
    ledger: Database, tmp_path: Path
) -> None:
    put(tmp_path, 3)
    await publish(ledger, tmp_path)
    await billed(ledger, "done", date(2026, 6, 30))
    await billed(ledger, "open", None)
    renamed = put(tmp_path, 4, "2027-01-01")
    renamed.write_text(renamed.read_text().replace("code: FIN", "code: END"))
    (warning,) = (await publish(ledger, tmp_path)).warnings
    assert warning.startswith("version 4 has no stage FIN, by which 1 job not complete yet was billed")
    assert "give it the code FIN" in warning


def completed(job_id: str, on: date) -> Job:
    """A job that was completed at noon of a day."""
    dates = JobDates(completed=datetime(on.year, on.month, on.day, 12, tzinfo=UTC))
    return job(job_id).model_copy(update={"dates": dates})


async def billed(ledger: Database, job_id: str, completed_on: date | None, connection: str = "acme") -> None:
    """A job that was billed by version 3; without a day it is not complete."""
    of = completed(job_id, completed_on) if completed_on else job(job_id)
    async with ledger.write() as c:
        await jobs.save_jobs(c, connection, [of], {}, NOW)
        await save_decisions(c, "run-1", [(of, bill(of, amount="100.00"))], NOW)
        await c.execute(
            update(billings).where(billings.c.job_id == job_id).values(status="done", invoice_total=Decimal(115))
        )


async def test_versions_know_how_many_billings_they_made(ledger: Database) -> None:
    await billed(ledger, "one", date(2026, 7, 1))
    await billed(ledger, "two", date(2026, 7, 2))
    async with ledger.read() as c:
        assert await books.billings_by_version(c, "acme") == {3: 2}
        assert await books.billings_by_version(c, "other") == {}


async def test_jobs_that_a_new_version_may_bill_are_decided_again(ledger: Database, tmp_path: Path) -> None:
    """Those completed since it applies, and unfinished ones, of every connection that uses the book, and no others."""
    put(tmp_path, 1)
    await publish(ledger, tmp_path)
    kept = [
        completed("before", date(2026, 6, 30)),
        completed("since", date(2026, 7, 1)),
        job("open"),
    ]
    async with ledger.write() as c:
        for name, book in (("a", "acme"), ("b", "acme"), ("c", "other")):
            await save_connection(c, name, "csv", book, NOW)
            await jobs.save_jobs(c, name, kept, {}, NOW)
            await jobs.mark_decided(c, name, kept)
        assert await jobs.undecided(c, "a") == []
    put(tmp_path, 2)
    await publish(ledger, tmp_path)
    async with ledger.read() as c:
        assert [await jobs.undecided(c, name) for name in "abc"] == [["open", "since"], ["open", "since"], []]


async def test_versions_from_before_names_were_kept_stay_published(fresh_url: str, tmp_path: Path) -> None:
    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    put(tmp_path, 3)
    engines = create_engines(ledger_url(fresh_url))
    async with engines.writer.begin() as c:
        await c.run_sync(upgrade)
        await c.execute(
            text("INSERT INTO book_versions VALUES ('acme', 3, :hash, :text, '2026-07-01', '2026-07-02 09:00:00')"),
            {"hash": "f" * 64, "text": BOOK},
        )
    await engines.dispose()
    async with open_database(installed(tmp_path, fresh_url)) as db:
        async with db.read() as c:
            (kept,) = await books.list_versions(c, "acme")
        assert (kept.version, kept.published_by, kept.read().version) == (3, None, 3)
        assert await publish(db, tmp_path) == Publication("acme")


async def test_publishing_waits_for_a_run_that_notes_what_it_decided(ledger: Database, tmp_path: Path) -> None:
    """Else the run would note jobs as decided that the new version was to decide again."""
    put(tmp_path, 1)
    kept = [job("open")]
    async with ledger.write() as c:
        await save_connection(c, "a", "csv", "acme", NOW)
        await jobs.save_jobs(c, "a", kept, {}, NOW)
    async with ledger.write() as c:
        await books.keep_publishing_out(c)
        assert await books.published_numbers(c, "acme") == []
        publishing = asyncio.create_task(publish(ledger, tmp_path))
        await asyncio.sleep(0.05)  # time enough to go wrong: a publication takes a tenth of it
        await jobs.mark_decided(c, "a", kept)
    assert (await publishing).refused == ()
    async with ledger.read() as c:
        assert await jobs.undecided(c, "a") == ["open"]
