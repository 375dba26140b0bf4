"""A job without its people: nothing leads to anybody, and the book decides on it as before."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.jobs import Address, Customer, Job, JobDates, Line, LineKind, LineTax, Payment, Person, Site, Stage
from milepost.rules.anonymise import LEFT_OUT, anonymised
from milepost.rules.match import match_line
from milepost.rules.model import RuleBook
from tests.unit.rules.books import book

HEAD = "version: 1\neffective_from: 2026-01-01\norganisation: A\nmilestones: [{code: FIN, name: f, on_status: done}]\n"
PLAIN = book(f'{HEAD}lines: [{{id: all, then: {{account: "200"}}}}]\n')
PERSONAL = ("Aroha", "Thompson", "aroha@", "555 0142", "Kowhai", "6011", "PO-88", "123-456", "Wiremu", "Kiri", "payref")


def asking(condition: str) -> RuleBook:
    """A book whose first rule has this condition."""
    lines = f'[{{id: first, when: {{{condition}}}, then: {{account: "203"}}}}, {{id: rest, then: {{account: "200"}}}}]'
    return book(f"{HEAD}lines: {lines}\n")


def job_of(text: str = "Tap for Aroha Thompson, 14 Kowhai Road", **said: object) -> Job:
    """A job that is full of people."""
    values: dict[str, object] = {
        "platform": "p",
        "id": "8f",
        "number": "1482",
        "raw_status": "done",
        "stage": Stage.COMPLETED,
        "title": "Aroha Thompson's bathroom",
        "description": "Call 021 555 0142",
        "work_summary": "Aroha was in",
        "reference": "PO-88 Thompson",
        "tags": ("urgent", "Thompson family"),
        "customer": Customer(
            id="cust-9",
            name="Aroha Thompson",
            first_name="Aroha",
            last_name="Thompson",
            number="123-456",
            email="aroha@thompson.example",
            phones=("021 555 0142",),
            billing_address=Address(line1="14 Kowhai Road", city="Wellington", postcode="6011"),
            tags=("trade", "Thompson family"),
        ),
        "contacts": (Person(name="Wiremu", email="wiremu@thompson.example", phone="04 555 0142"),),
        "site": Site(name="Thompson", region="North", address=Address(line1="14 Kowhai Road", postcode="6011")),
        "dates": JobDates(completed=datetime(2026, 7, 2, tzinfo=UTC)),
        "payments": (Payment(id="payref-1", amount=Decimal("20.00"), method="card", reference="payref Thompson"),),
        "lines": (
            Line(
                id="uuid-1",
                kind=LineKind.MATERIAL,
                description=text,
                code="T1",
                quantity=Decimal(2),
                unit_price_ex=Decimal("10.00"),
                staff="Kiri",
                section="Thompson bathroom",
                tax=LineTax(name="GST"),
            ),
        ),
        "custom_fields": {"key safe": "Aroha 6011", "done": "40"},
    }
    return Job.model_validate(values | said)


def test_the_worker_that_a_platform_tracks_a_line_by_is_left_out() -> None:
    line = job_of().lines[0].model_copy(update={"tracking_hints": {"Worker": "Kiri", "Region": "North"}})
    (kept,) = anonymised(job_of(lines=(line,)), PLAIN).job.lines
    assert kept.tracking_hints == {"Worker": LEFT_OUT, "Region": "North"}


def test_a_category_or_a_region_that_holds_somebodys_name_is_to_be_looked_at() -> None:
    veiled = anonymised(job_of(category="Thompson contract", job_type="Repair"), PLAIN)
    (note,) = veiled.notes
    assert note.startswith("the job's category was kept, and holds a word of somebody's name")
    assert anonymised(job_of(category="Repair"), PLAIN).notes == ()


def test_nothing_leads_to_anybody() -> None:
    text = anonymised(job_of(), PLAIN).job.model_dump_json()
    assert [word for word in PERSONAL if word.casefold() in text.casefold()] == []


def test_what_bills_stays() -> None:
    job = anonymised(job_of(), PLAIN).job
    (line,) = job.lines
    assert (line.kind, line.code, line.quantity, line.unit_price_ex) == ("material", "T1", Decimal(2), Decimal("10.00"))
    assert line.tax == LineTax(name="GST")
    assert (job.number, job.raw_status, job.completed_on) == ("1482", "done", job_of().completed_on)
    assert job.site is not None
    assert job.site.region == "North"
    assert [payment.amount for payment in job.payments] == [Decimal("20.00")]


@pytest.mark.parametrize(
    "condition",
    [
        'description: "*tap*"',
        'description: ["tap for*", "*hose*"]',
        'customer: "Aroha*"',
        'customer: "A. *"',
        "staff: Kiri",
        'staff: "K?ri"',
        'section: "*bath*"',
        "customer_tag: trade",
        "job_tag: urgent",
        'custom_fields: {key safe: "*6011"}',
        'any: [{description: "*tap*"}, {code: X}]',
        'not: {description: "*tap*"}',
        'description: "/tap|hose/"',
    ],
)
def test_the_same_rule_takes_each_line_as_before(condition: str) -> None:
    asked, job = asking(condition), job_of()
    neutral = anonymised(job, asked).job
    before, after = (match_line(asked.lines, one, one.lines[0]).rule for one in (job, neutral))
    assert before is after


def test_words_that_the_book_asks_for_stand_in_for_the_text() -> None:
    found = anonymised(job_of(), asking('description: "*tap*"'))
    assert found.job.lines[0].description == "tap"
    assert found.notes == ()


def test_a_text_for_which_nothing_stands_in_is_kept_without_the_people_and_to_be_checked() -> None:
    found = anonymised(job_of(), asking('description: "/tap|hose/"'))
    assert found.job.lines[0].description == f"Tap for {LEFT_OUT}, {LEFT_OUT}"
    assert found.notes == ("the text of line 1 was kept, since the book asks for it: check that it names nobody",)


def test_a_name_that_the_book_asks_for_by_a_pattern_is_replaced_all_the_same_and_said() -> None:
    found = anonymised(job_of(), asking('customer: "/^aroha/"'))
    assert found.job.customer is not None
    assert found.job.customer.name == "A. Customer"
    assert "the customer's name was replaced, and means something else to the book now" in found.notes[0]


def test_tags_and_custom_fields_stay_only_where_the_book_names_them() -> None:
    job = anonymised(job_of(), asking("job_tag: urgent, custom_fields: {done: 40}")).job
    assert (job.tags, job.custom_fields) == (("urgent",), {"done": "40"})
    assert anonymised(job_of(), PLAIN).job.custom_fields == {}


@pytest.mark.parametrize(
    "more",
    [
        """invoice: {reference: "{{ job.custom_fields['done'] }}"}""",
        """invoice: {reference: '{{ job.custom_fields["done"] }}'}""",
        "invoice: {reference: '{{ job.custom_fields.done }}'}",
    ],
)
def test_a_custom_field_that_a_template_shows_stays(more: str) -> None:
    shown = book(f'{HEAD}{more}\nlines: [{{id: all, then: {{account: "200"}}}}]\n')
    assert anonymised(job_of(), shown).job.custom_fields == {"done": "40"}


def test_a_custom_field_that_holds_the_progress_stays() -> None:
    claims = HEAD.replace("on_status: done", "on_status: done, amount: {progress: Done}")
    claimed = book(f'{claims}lines: [{{id: all, then: {{account: "200"}}}}]\n')
    assert anonymised(job_of(), claimed).job.custom_fields == {"done": "40"}


def test_one_worker_has_one_name_throughout() -> None:
    lines = tuple(Line(id=str(n), kind=LineKind.LABOUR, staff=name) for n, name in enumerate(("Kiri", "Hemi", "Kiri")))
    assert [line.staff for line in anonymised(job_of(lines=lines), PLAIN).job.lines] == ["Worker 1", "Worker 2", "Worker 1"]


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=3, max_size=40))
def test_no_free_text_survives_unless_the_book_asks_for_it(text: str) -> None:
    job = job_of(text, title=text, description=text, work_summary=text)
    neutral = anonymised(job, PLAIN).job
    assert {neutral.title, neutral.description, neutral.work_summary} == {"A job", "Words"}
    assert neutral.lines[0].description == ("Material 1" if text else "")
