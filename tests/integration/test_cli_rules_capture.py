"""`milepost rules capture CONNECTION JOB`: a real job becomes a test that passes, and nobody can be told from it."""

import shutil
from dataclasses import replace
from pathlib import Path

from syrupy.assertion import SnapshotAssertion

from tests.cli_fixtures import Command
from tests.flow_fixtures import PROJECT, Business, Businesses

pytest_plugins = ["tests.cli_fixtures"]

PERSONAL = (
    "Aroha", "Thompson", "thompson@", "555", "0142", "Kowhai", "Wellington", "6011", "Mrs", "dog", "PO-88", "123-456-789",
)  # fmt: skip
"""What leads to the customer below; none of it is in the rule book."""


async def _plumber(business: Businesses) -> Business:
    plumber = await business("kauri")
    customer = {
        "name": "Aroha Thompson",
        "first": "Aroha",
        "last": "Thompson",
        "email": "aroha.thompson@example.co.nz",
        "phone": "021 555 0142",
        "street": "14 Kowhai Road",
        "city": "Wellington",
        "postcode": "6011",
        "tax_number": "123-456-789",
        "is_individual": True,
    }
    plumber.job(
        number="1482",
        customer=customer,
        title="Mrs Thompson's dog bites, call 021 555 0142 first",
        work_done="Fixed the tap of Aroha Thompson",
        purchase_order="PO-88 Thompson",
        lines=[
            {"name": "Labour at Aroha Thompson's", "quantity": "2", "price": "95.00", "code": "AH1"},
            ("Tap for 14 Kowhai Road", "1", "148.35"),
        ],
    )
    return plumber


async def test_a_job_becomes_a_test_that_passes_and_names_nobody(
    business: Businesses, milepost: Command, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    plumber = await _plumber(business)
    target = tmp_path / "captured.yaml"
    said = await milepost("rules", "capture", plumber.name, "1482", "--to", target)
    assert (said.code, said.err) == (0, "")
    text = target.read_text()
    assert [word for word in PERSONAL if word.casefold() in text.casefold()] == []
    assert replace(said, out=text).steady == snapshot
    books = copied_book(tmp_path, target)
    assert (await milepost("rules", "test", books / "kauri-plumbing" / "tests" / "captured.yaml")).code == 0


async def test_a_job_that_was_billed_is_captured_as_it_was_before(
    business: Businesses, milepost: Command, tmp_path: Path
) -> None:
    plumber = await _plumber(business)
    await plumber.poll()
    assert len(plumber.invoices) == 1
    target = tmp_path / "captured.yaml"
    said = await milepost("rules", "capture", plumber.name, "1482", "--to", target, "--json")
    assert said.json["wrote"] == str(target)
    assert "total: 389.10" in target.read_text()
    assert "billed:" not in target.read_text()


async def test_a_file_that_is_there_is_never_overwritten(business: Businesses, milepost: Command, tmp_path: Path) -> None:
    plumber = await _plumber(business)
    target = tmp_path / "captured.yaml"
    target.write_text("mine")
    said = await milepost("rules", "capture", plumber.name, "1482", "--to", target)
    assert said.code == 2
    assert "is not overwritten" in said.err
    assert target.read_text() == "mine"


async def test_an_unknown_job_is_wrong_usage(business: Businesses, milepost: Command, tmp_path: Path) -> None:
    plumber = await _plumber(business)
    said = await milepost("rules", "capture", plumber.name, "9999", "--to", tmp_path / "x.yaml")
    assert said.code == 2
    assert "job 9999" in said.err


def copied_book(folder: Path, captured: Path) -> Path:
    """A folder of books that holds the plumber's, with the captured test beside it."""
    home = folder / "mappings" / "kauri-plumbing"
    (home / "tests").mkdir(parents=True)
    shutil.copy(PROJECT / "mappings" / "kauri-plumbing" / "v0001.yaml", home)
    shutil.copy(captured, home / "tests")
    return home.parent
