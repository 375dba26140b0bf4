"""Rate cards: hours without a price are priced by the first rate that fits them, and no other line is touched."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.billing.decision import Bill
from milepost.jobs import Job, Line
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import (
    RULES,
    amounts,
    assert_xero_agrees,
    billed,
    book,
    chart,
    decided,
    discount,
    held,
    job,
    labour,
    material,
    subcontract,
    totals,
)

D = Decimal
CARD = """\
rates:
  - {id: senior, when: {kind: labour, staff: "S. *"}, price: "120.00", round_up_to: "0.5"}
  - {id: hours, when: {kind: labour}, price: "95.00", round_up_to: "0.25", minimum: "1"}
  - {id: screws, when: {code: SCREW}, price: "0.0333"}
"""


def rated(terms: str = "exclusive", card: str = CARD, rules: str = RULES) -> RuleBook:
    return book(rules=rules, invoice=f"{{line_amounts: {terms}}}", more=card)


@pytest.mark.parametrize(
    ("line", "shown", "amount"),
    [
        (labour("1.3"), ("1.5000", "95.0000"), "142.50"),
        (labour("1.3", staff="S. Ngata"), ("1.5000", "120.0000"), "180.00"),  # the first that fits
        (labour("1.25"), ("1.2500", "95.0000"), "118.75"),  # already a multiple
        (labour("1.2501"), ("1.5000", "95.0000"), "142.50"),
        (labour("0.1"), ("1.0000", "95.0000"), "95.00"),  # the first hour
        (labour("1.0"), ("1.0000", "95.0000"), "95.00"),
        (labour("8"), ("8.0000", "95.0000"), "760.00"),
        (labour("1.3", discount_rate=10), ("1.5000", "95.0000"), "128.25"),
        (labour("1.3", discount_amount=10), ("1.5000", "95.0000"), "132.50"),
        (material("3", code="SCREW"), ("3.0000", "0.0333"), "0.10"),
        (material("1.23456", code="SCREW"), ("1.2346", "0.0333"), "0.04"),
        (material("-3", code="SCREW"), ("3.0000", "-0.0333"), "-0.10"),  # a plain rate takes back what it gave
        (material(0, code="SCREW"), ("0.0000", "0.0333"), "0.00"),
        (labour(0), ("0.0000", "95.0000"), "0.00"),  # no minimum for work that was not done
        (labour("1.3", unit_cost=40), ("1.5000", "95.0000"), "142.50"),  # a cost is no price
        (subcontract("2", code="SCREW"), ("2.0000", "0.0333"), "0.07"),  # passed on without price and cost
    ],
)
def test_a_quantity_without_a_price_is_priced_by_its_rate(line: Line, shown: tuple[str, str], amount: str) -> None:
    bill = billed(job(line, material(1, 1000)), rated())
    first = bill.draft.lines[0]
    assert (str(first.quantity), str(first.unit_amount), str(first.amount)) == (*shown, amount)
    assert_xero_agrees(bill, chart())


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        (labour("1.3", 40), "52.00"),
        (labour("1.3", 0), "0.00"),  # free of charge is a price
        (labour("1.3", unit_price_inc=46), "52.00"),
        (labour("1.3", total_ex=60), "60.00"),
        (labour("1.3", total_inc=69), "60.00"),
        (subcontract("2", unit_cost=50, code="SCREW"), "100.00"),  # of a cost that is passed on, the cost comes first
    ],
)
def test_a_line_that_has_its_price_is_not_touched(line: Line, amount: str) -> None:
    (first, _) = billed(job(line, material(1, 1000)), rated()).draft.lines
    assert (str(first.amount), "rate '" in first.why.amount_from) == (amount, False)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("exclusive", ("142.50", "21.38", "163.88")),
        ("inclusive", ("142.50", "21.38", "163.88")),
        ("no_tax", ("142.50", "0.00", "142.50")),
    ],
)
def test_a_rate_is_before_tax_and_an_inclusive_invoice_adds_the_tax_of_the_line(
    terms: str, expected: tuple[str, str, str]
) -> None:
    bill = billed(job(labour("1.3", tax="GST", rate=15)), rated(terms))
    assert totals(bill) == expected
    assert_xero_agrees(bill, chart())


def test_the_reason_of_the_amount_names_the_rate_and_what_was_rounded() -> None:
    lines = (labour("1.3", staff="S. Ngata"), labour("0.5"), labour(2, discount_rate=10))
    said = [line.why.amount_from for line in billed(job(*lines), rated()).draft.lines]
    assert said == [
        "rate 'senior' (book.yaml:16): 1.5 rounded up from 1.3, times 120.00",
        "rate 'hours' (book.yaml:17): 1, the least that is billed, instead of 0.5, times 95.00",
        "rate 'hours' (book.yaml:17): 2, times 95.00, less 10%",
    ]
    (taxed,) = billed(job(labour(2)), rated("inclusive")).draft.lines
    assert taxed.why.amount_from == "rate 'hours' (book.yaml:17): 2, times 95.00, plus 15% tax"


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (labour(None), "price_missing", "has no price."),  # a rate needs a quantity
        (material(2), "price_missing", "has no price, and no rate fits it."),
        (labour("-1.5"), "rate_unclear", "rate 'hours' (book.yaml:17) rounds up or has a minimum"),
        (discount(1), "price_missing", "has no price."),
        (labour(9_999_999_999), "amount_too_large", "largest"),
        (labour(1, discount_amount=-5), "discount_unclear", "below zero"),
    ],
)
def test_a_line_that_no_rate_can_price_is_held(line: Line, code: str, says: str) -> None:
    shown = RULES.replace("{treat: spread}", "{treat: line, account: '200'}")
    hold = held(job(line, material(1, 10)), rated(rules=shown))
    assert (hold.code, hold.line) == (code, line.id)
    assert says in hold.why


def test_a_line_that_no_rate_fits_may_be_given_one() -> None:
    assert "Or add a rate that fits it under 'rates' in book.yaml." in held(job(material(2)), rated()).fix
    assert "rate" not in held(job(material(2))).fix


@pytest.mark.parametrize("step", ["0.0001", "1E+30", "1E+999999"])
def test_a_step_beyond_all_measure_does_not_break_the_decision(step: str) -> None:
    card = f"rates: [{{id: odd, price: '95.00', round_up_to: '{step}'}}]"
    decision = decided(job(labour("1.3")), rated(card=card))
    assert getattr(decision, "code", None) == (None if D(step) < 1 else "amount_too_large")


HOURS = st.integers(1, 2_000_000).map(lambda n: D(n) / 10_000)
STEPS = st.sampled_from(["0.1", "0.25", "0.5", "1", "0.3"])


@settings(max_examples=60, deadline=None)
@given(HOURS, STEPS, st.sampled_from([None, "1", "2.5"]))
def test_what_is_billed_is_the_least_multiple_that_holds_the_hours(hours: D, step: str, minimum: str | None) -> None:
    least = f", minimum: '{minimum}'" if minimum else ""
    card = f"rates: [{{id: r, price: '100.00', round_up_to: '{step}'{least}}}]"
    decision = decided(job(labour(hours)), rated(card=card))
    assert isinstance(decision, Bill)
    (line,) = decision.draft.lines
    assert line.quantity >= hours
    if minimum and line.quantity == D(minimum):
        assert hours <= D(minimum)
    else:
        assert line.quantity % D(step) == 0
        assert line.quantity - hours < D(step)
    assert_xero_agrees(decision, chart())


def test_rates_may_ask_for_the_job_too() -> None:
    card = """\
rates:
  - {id: trade, when: {kind: labour, customer_tag: trade}, price: "80.00"}
  - {id: all, when: {kind: labour}, price: "95.00"}
"""

    def of(*tags: str) -> Job:
        return job(labour(2), customer={"id": "c1", "name": "Ngaio", "tags": tags})

    assert amounts(billed(of("trade"), rated(card=card))) == ["160.00"]
    assert amounts(billed(of(), rated(card=card))) == ["190.00"]
