"""The demo's world and the benchmark's: what is in them, and that they fit Xero's organisations."""

import csv
from pathlib import Path

import pytest

from sandbox.seed import move_on, seed_demo, seed_many, write_csv_export
from sandbox.server import Sandbox
from sandbox.servicem8.records import Row, stable_uuid
from sandbox.worlds.many import entries


def kauri_job(sandbox: Sandbox, number: str) -> Row:
    (row,) = sandbox.servicem8.account("kauri").tables["job"].where("generated_job_id", number)
    return row


def kauri_lines(sandbox: Sandbox, number: str) -> list[Row]:
    return sandbox.servicem8.account("kauri").children("jobmaterial", kauri_job(sandbox, number)["uuid"])


async def test_kauri_has_every_case_a_plumber_meets(sandbox: Sandbox) -> None:
    account = sandbox.servicem8.account("kauri")
    jobs = list(account.tables["job"])
    assert sum(job["status"] == "Completed" for job in jobs) == 13
    assert {job["status"] for job in jobs} == {"Completed", "Quote", "Work Order"}
    assert kauri_lines(sandbox, "1489") == []
    assert [row["name"] for row in kauri_lines(sandbox, "1490") if row["price"] == ""] == ["Dishwasher hose 3 m"]
    assert kauri_job(sandbox, "1491")["payment_processed"] == 1
    assert [row["price"] for row in kauri_lines(sandbox, "1487")][-1] == "-85.0000"
    assert len(account.children("jobmaterialbundle", kauri_job(sandbox, "1483")["uuid"])) == 1
    codes = {row["item_number"] for row in account.tables["material"]}
    assert {"AH1", "CALLOUT", "SUB1", "LAB", "DISC"} <= codes


async def test_kauris_customers_meet_every_way_of_being_known(sandbox: Sandbox) -> None:
    contacts = sandbox.xero.state.organisations["nz"].contacts
    account = sandbox.servicem8.account("kauri")
    assert [c.name for c in contacts.find("email", "aroha@example.com")] == ["Aroha Ngata"]
    assert [c.name for c in contacts.find("number", stable_uuid("kauri", "company", "Tamaki Property Mgmt"))] == [
        "Tamaki Property Management Limited"
    ]
    assert [c.status for c in contacts.find("name", "old mill cafe")] == ["ARCHIVED"]
    assert len(account.tables["company"].where("name", "J Smith")) == 2


async def test_albion_has_jobs_at_every_stage(sandbox: Sandbox) -> None:
    account = sandbox.fieldbook.account("albion")
    assert {job.ref: job.state for job in account.jobs.values()} == {
        "AFO-2101": "accepted",
        "AFO-2102": "in_progress",
        "AFO-2103": "done",
        "AFO-2104": "done",
        "AFO-2105": "done",
        "AFO-2106": "accepted",
        "AFO-2108": "quoted",
    }
    assert {item.tax_code for item in account.by_ref("AFO-2103").items} == {"VAT20", "VAT5", "VAT0"}  # type: ignore[union-attr]
    fallback = account.by_ref("AFO-2105")
    assert fallback is not None
    assert (fallback.items, str(fallback.quoted_total)) == ([], "640.00")


async def test_albion_moves_on_and_a_job_grows(world: Sandbox) -> None:
    seed_demo(world)
    account = world.fieldbook.account("albion")
    before = len(account.by_ref("AFO-2102").items)  # type: ignore[union-attr]
    move_on(world)
    grown = account.by_ref("AFO-2102")
    assert grown is not None
    assert (grown.state, len(grown.items)) == ("done", before + 1)
    assert account.by_ref("AFO-2101").state == "in_progress"  # type: ignore[union-attr]


async def test_southern_tracks_a_region_that_xero_has(sandbox: Sandbox) -> None:
    account = sandbox.fieldbook.account("southern")
    (category,) = sandbox.xero.state.organisations["au"].tracking.find("name", "region")
    regions = {job.extra["region"] for job in account.jobs.values()}
    assert regions == {option.name for option in category.options}
    assert (account.prices, account.currency, str(account.zone)) == ("gross", "AUD", "Australia/Sydney")
    kinds = {item.kind for job in account.jobs.values() for item in job.items}
    assert {"labour", "material", "subcontract", "fee", "discount"} <= kinds


@pytest.mark.parametrize("system", ["servicem8", "fieldbook"])
async def test_many_jobs_have_seven_customers_in_ten_known(world: Sandbox, system: str) -> None:
    org = world.xero.state.organisations["nz" if system == "servicem8" else "uk"]
    before = len(org.contacts)
    seed_many(world, system, jobs=100, lines=4)  # type: ignore[arg-type]
    assert len(org.contacts) - before == 70
    if system == "servicem8":
        account = world.servicem8.account()
        assert (len(account.tables["job"]), len(account.tables["jobmaterial"])) == (100, 400)
    else:
        assert sum(len(job.items) for job in world.fieldbook.account().jobs.values()) == 400


def test_the_same_seed_gives_the_same_jobs() -> None:
    assert list(entries(20, 0.3, 3, 7)) == list(entries(20, 0.3, 3, 7))
    assert list(entries(20, 0.3, 3, 7)) != list(entries(20, 0.3, 3, 8))


def test_the_csv_export_is_two_files_that_belong_together(tmp_path: Path) -> None:
    jobs, lines = (list(csv.DictReader(path.open(encoding="utf-8-sig", newline=""))) for path in write_csv_export(tmp_path))
    assert {row["Job Number"] for row in lines} == {row["Job Number"] for row in jobs}
    totals = {row["Job Number"]: float(row["Job Total (excl. tax)"]) for row in jobs}
    for number, total in totals.items():
        summed = sum(float(row["Line Total (excl. tax)"]) for row in lines if row["Job Number"] == number)
        assert summed == pytest.approx(total)
