"""Matching by sets is matching one rule after another, whatever the rules; and no reason is made up."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.jobs import Customer, Job, Line, LineKind
from milepost.rules.conditions import DateRange, JobWhen, Range, When
from milepost.rules.match import MOST_REJECTED, compile_rules, job_refusal, match_line
from milepost.rules.model import Rule, Then
from tests.unit.rules.books import job, line

_WORDS = ["A", "ab", "B1", "b 1", "straße", ""]
_SAID = st.sampled_from(_WORDS)
_TEXTS = st.lists(
    st.sampled_from(["A*", "*b", "*B*", "?", "B1", "[AB]*", "[!a]*", "*", "/^b/", "/b ?1$/", "/S{2}E/"]),
    min_size=1,
    max_size=2,
)
_NUMBERS = [Decimal(n) for n in ("-1", "0", "0.5", "1", "2.00")]
_DAYS = [date(2026, 7, n) for n in (1, 2, 3)]


@st.composite
def _ranges(draw: st.DrawFn) -> dict[str, Decimal]:
    low, high = sorted(draw(st.lists(st.sampled_from(_NUMBERS), min_size=2, max_size=2, unique=True)))
    bounds = {draw(st.sampled_from(["over", "at_least"])): low, draw(st.sampled_from(["under", "at_most"])): high}
    kept = draw(st.sampled_from([bounds, *({name: bound} for name, bound in bounds.items())]))
    return dict(kept)


@st.composite
def _spans(draw: st.DrawFn) -> dict[str, date]:
    first, last = sorted(draw(st.lists(st.sampled_from(_DAYS), min_size=2, max_size=2)))
    return draw(st.sampled_from([{"since": first, "until": last}, {"since": first}, {"until": last}]))


_OF_JOB: dict[str, st.SearchStrategy[Any]] = {
    "category": _TEXTS,
    "customer_tag": _TEXTS,
    "job_tag": _TEXTS,
    "custom_fields": st.dictionaries(st.sampled_from(["Zone", "Crew"]), _TEXTS, min_size=1),
    "job_total": _ranges(),
    "completed": _spans(),
}
_OF_LINE: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.lists(st.sampled_from(["labour", "material"]), min_size=1),
    "code": _TEXTS,
    "description": _TEXTS,
    "quantity": _ranges(),
    "amount": _ranges(),
    "worked_on": _spans(),
}


def _whens(plain: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def of(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({name: plain[name] for name in names})

    names = st.sampled_from(sorted(plain))
    flat = st.lists(names, unique=True, max_size=3).flatmap(of)
    some = names.flatmap(lambda name: of([name]))
    nested = st.recursive(
        some,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"not": inner}),
            st.tuples(inner, inner).map(lambda two: two[0] | two[1]),
        ),
        max_leaves=6,
    )
    return st.one_of(flat, nested, st.tuples(flat, nested).map(lambda two: two[0] | two[1]))


_LINES = st.builds(
    line,
    st.sampled_from([LineKind.LABOUR, LineKind.MATERIAL, LineKind.FEE]),
    code=_SAID.map(lambda word: word or None),
    description=_SAID,
    quantity=st.sampled_from([None, *_NUMBERS]),
    total_ex=st.sampled_from([None, *_NUMBERS]),
    worked_on=st.sampled_from([None, *_DAYS]),
)


@st.composite
def _jobs(draw: st.DrawFn) -> Job:
    tags, own = draw(st.lists(_SAID, max_size=2)), draw(st.lists(_SAID, max_size=2))
    made = job(*draw(st.lists(_LINES, min_size=1, max_size=4)), category=draw(_SAID) or None)
    return made.model_copy(
        update={
            "customer": draw(st.sampled_from([None, Customer(id="c", name="N", tags=tuple(tags))])),
            "tags": tuple(own),
            "custom_fields": draw(st.dictionaries(st.sampled_from(["Zone", "zone", "CREW"]), _SAID, max_size=3)),
            "dates": draw(st.sampled_from([made.dates, made.dates.model_copy(update={"completed": None})])),
        }
    )


def _rules_of(whens: list[dict[str, Any]]) -> tuple[Rule, ...]:
    return tuple(
        Rule(id=f"r{place}", when=When.model_validate(when), then=Then(account="200")) for place, when in enumerate(whens)
    )


_RULES = st.lists(_whens(_OF_LINE | _OF_JOB), max_size=7).map(_rules_of)


def _fits(wanted: str, text: str) -> bool:
    if wanted.startswith("/"):
        return re.search(wanted[1:-1], text, re.IGNORECASE) is not None
    return fnmatchcase(text.casefold(), wanted.casefold())


def _seen(name: str, job_: Job, line_: Line) -> list[Any]:
    """All that a condition may look at; nothing where the job does not say."""
    known = [one.total_ex for one in job_.lines]
    said: dict[str, Sequence[Any]] = {
        "kind": [line_.kind.value],
        "code": [line_.code],
        "description": [line_.description],
        "category": [line_.category or job_.category],
        "quantity": [line_.quantity],
        "amount": [line_.total_ex],
        "worked_on": [line_.worked_on],
        "customer_tag": job_.customer.tags if job_.customer else [],
        "job_tag": job_.tags,
        "job_total": [None if None in known else sum(n for n in known if n is not None)],
        "completed": [job_.completed_on],
    }
    return [value for value in said[name] if value is not None and value != ""]


def _one_holds(name: str, wanted: Any, job_: Job, line_: Line) -> bool:
    seen = _seen(name, job_, line_)
    if isinstance(wanted, Range | DateRange):
        return any(wanted.holds(value) for value in seen)
    return any(_fits(text, value) for text in wanted for value in seen)


def _field_holds(name: str, wanted: tuple[str, ...], job_: Job) -> bool:
    said = [value for field, value in job_.custom_fields.items() if value and field.lower() == name.lower()]
    return any(_fits(text, value) for text in wanted for value in said)


def _checks(when: JobWhen, job_: Job, line_: Line) -> dict[str, bool]:
    """The meaning of a `when`, spelled out: each of its conditions, and whether it holds."""
    checks: dict[str, bool] = {}
    for name, wanted in when:
        if wanted is None:
            continue
        if name == "any_":
            checks["any"] = any(_all_hold(inner, job_, line_) for inner in wanted)
        elif name == "all_":
            checks["all"] = all(_all_hold(inner, job_, line_) for inner in wanted)
        elif name == "not_":
            checks["not"] = not _all_hold(wanted, job_, line_)
        elif name == "custom_fields":
            checks |= {f"custom_fields.{field}": _field_holds(field, texts, job_) for field, texts in wanted.items()}
        else:
            checks[name] = _one_holds(name, wanted, job_, line_)
    return checks


def _all_hold(when: JobWhen, job_: Job, line_: Line) -> bool:
    return all(_checks(when, job_, line_).values())


@given(_RULES, _jobs())
@settings(max_examples=60, deadline=None)
def test_matching_all_rules_at_once_is_matching_one_after_another(rules: tuple[Rule, ...], job_: Job) -> None:
    for line_ in job_.lines:
        match = match_line(rules, job_, line_)
        assert match.rule is next((rule for rule in rules if _all_hold(rule.when, job_, line_)), None)
        if match.rule is not None:
            asked = _checks(match.rule.when, job_, line_)
            assert set(match.matched) == set(match.wanted) == set(asked)


@given(_RULES, _jobs())
@settings(max_examples=60, deadline=None)
def test_every_rule_before_the_one_is_refused_by_a_condition_that_does_not_hold(rules: tuple[Rule, ...], job_: Job) -> None:
    for line_ in job_.lines:
        match = match_line(rules, job_, line_)
        before = rules[: len(rules) if match.rule is None else rules.index(match.rule)]
        assert [refusal.rule for refusal in match.rejected] == [rule.id for rule in before]
        for rule, refusal in zip(before, match.rejected, strict=True):
            assert _checks(rule.when, job_, line_)[refusal.condition] is False
            assert refusal.wanted
        assert match.rejected == match_line([*rules], job_, line_).rejected, "another line's reasons were told"


@given(_RULES, _jobs())
@settings(max_examples=40, deadline=None)
def test_any_rule_asked_by_itself_answers_as_among_the_others(rules: tuple[Rule, ...], job_: Job) -> None:
    compiled = compile_rules(rules)
    for place, rule in enumerate(rules):
        alone = compile_rules((rule,)).why_not(0, job_, job_.lines[0])
        assert compiled.why_not(place, job_, job_.lines[0]) == alone
        assert (alone is None) is _all_hold(rule.when, job_, job_.lines[0])


@given(_RULES, _RULES, _jobs())
@settings(max_examples=40, deadline=None)
def test_rules_after_the_one_that_matches_change_nothing(rules: tuple[Rule, ...], more: tuple[Rule, ...], job_: Job) -> None:
    ended = (*rules, Rule(id="rest", then=Then(account="200")))
    match = match_line(ended, job_, job_.lines[0])
    longer = match_line((*ended, *more), job_, job_.lines[0])
    assert (longer.rule, longer.matched, longer.wanted) == (match.rule, match.matched, match.wanted)
    assert longer.rejected == match.rejected


@given(_RULES, _jobs(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rules_that_do_not_hold_does_not_matter(rules: tuple[Rule, ...], job_: Job, chance: Any) -> None:
    line_ = job_.lines[0]
    match = match_line(rules, job_, line_)
    others = [rule for rule in rules if not _all_hold(rule.when, job_, line_)]
    chance.shuffle(others)
    holding = [rule for rule in rules if _all_hold(rule.when, job_, line_)]
    mixed = [*holding]
    for rule in others:
        mixed.insert(chance.randint(0, len(mixed)), rule)
    again = match_line(mixed, job_, line_)
    assert (again.rule, again.matched) == (match.rule, match.matched)
    if len(rules) <= MOST_REJECTED:
        of_all = {r.rule: r for r in match_line(others, job_, line_).rejected}
        assert all(of_all[refusal.rule] == refusal for refusal in again.rejected)


@given(_whens(_OF_JOB), _jobs())
@settings(max_examples=60, deadline=None)
def test_what_is_asked_of_a_job_holds_or_is_refused_by_what_does_not_hold(when: dict[str, Any], job_: Job) -> None:
    asked = JobWhen.model_validate(when)
    checks = _checks(asked, job_, line(LineKind.TEXT))
    refusal = job_refusal(asked, job_)
    assert (refusal is None) is all(checks.values())
    if refusal is not None:
        assert checks[refusal.condition] is False
