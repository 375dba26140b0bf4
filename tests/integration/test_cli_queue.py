"""`milepost queue`: what waits is listed, tried again, or said to be handled by hand; invoices made by hand stay linked."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from milepost.billing.facts import Billed
from milepost.ledger import billings
from sandbox.faults import Fault
from tests.cli_fixtures import Command
from tests.flow_fixtures import PROJECT, Business, Businesses

pytest_plugins = ["tests.cli_fixtures"]

LINES = [("Labour", "2", "95.00")]
LADDER = {"retries": [5, 15]}


def away(business: Business) -> None:
    """Xero is away when invoices are to be created, until the faults are cleared."""
    business.sandbox.xero.faults.add(Fault("status", method="PUT", path="*/Invoices", status=503, times=-1))


async def failed(business: Businesses, **job: object) -> Business:
    """A business with one job, 1482, whose invoice could not be made."""
    plumber = await business("kauri", more=LADDER)
    plumber.job(number="1482", lines=LINES, **job)
    away(plumber)
    await plumber.poll()
    plumber.sandbox.xero.faults.clear()
    return plumber


async def test_what_waits_is_listed_with_its_next_try_why_and_fix(business: Businesses, milepost: Command) -> None:
    plumber = await failed(business)
    plumber.job(number="1483", customer=None, lines=LINES)
    await plumber.poll()
    said = await milepost("queue", plumber.name, "--json")
    first, second = said.json
    assert said.code == 1
    assert (first["job"], first["status"], first["code"], first["failures"]) == ("1482", "failed", "remote_failed", 1)
    assert first["next_attempt_at"] is not None
    assert (second["job"], second["status"], second["code"]) == ("1483", "held", "customer_missing")
    assert second["fix"]
    shown = await milepost("queue", "--all")
    assert "1482" in shown.out
    assert "customer_missing" in shown.out


async def test_nothing_waits(business: Businesses, milepost: Command) -> None:
    plumber = await business("kauri")
    said = await milepost("queue", "list", plumber.name)
    assert (said.code, said.out.strip()) == (0, "Nothing waits.")


@pytest.mark.parametrize(
    "arguments", [("list",), ("acme-unknown",), ("retry", "9999"), ("by-hand", "9999", "--reason", "x")]
)
async def test_what_does_not_exist_is_wrong_usage(
    business: Businesses, milepost: Command, arguments: tuple[str, ...]
) -> None:
    await business("kauri")
    assert (await milepost("queue", *arguments)).code == 2


async def test_a_retry_asks_at_once_whatever_the_time(business: Businesses, milepost: Command) -> None:
    plumber = await failed(business)
    said = await milepost("queue", "retry", "1482", "--connection", plumber.name)
    assert (said.code, len(plumber.invoices)) == (0, 1)


async def test_a_retry_with_current_rules_bills_by_the_newest_version(business: Businesses, milepost: Command) -> None:
    book = (PROJECT / "mappings/kauri-plumbing/v0001.yaml").read_text()
    plumber = await business("kauri", book=book, more=LADDER)
    plumber.job(number="1482", lines=LINES)
    away(plumber)
    await plumber.poll()
    plumber.sandbox.xero.faults.clear()
    folder = plumber.settings.rule_books_dir
    assert folder is not None
    newer = book.replace("version: 1 ", "version: 2 ").replace("effective_from: 2025-04-01", "effective_from: 2099-01-01")
    assert newer.count("2099") == 1
    (folder / plumber.settings.rule_book / "v0002.yaml").write_text(newer)
    assert (await milepost("rules", "publish", plumber.settings.rule_book, "--folder", str(folder))).code == 0
    said = await milepost("queue", "retry", "1482", "--current-rules")
    assert said.code == 0, said.err
    assert (await plumber.row("1482")).book_version == 2


async def test_by_hand_without_an_invoice_no_run_bills_it_any_more(business: Businesses, milepost: Command) -> None:
    plumber = await failed(business)
    said = await milepost("queue", "by-hand", "1482", "--reason", "billed with job 1480", "--by", "Hana")
    assert said.code == 0, said.err
    row = await plumber.row("1482")
    assert (row.status, row.trouble_code, row.by_hand) == ("skipped", "handled_by_hand", "Hana")
    assert row.trouble_why == "Billed by hand, says Hana: billed with job 1480"
    plumber.job(number="1482", lines=[("Labour", "3", "95.00")])
    await plumber.poll()
    await plumber.bill([row.job_id])
    assert plumber.invoices == []
    assert (await plumber.row("1482")).by_hand == "Hana"
    assert (await milepost("queue", plumber.name)).code == 0


async def made_by_hand(plumber: Business) -> str:
    """The number of an invoice that a person has made in Xero: like one of ours, but without our mark."""
    plumber.job(number="1490", lines=LINES)
    await plumber.poll()
    (ours,) = plumber.invoices
    number = "INV-7700"
    plumber.org.invoices.save(replace(ours, id=str(uuid4()), number=number, url=None))
    return number


async def test_by_hand_with_an_invoice_it_is_linked_and_counts_as_billed(business: Businesses, milepost: Command) -> None:
    plumber = await failed(business)
    number = await made_by_hand(plumber)
    said = await milepost("queue", "by-hand", "1482", "--reason", "the system was away", "--invoice", number)
    assert said.code == 0, said.err
    row = await plumber.row("1482")
    known = next(invoice for invoice in plumber.org.invoices if invoice.number == number)
    assert (row.status, row.invoice_number, row.invoice_id) == ("done", number, known.id)
    assert row.invoice_total == known.total
    await plumber.poll()
    assert [invoice.number for invoice in plumber.invoices_of("1482")] == []
    async with plumber.ledger() as db, db.read() as c:
        (billed,) = (await billings.history(c, plumber.name, [row.job_id]))[row.job_id].billed
    assert isinstance(billed, Billed)
    assert (billed.by_hand, billed.lines, billed.total) == (True, (), Decimal(str(known.total)))

    again = await milepost("queue", "by-hand", "1482", "--reason", "twice", "--invoice", number)
    assert again.code == 2  # nothing waits any more


async def test_a_job_that_changes_after_it_was_billed_by_hand_is_held_with_the_reason(
    business: Businesses, milepost: Command
) -> None:
    plumber = await failed(business)
    number = await made_by_hand(plumber)
    await milepost("queue", "by-hand", "1482", "--reason", "in a hurry", "--invoice", number)
    plumber.job(number="1482", lines=[("Labour", "9", "95.00")])
    await plumber.poll()
    (held,) = [row for row in await plumber.rows() if row.status == "held"]
    assert (held.sequence, held.trouble_code) == (2, "by_hand_before")
    assert number in (held.trouble_why or "")
    assert plumber.invoices_of("1482") == []


async def test_an_invoice_that_xero_does_not_hold_or_that_is_another_billings_is_refused(
    business: Businesses, milepost: Command
) -> None:
    plumber = await failed(business)
    plumber.job(number="1490", lines=LINES)
    await plumber.poll()
    (ours,) = plumber.invoices
    for number, why in (("INV-99999", "no single live sales invoice"), (ours.number, "another billing")):
        said = await milepost("queue", "by-hand", "1482", "--reason", "x", "--invoice", number)
        assert (said.code, why in said.err) == (2, True), said.err
    assert (await plumber.row("1482")).status == "failed"
