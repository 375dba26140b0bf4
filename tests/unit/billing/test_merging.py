"""Lines shown as one: which belong together, what becomes of their amounts, and that no reason is lost."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.billing.coding import CodedLine, Coding, TextLine, code_line
from milepost.billing.decision import InvoiceLine, Why
from milepost.billing.merging import merge_lines
from milepost.billing.milestones import settings_for
from milepost.billing.trouble import Trouble
from milepost.jobs import Job, Line
from milepost.money import LineAmountTypes, line_tax
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import RULES, book, chart, discount, fee, job, labour, material, words

D = Decimal
TYPES = {
    "exclusive": LineAmountTypes.EXCLUSIVE,
    "inclusive": LineAmountTypes.INCLUSIVE,
    "no_tax": LineAmountTypes.NO_TAX,
}
SHOWN = RULES.replace("{treat: spread}", "{treat: line, account: '200'}")


def merging(by: str, description: str = "", terms: str = "exclusive", rules: str = SHOWN) -> RuleBook:
    said = f", description: '{description}'" if description else ""
    return book(rules=rules, invoice=f"{{line_amounts: {terms}, merge: {{by: {by}{said}}}}}")


def coding_of(job: Job, book: RuleBook) -> Coding:
    milestone = book.milestones[0]
    settings = settings_for(book, milestone)
    return Coding(job, milestone, book, chart(), settings, TYPES[settings.line_amounts])


def coded(coding: Coding) -> list[InvoiceLine]:
    """The job's lines as they are before they are merged."""
    outcomes = [code_line(coding, line) for line in coding.job.lines]
    assert not [outcome for outcome in outcomes if isinstance(outcome, Trouble)]
    return [outcome.invoice_line(coding.types) for outcome in outcomes if isinstance(outcome, CodedLine | TextLine)]


def merged(job: Job, book: RuleBook) -> tuple[InvoiceLine, ...]:
    coding = coding_of(job, book)
    found = merge_lines(coding, coded(coding))
    assert not isinstance(found, Trouble), found
    return found


def shown(lines: Sequence[InvoiceLine]) -> list[tuple[str, str]]:
    return [(line.description, str(line.amount)) for line in lines]


KITCHEN: tuple[Line, ...] = (
    words("Work of June"),
    labour(2, 95, section="Kitchen", description="Fit tap", id="1"),
    material(1, 120, section="Kitchen", description="Mixer", id="2"),
    labour(1, 95, section="Bath", description="Fit shower", id="3"),
    labour("0.5", 95, section="Kitchen", description="Test tap", id="4"),
    fee(1, 30, description="Call-out", id="5"),
)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        # A section over two accounts stays two lines; what stands in no section stays by itself.
        (
            "section",
            [
                ("Work of June", "0.00"),
                ("Kitchen", "237.50"),
                ("Kitchen", "120.00"),
                ("Bath", "95.00"),
                ("Call-out", "30.00"),
            ],
        ),
        ("kind", [("Work of June", "0.00"), ("Labour", "332.50"), ("Material", "120.00"), ("Fee", "30.00")]),
        ("account", [("Work of June", "0.00"), ("Sales", "362.50"), ("Materials", "120.00")]),
        ("total", [("Work of June", "0.00"), ("Replace tap", "362.50"), ("Replace tap", "120.00")]),
    ],
)
def test_lines_that_belong_together_become_one_where_the_first_stood(by: str, expected: list[tuple[str, str]]) -> None:
    assert shown(merged(job(*KITCHEN), merging(by))) == expected


def test_without_merge_every_line_stays() -> None:
    coding = coding_of(job(*KITCHEN), book())
    lines = coded(coding)
    assert merge_lines(coding, lines) == tuple(lines)


def test_a_merged_line_is_one_of_something_without_item_or_discount_and_taxed_anew() -> None:
    """Each line's tax would be 0.08 (7.5 cents): together 0.15, by Xero's arithmetic on the sum."""
    lines = (labour(1, "0.55", discount_rate=10, id="1"), labour(1, "0.50", id="2"))
    rules = "- {id: all, then: {account: '200', item: LAB, tracking: {Region: North}}}"
    (line,) = merged(job(*lines), merging("total", rules=rules))
    assert (line.quantity, line.unit_amount, line.amount, line.tax) == (D(1), D("1.00"), D("1.00"), D("0.15"))
    assert (line.item, line.discount_rate, line.discount_amount) == (None, None, None)
    assert [(choice.category, choice.option) for choice in line.tracking] == [("Region", "North")]


@pytest.mark.parametrize(
    ("second", "count"),
    [
        ({"tax": "GST"}, 1),
        ({"tax": "Five"}, 2),
        ({"code": "NORTH"}, 2),  # tracked otherwise
        ({"kind_account": "210"}, 2),
    ],
)
def test_only_lines_of_one_account_tax_and_tracking_become_one(second: dict[str, str], count: int) -> None:
    other = material if second.pop("kind_account", None) else labour
    rules = "- {id: north, when: {code: NORTH}, then: {account: '200', tracking: {Region: North}}}\n" + SHOWN
    lines = merged(job(labour(1, 100, tax="GST"), other(1, 50, **{"tax": "GST", **second})), merging("total", rules=rules))
    assert len(lines) == count


def test_lines_that_name_their_tracking_in_another_order_still_become_one() -> None:
    first = labour(1, 100)
    coding = coding_of(job(first), merging("total"))
    one = coded(coding)[0]
    region, team = ({"category": name, "option": "x"} for name in ("Region", "Team"))
    lines = [one.model_validate({**one.model_dump(), "tracking": order}) for order in ((region, team), (team, region))]
    found = merge_lines(coding, lines)
    assert not isinstance(found, Trouble)
    assert [line.amount for line in found] == [D("200.00")]


@pytest.mark.parametrize("by", ["kind", "total"])
def test_lines_that_cancel_each_other_leave_a_line_of_nothing(by: str) -> None:
    lines = merged(job(labour(1, 80), labour(-1, 80), material(1, 20)), merging(by))
    assert [str(line.amount) for line in lines] == ["0.00", "20.00"]
    assert lines[0].tax == 0


def test_a_discount_line_lowers_the_line_that_it_is_merged_into() -> None:
    assert shown(merged(job(labour(1, 80), discount(1, -30)), merging("total"))) == [("Replace tap", "50.00")]


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("{{ group.name }} as agreed", "Kitchen as agreed"),
        ("{{ group.descriptions | join }}", "Fit tap, Test tap"),
        ("{{ milestone.name }}: {{ job.number }}", "completion: 1482"),
        ("{{ job.reference }}", "Kitchen"),  # nothing came out: Xero does not approve a line without words
        ("Work", "Work"),
    ],
)
def test_a_merged_line_is_described_by_the_template(description: str, expected: str) -> None:
    lines = (
        labour(2, 95, section="Kitchen", description="Fit tap"),
        labour(1, 95, section="Kitchen", description="Test tap"),
    )
    (line,) = merged(job(*lines), merging("section", description))
    assert line.description == expected
    assert [one.template for one in line.why.filled] == ([] if description == "Work" else [description])


def test_a_group_of_one_line_is_shown_as_its_group_too_and_keeps_its_rules_reason() -> None:
    (line,) = merged(job(labour(2, 95, section="Bath", id="7")), merging("section"))
    assert (line.description, line.quantity, str(line.amount)) == ("Bath", D(1), "190.00")
    assert (line.why.rule, line.why.matched, line.why.parts) == ("labour", {"kind": "labour"}, ())
    assert line.why.amount_from == "quantity times the price before tax, shown as one"


def test_the_reasons_of_all_parts_are_kept_by_rule_and_source_line() -> None:
    first = merged(job(*KITCHEN), merging("account"))[1]
    assert (first.why.rule, first.why.where) == ("merged", "book.yaml:4")
    assert first.why.source_lines == ("1", "3", "4", "5")
    assert [(why.rule, why.where, why.source_lines) for why in first.why.parts] == [
        ("labour", "book.yaml:7", ("1",)),
        ("labour", "book.yaml:7", ("3",)),
        ("labour", "book.yaml:7", ("4",)),
        ("rest", "book.yaml:11", ("5",)),
    ]
    assert first.why.amount_from == "4 lines shown as one: 190.00 + 95.00 + 47.50 + 30.00"
    assert (first.why.account_from, first.why.tax_from) == ("the rules of its lines", "account 200's own")


def test_lines_of_one_rule_are_shown_by_that_rule() -> None:
    why = merged(job(*KITCHEN), merging("kind"))[1].why
    assert (why.rule, why.where, why.wanted, why.account_from) == (
        "labour",
        "book.yaml:7",
        {"kind": "labour"},
        "rule 'labour'",
    )
    assert len(why.parts) == 3


def test_many_amounts_are_counted_and_not_all_written_out() -> None:
    (line,) = merged(job(*(labour(1, n, id=str(n)) for n in range(1, 13))), merging("total"))
    assert line.why.amount_from.endswith(" + 8.00 + 4 more")
    assert line.why.amount_from.startswith("12 lines shown as one: 1.00 + 2.00")


def test_a_milestone_may_merge_otherwise() -> None:
    stages = "- {code: FIN, name: completion, on_status: [Completed], invoice: {merge: {by: total, description: All}}}"
    both = book(stages, SHOWN, "{merge: {by: kind}}")
    lines = merged(job(labour(1, 10), fee(1, 5)), both)
    assert shown(lines) == [("All", "15.00")]
    assert lines[0].why.where == "book.yaml:14"


def test_lines_of_the_same_id_are_told_apart_by_their_rules_and_order() -> None:
    """As where a platform reads work and parts from two lists, each counted from 1."""
    rules = "- {id: inside, when: {section: Inside}, then: {treat: drop}}\n" + SHOWN
    lines = (
        labour(1, 1, id="1", section="Inside"),
        labour(1, 10, id="1", section="A"),
        labour(1, 20, id="1", section="B"),
        material(1, 40, id="1", section="A"),
        labour(1, 80, id="1", section="A", billable=False),
        labour(1, 160, id="1", section="A"),
    )
    assert shown(merged(job(*lines), merging("section", rules=rules))) == [("A", "170.00"), ("B", "20.00"), ("A", "40.00")]


@pytest.mark.parametrize(
    ("lines", "description", "code"),
    [
        ((labour(1, "9000000000", id="1"), labour(1, "9000000000", id="2")), "", "amount_too_large"),
        ((labour(1, 10),), "{{ job.site.region }}", "template"),
    ],
)
def test_what_cannot_be_shown_as_one_is_a_trouble_that_names_the_place(
    lines: tuple[Line, ...], description: str, code: str
) -> None:
    coding = coding_of(job(*lines), merging("total", description))
    found = merge_lines(coding, coded(coding))
    assert isinstance(found, Trouble)
    assert found.code == code
    assert "book.yaml:4" in found.why + found.fix


PRICES = st.integers(-500_000, 3_000_000).map(lambda n: D(n) / 10_000)
SECTIONS = st.sampled_from([None, "", "A", "B"])
MAKERS = st.sampled_from([labour, material, fee])


@st.composite
def any_lines(draw: st.DrawFn) -> list[Line]:
    taxes = st.sampled_from(["GST", "Five", "Free", None])
    lines: list[Line] = []
    for _ in range(draw(st.integers(1, 8))):
        said: dict[str, Any] = {"section": draw(SECTIONS), "tax": draw(taxes), "id": draw(st.sampled_from("123456"))}
        lines.append(draw(MAKERS)(1, draw(PRICES), **said) if draw(st.integers(0, 9)) else words("Note", id=said["id"]))
    return lines


def rules_of(why: Why) -> list[tuple[str, tuple[str, ...]]]:
    return [pair for part in why.parts for pair in rules_of(part)] if why.parts else [(why.rule, why.source_lines)]


@settings(max_examples=80, deadline=None)
@given(any_lines(), st.sampled_from(["section", "kind", "account", "total"]), st.sampled_from(sorted(TYPES)))
def test_merging_moves_no_cent_between_accounts_and_taxes_and_loses_no_reason(
    lines: list[Line], by: str, terms: str
) -> None:
    coding = coding_of(job(*lines), merging(by, terms=terms))
    before = coded(coding)
    after = merge_lines(coding, before)
    assert not isinstance(after, Trouble)
    assert _sums(after) == _sums(before)
    assert Counter(r for line in after for r in rules_of(line.why)) == Counter(
        r for line in before for r in rules_of(line.why)
    )
    for line in (line for line in after if line.account):
        rate = chart().tax_rate(line.tax_type) if line.tax_type else None
        assert line.quantity * line.unit_amount == line.amount or not line.why.parts
        assert line.tax == (line_tax(line.amount, rate.effective_rate, coding.types) if rate else 0)
    assert [line for line in after if not line.account] == [line for line in before if not line.account]


def _sums(lines: Sequence[InvoiceLine]) -> dict[tuple[str | None, str | None], Decimal]:
    found: dict[tuple[str | None, str | None], Decimal] = {}
    for line in lines:
        key = (line.account, line.tax_type)
        found[key] = found.get(key, D(0)) + line.amount
    return found
