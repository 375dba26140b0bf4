"""Runs that end early, by an unpublished rule book or a lost sign-in: nothing is forgotten, and alerts end."""

import json
from pathlib import Path

from milepost.ledger import alerts, connections, jobs
from milepost.ledger.connections import ConnectionStatus
from milepost.settings import installation
from sandbox.faults import Fault
from tests.book_files import publish, write_book
from tests.flow_fixtures import PROJECT, Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

LINES = [("Labour", "2", "95.00")]
BOOK = (PROJECT / "mappings/kauri-plumbing/v0001.yaml").read_text()


async def undecided(business: Business) -> list[str]:
    async with business.ledger() as db, db.read() as c:
        return await jobs.undecided(c, business.name)


async def status_of(business: Business) -> ConnectionStatus:
    async with business.ledger() as db, db.read() as c:
        return (await connections.get_connection(c, business.name)).status


async def test_jobs_wait_for_a_rule_book_to_be_published_and_the_next_poll_bills_them(business: Businesses) -> None:
    plumber = await business("kauri", book=BOOK, published=False)
    book, folder = plumber.settings.rule_book, plumber.settings.rule_books_dir
    job_id = plumber.job(number="1482", lines=LINES)
    run = await plumber.poll()
    assert f"no version is published. Publish it: milepost rules publish {book} --folder {folder}" in str(run.stopped_by)
    assert await undecided(plumber) == [job_id]
    told = len(plumber.slack)
    assert told > 0
    await plumber.poll()
    assert len(plumber.slack) == told  # the same trouble is told once

    said = await plumber.command("rules", "publish", book, "--folder", str(folder))
    assert said.code == 0, said.err
    run = await plumber.poll()
    assert run.counts["done"] == 1
    assert await undecided(plumber) == []


async def test_a_stage_that_ends_early_ends_the_run_and_its_jobs_wait(business: Businesses) -> None:
    plumber = await business("kauri")
    job_id = plumber.job(number="1482", lines=LINES)
    refused = Fault("status", method="PUT", path="*/Contacts", status=401, body='{"Detail": "AuthorizationUnsuccessful"}')
    refused.headers = {"content-type": "application/json"}
    plumber.sandbox.xero.faults.add(refused)
    run = await plumber.poll()
    assert run.stopped_by is not None
    assert (await undecided(plumber), plumber.invoices) == ([job_id], [])
    assert await status_of(plumber) is ConnectionStatus.ERROR

    run = await plumber.poll()
    assert (run.counts["done"], len(plumber.invoices)) == (1, 1)
    assert await status_of(plumber) is ConnectionStatus.CONNECTED
    async with plumber.ledger() as db, db.read() as c:
        assert await alerts.open_alerts(c, plumber.name) == []


async def test_the_checks_of_a_connection_say_what_is_not_published(business: Businesses, tmp_path: Path) -> None:
    plumber = await business("kauri", book=BOOK, published=False)
    book, folder = plumber.settings.rule_book, plumber.settings.rule_books_dir
    assert folder is not None

    async def checked() -> tuple[bool, str]:
        said = await plumber.command("connection", "test", plumber.name, "--json")
        (check,) = [check for check in json.loads(said.out) if check["check"] == "rule book"]
        return check["ok"], check["says"]

    ok, says = await checked()
    assert (ok, f"milepost rules publish {book}" in says) == (False, True)
    await publish(installation(), folder, book)
    ok, says = await checked()
    assert (ok, says.startswith("version 1 from 2025-04-01"), "not published" in says) == (True, True, False)
    write_book(tmp_path, book, BOOK.replace("version: 1 ", "version: 2 "), version=2)
    ok, says = await checked()
    assert (ok, "version 2 of rule book" in says, "is not published" in says) == (True, True, True)
