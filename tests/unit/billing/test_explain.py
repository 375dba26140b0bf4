"""Explain: a decision laid out for people, the same for the command, Slack and the history note."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.billing.decision import Bill
from milepost.billing.explain import Explanation, explain_decision
from milepost.billing.origin_notes import LONGEST_NOTE, amount_words, history_note, in_brief
from milepost.jobs import Job
from tests.unit.billing.builders import (
    STAGES,
    after,
    billed,
    book,
    decided,
    discount,
    held,
    job,
    labour,
    line,
    material,
    skipped,
    words,
)

RULES = """\
- {id: after-hours, when: {kind: labour, code: "AH*"}, then: {account: "210"}}
- {id: labour, when: {kind: labour}, then: {account: "200", description: "{{ line.description }} ({{ line.quantity }} h)"}}
- {id: discount, when: {kind: discount}, then: {treat: spread}}
- {id: rest, then: {account: "260", tax: ZERO}}
"""
BOOK = book(rules=RULES)
JOB = job(labour(2.5, 95, id="l1", code="LAB", tax="GST"), material(1, "148.35", id="m1", description="Tap"))


def _explained(job: Job = JOB) -> Explanation:
    return explain_decision(billed(job, BOOK), job)


def test_a_line_names_its_rule_where_it_stands_and_what_it_was_made_from() -> None:
    first, second = _explained().lines
    assert (first.rule, first.version, first.where) == ("labour", 1, f"book.yaml:{BOOK.origin.lines['lines.labour']}")
    assert [(s.id, s.description, s.kind, s.quantity) for s in second.sources] == [("m1", "Tap", "material", Decimal(1))]
    assert "rule 'rest'" in second.account_from
    assert second.tax_from
    assert second.amount_from


def test_the_conditions_of_a_rule_stand_beside_the_values_that_were_seen() -> None:
    (condition,) = _explained().lines[0].conditions
    assert (condition.condition, condition.seen) == ("kind", "labour")


def test_each_line_of_a_merged_one_keeps_its_own_rule_and_the_values_it_saw() -> None:
    one = job(labour(1, 100, id="l1", code="AH1"), labour(2, 50, id="l2", code="LAB"), labour(1, 7, id="l3", code="LAB"))
    rules = RULES.replace('account: "210"', 'account: "200"')
    (line,) = explain_decision(billed(one, book(rules=rules, invoice="{merge: {by: total}}")), one).lines
    assert (line.rule, line.conditions) == ("merged", ())
    assert [(part.rule, part.sources[0].id) for part in line.parts] == [
        ("after-hours", "l1"),
        ("labour", "l2"),
        ("labour", "l3"),
    ]
    assert {c.condition: c.seen for c in line.parts[0].conditions} == {"kind": "labour", "code": "AH1"}
    assert [r.rule for r in line.parts[1].rejected] == ["after-hours"]
    assert line.parts[1].filled[0].result == "Labour (2 h)"


def test_a_message_names_the_rules_of_merged_lines() -> None:
    bill = billed(JOB, book(rules=RULES.replace('"260", tax: ZERO', '"200"'), invoice="{merge: {by: total}}"))
    merged = explain_decision(bill)
    assert "Rules: labour, rest" in in_brief(merged)


def test_the_rules_tried_before_say_why_they_did_not_fit() -> None:
    refused = {r.rule: (r.condition, r.wanted, r.seen) for r in _explained().lines[0].rejected}
    assert refused == {"after-hours": ("code", "AH*", "LAB")}


def test_net_and_tax_are_summed_by_account_and_by_tax_type_and_come_to_the_totals() -> None:
    explanation = _explained()
    assert [(p.name, p.net, p.tax) for p in explanation.accounts] == [
        ("200", Decimal("237.50"), Decimal("35.63")),
        ("260", Decimal("148.35"), Decimal("0.00")),
    ]
    for parts in (explanation.accounts, explanation.taxes):
        assert sum(part.net for part in parts) == explanation.sub_total
        assert sum(part.tax for part in parts) == explanation.total_tax


def test_without_the_job_its_lines_are_known_by_their_ids_alone() -> None:
    explanation = explain_decision(billed(JOB, BOOK))
    assert explanation.job_number is None
    assert [s.id for line in explanation.lines for s in line.sources] == ["l1", "m1"]
    assert not any(s.description for line in explanation.lines for s in line.sources)


def test_a_hold_gives_the_reason_the_fix_and_the_line() -> None:
    unpriced = job(labour(2, None, id="l9", description="Callout"))
    explanation = explain_decision(held(unpriced, BOOK), unpriced)
    assert (explanation.action, explanation.code) == ("hold", "price_missing")
    assert explanation.fix
    assert explanation.held_line
    assert explanation.held_line.description == "Callout"
    assert explanation.lines == ()


def test_a_skip_gives_its_reason() -> None:
    stages = book(STAGES)
    whole = job(labour(1, 100))
    bill = billed(whole, stages, stage="FIN")
    explanation = explain_decision(skipped(whole, stages, stage="FIN", history=after(bill)), whole)
    assert (explanation.action, explanation.code, explanation.fix) == ("skip", "already_billed", None)


def test_an_explanation_comes_back_from_json_as_it_was() -> None:
    explanation = _explained()
    assert Explanation.model_validate_json(explanation.model_dump_json()) == explanation


@given(
    st.lists(
        st.one_of(
            st.builds(lambda h, p: labour(h, p, tax="GST"), st.integers(1, 9), st.integers(1, 200)),
            st.builds(lambda q, p: material(q, p, tax="Free"), st.integers(1, 9), st.integers(1, 200)),
            st.just(words("With thanks")),
            st.builds(lambda p: discount(1, p), st.integers(-3, -1)),
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=30, deadline=None)
def test_every_line_of_any_bill_names_a_rule_and_its_place(lines: list[object]) -> None:
    whole = job(labour(1, 100, tax="GST"), *lines)  # type: ignore[arg-type]
    decision = decided(whole, BOOK)
    assert isinstance(decision, Bill)
    for explained in explain_decision(decision, whole).lines:
        assert explained.rule
        assert explained.where.startswith("book.yaml")
        assert explained.is_words or (explained.account_from and explained.amount_from)


def test_the_note_for_xero_says_job_stage_book_and_each_lines_rule_and_account() -> None:
    assert history_note(_explained(), "run-7") == (
        "Milepost: job 1482 FIN, rule book acme v1; lines: 1 labour→200, 2 rest→260; run run-7."
    )


def test_many_lines_of_one_coding_are_told_as_a_range() -> None:
    many = job(*(labour(1, 10 + n, id=f"l{n}") for n in range(5)), words("Thank you"))
    assert "lines: 1-5 labour→200, 6 words." in history_note(_explained(many))


def test_the_note_is_never_longer_than_xero_takes_and_says_how_many_lines_it_leaves_out() -> None:
    mixed = [f(1, 10, id=f"{n}") for n in range(400) for f in (labour, material)]
    note = history_note(_explained(job(*mixed)), "r" * 36)
    assert len(note) <= LONGEST_NOTE
    assert " more; run r" in note


@pytest.mark.parametrize("tell", [history_note, in_brief])
def test_what_stands_in_slack_and_in_xero_names_neither_customer_nor_words_of_a_line(tell: object) -> None:
    private = job(line(labour(1, 1).kind, 1, 95, description="Fit tap at Mrs Smith's"))
    told = tell(_explained(private))  # type: ignore[operator]
    assert "Ngaio" not in told
    assert "Smith" not in told


def test_in_brief_a_bill_is_its_total_its_accounts_and_its_rules() -> None:
    assert in_brief(_explained()) == ("Job 1482 FIN: NZD 421.48 by acme v1; 200 237.50, 260 148.35\nRules: labour, rest")


def test_in_brief_a_hold_is_its_reason() -> None:
    empty = job()
    assert in_brief(explain_decision(held(empty, BOOK), empty)) == "Job 1482 FIN: hold. The job has no lines and no price."


def test_amounts_are_told_in_one_way() -> None:
    assert amount_words(Decimal("1234.5"), "NZD") == "NZD 1,234.50"
