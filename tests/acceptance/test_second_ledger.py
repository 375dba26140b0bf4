"""A second ledger, or one restored from a backup, makes nothing that Xero holds already: it takes the invoices over."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from milepost.settings import installation
from sandbox.xero.documents import Invoice
from tests.book_files import publish
from tests.databases import backup_of, copy_database, installation_in
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


@pytest.fixture
def another_installation(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of one with an empty ledger."""
    with installation_in(tmp_path / "another-home") as environment:
        yield environment


async def test_a_second_ledger_takes_over_what_the_first_one_billed(
    business: Businesses, another_installation: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = await business("albion")
    fill(builder)
    await builder.poll()
    before = made(builder)
    assert len(before) == 3

    for variable, value in another_installation.items():
        monkeypatch.setenv(variable, value)
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


@contextmanager
def backup(home: Path, kept: Path) -> Iterator[Callable[[], None]]:
    """The ledger as it is now is kept; call what comes back to put it in place again."""
    url = os.environ.get("MILEPOST_DATABASE_URL")
    if url is None:
        shutil.copytree(home, kept)
        yield lambda: _put_back(kept, home)
        return
    with backup_of(url) as copy:
        yield lambda: copy_database(copy, url)


def _put_back(kept: Path, home: Path) -> None:
    shutil.rmtree(home)
    shutil.copytree(kept, home)


async def test_a_restored_ledger_takes_over_what_was_billed_since(business: Businesses, tmp_path: Path) -> None:
    builder = await business("albion")
    builder.job(ref="S-0", state="accepted", customer="Ledger Twins", items=ITEMS, title="Before")
    await builder.poll()
    with backup(builder.home, tmp_path / "backup") as restore:
        fill(builder)
        await builder.poll()
        before = made(builder)
        assert len(before) == 4
        restore()
    await builder.poll()
    assert made(builder) == before

    # A stage after the restored one still starts from what was billed: the deposit is taken off, to the cent.
    builder.job(ref="S-1", state="done", customer=None)
    await builder.poll()
    deposit, rest = (sum(i.total for i in builder.invoices if i.number == f"S-1-{stage}") for stage in ("DEP", "FIN"))
    assert (deposit, deposit + rest) == (Decimal("259.20"), Decimal("864.00"))
