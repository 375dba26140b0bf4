"""Templates: what they may read, how values become text, and everything that is refused."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from milepost.jobs import Job, Line, LineKind
from milepost.rules.model import Milestone
from milepost.rules.templates import TemplateProblem, check_template, readable_names, render
from tests.unit.rules.books import job, line

ROOTS: dict[str, type[BaseModel]] = {"job": Job, "line": Line, "milestone": Milestone}
JOB = job(
    line(
        LineKind.LABOUR,
        description="Fit tap  ",
        code="AH1",
        quantity=Decimal("2.5000"),
        unit_price_ex=Decimal("1234.5"),
        worked_on=datetime(2026, 7, 1, tzinfo=UTC).date(),
    ),
    region="Auckland",
    tags=("trade", "vip"),
    custom_fields={"cost centre": "Plumbing", "items": "seven"},
    description="one\ntwo",
)
VALUES = {"job": JOB, "line": JOB.lines[0], "milestone": Milestone(code="FIN", name="completion", on_status=("done",))}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain words  \n", "plain words"),
        ("{{ job.number }}-{{ milestone.code }}", "1482-FIN"),
        ("{{ line.quantity }} h", "2.5 h"),
        ("{{ line.description }}", "Fit tap"),
        ("{{ line.kind }}", "labour"),
        ("[{{ line.category }}]", "[]"),
        ("{{ line.category | upper }}", ""),
        ("{{ job.completed_on }}", "2026-07-02"),
        ("{{ job.completed_on | day }}", "2 Jul 2026"),
        ("{{ job.completed_on | day('%d/%m/%y') }}", "02/07/26"),
        ("{{ job.dates.scheduled | day }}", ""),
        ("{{ line.unit_price_ex | money }}", "1,234.50"),
        ("{{ line.unit_cost | money }}", ""),
        ("{{ line.quantity | round }}", "3"),
        ("{{ line.quantity | round(1) }}", "2.5"),
        ("{{ line.unit_cost | round(1) }}", ""),
        ("{{ job.customer.tags | join }}", "trade, vip"),
        ("{{ job.customer.tags | join('/') }}", "trade/vip"),
        ("{{ job.custom_fields['cost centre'] }}", "Plumbing"),
        ("{{ job.custom_fields['items'] }}", "seven"),
        ("{{ job.custom_fields['other'] | default('none') }}", "none"),
        ("{{ job.reference | default(job.number) }}", "1482"),
        ("{{ job.work_summary | default('-') }}", "-"),
        ("{{ line.code[:2] }}", "AH"),
        ("{{ job.lines[0].code }}", "AH1"),
        ("{{ 'am' if line.quantity < 2 else 'pm' }}", "pm"),
        ("{% if line.code is defined and line.code %}code{% elif job %}x{% else %}none{% endif %}", "code"),
        ("{{ 'yes' if line.kind == 'labour' and not line.section else 'no' }}", "yes"),
        ("{{ 'yes' if 'tap' in job.title else 'no' }}", "yes"),
        ("{{ job.number ~ '/' ~ line.code }}", "1482/AH1"),
        ("{{ job.title | upper }}|{{ job.title | lower }}|{{ job.title | title }}", "REPLACE TAP|replace tap|Replace Tap"),
        ("{{ 'GIB fix by o\\'brien' | title }}", "GIB Fix By O'brien"),
        ("{{ milestone.name | capitalize }}", "Completion"),
        ("{{ line.description | trim }}!", "Fit tap!"),
        ("{{ job.title | replace('tap', 'mixer') }}", "Replace mixer"),
        ("{{ job.title | truncate(10) }}", "Replace..."),
        ("{{ job.title | truncate(40) }}", "Replace tap"),
        ("{{ 'abcdefghij' | truncate(8) }}", "abcde..."),
        ("{{ job.description }}", "one\ntwo"),
        ("{# a note #}x", "x"),
        ("<b>&</b> {{ job.title }}", "<b>&</b> Replace tap"),
    ],
)
def test_a_template_is_filled_in(template: str, text: str) -> None:
    check_template(template, ROOTS)
    assert render(template, VALUES) == text


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ job.numbr }}", "unknown name 'numbr'; did you mean 'number'?"),
        ("{{ job.customer.emial }}", "unknown name 'emial'; did you mean 'email'?"),
        ("{{ job.lines[0].cod }}", "unknown name 'cod'; did you mean 'code'?"),
        ("{{ jbo.number }}", "unknown name 'jbo'; did you mean 'job'?; known here: 'job' and 'line' and 'milestone'"),
        ("{{ job.title.words }}", "'words' is asked of a plain value, which has no parts"),
        ("{{ job.completed_on.year }}", "'year' is asked of a plain value, which has no parts"),
        ("{{ job.title | uper }}", "unknown filter 'uper'; did you mean 'upper'?"),
        ("{{ job.title is odd }}", "unknown test 'is odd'"),
        ("{{ job.customer }}", "a whole customer is no text; name one of its fields:"),
        ("{{ job.tags }}", "a list is no text; write it with: | join(', ')"),
        ("{{ job.custom_fields }}", "a list is no text"),
        ("{{ job[line.code] }}", "a record's parts are read by name: job.number"),
        ("{{ job.title", "template syntax: unexpected end of template"),
        ("{% if job %}", "template syntax: "),
        ("{{ job.number }", "template syntax: unexpected '}'"),
        ("{{ 'x' * 9 }}", "templates do not calculate; texts are joined with ~"),
        ("{{ 10 ** 10 ** 10 }}", "templates do not calculate"),
        ("{{ line.quantity + 1 }}", "templates do not calculate"),
        ("{% for l in job.lines %}{{ l.code }}{% endfor %}", "loops are not allowed"),
        ("{{ range(9) }}", "nothing can be called; use a filter, such as: | upper"),
        ("{{ job.model_dump() }}", "nothing can be called"),
        ("{{ job.title.upper() }}", "nothing can be called"),
        ("{{ job.model_config }}", "unknown name 'model_config'"),
        ("{{ job.model_fields_set }}", "unknown name 'model_fields_set'"),
        ("{{ job.__class__ }}", "unknown name '__class__'"),
        ("{{ job['__class__'] }}", "unknown name '__class__'"),
        ("{{ self }}", "unknown name 'self'"),
        ("{{ lipsum }}", "unknown name 'lipsum'"),
        ("{{ job | attr('number') }}", "unknown filter 'attr'"),
        ("{{ {'a': 1} }}", "'dict' is not allowed in a template"),
        ("{% set x = 1 %}", "'assign' is not allowed in a template"),
        ("{% include 'x' %}", "'include' is not allowed in a template"),
        ("{% extends 'x' %}", "'extends' is not allowed in a template"),
        ("{% import 'x' as y %}", "'import' is not allowed in a template"),
        ("{% macro m() %}{% endmacro %}", "'macro' is not allowed in a template"),
        ("{% block b %}{% endblock %}", "'block' is not allowed in a template"),
        ("{% filter upper %}x{% endfilter %}", "a filter is written behind a value"),
        ("{% with x = 1 %}{% endwith %}", "'with' is not allowed in a template"),
        ("{{ " + "(" * 1500 + "1", "it is nested too deeply"),
        ("{{ " + "not " * 500 + "1 }}", "it is nested too deeply"),
        ("{{ 1" + " | upper" * 100 + " }}", "it is nested too deeply"),
        ("{{ 1e999 }}", "a number is out of range"),
        ("x" * 4001, "it is longer than 4000 characters"),
        ("{{ " + "9" * 3990 + "9" * 5 + " }}", "it is longer than"),
    ],
)
def test_what_is_wrong_with_a_template_is_known_before_any_job(template: str, why: str) -> None:
    with pytest.raises(TemplateProblem) as caught:
        check_template(template, ROOTS)
    assert why in caught.value.why


def test_all_that_is_wrong_with_a_template_is_said_at_once() -> None:
    with pytest.raises(TemplateProblem, match=r"unknown name 'numbr'.*; unknown name 'titel'"):
        check_template("{{ job.numbr }} {{ job.titel }}", ROOTS)


def test_a_name_is_only_known_where_it_is_given() -> None:
    with pytest.raises(TemplateProblem, match="unknown name 'line'; known here: 'job'"):
        check_template("{{ line.code }}", {"job": Job})


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ job.quote.number }}", "this job does not say 'number'; add: | default('...')"),
        ("{{ job.custom_fields['other'] }}", "this job does not say 'other'; add: | default('...')"),
        ("{{ job.lines[7].code }}", "has no element 7; add: | default('...')"),
        ("{{ job.quote.number | upper }}", "this job does not say 'number'"),
        ("{{ 'x' if line.quantity > 'a' else 'y' }}", "not supported between instances"),
        ("{{ job.title[::0] }}", "slice step cannot be zero"),
        ("{{ job.title | money }}", "a number is needed here"),
        ("{{ job.title | day }}", "day takes a date"),
        ("{{ job.completed_on | day('%Q') }}", "a date's form takes"),
        ("{{ job.completed_on | day('%099999999d') }}", "a date's form takes"),
        ("{{ line.quantity | round(99) }}", "round takes 0 to 6 places"),
        ("{{ job.title | join }}", "join takes a list"),
        ("{{ job.title | replace('', 'x') }}", "replace needs a text to look for"),
        ("{{ job.title | truncate(0) }}", "truncate needs a length of at least 1"),
        ("{{ job.title | upper('x') }}", "takes 1 positional argument"),
        ("{{ ''.__class__.__mro__ }}", "a plain value has no parts"),
        ("{{ 9['x'] }}", "a plain value has no parts"),
        ("{{ (job.title | upper).__class__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ job.custom_fields.items }}", "access to attribute 'items' of 'dict' object is unsafe"),
        ("{{ job.title.format }}", "is no text"),
        ("{{ [job.title] }}", "a list is no text"),
    ],
)
def test_a_template_that_a_job_cannot_fill_says_why(template: str, why: str) -> None:
    with pytest.raises(TemplateProblem) as caught:
        render(template, VALUES)
    assert why in caught.value.why
    assert caught.value.template == template


@pytest.mark.parametrize(
    "template", ["{{ job.model_dump() }}", "{{ 'a' * 9 }}", "{% for x in job.lines %}{% endfor %}", "{{ x"]
)
def test_a_template_that_was_never_checked_is_held_to_the_same_forms(template: str) -> None:
    with pytest.raises(TemplateProblem):
        render(template, VALUES)


def test_texts_cannot_be_blown_up_step_by_step() -> None:
    growing = "{{ 'aaaaaaaaaa'" + " | replace('a', 'aaaaaaaaaa')" * 12 + " }}"
    with pytest.raises(TemplateProblem, match="a text is longer than 20000 characters"):
        render(growing, VALUES)


def test_a_long_text_of_the_job_is_bounded_too() -> None:
    many = "{{ job.title }}" * 20
    with pytest.raises(TemplateProblem, match="its text is longer than 20000 characters"):
        render(many, {"job": job().model_copy(update={"title": "x" * 1500})})


def test_reasons_hold_none_of_the_jobs_own_words() -> None:
    with pytest.raises(TemplateProblem) as caught:
        render("{{ job.customer.name | money }} {{ job.title }}", VALUES)
    assert "Ngaio" not in str(caught.value)
    assert "Replace" not in str(caught.value)


def test_only_own_fields_and_properties_can_be_read() -> None:
    names = readable_names(Job)
    assert {"number", "customer", "completed_on", "fingerprint"} <= names
    assert not [name for name in names if name.startswith(("model_", "_"))]


_EXPRESSIONS = st.sampled_from(
    [
        "job",
        "line",
        "milestone",
        "job.customer",
        "job.lines",
        "job.quote",
        "line.quantity",
        "job.title",
        "'x'",
        "9",
        "1.5",
        "none",
    ]
)
_READS = [
    ".name",
    ".code",
    "[0]",
    "['x']",
    "[:2]",
    ".__class__",
    ".model_dump",
    "()",
    " ~ 'z'",
    " * 9",
    " is none",
    " == 'x'",
    " > 1",
]
_FILTERS = [
    " | upper",
    " | money",
    " | join",
    " | day",
    " | round(2)",
    " | default('d')",
    " | replace('x', 'yy')",
    " in job.title",
]
_STEPS = st.sampled_from([*_READS, *_FILTERS])


@given(
    st.lists(
        st.one_of(
            st.text(max_size=4),
            st.builds(lambda e, s: "{{ " + e + "".join(s) + " }}", _EXPRESSIONS, st.lists(_STEPS, max_size=4)),
        ),
        max_size=4,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_template_gives_text_or_a_problem(parts: list[str]) -> None:
    text = _text_or_none("".join(parts)) or ""
    assert "<class" not in text
    assert "object at" not in text
    assert text == text.rstrip()


@given(st.text(alphabet="{}%|.()[]'\" abjo9~*-:#\n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_signs_are_checked_without_an_accident(template: str) -> None:
    with suppress(TemplateProblem):
        check_template(template, ROOTS)
        assert isinstance(_text_or_none(template), str | None)


def _text_or_none(template: str) -> str | None:
    try:
        return render(template, VALUES)
    except TemplateProblem:
        return None
