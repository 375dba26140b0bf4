"""What a line comes to: which figures are used, how they are shown, and when a person is asked."""

from decimal import Decimal
from typing import Any

import pytest

from milepost.jobs import Line, LineKind, LineTax, TaxMode
from milepost.money import ZERO
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import (
    amounts,
    assert_xero_agrees,
    billed,
    book,
    chart,
    discount,
    fee,
    held,
    job,
    labour,
    material,
    subcontract,
    totals,
    words,
)

D = Decimal
INCLUSIVE = book(invoice="{line_amounts: inclusive}")
NO_TAX = book(invoice="{line_amounts: no_tax}")


@pytest.mark.parametrize(
    ("line", "shown", "amount"),
    [
        (labour(2.5, 95), ("2.5000", "95.0000"), "237.50"),
        (material(3, "33.33"), ("3.0000", "33.3300"), "99.99"),
        (material("1.23456", 100), ("1.2346", "100.0000"), "123.46"),
        (material("1.23456", 1000), ("1", "1234.56"), "1234.56"),  # more places than Xero keeps: it would be 1234.60
        (material(3, "0.33333"), ("3.0000", "0.3333"), "1.00"),
        (material(3000, "0.33333"), ("1", "999.99"), "999.99"),  # 3000 x 0.3333 would be 999.90
        (material(None, 60), ("1.0000", "60.0000"), "60.00"),
        (material(None, 60, discount_rate=10), ("1.0000", "60.0000"), "54.00"),
        (material(None, 60, discount_amount=6), ("1.0000", "60.0000"), "54.00"),
        (material(-2, 50), ("2.0000", "-50.0000"), "-100.00"),  # Xero refuses a negative quantity
        (material(-2, 50, discount_rate=10), ("1", "-90.00"), "-90.00"),
        (material(0, 50), ("0.0000", "50.0000"), "0.00"),
        (material(1, 0), ("1.0000", "0.0000"), "0.00"),
        (material(3, "74.80", discount_rate="12.5"), ("3.0000", "74.8000"), "196.35"),
        (material(1, 100, discount_rate=10, discount_amount=10), ("1.0000", "100.0000"), "90.00"),  # the same, said twice
        (material(3, "33.33", total_ex="99.99"), ("3.0000", "33.3300"), "99.99"),
        (material(3, "33.33", total_ex="100.00"), ("1", "100.00"), "100.00"),  # the total is what was agreed
        (material(None, None, total_ex="100.005"), ("1", "100.01"), "100.01"),
        (material(2, 50, total_inc="115.01"), ("2.0000", "50.0000"), "100.00"),  # the cent is the conversion's
        (material(2, 50, total_inc="103.50"), ("1", "90.00"), "90.00"),  # a discount that only the total holds
        (material(2, unit_price_inc="115.00"), ("2.0000", "100.0000"), "200.00"),
        (material(1, unit_price_inc="115.00", discount_amount="11.50"), ("1", "90.00"), "90.00"),
        (material(1, unit_price_inc="115.00", discount_rate=10), ("1.0000", "100.0000"), "90.00"),
        (material(None, None, total_inc="115.00"), ("1", "100.00"), "100.00"),
    ],
)
def test_a_line_before_tax(line: Line, shown: tuple[str, str], amount: str) -> None:
    bill = billed(job(line, labour(1, 1000)))
    first = bill.draft.lines[0]
    assert (str(first.quantity), str(first.unit_amount), str(first.amount)) == (*shown, amount)
    assert_xero_agrees(bill, chart())


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        (material(2, unit_price_inc="115.00"), "230.00"),
        (material(2, 100), "230.00"),
        (material(3, "33.33"), "114.99"),
        (material(1, 100, discount_amount=10), "103.50"),
        (material(None, None, total_ex=100), "115.00"),
        (material(1, 100, total_ex=100, unit_price_inc=115, total_inc=115), "115.00"),
    ],
)
def test_a_line_with_tax(line: Line, amount: str) -> None:
    bill = billed(job(line), INCLUSIVE)
    assert amounts(bill) == [amount]
    assert_xero_agrees(bill, chart())


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        (material(1, 100), "100.00"),
        (material(1, unit_price_inc=115), "115.00"),
        (material(1, 100, unit_price_inc=115), "115.00"),
        (material(1, 100, rate=15), "115.00"),  # the customer was told of 15 %
    ],
)
def test_an_invoice_without_tax_bills_what_the_customer_was_shown(line: Line, amount: str) -> None:
    bill = billed(job(line), NO_TAX)
    assert totals(bill) == (amount, "0.00", amount)
    assert bill.draft.lines[0].tax_type is None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (material(2), "price_missing"),
        (labour(2, None, unit_cost=40), "price_missing"),  # only what is passed on may be billed at its cost
        (subcontract(1), "price_missing"),
        (material(1, "1E+30"), "amount_too_large"),
        (material(99_999, 9_999_999), "amount_too_large"),
        (material(1, 100, discount_rate=101), "discount_unclear"),
        (material(1, 100, discount_rate=-5), "discount_unclear"),
        (material(1, 100, discount_amount=-5), "discount_unclear"),
        (material(1, 100, discount_rate=10, discount_amount=25), "discount_unclear"),
        (material(1, 100, rate=-100), "tax_rate_odd"),
    ],
)
def test_a_figure_that_cannot_be_meant_is_held_by_its_line(line: Line, code: str) -> None:
    hold = held(job(line, labour(1, 95)))
    assert (hold.code, hold.line) == (code, line.id)


def test_free_of_charge_is_not_the_same_as_unknown() -> None:
    assert amounts(billed(job(material(1, 0), labour(1, 95)))) == ["0.00", "95.00"]
    assert held(job(material(1, None), labour(1, 95))).code == "price_missing"


@pytest.mark.parametrize(
    ("line", "mode", "terms", "amount"),
    [
        (subcontract(2, 680, unit_cost=590), TaxMode.EXCLUSIVE, "exclusive", "1360.00"),  # its price comes before its cost
        (subcontract(2, unit_cost=590), TaxMode.EXCLUSIVE, "exclusive", "1180.00"),
        (subcontract(2, unit_cost=590), TaxMode.EXCLUSIVE, "inclusive", "1357.00"),  # its tax is the customer's
        (subcontract(2, unit_cost=690), TaxMode.INCLUSIVE, "exclusive", "1200.00"),
        (subcontract(2, unit_cost=690), TaxMode.INCLUSIVE, "inclusive", "1380.00"),
        (subcontract(1000, unit_cost="0.33333"), TaxMode.EXCLUSIVE, "exclusive", "333.33"),
        (subcontract(None, unit_cost=590), TaxMode.EXCLUSIVE, "exclusive", "590.00"),
    ],
)
def test_a_cost_is_passed_on_in_the_terms_of_the_jobs_prices(line: Line, mode: TaxMode, terms: str, amount: str) -> None:
    bill = billed(job(line, tax_mode=mode), book(invoice=f"{{line_amounts: {terms}}}"))
    assert amounts(bill) == [amount]
    assert_xero_agrees(bill, chart())


def test_a_cost_returned_is_a_negative_price_and_not_a_negative_quantity() -> None:
    first = billed(job(subcontract(-2, unit_cost=50), labour(10, 95))).draft.lines[0]
    assert (first.quantity, first.unit_amount, first.amount) == (D(2), D(-50), D(-100))


SPREAD = book()
SHOWN = book(
    rules="""\
    - {id: discount, when: {kind: discount}, then: {treat: line, account: "200"}}
    - {id: rest, then: {account: "200"}}
    """
)


@pytest.mark.parametrize(
    "off",
    [
        discount(1, -30),
        discount(1, 30),
        discount(-1, 30),
        discount(total_ex=-30),
        discount(total_ex=30),
        discount(discount_amount=30),
        discount(discount_amount=-30),
        discount(1, unit_price_inc="-34.50"),
    ],
)
def test_a_discount_is_taken_off_whichever_sign_it_has_and_however_it_is_told(off: Line) -> None:
    lines = (labour(1, 200), material(1, 100), off)
    spread, shown = billed(job(*lines), SPREAD), billed(job(*lines), SHOWN)
    assert (amounts(spread), amounts(shown)) == (["180.00", "90.00"], ["200.00", "100.00", "-30.00"])
    assert totals(spread) == totals(shown) == ("270.00", "40.50", "310.50")
    for bill in (spread, shown):
        assert_xero_agrees(bill, chart())


@pytest.mark.parametrize("rate", [10, -10])
def test_a_bare_percentage_is_taken_of_what_the_lines_come_to(rate: int) -> None:
    assert amounts(billed(job(labour(1, 200), material(1, 100), discount(discount_rate=rate)))) == ["180.00", "90.00"]


@pytest.mark.parametrize(
    ("lines", "rules", "code"),
    [
        ((labour(1, 100), discount()), SPREAD, "price_missing"),
        ((labour(1, 100), discount()), SHOWN, "price_missing"),
        ((labour(1, 100), discount(discount_rate=10)), SHOWN, "price_missing"),
        ((labour(1, 0), discount(1, -10)), SPREAD, "discount_without_lines"),
        ((labour(1, 100), discount(1, -200)), SPREAD, "negative_total"),
        ((labour(1, 100), discount(1, -200)), SHOWN, "negative_total"),
        ((labour(1, 100), discount(1, -100)), SPREAD, "zero_total"),
        ((discount(1, -100),), SPREAD, "nothing_to_bill"),
        ((labour(1, 100, tax="Free"), labour(1, 100, tax="GST"), discount(total_inc=-11)), SPREAD, "discount_unclear"),
    ],
)
def test_a_discount_that_cannot_be_taken_is_held(lines: tuple[Line, ...], rules: RuleBook, code: str) -> None:
    assert held(job(*lines), rules).code == code


def test_a_discount_that_names_the_tax_of_some_lines_is_converted_by_that() -> None:
    lines = (labour(1, 100, tax="Free"), labour(1, 100, tax="GST"), discount(total_inc="-23", tax="GST"))
    assert amounts(billed(job(*lines))) == ["90.00", "90.00"]


def test_a_discount_with_a_tax_of_its_own_is_converted_by_it_over_mixed_taxes() -> None:
    lines = (labour(1, 100, tax="Free"), labour(1, 100, tax="GST"), discount(total_inc="-23", tax="GST", rate=15))
    assert amounts(billed(job(*lines))) == ["90.00", "90.00"]


def test_a_discount_over_mixed_taxes_lowers_each_tax_in_proportion() -> None:
    bill = billed(job(labour(1, 100, tax="Free"), material(3, 100, tax="GST"), discount(1, -40)))
    assert [(str(line.amount), str(line.tax)) for line in bill.draft.lines] == [("90.00", "0.00"), ("270.00", "40.50")]


def test_a_discount_leaves_no_cent_behind() -> None:
    bill = billed(job(labour(1, 10), material(1, 10), fee(1, 10), discount(1, "-10")))
    assert (amounts(bill), totals(bill)[0]) == (["6.66", "6.67", "6.67"], "20.00")


def test_all_of_a_half_cent_line_is_discounted_to_nothing_by_xeros_arithmetic_too() -> None:
    """2.5 x 0.3340 is 0.835: a discount of 0.84 would leave -0.005, which Xero rounds to -0.01."""
    lines = (material("2.5", "0.334"), labour(1, 100, tax="Free"))
    bill = billed(job(*lines, discount(1, "-0.84"), discount(total_ex="-99.00", id="2")))
    assert_xero_agrees(bill, chart())


def test_a_charge_that_is_spread_adds_to_the_other_lines() -> None:
    rules = book(
        rules="""\
        - {id: spread, when: {kind: [fee, discount]}, then: {treat: spread}}
        - {id: rest, then: {account: "200"}}
        """
    )
    assert amounts(billed(job(labour(1, 200), material(1, 100), fee(1, 30)), rules)) == ["220.00", "110.00"]
    assert amounts(billed(job(labour(1, 200), material(1, 100), fee(1, -30)), rules)) == ["180.00", "90.00"]


def test_two_lines_of_the_same_id_keep_their_own_amounts() -> None:
    lines = (labour(1, 100, id="1"), material(1, 30, id="1"), discount(1, -13, id="1"))
    assert amounts(billed(job(*lines))) == ["90.00", "27.00"]


def test_words_stand_between_the_lines_and_cost_nothing() -> None:
    bill = billed(job(words("First floor"), labour(1, 95), words("  ")))
    assert [line.account for line in bill.draft.lines] == [None, "200"]
    assert bill.draft.lines[0].amount == ZERO
    assert any("without words" in note for note in bill.sums)


def test_a_text_with_a_price_is_billed_and_never_lost() -> None:
    priced = words("Agreed extra", total_ex=50)
    assert amounts(billed(job(labour(1, 95), priced))) == ["95.00", "50.00"]
    no_catch_all = book(rules='- {id: labour, when: {kind: labour}, then: {account: "200"}}')
    assert held(job(labour(1, 95), priced), no_catch_all).code == "no_rule"
    with_fallback = book(more="fallback: {account: '200'}")
    assert amounts(billed(job(priced, reported_totals={"ex": "50"}), with_fallback)) == ["50.00"]


@pytest.mark.parametrize(
    ("said", "net", "total"),
    [
        ({"reported_totals": {"ex": "640.00"}}, "640.00", "736.00"),
        ({"reported_totals": {"inc": "736.00"}}, "640.00", "736.00"),
        ({"reported_totals": {"ex": "640.00", "inc": "736.00"}}, "640.00", "736.00"),
        ({"reported_totals": {"ex": "0"}, "quote": {"totals": {"ex": "640.00"}}}, "640.00", "736.00"),
        ({"quote": {"totals": {"inc": "736.00"}}}, "640.00", "736.00"),
    ],
)
def test_a_job_with_a_price_and_no_lines_is_one_service_line(said: dict[str, Any], net: str, total: str) -> None:
    bill = billed(job(words("As quoted"), **said), book(more="fallback: {account: '200'}"))
    assert (totals(bill)[0], totals(bill)[2]) == (net, total)
    assert bill.draft.lines[-1].description == "Replace tap"


@pytest.mark.parametrize(
    ("said", "more", "code"),
    [
        ({}, "fallback: {account: '200'}", "no_lines"),
        ({"reported_totals": {"ex": "640.00"}}, "", "no_lines"),
        ({"reported_totals": {"ex": "0", "inc": "0"}}, "fallback: {account: '200'}", "no_lines"),
        ({"reported_totals": {"ex": "-5"}}, "fallback: {account: '200'}", "negative_total"),
        ({"reported_totals": {"ex": "640.00", "inc": "704.00"}}, "fallback: {account: '200'}", "tax_rate_differs"),
    ],
)
def test_a_job_without_lines_and_without_a_sound_price_is_held(said: dict[str, Any], more: str, code: str) -> None:
    assert held(job(**said), book(more=more)).code == code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (material(1, 100, tax="GST", rate=15), None),
        (material(1, 100, tax=" gst ", rate="15.0000"), None),
        (material(1, 100, tax="GST", rate=10), "tax_rate_differs"),
        (material(1, 100, rate=10), "tax_rate_differs"),
        (material(1, 100, unit_price_inc=115), None),
        (material(1, 100, unit_price_inc=110), "tax_rate_differs"),  # shown 110, Xero would make it 115
        (material(100, "8.69", unit_price_inc="9.99"), None),  # 15 % within a cent of each
        (material(1, None, total_ex=100, total_inc=100), "tax_rate_differs"),
        (Line(id="1", kind=LineKind.MATERIAL, total_ex=D(100), tax=LineTax(amount=D(5))), "tax_rate_differs"),
        (material(1, 100, tax="VAT"), "tax_unmapped"),
    ],
)
def test_the_tax_that_the_customer_was_shown_must_be_xeros(line: Line, code: str | None) -> None:
    decision = held(job(line)) if code else billed(job(line))
    assert getattr(decision, "code", None) == code


def test_a_line_that_is_not_billable_or_is_dropped_is_left_out_and_told() -> None:
    rules = book(
        rules="""\
        - {id: inside, when: {kind: expense}, then: {treat: drop}}
        - {id: rest, then: {account: "200"}}
        """
    )
    dropped = Line(id="2", kind=LineKind.EXPENSE, description="Parking", total_ex=D(12))
    bill = billed(job(labour(1, 95), material(1, 10, billable=False), dropped), rules)
    assert amounts(bill) == ["95.00"]
    assert [note for note in bill.sums if "dropped" in note or "billable" in note] == [
        "line 'Material' is not billable on the platform.",
        "line 'Parking' is dropped by rule 'inside'.",
    ]
    assert held(job(dropped), rules).code == "nothing_to_bill"


def test_a_line_without_a_description_is_called_by_its_code_or_kind() -> None:
    bill = billed(job(labour(1, 95, description=""), material(1, 10, description=" ", code="TAP-LC")))
    assert [line.description for line in bill.draft.lines] == ["Labour", "TAP-LC"]
