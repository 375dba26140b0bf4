"""A captured test: it can be read, it passes, and it expects what the book decides."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.chart import Account, Chart, Organisation, TaxRate
from milepost.jobs import Customer, Job, JobDates, Line, LineKind, LineTax, Stage
from milepost.rules.trials.capture import capture_job, file_name
from milepost.rules.trials.given import JobGiven
from milepost.rules.trials.load import parse_trials
from milepost.rules.trials.made import job_of as made_of
from milepost.rules.trials.run import run_trials
from milepost.rules.trials.written import job_as_written
from tests.unit.rules.books import book

TODAY = date(2026, 7, 20)
CHART = Chart(
    organisation=Organisation(organisation_id="o", name="A", base_currency="NZD"),
    accounts=(
        Account(code="200", account_id="1", name="Sales", type="REVENUE", klass="REVENUE", tax_type="OUTPUT2"),
        Account(code="235", account_id="2", name="Deposits", type="CURRLIAB", klass="LIABILITY", tax_type="OUTPUT2"),
    ),
    tax_rates=(TaxRate(tax_type="OUTPUT2", name="15%", effective_rate=Decimal("15.0000")),),
)
BOOK = book(
    """\
version: 1
effective_from: 2026-01-01
organisation: A
taxes: {GST: OUTPUT2}
lines:
  - {id: labour, when: {kind: labour}, then: {account: "200"}}
  - {id: parts, when: {kind: material}, then: {account: "210"}}
milestones:
  - {code: DEP, name: deposit, on_status: [Accepted], amount: {percent: 30}, account: "235"}
  - {code: FIN, name: completion, on_status: [Completed], amount: remaining}
"""
)


def job_of(*lines: Line, status: str = "Completed", **said: Any) -> Job:
    """A job of a customer."""
    customer = Customer(id="c", name="Aroha Thompson")
    done = JobDates(completed=datetime(2026, 7, 2, tzinfo=UTC))
    values = {"platform": "p", "id": "j", "number": "J/1482", "stage": Stage.COMPLETED, "dates": done} | said
    return Job(raw_status=status, customer=customer, lines=lines, **values)


def labour(price: str | None = "100.00", **said: Any) -> Line:
    """A line of labour."""
    amount = Decimal(price) if price else None
    values = {"kind": LineKind.LABOUR, "tax": LineTax(name="GST")} | said
    return Line(id="l", description="For Aroha", quantity=Decimal(1), unit_price_ex=amount, **values)


def captured(job: Job, billed: tuple[str, ...] = ()) -> str:
    """The text of the captured test, which passes."""
    text = capture_job(job, BOOK, CHART, billed, TODAY).text
    (result,) = run_trials(BOOK, parse_trials(text, "t.yaml"))
    assert result.differences == ()
    return text


@pytest.mark.parametrize(
    ("job", "billed", "expects"),
    [
        (job_of(labour()), (), "total: 115.00"),
        (job_of(labour(), status="Accepted"), (), "net: 30.00"),
        (job_of(labour(), status="Accepted"), ("DEP",), "net: 30.00"),
        (job_of(labour()), ("DEP",), "net: 70.00"),
        (job_of(labour()), ("DEP", "FIN"), "net: 70.00"),
        (job_of(labour(None)), (), "hold: price_missing"),
        (job_of(labour(kind=LineKind.MATERIAL)), (), "hold: account_unknown"),
        (job_of(labour(kind=LineKind.FEE)), (), "hold: no_rule"),
        (job_of(labour(), status="Elsewhere"), (), "not_due: true"),
    ],
)
def test_a_captured_test_expects_what_the_book_decides(job: Job, billed: tuple[str, ...], expects: str) -> None:
    text = captured(job, billed)
    assert expects in text
    assert "Aroha" not in text
    assert "# Check these before you rely on them" in text


def test_stages_that_cannot_be_told_again_are_left_out_and_said() -> None:
    found = capture_job(job_of(), BOOK, CHART, ("DEP",), TODAY)
    assert "billed:" not in found.text
    assert found.notes == (
        "the stages billed before cannot be billed again from the job as it is now, so they were left out",
    )
    assert f"# - {found.notes[0]}" in found.text


def test_a_captured_test_is_as_a_person_would_write_it() -> None:
    text = captured(job_of(labour("95.5000")))
    assert "taxes: {OUTPUT2: 15}" in text
    assert "price: 95.50," in text
    assert "'210': null" in text
    assert "items" not in text


@pytest.mark.parametrize(("number", "name"), [("1482", "1482.yaml"), ("J/14 82", "j-14-82.yaml"), ("../..", "job.yaml")])
def test_the_file_is_named_after_the_job_and_stays_in_its_folder(number: str, name: str) -> None:
    assert file_name(number) == name


amounts = st.decimals(min_value=-999, max_value=9999, places=4)
texts = st.text(st.characters(exclude_categories=["C"]), max_size=12)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """Any line, as its tests can give it."""
    maybe = st.none() | amounts
    return Line(
        id="1",
        kind=draw(st.sampled_from(list(LineKind))),
        description=draw(texts),
        code=draw(texts) or None,
        quantity=draw(maybe),
        unit_price_ex=draw(maybe),
        unit_price_inc=draw(maybe),
        total_ex=draw(maybe),
        total_inc=draw(maybe),
        unit_cost=draw(maybe),
        discount_rate=draw(maybe),
        discount_amount=draw(maybe),
        tax=draw(st.none() | st.builds(LineTax, name=texts.filter(bool), rate=maybe, amount=maybe)),
        billable=draw(st.booleans()),
        section=draw(texts) or None,
        staff=draw(texts) or None,
    )


@settings(max_examples=60, deadline=None)
@given(lines())
def test_a_line_that_is_written_down_is_read_again_as_it_was(line: Line) -> None:
    job = job_of(line)
    again = made_of(JobGiven.model_validate(job_as_written(job)), "x")
    assert again.lines == (line,)
    assert (again.raw_status, again.stage, again.completed_on) == (job.raw_status, job.stage, job.completed_on)
