"""What each further condition of a rule holds for, and how it is told: numbers, days, custom fields, any, all, not."""

from datetime import date
from decimal import Decimal

import pytest

from milepost.billing.decision import Rejected
from milepost.jobs import Job, Line, LineKind, LineTax, Totals
from milepost.rules.conditions import JobWhen, When
from milepost.rules.match import compile_rules, job_refusal, match_line, match_rate
from milepost.rules.model import Rate, Rule, Then
from milepost.rules.seen import stated_amount, stated_total
from tests.unit.rules.books import job, line

D = Decimal


def _rule(name: str, **when: object) -> Rule:
    return Rule(id=name, when=When.model_validate(when), then=Then(account="200"))


def _holds(when: dict[str, object], job_: Job, line_: Line) -> bool:
    return match_line((_rule("r", **when),), job_, line_).rule is not None


def _refusal(when: dict[str, object], job_: Job, line_: Line) -> tuple[str, str, str]:
    found = compile_rules((_rule("r", **when),)).why_not(0, job_, line_)
    assert found is not None
    assert found.rule == "r"
    return found.condition, found.wanted, found.seen


LINE = line(
    LineKind.LABOUR,
    code="AH1",
    description="After hours, hot water",
    quantity=D("2.50"),
    unit_price_ex=D("100"),
    worked_on=date(2026, 6, 30),
)
JOB = job(LINE, tags=("trade",), category="Drains").model_copy(
    update={"tags": ("urgent", "north"), "custom_fields": {"Cost Centre": "Plumbing", "Empty": ""}}
)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"job_tag": "urg*"}, True),
        ({"job_tag": ["x", "north"]}, True),
        ({"job_tag": "trade"}, False),
        ({"description": "/hot ?water/"}, True),
        ({"description": ["x*", "/^after .* water$/"]}, True),
        ({"description": "/^hot/"}, False),
        ({"customer": "/^ngaio/"}, True),
        ({"custom_fields": {"Cost Centre": "plumb*"}}, True),
        ({"custom_fields": {"cost centre": "/^plumb/"}}, True),
        ({"custom_fields": {"Cost Centre": "roof"}}, False),
        ({"custom_fields": {"Cost Centre": "*", "Zone": "*"}}, False),
        ({"custom_fields": {"Empty": "*"}}, False),
        ({"quantity": {"over": "2.49", "under": 3}}, True),
        ({"quantity": {"over": "2.5"}}, False),
        ({"quantity": {"at_least": "2.500", "at_most": "2.5"}}, True),
        ({"amount": {"at_least": 250}}, True),
        ({"amount": {"over": 250}}, False),
        ({"job_total": {"at_most": "250.00"}}, True),
        ({"job_total": {"under": 250}}, False),
        ({"worked_on": {"since": "2026-06-30"}}, True),
        ({"worked_on": {"until": "2026-06-29"}}, False),
        ({"completed": {"since": "2026-07-02", "until": "2026-07-02"}}, True),
        ({"completed": {"until": "2026-07-01"}}, False),
        ({"any": [{"kind": "fee"}, {"code": "AH*"}]}, True),
        ({"any": [{"kind": "fee"}, {"code": "X*"}]}, False),
        ({"all": [{"kind": "labour"}, {"code": "AH*"}]}, True),
        ({"all": [{"kind": "labour"}, {"code": "X*"}]}, False),
        ({"not": {"kind": "fee"}}, True),
        ({"not": {"kind": "labour"}}, False),
        ({"not": {"kind": "labour", "code": "X*"}}, True),
        ({"not": {"not": {"kind": "labour"}}}, True),
        ({"kind": "fee", "not": {"code": "X*"}}, False),
        ({"kind": "labour", "any": [{"all": [{"code": "AH*"}, {"not": {"job_tag": "slow"}}]}, {"staff": "x"}]}, True),
        ({"any": [{"amount": {"over": 1000}}, {"custom_fields": {"Cost Centre": "plumbing"}}]}, True),
    ],
)
def test_a_condition_holds_for_what_it_asks(when: dict[str, object], holds: bool) -> None:
    assert _holds(when, JOB, LINE) is holds


SILENT_LINE = line(LineKind.MATERIAL)
SILENT_JOB = job(SILENT_LINE).model_copy(update={"dates": JOB.dates.model_copy(update={"completed": None})})
UNSAID: list[dict[str, object]] = [
    {"job_tag": "*"},
    {"code": "/.*/"},
    {"custom_fields": {"Cost Centre": "*"}},
    {"quantity": {"at_most": 0}},
    {"quantity": {"over": -1}},
    {"amount": {"at_most": 0}},
    {"amount": {"over": -1}},
    {"job_total": {"under": 9999999}},
    {"worked_on": {"until": "2099-01-01"}},
    {"completed": {"since": "1999-01-01"}},
]


@pytest.mark.parametrize("when", UNSAID, ids=str)
def test_what_a_job_does_not_say_fits_no_condition_and_so_every_not_of_it(when: dict[str, object]) -> None:
    assert not _holds(when, SILENT_JOB, SILENT_LINE)
    assert _holds({"not": when}, SILENT_JOB, SILENT_LINE)
    assert not _holds({"not": {"not": when}}, SILENT_JOB, SILENT_LINE)
    assert not _holds({"any": [when, {"kind": "labour"}]}, SILENT_JOB, SILENT_LINE)


def test_two_fields_of_a_job_that_differ_in_case_are_both_looked_at() -> None:
    twice = job().model_copy(update={"custom_fields": {"Zone": "1", "zone": "2"}})
    assert _holds({"custom_fields": {"ZONE": "1"}}, twice, LINE)
    assert _holds({"custom_fields": {"ZONE": "2"}}, twice, LINE)


def test_rules_may_spell_a_custom_field_in_their_own_ways() -> None:
    rules = (_rule("a", custom_fields={"COST CENTRE": "roof"}), _rule("b", custom_fields={"cost centre": "plumbing"}))
    match = match_line(rules, JOB, LINE)
    assert match.rule is rules[1]
    assert match.matched == {"custom_fields.cost centre": "Plumbing"}
    assert match.rejected[0].condition == "custom_fields.COST CENTRE"


def test_which_condition_a_reason_names_does_not_depend_on_other_rules() -> None:
    first, second = _rule("a", custom_fields={"Zone": "1"}), _rule("b", custom_fields={"Crew": "x", "Zone": "x"})
    assert compile_rules((first, second)).why_not(1, JOB, LINE) == compile_rules((second,)).why_not(0, JOB, LINE)


@pytest.mark.parametrize(
    ("when", "refusal"),
    [
        ({"quantity": {"over": 500, "under": 900}}, ("quantity", "over 500 and under 900", "2.50")),
        ({"amount": {"over": 500}}, ("amount", "over 500", "250.00")),
        ({"worked_on": {"since": "2026-07-01"}}, ("worked_on", "since 2026-07-01", "2026-06-30")),
        ({"description": ["/^x/", "y*"]}, ("description", "/^x/ or y*", "After hours, hot water")),
        ({"job_tag": "x"}, ("job_tag", "x", "urgent, north")),
        ({"custom_fields": {"Zone": "1"}}, ("custom_fields.Zone", "1", "")),
        ({"job_tag": "x", "quantity": {"over": 9}}, ("quantity", "over 9", "2.50")),
        (
            {"any": [{"kind": "material"}, {"code": "X*", "staff": "sam"}]},
            ("any", "kind material or (code X* and staff sam)", "kind labour, code AH1, no staff"),
        ),
        ({"all": [{"kind": "labour"}, {"code": ["X*", "Y*"]}]}, ("all", "code X* or Y*", "code AH1")),
        ({"all": [{"any": [{"kind": "fee"}, {"staff": "a"}]}]}, ("all", "kind fee or staff a", "kind labour, no staff")),
        ({"not": {"kind": "labour", "code": "AH*"}}, ("not", "not (kind labour and code AH*)", "kind labour, code AH1")),
        ({"code": "X*", "not": {"kind": "labour"}}, ("code", "X*", "AH1")),
        (
            {"not": {"custom_fields": {"Cost Centre": "*"}}},
            ("not", "not custom field 'Cost Centre' *", "custom field 'Cost Centre' Plumbing"),
        ),
    ],
)
def test_a_refusal_names_the_condition_what_it_asks_and_what_was_seen(
    when: dict[str, object], refusal: tuple[str, str, str]
) -> None:
    assert _refusal(when, JOB, LINE) == refusal


def test_a_match_says_what_each_condition_asked_and_saw() -> None:
    rule = _rule(
        "r",
        code=["AH*", "BH*"],
        amount={"over": 100, "under": 900},
        completed={"since": "2026-01-01"},
        any=[{"kind": "fee"}, {"job_tag": "urgent"}],
        all=[{"kind": "labour"}, {"quantity": {"over": 1}}],
        **{"not": {"staff": "Sam"}},
    )
    match = match_line((rule,), JOB, LINE)
    assert match.wanted == {
        "code": "AH* or BH*",
        "amount": "over 100 and under 900",
        "completed": "since 2026-01-01",
        "any": "kind fee or job_tag urgent",
        "all": "kind labour and quantity over 1",
        "not": "not staff Sam",
    }
    assert match.matched == {
        "code": "AH1",
        "amount": "250.00",
        "completed": "2026-07-02",
        "any": "job_tag urgent, north",
        "all": "kind labour, quantity 2.50",
        "not": "no staff",
    }
    assert list(match.matched) == list(match.wanted)


def test_a_rule_whose_group_fails_leaves_the_line_to_the_next() -> None:
    rules = (
        _rule("special", code="AH*", **{"not": {"job_tag": "urgent"}}),
        _rule("any", any=[{"staff": "sam"}, {"staff": "alex"}]),
        _rule("rest"),
    )
    match = match_line(rules, JOB, LINE)
    assert match.rule is rules[2]
    assert [(r.rule, r.condition) for r in match.rejected] == [("special", "not"), ("any", "any")]


def test_reasons_are_those_of_the_line_though_another_was_refused_alike_before() -> None:
    rules = (_rule("a", any=[{"staff": "sam"}, {"code": "X"}]), _rule("b", code="Y"), _rule("rest"))
    seen = [[r.seen for r in match_line(rules, JOB, line(code=code)).rejected] for code in ("1", "2", "1")]
    assert seen == [["no staff, code 1", "1"], ["no staff, code 2", "2"], ["no staff, code 1", "1"]]


PRICES = [
    ({"total_ex": D("10.005")}, "10.01"),
    ({"total_ex": D(10), "quantity": D(3), "unit_price_ex": D(9)}, "10.00"),
    ({"quantity": D(3), "unit_price_ex": D("9.99")}, "29.97"),
    ({"unit_price_ex": D("9.99")}, "9.99"),
    ({"quantity": D(4), "unit_price_ex": D(10), "discount_rate": D(25)}, "30.00"),
    ({"quantity": D(4), "unit_price_ex": D(10), "discount_amount": D(5)}, "35.00"),
    ({"total_inc": D("115.00"), "tax": LineTax(rate=D(15))}, "100.00"),
    ({"total_inc": D("115.00"), "tax": LineTax(amount=D("14.99"))}, "100.01"),
    ({"quantity": D(2), "unit_price_inc": D("57.50"), "tax": LineTax(rate=D(15))}, "100.00"),
    ({"total_inc": D(0), "tax": LineTax(rate=D(0))}, "0.00"),
    ({"total_inc": D(115)}, None),
    ({"total_inc": D(115), "tax": LineTax(name="GST")}, None),
    ({"quantity": D(3)}, None),
    ({"unit_cost": D(3)}, None),
    ({}, None),
    ({"unit_price_ex": D("1E+999999"), "quantity": D("1E+999999")}, None),
    ({"total_ex": D("1E+40")}, None),
    ({"total_inc": D(115), "tax": LineTax(rate=D(-100))}, None),
]


@pytest.mark.parametrize(("said", "amount"), PRICES, ids=str)
def test_a_lines_amount_is_what_the_platform_says_before_tax(said: dict[str, object], amount: str | None) -> None:
    made = Line.model_validate({"id": "1", "kind": "material", **said})
    found = stated_amount(made)
    assert (None if found is None else str(found)) == amount


@pytest.mark.parametrize("said", [{"total_ex": D(20)}, {"total_ex": D(-20)}, {"discount_amount": D(20)}])
def test_a_discounts_amount_is_below_zero_whatever_its_sign(said: dict[str, Decimal]) -> None:
    assert stated_amount(Line.model_validate({"id": "1", "kind": "discount", **said})) == D(-20)


TWO = (line(total_ex=D("100.00")), line(quantity=D(2), unit_price_ex=D("25.50")))


@pytest.mark.parametrize(
    ("made", "total"),
    [
        (job(*TWO, reported_totals=Totals(ex=D("160.00"))), "160.00"),
        (job(*TWO, reported_totals=Totals(inc=D("115"), tax=D("15"))), "100"),
        (job(*TWO, reported_totals=Totals(inc=D("115"))), "151.00"),
        (job(*TWO), "151.00"),
        (job(*TWO, line(LineKind.DISCOUNT, total_ex=D("1"))), "150.00"),
        (job(*TWO, line(LineKind.TEXT, description="Thank you")), "151.00"),
        (job(*TWO, line(total_ex=D("9"), billable=False)), "151.00"),
        (job(*TWO, line(quantity=D(3))), None),
        (job(line(LineKind.TEXT, description="Thank you")), None),
        (job(line(total_ex=D("0.00"))), "0.00"),
    ],
)
def test_a_jobs_total_is_the_platforms_else_that_of_its_lines_when_all_are_known(made: Job, total: str | None) -> None:
    found = stated_total(made)
    assert (None if found is None else str(found)) == total


def _job_when(**said: object) -> JobWhen:
    return JobWhen.model_validate(said)


@pytest.mark.parametrize(
    ("when", "refusal"),
    [
        (_job_when(), None),
        (_job_when(job_total={"over": 200}, category="drains"), None),
        (_job_when(job_total={"over": 500}), ("job_total", "over 500", "250.00")),
        (_job_when(category="roof*"), ("category", "roof*", "Drains")),
        (_job_when(site_region="*"), ("site_region", "*", "")),
        (_job_when(customer="/cafe$/", **{"not": {"customer_tag": "vip"}}), None),
        (_job_when(**{"not": {"customer_tag": "trade"}}), ("not", "not customer_tag trade", "customer_tag trade")),
        (
            _job_when(any=[{"job_tag": "a"}, {"job_type": "b"}]),
            ("any", "job_tag a or job_type b", "job_tag urgent, north, no job_type"),
        ),
    ],
)
def test_a_stage_asks_a_job_as_a_whole(when: JobWhen, refusal: tuple[str, str, str] | None) -> None:
    found = job_refusal(when, JOB)
    assert (found and (found.condition, found.wanted, found.seen)) == refusal


def test_a_job_is_refused_anew_though_another_was_asked_the_same() -> None:
    when = _job_when(category="drains")
    assert [job_refusal(when, job(category=c)) is None for c in ("Drains", "Roof", "Drains")] == [True, False, True]


def test_of_rates_the_first_that_fits_is_used_and_explained_like_a_rule() -> None:
    rates = (
        Rate(id="senior", when=When(staff=("S. *",)), price=D(120)),
        Rate(id="night", when=When(code=("AH*",)), price=D(150)),
    )
    match = match_rate(rates, JOB, LINE)
    assert match.rule is rates[1]
    assert match.matched == {"code": "AH1"}
    assert match.rejected == (Rejected(rule="senior", condition="staff", wanted="S. *", seen=""),)
    assert match_rate((), JOB, LINE).rule is None


def test_a_number_too_long_to_read_is_told_briefly() -> None:
    _, _, seen = _refusal({"quantity": {"under": 1}}, JOB, line(quantity=D("1E+999999")))
    assert seen == "1E+999999"
