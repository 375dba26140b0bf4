"""What a rule does with a line beyond billing it: hold it for a person, mark up its cost, fill its templates."""

from typing import Any

import pytest

from milepost.billing.decision import Filled
from milepost.jobs import Line, TaxMode
from tests.unit.billing.builders import (
    assert_xero_agrees,
    billed,
    book,
    chart,
    discount,
    held,
    job,
    labour,
    material,
    subcontract,
    words,
)

EX, INC = TaxMode.EXCLUSIVE, TaxMode.INCLUSIVE
ASKING = book(
    rules="""\
    - {id: warranty, when: {description: "*warranty*"}, then: {treat: hold, reason: Is this covered by the supplier}}
    - {id: labour, when: {kind: labour}, then: {account: "200"}}
    - {id: rest, then: {treat: hold, reason: "Which account is it?"}}
    """
)


def test_a_rule_that_holds_asks_its_question_about_the_line() -> None:
    hold = held(job(labour(1, 95), labour(1, 40, description="Warranty call", id="w")), ASKING)
    assert (hold.code, hold.line) == ("rule_holds", "w")
    assert hold.why == (
        "Rule 'warranty' (book.yaml:7) asks a person about line 'Warranty call': Is this covered by the supplier."
    )
    assert "the rule at book.yaml:7" in hold.fix


def test_every_line_that_is_asked_about_is_told_at_once() -> None:
    hold = held(job(material(1, 10, description="Pump"), material(1, 10, description="Warranty part")), ASKING)
    assert "line 'Pump': Which account is it? " in hold.why
    assert "line 'Warranty part': Is this covered" in hold.why


@pytest.mark.parametrize(
    "line",
    [
        material(1, None, description="Warranty part"),  # its price need not be known for the question
        material(1, "1E+30", description="Warranty part"),
        words("Under warranty"),
        discount(1, -10, description="Warranty discount"),
    ],
)
def test_whatever_the_line_is_a_rule_with_conditions_holds_it(line: Line) -> None:
    assert held(job(labour(1, 95), line), ASKING).code == "rule_holds"


def test_words_and_what_is_not_billable_are_not_asked_about_by_a_rule_for_all_that_is_left() -> None:
    bill = billed(job(words("First floor"), labour(1, 95), material(1, 5, billable=False)), ASKING)
    assert [line.description for line in bill.draft.lines] == ["First floor", "Labour"]


def marked_up(percent: str, invoice: str = "exclusive") -> Any:
    return book(
        rules=f"- {{id: sub, then: {{treat: on_bill, mark_up: {percent}, account: '230'}}}}",
        invoice=f"{{line_amounts: {invoice}}}",
    )


@pytest.mark.parametrize(
    ("line", "percent", "mode", "terms", "shown", "amount"),
    [
        (subcontract(2, unit_cost=590), "10", EX, "exclusive", ("2.0000", "649.0000"), "1298.00"),
        (subcontract(2, 680, unit_cost=590), "10", EX, "exclusive", ("2.0000", "649.0000"), "1298.00"),
        (subcontract(2, 680, unit_cost=590), "0", EX, "exclusive", ("2.0000", "590.0000"), "1180.00"),
        (subcontract(1, total_ex=999, unit_cost=100), "15", EX, "exclusive", ("1.0000", "115.0000"), "115.00"),
        (subcontract(3, unit_cost="0.33333"), "12.5", EX, "exclusive", ("3.0000", "0.3750"), "1.13"),
        (subcontract(2, unit_cost=690), "10", INC, "exclusive", ("2.0000", "660.0000"), "1320.00"),
        (subcontract(2, unit_cost=690), "10", INC, "inclusive", ("2.0000", "759.0000"), "1518.00"),
        (subcontract(2, unit_cost=590), "10", EX, "inclusive", ("2.0000", "746.3500"), "1492.70"),
        (subcontract(None, unit_cost=100), "10", EX, "no_tax", ("1", "110.00"), "110.00"),
        (subcontract(2, unit_cost=100, discount_rate=10), "10", EX, "exclusive", ("2.0000", "110.0000"), "198.00"),
    ],
)  # fmt: skip
def test_a_mark_up_is_put_on_the_cost_of_one_whatever_the_price(
    line: Line, percent: str, mode: TaxMode, terms: str, shown: tuple[str, str], amount: str
) -> None:
    bill = billed(job(line, tax_mode=mode), marked_up(percent, terms))
    (only,) = bill.draft.lines
    assert (str(only.quantity), str(only.unit_amount), str(only.amount)) == (*shown, amount)
    assert_xero_agrees(bill, chart())


def test_a_mark_up_says_how_its_price_came_about() -> None:
    (line,) = billed(job(subcontract(2, unit_cost=590)), marked_up("10")).draft.lines
    assert line.why.amount_from == "the cost of 590 plus 10% is 649.0000: quantity times the price before tax"


@pytest.mark.parametrize("line", [subcontract(2), subcontract(2, 680), discount(discount_amount=5)])
def test_without_a_cost_there_is_nothing_to_mark_up(line: Line) -> None:
    rates = "rates: [{id: all, price: '95.00'}]"
    rules = "- {id: sub, then: {treat: on_bill, mark_up: 10, account: '230'}}"
    hold = held(job(line), book(rules=rules, more=rates))
    assert (hold.code, hold.line) == ("cost_missing", line.id)
    assert "cost plus 10%" in hold.why


TEMPLATES = book(
    rules="""\
    - id: labour
      when: {kind: labour}
      then:
        account: "200"
        description: "{{ line.description }} ({{ line.quantity }} h)"
        item: "{{ line.code }}"
        tracking: {region: "{{ job.site.region }}"}
    - {id: rest, then: {account: "210", description: Goods}}
    """,
    invoice="{tracking: {Region: North}}",
)


def test_templates_are_told_before_and_after_and_plain_texts_are_not() -> None:
    hours = labour("2.50", 95, description="Fit tap", code="LAB")
    first, second = billed(job(hours, material(1, 5), site={"region": " North "}), TEMPLATES).draft.lines
    assert (first.description, first.item, first.tracking[0].option) == ("Fit tap (2.5 h)", "LAB", "North")
    assert first.why.filled == (
        Filled(name="description", template="{{ line.description }} ({{ line.quantity }} h)", result="Fit tap (2.5 h)"),
        Filled(name="item", template="{{ line.code }}", result="LAB"),
        Filled(name="tracking region", template="{{ job.site.region }}", result="North"),
    )
    assert (second.description, second.why.filled) == ("Goods", ())


def test_a_template_of_the_invoices_tracking_is_told_on_each_line() -> None:
    tracked = book(invoice="{tracking: {Region: '{{ job.site.region }}'}}")
    (line,) = billed(job(labour(1, 95), site={"region": "North"}), tracked).draft.lines
    assert [(one.name, one.result) for one in line.why.filled] == [("tracking Region", "North")]


def test_what_the_rule_asks_for_stands_beside_what_was_seen() -> None:
    why = billed(job(labour(1, 95))).draft.lines[0].why
    assert (why.wanted, why.matched) == ({"kind": "labour"}, {"kind": "labour"})


def test_words_say_by_which_rule_they_stand_on_the_invoice() -> None:
    rules = book(
        rules="""\
        - {id: labour, when: {kind: labour}, then: {account: "200"}}
        - {id: texts, when: {kind: text}, then: {treat: drop}}
        - {id: rest, then: {account: "200"}}
        """
    )
    assert len(billed(job(words("Floor"), labour(1, 95)), rules).draft.lines) == 1
    first = billed(job(words("Floor"), labour(1, 95))).draft.lines[0]
    assert (first.why.rule, [one.rule for one in first.why.rejected]) == (
        "rest",
        ["labour", "material", "subcontract", "discount"],
    )
