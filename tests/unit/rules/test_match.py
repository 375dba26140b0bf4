"""Which rule codes a line, and why the ones before it did not."""

from dataclasses import asdict
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.jobs import Job, Line, LineKind
from milepost.rules.globs import GlobTable, matches
from milepost.rules.match import MOST_REJECTED, Match, compile_rules, match_line
from milepost.rules.model import Rule, Then, When
from tests.unit.rules.books import job, line, rules


def _rule(name: str, **when: object) -> Rule:
    return Rule(id=name, when=When.model_validate(when), then=Then(account="200"))


def _matched(rule: Rule, job_: Job, line_: Line) -> bool:
    return match_line((rule,), job_, line_).rule is rule


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("labour", "Labour", True),
        ("AH*", "ah1", True),
        ("AH*", "xah1", False),
        ("*tap*", "Laundry TAP set", True),
        ("*tap", "tap set", False),
        ("*tap", "laundry tap", True),
        ("*", "", True),
        ("*", "any\nlines", True),
        ("**", "x", True),
        ("A?1", "ab1", True),
        ("A?1", "ab21", False),
        ("[ab]1", "B1", True),
        ("[!ab]1", "b1", False),
        ("[!ab]1", "c1", True),
        ("[", "[", True),
        ("a[", "a[", True),
        ("[z-a]", "b", False),
        ("100%", "100%", True),
        ("a.c", "abc", False),
        ("(x|y)", "(X|Y)", True),
        ("straße*", "STRASSE 5", True),
        ("*.*", "a.b", True),
        ("a*b*c", "a1b2c", True),
    ],
)
def test_globs_ignore_case_and_nothing_else(glob: str, text: str, fits: bool) -> None:
    assert matches(glob, text) is fits


@given(
    st.text(alphabet="ab*?[]!-.^\\", max_size=10),
    st.text(alphabet="ab.^-!]\\\n", max_size=10),
)
@settings(max_examples=500, deadline=None)
def test_a_glob_means_what_fnmatch_means(glob: str, text: str) -> None:
    assert matches(glob, text) == fnmatchcase(text, glob)


def test_a_glob_made_to_be_slow_ends() -> None:
    """By backtracking it would take longer than anyone lives."""
    assert not matches("*a" * 100 + "[b]", "a" * 5000)


JOB = job(
    customer="Ngaio Cafe",
    tags=("vip", "trade"),
    region="Auckland",
    category="Drains",
    job_type="Repair",
    business_unit="North",
)
LINE = line(
    LineKind.LABOUR, tax="GST on Income", code="AH1", description="After hours labour", section="Stage 1", staff="Alex"
)


@pytest.mark.parametrize(
    ("condition", "fitting", "failing"),
    [
        ("kind", "labour", "material"),
        ("kind", ["fee", "labour"], ["fee", "text"]),
        ("code", "ah*", "AH"),
        ("code", ["X*", "AH?"], ["X*", "Y*"]),
        ("description", "*hours*", "hours*"),
        ("category", "drains", "roof*"),
        ("section", "stage *", "stage"),
        ("staff", "alex", "sam"),
        ("tax", "GST*", "VAT*"),
        ("job_type", "repair", "install"),
        ("business_unit", "n*", "s*"),
        ("customer", "ngaio*", "*bar"),
        ("customer_tag", "trade", "retail"),
        ("site_region", "auckland", "waikato"),
    ],
)
def test_each_condition_looks_at_its_own_value(condition: str, fitting: object, failing: object) -> None:
    assert _matched(_rule("r", **{condition: fitting}), JOB, LINE)
    assert not _matched(_rule("r", **{condition: failing}), JOB, LINE)


@pytest.mark.parametrize(
    "condition",
    [
        "code",
        "description",
        "category",
        "section",
        "staff",
        "tax",
        "job_type",
        "business_unit",
        "customer_tag",
        "site_region",
    ],
)
def test_a_value_that_is_not_said_fits_no_condition_not_even_a_star(condition: str) -> None:
    assert not _matched(_rule("r", **{condition: "*"}), job(), line())


def test_a_customer_that_is_not_said_fits_no_condition() -> None:
    assert not _matched(_rule("r", customer="*"), job().model_copy(update={"customer": None}), line())


def test_a_lines_own_category_goes_before_the_jobs() -> None:
    rule = _rule("r", category="drains")
    assert not _matched(rule, JOB, line(category="Roof"))
    assert _matched(rule, JOB, line(category="DRAINS"))


def test_all_conditions_of_a_rule_must_hold() -> None:
    rule = _rule("r", kind="labour", code="AH*", customer_tag="trade")
    assert _matched(rule, JOB, LINE)
    assert not _matched(rule, JOB, line(LineKind.MATERIAL, code="AH1"))
    assert not _matched(rule, job(tags=("retail",)), LINE)


BOOK_RULES = rules("""
    - {id: after-hours, when: {kind: labour, code: "AH*"}, then: {account: "203"}}
    - {id: labour, when: {kind: labour}, then: {account: "200"}}
    - {id: vip-parts, when: {kind: material, customer_tag: vip}, then: {account: "211"}}
    - {id: the-rest, then: {account: "260"}}
""")


@pytest.mark.parametrize(
    ("line_", "rule"),
    [
        (line(LineKind.LABOUR, code="ah9"), "after-hours"),
        (line(LineKind.LABOUR, code="X"), "labour"),
        (line(LineKind.LABOUR), "labour"),
        (line(LineKind.MATERIAL), "vip-parts"),
        (line(LineKind.FEE), "the-rest"),
    ],
)
def test_the_first_rule_that_fits_wins(line_: Line, rule: str) -> None:
    found = match_line(BOOK_RULES, JOB, line_).rule
    assert found is not None
    assert found.id == rule


def test_a_match_says_what_it_saw_and_why_the_rules_before_it_failed() -> None:
    match = match_line(BOOK_RULES, JOB, line(LineKind.MATERIAL, code="TAP"))
    assert match.matched == {"kind": "material", "customer_tag": "vip, trade"}
    assert [asdict(r) for r in match.rejected] == [
        {"rule": "after-hours", "condition": "kind", "wanted": "labour", "seen": "material"},
        {"rule": "labour", "condition": "kind", "wanted": "labour", "seen": "material"},
    ]


def test_the_first_failing_condition_is_named_with_what_it_wanted() -> None:
    ordered = (_rule("a", kind="labour", code=["X*", "Y*"]), _rule("b"))
    (rejected,) = match_line(ordered, JOB, LINE).rejected
    assert (rejected.condition, rejected.wanted, rejected.seen) == ("code", "X* or Y*", "AH1")


def test_a_value_that_is_not_said_is_seen_as_nothing() -> None:
    (rejected,) = match_line((_rule("a", code="X*"), _rule("b")), JOB, line()).rejected
    assert rejected.seen == ""


def test_a_catch_all_matches_by_no_condition() -> None:
    assert match_line((_rule("all"),), JOB, LINE).matched == {}


def test_no_rule_that_fits_is_said_with_every_reason() -> None:
    match = match_line(BOOK_RULES[:3], JOB, line(LineKind.FEE))
    assert match.rule is None
    assert match.matched == {}
    assert [r.rule for r in match.rejected] == ["after-hours", "labour", "vip-parts"]


def test_a_book_without_rules_matches_nothing() -> None:
    match: Match[Rule] = match_line((), JOB, LINE)
    assert (match.rule, match.rejected) == (None, ())


def test_of_many_rules_before_the_match_the_nearest_are_listed_and_the_others_counted() -> None:
    many = (*(_rule(f"r{n}", code=f"X{n}") for n in range(50)), _rule("all"))
    rejected = match_line(many, JOB, LINE).rejected
    assert len(rejected) == MOST_REJECTED + 1
    assert (rejected[0].rule, rejected[0].seen) == ("the first 30", "tried before, not listed")
    assert [r.rule for r in rejected[1:]] == [f"r{n}" for n in range(30, 50)]


def test_any_rule_can_be_asked_why_it_did_not_match() -> None:
    many = (*(_rule(f"r{n}", code=f"X{n}") for n in range(50)), _rule("all"))
    compiled = compile_rules(many)
    first = compiled.why_not(0, JOB, LINE)
    assert first is not None
    assert (first.rule, first.wanted, first.seen) == ("r0", "X0", "AH1")
    assert compiled.why_not(50, JOB, LINE) is None


def test_a_books_own_rules_are_compiled_once_and_a_list_each_time() -> None:
    assert compile_rules(BOOK_RULES) is compile_rules(BOOK_RULES)
    changing = [*BOOK_RULES]
    assert match_line(changing, JOB, LINE).rule is BOOK_RULES[0]
    del changing[0]
    assert match_line(changing, JOB, LINE).rule is BOOK_RULES[1]


_CODES = st.sampled_from(["A", "AB", "B1", "", "ab"])
_GLOBS = st.lists(st.sampled_from(["A*", "*b", "?", "B1", "[AB]*", "*"]), min_size=1, max_size=2)
_WHENS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.lists(st.sampled_from(["labour", "material"]), min_size=1),
        "code": _GLOBS,
        "description": _GLOBS,
        "customer_tag": _GLOBS,
    },
)


def _slowly(rule: Rule, job_: Job, line_: Line) -> bool:
    """The rule's meaning, spelled out condition by condition."""
    seen = {
        "kind": (line_.kind.value,),
        "code": (line_.code,),
        "description": (line_.description,),
        "customer_tag": job_.customer.tags if job_.customer else (),
    }
    return all(
        globs is None
        or any(value and fnmatchcase(value.lower(), str(glob).lower()) for value in seen[name] for glob in globs)
        for name, globs in rule.when
        if name in seen
    )


@given(
    st.lists(_WHENS, max_size=8),
    _CODES,
    _CODES,
    st.lists(_CODES, max_size=2),
    st.sampled_from(["labour", "material", "fee"]),
)
@settings(max_examples=300, deadline=None)
def test_matching_by_sets_is_matching_one_rule_after_another(
    whens: list[dict[str, object]], code: str, description: str, tags: list[str], kind: str
) -> None:
    ordered = tuple(_rule(f"r{n}", **when) for n, when in enumerate(whens))
    job_, line_ = job(tags=tuple(tags)), line(LineKind(kind), code=code or None, description=description)
    expected = next((rule for rule in ordered if _slowly(rule, job_, line_)), None)
    match = match_line(ordered, job_, line_)
    assert match.rule is expected
    before = len(ordered) if expected is None else ordered.index(expected)
    assert [r.rule for r in match.rejected] == [rule.id for rule in ordered[:before]]


def test_a_glob_table_forgets_values_before_it_grows_without_end() -> None:
    table = GlobTable({0: ["a*"], 1: ["b"]}, 3)
    for n in range(25_000):
        assert table.satisfied_by((f"a{n}",)) == 0b101
    assert len(table._kept) <= 20_000
