"""`milepost plan | poll | bill | explain | verify | log | status`: what they say, what they do, their exit codes."""

import re
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import update
from syrupy.assertion import SnapshotAssertion

from milepost.ledger import jobs
from milepost.ledger.tables import jobs as jobs_table
from sandbox.xero.settings import RateLimits
from tests.cli_fixtures import Command
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.cli_fixtures"]

LABOUR = ("Labour", "2.5", "95.00")
UNPRICED = ("Dishwasher hose 3 m", "1", None)


async def _plumber(business: Businesses) -> Business:
    plumber = await business("kauri")
    plumber.job(number="1482", customer="Ngaio Cafe", lines=[LABOUR, ("Tap", "1", "148.35")])
    plumber.job(number="1483", customer="Old Mill Cafe", lines=[LABOUR])
    return plumber


async def test_a_plan_shows_what_would_be_billed_and_writes_nothing(
    business: Businesses, milepost: Command, snapshot: SnapshotAssertion
) -> None:
    plumber = await _plumber(business)
    plumber.job(number="1490", customer="Ngaio Cafe", lines=[])
    said = await milepost("plan", plumber.name)
    assert said.code == 1
    assert said.err == ""
    assert said.steady == snapshot
    assert not plumber.invoices
    assert await plumber.rows() == []


async def test_a_plan_as_a_document_has_counts_accounts_and_reasons(business: Businesses, milepost: Command) -> None:
    plumber = await _plumber(business)
    said = await milepost("plan", plumber.name, "--json")
    assert said.code == 0
    document = said.json
    assert document["plan"] is True
    assert document["counts"]["planned"] == 2
    assert {result["job"] for result in document["results"]} == {"1482", "1483"}
    nets = sum(Decimal(account["net"]) for account in document["accounts"])
    assert nets == sum(Decimal(result["sub_total"]) for result in document["results"]) == Decimal("623.35")


async def test_a_job_is_billed_by_its_number_even_before_the_ledger_knows_it(
    business: Businesses, milepost: Command
) -> None:
    plumber = await _plumber(business)
    said = await milepost("bill", plumber.name, "--job", "1483", "--json")
    assert (said.code, said.json["counts"]["done"]) == (0, 1)
    assert [invoice.reference for invoice in plumber.invoices] == ["1483"]


async def test_an_unknown_job_is_named_with_the_nearest_and_nothing_is_written(
    business: Businesses, milepost: Command
) -> None:
    plumber = await _plumber(business)
    await milepost("bill", plumber.name, "--job", "1483")
    said = await milepost("bill", plumber.name, "--job", "14833", "--job", "1482")
    assert said.code == 2
    assert said.out == ""
    assert "job 14833" in said.err
    assert "did you mean job '1483'?" in said.err
    assert [invoice.reference for invoice in plumber.invoices] == ["1483"]
    async with plumber.ledger() as db, db.read() as c:
        assert await jobs.unread(c, plumber.name) == []


async def test_an_unknown_connection_is_wrong_usage_and_the_nearest_is_named(
    business: Businesses, milepost: Command
) -> None:
    plumber = await _plumber(business)
    for words in (("plan",), ("poll",), ("bill",), ("explain", "1482"), ("verify",), ("log",)):
        said = await milepost(words[0], f"{plumber.name}x", *words[1:])
        assert (said.code, said.out) == (2, "")
        assert re.search(f"did you mean '{plumber.name}'", said.err, re.IGNORECASE), words


async def test_a_poll_ends_green_when_nobody_is_needed_and_with_1_when_someone_is(
    business: Businesses, milepost: Command
) -> None:
    plumber = await _plumber(business)
    assert (await milepost("poll", plumber.name)).code == 0
    again = await milepost("poll", plumber.name)
    assert (again.code, again.out.strip()) == (0, f"{plumber.name}: nothing is due.")
    plumber.job(number="1490", customer="Ngaio Cafe", lines=[])
    held = await milepost("poll", plumber.name)
    assert held.code == 1
    assert "job 1490" in held.out


async def test_a_wrong_api_key_ends_with_1_says_what_to_do_and_never_repeats_the_key(
    business: Businesses, milepost: Command
) -> None:
    plumber = await business("kauri", platform={"api_key": "a-wrong-key"})
    said = await milepost("poll", plumber.name)
    assert said.code == 1
    assert "ServiceM8" in said.err
    assert "a-wrong-key" not in said.err + said.out
    assert not plumber.invoices


async def test_explain_gives_the_rule_its_place_and_what_it_saw_for_each_line(
    business: Businesses, milepost: Command, snapshot: SnapshotAssertion
) -> None:
    plumber = await _plumber(business)
    await milepost("bill", plumber.name, "--job", "1482")
    said = await milepost("explain", plumber.name, "1482")
    assert said.code == 0
    assert said.steady == snapshot
    (document,) = (await milepost("explain", plumber.name, "1482", "--json")).json
    assert document["decision"]["draft"]["lines"][0]["why"]["rule"] == "labour"


async def test_explain_plans_a_job_that_nothing_was_decided_on_yet(business: Businesses, milepost: Command) -> None:
    plumber = await _plumber(business)
    said = await milepost("explain", plumber.name, "1482")
    assert said.code == 0
    assert "not billed yet" in said.out
    assert "mappings/kauri-plumbing/v0001.yaml:" in said.out
    assert not plumber.invoices


async def test_verify_agrees_then_finds_an_invoice_voided_in_xero(business: Businesses, milepost: Command) -> None:
    plumber = await _plumber(business)
    other = await business("kauri")
    other.job(number="2001", customer="Marae", lines=[LABOUR])
    await milepost("bill", plumber.name, "--job", "1482")
    await milepost("bill", other.name, "--job", "2001")
    agreed = await milepost("verify", plumber.name)
    assert agreed.code == 0, agreed.out
    plumber.org.invoices.save(replace(plumber.invoices_of("1482")[0], status="DELETED"))
    said = await milepost("verify", plumber.name, "--json")
    assert said.code == 1
    assert [finding["job"] for finding in said.json["findings"]] == ["1482"]


async def test_the_log_and_the_status_tell_of_a_run(business: Businesses, milepost: Command) -> None:
    plumber = await _plumber(business)
    plumber.sandbox.xero.state.limiter.limits = RateLimits()
    assert "Nothing was called yet." in (await milepost("log", plumber.name)).out
    await milepost("poll", plumber.name)
    entries = (await milepost("log", plumber.name, "--json", "--system", "xero")).json
    assert {entry["system"] for entry in entries} == {"xero"}
    assert all(entry["correlation_id"] for entry in entries if entry["status"] == "ok")
    (status,) = (await milepost("status", "--json")).json
    assert (status["connection"], status["status"]) == (plumber.name, "connected")
    assert status["billings"]["done"] == 2
    xero = status["xero"]
    assert (xero["calls_allowed"], xero["calls_kept_for_people"]) == (5000, 500)
    assert 0 < xero["calls_today"] <= status["xero_calls_24h"]
    assert xero["bytes_this_month"] > 1000
    shown = await milepost("status")
    assert "calls today" in shown.out
    assert plumber.name in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


async def test_a_bug_inside_a_flow_ends_with_3_and_a_report_without_data(business: Businesses, milepost: Command) -> None:
    plumber = await _plumber(business)
    plumber.job(number="1490", customer="Ngaio Cafe", lines=[])
    await milepost("poll", plumber.name)
    async with plumber.ledger() as db, db.write() as c:
        await c.execute(update(jobs_table).values(snapshot='{"customer": "Ngaio Cafe"}'))
    said = await milepost("poll", plumber.name)
    assert said.code == 3
    assert "Traceback" not in said.err
    (report,) = plumber.home.glob("bug-*.log")
    assert report.name in said.err
    text = report.read_text()
    assert "milepost poll" in text
    assert "Ngaio" not in text + said.err
    assert report.stat().st_mode & 0o077 == 0
