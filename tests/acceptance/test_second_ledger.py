"""A second ledger, or one restored from a backup, makes nothing that Xero holds already: it takes the invoices over."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from milepost.settings import installation
from sandbox.xero.documents import Invoice
from tests.book_files import publish
from tests.flow_fixtures import PROJECT, Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

ITEMS = [("Labour: joinery", "10", "48.50"), ("Partition", "4", "58.75")]


def fill(builder: Business) -> None:
    """A deposit, a progress claim of a customer that Xero does not know, and a completion."""
    now = builder.sandbox.clock().isoformat()
    builder.job(ref="S-1", state="accepted", customer="Ledger Twins", items=ITEMS, title="One")
    builder.job(ref="S-2", state="in_progress", customer="Somebody New", items=ITEMS, title="Two")
    builder.job(ref="S-3", state="done", customer="Ledger Twins", items=ITEMS, title="Three", done_at=now)


def made(builder: Business) -> list[tuple[str, str, Decimal]]:
    """Every invoice in Xero, in short."""

    def in_short(invoice: Invoice) -> tuple[str, str, Decimal]:
        return invoice.number, invoice.status, invoice.total

    return sorted(in_short(invoice) for invoice in builder.invoices)


async def test_a_second_ledger_takes_over_what_the_first_one_billed(
    business: Businesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = await business("albion")
    fill(builder)
    await builder.poll()
    before = made(builder)
    assert len(before) == 3

    monkeypatch.setenv("MILEPOST_HOME", str(tmp_path / "another-home"))
    run = await builder.poll()
    assert "no version is published" in str(run.stopped_by)  # a ledger that somebody made by mistake bills nothing at all
    await publish(installation(), PROJECT / "mappings", builder.settings.rule_book)
    run = await builder.poll()
    assert made(builder) == before
    assert sorted((r.job.number, r.status, r.invoice_number or r.code) for r in run.results) == [
        ("S-1", "done", "S-1-DEP"),
        ("S-2", "done", "S-2-PRG"),
        ("S-3", "held", "processed_elsewhere"),  # the job system itself says so, and a person is asked
    ]
    assert sum(contact.name == "Somebody New" for contact in builder.org.contacts) == 1


async def test_a_restored_ledger_takes_over_what_was_billed_since(business: Businesses, tmp_path: Path) -> None:
    home, backup = tmp_path / "home", tmp_path / "backup"
    builder = await business("albion")
    builder.job(ref="S-0", state="accepted", customer="Ledger Twins", items=ITEMS, title="Before")
    await builder.poll()
    shutil.copytree(home, backup)
    fill(builder)
    await builder.poll()
    before = made(builder)
    assert len(before) == 4

    shutil.rmtree(home)
    shutil.copytree(backup, home)
    await builder.poll()
    assert made(builder) == before

    # A stage after the restored one still starts from what was billed: the deposit is taken off, to the cent.
    builder.job(ref="S-1", state="done", customer=None)
    await builder.poll()
    deposit, rest = (sum(i.total for i in builder.invoices if i.number == f"S-1-{stage}") for stage in ("DEP", "FIN"))
    assert (deposit, deposit + rest) == (Decimal("259.20"), Decimal("864.00"))
