"""Which rules no line reaches, for rules as people write them; `test_overlap_lines` tries every line of a small world."""

from typing import Any

import pytest

from milepost.jobs import LineKind
from milepost.rules.conditions import When
from milepost.rules.overlap import Unreached, can_hold_together, uncovered_kinds, unreached


def whens(*texts: dict[str, Any]) -> list[When]:
    """Conditions as a book has them."""
    return [When.model_validate(text) for text in texts]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([{"kind": "labour"}, {"kind": "labour", "code": "AH*"}], [Unreached(1, (0,))]),
        ([{"kind": "labour", "code": "AH*"}, {"kind": "labour"}], []),
        ([{"code": "A*"}, {"code": "AH1"}], [Unreached(1, (0,))]),
        ([{"code": "*"}, {"code": "/x/"}, {"kind": "labour"}], [Unreached(1, (0,))]),
        ([{"code": "/^AH/"}, {"code": "AH1"}], [Unreached(1, (0,))]),
        ([{"code": "/^AH/"}, {"code": "AH*"}], []),
        ([{"code": "/x/"}, {"code": "/x/", "kind": "fee"}], [Unreached(1, (0,))]),
        ([{}, {"kind": "labour"}, {"code": "x"}], [Unreached(1, (0,)), Unreached(2, (0,))]),
        ([{"amount": {"over": 5}}, {"amount": {"at_most": 5}}, {"amount": {"at_least": 3}}], [Unreached(2, (0, 1))]),
        ([{"amount": {"over": 5}}, {"amount": {"under": 5}}, {"amount": {"at_least": 3}}], []),
        ([{"amount": {"over": 5}}, {"not": {"amount": {"over": 5}}}, {"code": "x"}], [Unreached(2, (0, 1))]),
        ([{"customer_tag": "vip"}, {"customer_tag": ["vip", "trade"]}], []),
        ([{"customer_tag": "*"}, {"customer_tag": "vip"}], [Unreached(1, (0,))]),
        ([{"code": "a*", "not": {"code": "*"}}], [Unreached(0, ())]),
        ([{"all": [{"code": "a*"}, {"code": "b*"}]}], [Unreached(0, ())]),
        ([{"all": [{"customer_tag": "a*"}, {"customer_tag": "b*"}]}], []),
        (
            [{"any": [{"code": "a"}, {"kind": "fee"}]}, {"code": "a"}, {"kind": "fee"}],
            [Unreached(1, (0,)), Unreached(2, (0,))],
        ),
        ([{"custom_fields": {"cost centre": "P*"}}, {"custom_fields": {"cost centre": "PL"}}], [Unreached(1, (0,))]),
        ([{"custom_fields": {"cost centre": "P*"}}, {"custom_fields": {"branch": "PL"}}], []),
        (
            [
                {"completed": {"until": "2026-06-30"}},
                {"completed": {"since": "2026-07-01"}},
                {"completed": {"since": "2026-06-15"}},
            ],
            [Unreached(2, (0, 1))],
        ),
        ([{"kind": k.value} for k in LineKind] + [{}], [Unreached(len(LineKind), tuple(range(len(LineKind))))]),
    ],
)
def test_rules_that_no_line_reaches_are_found_with_those_that_take_their_lines(
    conditions: list[dict[str, Any]], found: list[Unreached]
) -> None:
    assert unreached(whens(*conditions)) == found


@pytest.mark.parametrize(
    ("code", "pattern"), [("ABC", "/(?-i)ABC/"), ("ABC", "/(?-i:AB)C/"), ("straße", "/straße/"), ("İ", "/^İ$/")]
)
def test_a_rule_that_a_line_does_reach_is_not_reported_for_how_its_letters_are_written(code: str, pattern: str) -> None:
    rules = whens({"all": [{"code": code}, {"code": pattern}]})
    assert unreached(rules) == []


def test_an_expression_that_a_plain_text_fits_takes_it() -> None:
    assert unreached(whens({"code": "/^ab/"}, {"code": "ABC"}, {"code": "XABC"})) == [Unreached(1, (0,))]


def test_a_kind_is_uncovered_where_some_line_of_it_is_left_over() -> None:
    rules = whens(
        {"kind": ["labour", "discount"]}, {"kind": "material", "code": "*"}, {"kind": "fee", "amount": {"over": 0}}
    )
    left = {LineKind.MATERIAL, LineKind.FEE, LineKind.SUBCONTRACT, LineKind.EXPENSE, LineKind.TEXT}
    assert set(uncovered_kinds(rules)) == left
    assert uncovered_kinds([*rules, *whens({"not": {"kind": "labour"}})]) == []


def test_conditions_hold_together_where_one_job_can_meet_them() -> None:
    small, large = whens({"job_total": {"under": 5000}}, {"job_total": {"at_least": 5000}})
    assert not can_hold_together([small, large])
    assert can_hold_together([small, *whens({"job_type": "Repair"})])
