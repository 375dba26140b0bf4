"""The three books that are shipped, on jobs as such businesses have them."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from milepost.billing.decision import Bill
from milepost.chart import BrandingTheme, Chart, Organisation, TaxRate, TrackingCategory, TrackingOption
from milepost.jobs import Job, Line, LineKind, Site, Stage, TaxMode
from milepost.rules.load import load_book
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import (
    account,
    after,
    amounts,
    assert_xero_agrees,
    billed,
    discount,
    fee,
    held,
    job,
    labour,
    line,
    material,
    skipped,
    subcontract,
    totals,
)

BOOKS = Path(__file__).parents[3] / "mappings"
CODES = ("200", "203", "210", "220", "230", "260")


def shipped(name: str) -> RuleBook:
    return load_book(BOOKS / name / "v0001.yaml")


def organisation(currency: str, sales_tax: str, *rates: tuple[str, int], **said: Any) -> Chart:
    deposits = account("235", "Customer deposits", "LIABILITY", sales_tax)
    return Chart(
        organisation=Organisation(organisation_id="o", name="Demo", base_currency=currency),
        accounts=(*(account(code, f"Account {code}", tax=sales_tax) for code in CODES), deposits),
        tax_rates=tuple(TaxRate(tax_type=name, name=f"{rate}%", effective_rate=rate) for name, rate in rates),
        branding=(BrandingTheme(theme_id="deposit", name="Deposit request"),),
        **said,
    )


def tracked(name: str, *options: str) -> TrackingCategory:
    made = tuple(TrackingOption(option_id=option, name=option) for option in options)
    return TrackingCategory(category_id=name, name=name, options=made)


NZ = organisation("NZD", "OUTPUT2", ("OUTPUT2", 15), ("ZERORATED", 0), ("NONE", 0))
UK = organisation("GBP", "OUTPUT2", ("OUTPUT2", 20), ("RROUTPUT", 5), ("ZERORATEDOUTPUT", 0))
AU = organisation(
    "AUD", "OUTPUT", ("OUTPUT", 10), ("EXEMPTOUTPUT", 0),
    tracking=(tracked("Region", "North", "South"), tracked("Department", "Service", "Projects", "Maintenance")),
)  # fmt: skip
GST: dict[str, Any] = {"tax": "15% GST on Income", "rate": 15}


def accounts(bill: Bill) -> list[str | None]:
    return [line.account for line in bill.draft.lines]


@pytest.mark.parametrize(
    ("lines", "coded", "expected"),
    [
        (
            (fee(1, 79, **GST), labour("1.5", 95, **GST), material(1, "148.35", **GST), material(1, "6.50", **GST)),
            ["220", "200", "210", "210"],
            ("376.35", "56.46", "432.81"),
        ),
        (
            (labour("3.5", "142.50", code="AH1", **GST), material("4.2", "18.90", **GST)),
            ["203", "210"],
            ("578.13", "86.72", "664.85"),
        ),
        (
            (labour("7.75", 95, **GST), material(1, 289, **GST), material(1, 415, **GST), discount(1, -85, **GST)),
            ["200", "210", "210"],
            ("1355.25", "203.29", "1558.54"),
        ),
        (
            (labour(16, 95, **GST), subcontract(1, 680, unit_cost=590, **GST), subcontract(1, unit_cost=590, **GST)),
            ["200", "230", "230"],
            ("2790.00", "418.50", "3208.50"),
        ),
        (
            (labour(4, 95, tax="Zero Rated", rate=0), material(1, 742, tax="Zero Rated", rate=0)),
            ["200", "210"],
            ("1122.00", "0.00", "1122.00"),
        ),
        (
            (material(3, "135.00", unit_price_inc="155.25", **GST), labour(1, unit_price_inc="109.25", **GST)),
            ["210", "200"],
            ("500.00", "75.00", "575.00"),
        ),
    ],
)
def test_a_plumbers_jobs(lines: tuple[Line, ...], coded: list[str], expected: tuple[str, str, str]) -> None:
    bill = billed(job(*lines), shipped("kauri-plumbing"), chart=NZ)
    assert (accounts(bill), totals(bill)) == (coded, expected)
    assert_xero_agrees(bill, NZ)
    assert bill.draft.due_date == date(2026, 8, 20)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (job(), "no_lines"),
        (job(labour("0.75", 95), material(1, None)), "price_missing"),
        (job(labour(1, 95), export_processed=True), "processed_elsewhere"),
    ],
)
def test_the_plumbers_jobs_that_need_a_person(made: Job, code: str) -> None:
    assert held(made, shipped("kauri-plumbing"), chart=NZ).code == code


def fit_out(*lines: Line, status: str, **said: Any) -> Job:
    stages = {"accepted": Stage.SCHEDULED, "in_progress": Stage.IN_PROGRESS, "done": Stage.COMPLETED}
    fields = {"number": "AFO-2101", "title": "Reception refit", "account_tz": "Europe/London", "currency": "GBP", **said}
    whole = job(*lines, **fields)
    dates: Any = whole.dates if status == "done" else {}
    return Job.model_validate({**whole.model_dump(), "raw_status": status, "stage": stages[status], "dates": dates})


VAT20: dict[str, Any] = {"tax": "VAT20", "rate": 20}
RECEPTION = (
    material(64, "58.75", **VAT20),
    labour(48, "48.50", **VAT20),
    subcontract(1, 2180, unit_cost=1850, **VAT20),
    material(1, 3420, **VAT20),
)


def test_a_builders_deposit_progress_and_completion() -> None:
    book = shipped("albion-fitout")
    deposit = billed(fit_out(*RECEPTION, status="accepted"), book, stage="DEP", chart=UK)
    assert totals(deposit) == ("3506.40", "701.28", "4207.68")
    assert (deposit.draft.number, accounts(deposit), deposit.draft.status) == ("AFO-2101-DEP", ["235"], "AUTHORISED")
    assert (deposit.draft.branding_theme_id, deposit.draft.due_date) == ("deposit", deposit.draft.date)
    progress = billed(fit_out(*RECEPTION, status="in_progress"), book, stage="PRG", chart=UK, history=after(deposit))
    assert (totals(progress)[0], accounts(progress)) == ("4675.20", ["210", "200", "230"])
    grown = fit_out(*RECEPTION, material(2, 1145, **VAT20), status="done")
    rest = billed(grown, book, chart=UK, history=after(deposit, progress))
    assert totals(rest) == ("5796.40", "1159.28", "6955.68")
    at_once = billed(grown, book, chart=UK)
    assert sum(b.draft.total for b in (deposit, progress, rest)) == at_once.draft.total
    assert sum(line.amount for b in (deposit, rest) for line in b.draft.lines if line.account == "235") == 0
    for bill in (deposit, progress, rest):
        assert_xero_agrees(bill, UK)


def test_a_builders_three_taxes_are_each_in_every_stage() -> None:
    flats = (
        labour(120, 46, **VAT20),
        material(1, 18450, tax="VAT5", rate=5),
        fee(1, 2750, tax="VAT0", rate=0),
        line(LineKind.EXPENSE, 3, 265, **VAT20),
    )
    book = shipped("albion-fitout")
    deposit = billed(fit_out(*flats, status="accepted"), book, stage="DEP", chart=UK)
    found = [(line.tax_type, str(line.amount), str(line.tax)) for line in deposit.draft.lines]
    assert found == [
        ("OUTPUT2", "1894.50", "378.90"),
        ("RROUTPUT", "5535.00", "276.75"),
        ("ZERORATEDOUTPUT", "825.00", "0.00"),
    ]
    rest = billed(fit_out(*flats, status="done"), book, chart=UK, history=after(deposit))
    assert (
        deposit.draft.total_tax + rest.draft.total_tax
        == billed(fit_out(*flats, status="done"), book, chart=UK).draft.total_tax
    )


def test_a_builder_shows_a_discount_and_bills_a_quote_without_lines() -> None:
    book = shipped("albion-fitout")
    lobby = fit_out(labour(14, 62, code="EMER", **VAT20), discount(1, -75, **VAT20), status="done")
    assert (accounts(billed(lobby, book, chart=UK)), amounts(billed(lobby, book, chart=UK))) == (
        ["203", "200"],
        ["868.00", "-75.00"],
    )
    survey = fit_out(status="done", title="Fire survey", quote={"totals": {"ex": "640.00"}})
    only = billed(survey, book, chart=UK).draft.lines
    assert [(line.description, str(line.amount)) for line in only] == [("Fire survey, as quoted", "640.00")]


def electrical(*lines: Line, region: str | None = "North") -> Job:
    site = Site(region=region) if region else None
    return job(*lines, status="done", stage=Stage.COMPLETED, tax_mode=TaxMode.INCLUSIVE, currency="AUD", site=site)


@pytest.mark.parametrize(
    ("lines", "coded", "expected"),
    [
        (
            (labour("5.5", unit_price_inc=121, rate=10), material(14, unit_price_inc="64.90"), fee(1, unit_price_inc=99)),
            ["200", "210", "220"],
            ("1521.00", "152.10", "1673.10"),
        ),
        (
            (fee(1, unit_price_inc=880, code="SP-22"), material(3, unit_price_inc="74.80", discount_rate="12.5")),
            ["200", "210"],
            ("978.50", "97.85", "1076.35"),
        ),
        (
            (labour(212, unit_price_inc="3.85", code="TAG"), discount(1, unit_price_inc=-55)),
            ["200", "200"],
            ("692.00", "69.20", "761.20"),
        ),
        (
            (material(None, unit_price_inc=38, tax="GSTFREE", rate=0), material(2, unit_price_inc="96.80")),
            ["210", "210"],
            ("214.00", "17.60", "231.60"),
        ),
    ],
)
def test_an_electricians_jobs(lines: tuple[Line, ...], coded: list[str], expected: tuple[str, str, str]) -> None:
    bill = billed(electrical(*lines), shipped("southern-electrical"), chart=AU)
    assert (accounts(bill), totals(bill)) == (coded, expected)
    assert_xero_agrees(bill, AU)
    assert all(len(line.tracking) == 2 and line.tracking[0].option == "North" for line in bill.draft.lines)


def test_an_electricians_job_without_a_site_is_held_so_that_no_sale_goes_untracked() -> None:
    hold = held(electrical(labour(1, unit_price_inc=121), region=None), shipped("southern-electrical"), chart=AU)
    assert hold.code == "template"
    unknown = electrical(labour(1, unit_price_inc=121), region="Outback")
    assert held(unknown, shipped("southern-electrical"), chart=AU).code == "tracking_option_unknown"


def test_a_stage_of_the_builder_that_comes_late_finds_nothing_left() -> None:
    book = shipped("albion-fitout")
    whole = billed(fit_out(*RECEPTION, status="done"), book, chart=UK)
    assert (
        skipped(fit_out(*RECEPTION, status="accepted"), book, stage="DEP", chart=UK, history=after(whole)).code
        == "fully_billed"
    )
