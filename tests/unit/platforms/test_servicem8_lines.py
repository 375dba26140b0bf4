"""Job materials become lines: kind, price, tax, section, and never a bundle and its parts both."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.jobs import Line, LineKind, TaxMode, Totals
from milepost.platforms.servicem8 import totals
from milepost.platforms.servicem8.lines import PriceList, Reading, read_lines, tax_mode
from milepost.platforms.servicem8.records import JobMaterialBundleRecord, JobMaterialRecord, parse
from milepost.platforms.servicem8.settings import ServiceM8Settings

SETTINGS = ServiceM8Settings.model_validate({"api_key": "key", "expense": ["MILEAGE*"]})
PRICES = PriceList(
    materials={"m-lab": {"uuid": "m-lab", "item_number": "AH1"}, "m-hwu": {"uuid": "m-hwu", "item_number": " HWU "}},
    tax_rates={
        "gst": {"uuid": "gst", "name": "GST on Income", "amount": "10"},
        "free": {"uuid": "free", "name": "GST Free", "amount": "0"},
    },
    labour=frozenset({"m-lab"}),
)


def material(**fields: Any) -> JobMaterialRecord:
    usual = {"uuid": "l1", "name": "Pipe", "quantity": "1", "price": "10.0000", "tax_rate_uuid": "gst"}
    return parse(JobMaterialRecord, {**usual, **fields})


def bundle(**fields: Any) -> JobMaterialBundleRecord:
    return parse(JobMaterialBundleRecord, {"uuid": "b1", "name": "Bathroom", "quantity": "1", **fields})


def read(*materials: JobMaterialRecord, bundles: Any = (), stated: str | None = None) -> Reading:
    return read_lines(materials, bundles, Decimal(stated) if stated else None, PRICES, SETTINGS)


def line(**fields: Any) -> Line:
    return read(material(**fields)).lines[0]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, LineKind.MATERIAL),
        ({"material_uuid": "m-lab", "name": "After hours"}, LineKind.LABOUR),
        ({"name": "Labour"}, LineKind.LABOUR),
        ({"name": "Apprentice labour"}, LineKind.LABOUR),
        ({"name": "Labor - senior"}, LineKind.LABOUR),
        ({"name": "Collaboration board"}, LineKind.MATERIAL),
        ({"name": "Subcontractor: scaffold"}, LineKind.SUBCONTRACT),
        ({"name": "Sub-contract labour"}, LineKind.SUBCONTRACT),
        ({"name": "Call-out fee"}, LineKind.FEE),
        ({"name": "Callout"}, LineKind.FEE),
        ({"name": "Mileage to site"}, LineKind.EXPENSE),
        ({"price": "-10.0000"}, LineKind.DISCOUNT),
        ({"quantity": "-1"}, LineKind.DISCOUNT),
        ({"quantity": "-1", "price": "-10"}, LineKind.MATERIAL),
        ({"name": "Labour", "price": "-95"}, LineKind.DISCOUNT),
        ({"price": "", "displayed_amount": "-11", "displayed_amount_is_tax_inclusive": "1"}, LineKind.DISCOUNT),
        ({"price": "", "quantity": "0"}, LineKind.TEXT),
        ({"price": ""}, LineKind.MATERIAL),
        ({"price": "0.0000"}, LineKind.MATERIAL),
    ],
)
def test_the_kind_of_a_line(fields: dict[str, str], kind: LineKind) -> None:
    assert line(**fields).kind is kind


def test_patterns_are_compared_with_the_item_code_too() -> None:
    settings = SETTINGS.model_copy(update={"fee": ("ah*",)})
    read_as = read_lines([material(material_uuid="m-lab", name="x")], [], None, PRICES, settings)
    assert (read_as.lines[0].kind, read_as.lines[0].code) == (LineKind.FEE, "AH1")


@pytest.mark.parametrize(
    ("fields", "ex", "inc"),
    [
        ({"price": "10.5000"}, "10.5000", None),
        ({"price": "10.0000", "displayed_amount": "10.00"}, "10.0000", None),
        (
            {"price": "86.9565", "displayed_amount": "100.00", "displayed_amount_is_tax_inclusive": "1"},
            "86.9565",
            "100.00",
        ),
        ({"price": "", "displayed_amount": "10.00"}, "10.00", None),
        ({"price": "", "displayed_amount": "11.00", "displayed_amount_is_tax_inclusive": "1"}, None, "11.00"),
        ({"price": "", "displayed_amount": ""}, None, None),
        ({"price": "0.0000"}, "0.0000", None),
    ],
)
def test_prices_before_and_with_tax_and_unknown_ones(fields: dict[str, str], ex: str | None, inc: str | None) -> None:
    got = line(**fields)
    assert (got.unit_price_ex, got.unit_price_inc) == (ex and Decimal(ex), inc and Decimal(inc))


def test_code_tax_and_cost_come_from_what_the_line_refers_to() -> None:
    got = line(material_uuid="m-hwu", cost="6.2000")
    assert got.tax
    assert (got.code, got.tax.name, got.tax.rate, got.unit_cost) == ("HWU", "GST on Income", Decimal(10), Decimal("6.2000"))


def test_a_tax_rate_that_cannot_be_read_is_unknown_and_said() -> None:
    reading = read(material(tax_rate_uuid="gone"))
    assert reading.lines[0].tax is None
    assert "tax rate of line 'Pipe'" in reading.warnings[0]


def test_a_line_without_a_tax_rate_is_no_cause_for_a_warning() -> None:
    assert read(material(tax_rate_uuid="")) == Reading((line(tax_rate_uuid=""),))


def test_lines_come_in_the_order_people_see_with_bundles_in_one_piece() -> None:
    materials = [
        material(uuid="after", name="After", sort_order="10"),
        material(uuid="part2", name="Part 2", sort_order="2", job_material_bundle_uuid="b1"),
        material(uuid="part1", name="Part 1", sort_order="1", job_material_bundle_uuid="b1"),
        material(uuid="before", name="Before", sort_order="3"),
        material(uuid="last", name="Last", sort_order=""),
    ]
    reading = read(*materials, bundles=[bundle(sort_order=5)])
    assert [(x.description, x.section) for x in reading.lines] == [
        ("Before", None),
        ("Part 1", "Bathroom"),
        ("Part 2", "Bathroom"),
        ("After", None),
        ("Last", None),
    ]


PARTS = (
    material(uuid="p1", price="100", tax_rate_uuid="", job_material_bundle_uuid="b1"),
    material(uuid="p2", price="50", tax_rate_uuid="", job_material_bundle_uuid="b1"),
    material(uuid="own", price="10", tax_rate_uuid=""),
)


@pytest.mark.parametrize(
    ("stated", "ids", "said"),
    [
        ("160.00", ["own", "p1", "p2"], "its parts are billed, since they make up"),
        ("130.00", ["own", "b1"], "the bundle is billed, since that makes up"),
        ("999.00", ["own", "p1", "p2"], "its parts are billed, but neither makes up"),
        (None, ["own", "p1", "p2"], "its parts are billed, but neither makes up"),
    ],
)
def test_a_bundle_with_a_price_is_billed_as_a_whole_or_by_its_parts(stated: str | None, ids: list[str], said: str) -> None:
    reading = read(*PARTS, bundles=[bundle(price="120")], stated=stated)
    assert sorted(x.id for x in reading.lines) == sorted(ids)
    assert said in reading.warnings[0]


def test_a_bundle_is_billed_where_its_parts_have_no_prices() -> None:
    part = material(uuid="p1", price="", job_material_bundle_uuid="b1")
    reading = read(part, bundles=[bundle(price="120", item_number="BATH")])
    assert [(x.id, x.code, x.unit_price_ex) for x in reading.lines] == [("b1", "BATH", Decimal(120))]


@pytest.mark.parametrize(
    ("inclusive", "mode"),
    [
        ([], TaxMode.EXCLUSIVE),
        (["0", "0"], TaxMode.EXCLUSIVE),
        (["1", "1"], TaxMode.INCLUSIVE),
        (["0", "1"], TaxMode.MIXED),
    ],
)
def test_the_tax_mode_is_how_people_see_the_prices(inclusive: list[str], mode: TaxMode) -> None:
    lines = [line(displayed_amount="11", displayed_amount_is_tax_inclusive=flag) for flag in inclusive]
    assert tax_mode(lines) is mode


def test_a_line_without_a_price_does_not_make_a_job_mixed() -> None:
    priced = line(displayed_amount="11", displayed_amount_is_tax_inclusive="1")
    assert tax_mode([priced, line(price="")]) is TaxMode.INCLUSIVE


TWO_LINES = (line(quantity="2.5", price="95.0000"), line(price="-10.0000", tax_rate_uuid="free"))


@pytest.mark.parametrize(
    ("stated", "includes_tax", "reported", "differs"),
    [
        ("227.50", None, Totals(ex=Decimal("227.50")), False),
        ("251.25", None, Totals(inc=Decimal("251.25")), False),
        ("251.26", None, Totals(inc=Decimal("251.26")), False),
        ("251.27", None, Totals(), True),
        ("227.50", True, Totals(inc=Decimal("227.50")), True),
        ("227.50", False, Totals(ex=Decimal("227.50")), False),
        ("251.25", False, Totals(ex=Decimal("251.25")), True),
        (None, None, Totals(), False),
    ],
)
def test_the_stated_total_against_the_sum_of_the_lines(
    stated: str | None, includes_tax: bool | None, reported: Totals, differs: bool
) -> None:
    amount = Decimal(stated) if stated else None
    assert totals.reported(TWO_LINES, amount, includes_tax=includes_tax) == reported
    assert bool(totals.difference(TWO_LINES, amount, includes_tax=includes_tax)) is differs


def test_a_difference_is_said_with_both_sums() -> None:
    said = totals.difference(TWO_LINES, Decimal(300), includes_tax=None)
    assert said is not None
    assert {"300", "227.50", "251.25"} <= set(said.replace(",", "").split())


def test_a_sum_with_an_unknown_price_is_unknown_and_compared_with_nothing() -> None:
    lines = (*TWO_LINES, line(price=""))
    assert totals.sum_before_tax(lines) is None
    assert totals.difference(lines, Decimal(300), includes_tax=None) is None


def test_a_total_without_lines_asks_what_it_holds() -> None:
    said = totals.difference((), Decimal(300), includes_tax=None)
    assert said is not None
    assert "total_includes_tax" in said
    assert totals.reported((), Decimal(300), includes_tax=None) == Totals()
    assert totals.reported((), Decimal(300), includes_tax=False) == Totals(ex=Decimal(300))


@given(st.lists(st.tuples(st.decimals(-1000, 1000, places=4), st.decimals(0, 99, places=2)), max_size=20))
def test_the_lines_own_sum_is_never_a_difference(rows: list[tuple[Decimal, Decimal]]) -> None:
    lines = [line(price=str(price), quantity=str(quantity)) for price, quantity in rows]
    for stated in (totals.sum_before_tax(lines), totals.sum_with_tax(lines)):
        assert totals.difference(lines, stated, includes_tax=None) is None
