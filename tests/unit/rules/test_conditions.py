"""The conditions as they are written: bounds, days, groups, and how a wrong one is refused at its place."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from milepost.rules.asked import asked_in_words, conditions_of, when_in_words
from milepost.rules.conditions import DateRange, Range, When
from tests.unit.rules.books import changed, errors_of


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        ({"over": 5}, ["5.01", "900"], ["5", "-1"]),
        ({"at_least": 5}, ["5", "5.00"], ["4.99"]),
        ({"under": 5}, ["4.99", "-3"], ["5"]),
        ({"at_most": 5}, ["5"], ["5.0001"]),
        ({"over": 0, "under": 1}, ["0.5"], ["0", "1"]),
        ({"at_least": 2, "at_most": 2}, ["2.0"], ["2.1", "1.9"]),
    ],
)
def test_a_range_holds_what_lies_within_its_bounds(bounds: dict[str, object], inside: list[str], outside: list[str]) -> None:
    asked = Range.model_validate(bounds)
    assert [n for n in [*inside, *outside] if asked.holds(Decimal(n))] == inside


def test_both_ends_of_a_range_of_days_belong_to_it() -> None:
    asked = DateRange(since=date(2026, 1, 1), until=date(2026, 3, 31))
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2026, 3, 31), date(2026, 4, 1))
    assert [asked.holds(day) for day in days] == [False, True, True, False]
    assert not DateRange(since=date(2026, 1, 1)).holds(date(2025, 1, 1))
    assert DateRange(until=date(2026, 1, 1)).holds(date(2025, 1, 1))


@pytest.mark.parametrize(
    "bounds",
    [
        {},
        {"over": 1, "at_least": 1},
        {"under": 1, "at_most": 1},
        {"over": 5, "under": 5},
        {"over": 5, "at_most": 5},
        {"over": 0, "at_most": 0},
        {"at_least": 0, "under": 0},
        {"at_least": 6, "at_most": 5},
    ],
)
def test_bounds_that_no_number_meets_are_refused(bounds: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Range.model_validate(bounds)


EMPTY = "is empty; fill it in, or remove the condition"


@pytest.mark.parametrize(
    ("written", "place", "message"),
    [
        ("cod: x", "cod", "unknown key; did you mean 'code'?"),
        ("anny: [{kind: fee}]", "anny", "unknown key; did you mean 'any'?"),
        ("any_: [{kind: fee}]", "any_", "unknown key; did you mean 'any'?"),
        ("not: {al: [{kind: fee}]}", "not > al", "unknown key; did you mean 'all'?"),
        ("any: [{kod: fee}]", "any > item 1 > kod", "unknown key; there are job_type,"),
        ("any: [{all: [{not: {staf: a}}]}]", "any > item 1 > all > item 1 > not > staf", "did you mean 'staff'?"),
        ("any: [{kind: labor}]", "any > item 1 > kind", "did you mean 'labour'?"),
        ("any: {kind: fee}", "any", "a section is not a list"),
        ("any: []", "any", EMPTY),
        ("all: []", "all", EMPTY),
        ("any:", "any", EMPTY),
        ("not: {}", "not", EMPTY),
        ("any: [{kind: fee}, {}]", "any > item 2", "has no condition, and would hold for everything"),
        ("any: [null]", "any > item 1", "is empty"),
        ("any: [{code: []}]", "any > item 1 > code", EMPTY),
        ("not: {code: }", "not > code", EMPTY),
        ("code: ''", "code", "is empty, and would fit nothing"),
        ("custom_fields: {}", "custom_fields", EMPTY),
        ("custom_fields: {Region: []}", "custom_fields > Region", EMPTY),
        ("custom_fields: {Region: }", "custom_fields > Region", "is empty"),
        ("custom_fields: {Region: a, region: b}", "custom_fields", "names the field 'Region' twice"),
        ("custom_fields: [a]", "custom_fields", "a list is not a section of keys"),
        ("quantity: {}", "quantity", EMPTY),
        ("amount: 5", "amount", "'5' is not a section of keys"),
        ("amount: {over: x}", "amount > over", "'x' is not a number"),
        ("amount: {over: }", "amount > over", "is empty"),
        ("amount: {over: 5, at_most: 5}", "amount", "no number is both that large and that small"),
        ("amount: {more: 5}", "amount > more", "unknown key; there are over, at_least, under, at_most"),
        ("completed: {since: 1 July}", "completed > since", "is not a date; write it like 2026-07-01"),
        ("completed: {since: 2026-07-02, until: 2026-07-01}", "completed", "'until' is before 'since'"),
    ],
)
def test_a_wrong_condition_is_located_and_said_in_plain_words(written: str, place: str, message: str) -> None:
    problems = errors_of(changed('code: "AH*"', written))
    assert problems, "it must not load"
    where, _, rest = problems[-1].partition(": rule 'after-hours' > when > ")
    assert where.startswith("17:")
    assert rest.startswith(f"{place}: ")
    assert message in rest


@pytest.mark.parametrize(
    ("written", "place", "message"),
    [
        ("when: {kind: labour}", "when > kind", "unknown key; there are job_type,"),
        ("when: {any: [{jobtype: a}]}", "when > any > item 1 > jobtype", "did you mean 'job_type'?"),
        ("when: {job_total: }", "when > job_total", EMPTY),
        ("when: {all: [{customer: []}]}", "when > all > item 1 > customer", EMPTY),
    ],
)
def test_a_wrong_condition_of_a_stage_is_located_too(written: str, place: str, message: str) -> None:
    (problem,) = errors_of(changed("code: PRG,", f"code: PRG, {written},"))
    assert f"milestone 'PRG' > {place}: " in problem
    assert message in problem


def _when(**said: object) -> When:
    return When.model_validate(said)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (_when(kind="labour"), "kind labour"),
        (_when(code=["AH*", "BH*"], kind="labour"), "kind labour and code (AH* or BH*)"),
        (_when(amount={"over": "500", "under": "900"}), "amount (over 500 and under 900)"),
        (_when(completed={"since": "2026-01-01"}), "completed since 2026-01-01"),
        (_when(custom_fields={"Cost centre": "N*"}), "custom field 'Cost centre' N*"),
        (_when(any=[{"kind": "labour"}, {"code": "AH*"}]), "kind labour or code AH*"),
        (_when(kind="fee", any=[{"staff": "a"}, {"code": "b"}]), "kind fee and (staff a or code b)"),
        (_when(all=[{"any": [{"staff": "a"}, {"code": "b"}]}, {"tax": "c"}]), "(staff a or code b) and tax c"),
        (_when(kind="fee", **{"not": {"staff": "a", "code": "b"}}), "kind fee and not (code b and staff a)"),
        (_when(**{"not": {"not": {"any": [{"staff": "a"}, {"code": "b"}]}}}), "not not (staff a or code b)"),
        (_when(), "anything"),
    ],
)
def test_conditions_can_be_read_aloud(when: When, words: str) -> None:
    assert when_in_words(when) == words


def test_what_is_asked_is_told_by_condition_in_the_order_of_looking() -> None:
    when = _when(custom_fields={"Zone": "1"}, job_tag="vip", quantity={"at_least": 2}, kind=["labour", "fee"])
    assert list(conditions_of(when)) == ["kind", "quantity", "job_tag", "custom_fields.Zone"]
    assert asked_in_words(when) == {
        "kind": "labour or fee",
        "quantity": "at least 2",
        "job_tag": "vip",
        "custom_fields.Zone": "1",
    }
