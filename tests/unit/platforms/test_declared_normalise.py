"""A described record becomes the normalised Job, or a problem that points into the description."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.jobs import Customer, Job, Line, LineKind, Payment, Person, Site, Stage, TaxMode
from milepost.platforms.declared import targets
from milepost.platforms.protocol import JobProblem
from tests.unit.platforms.described import read, read_job, read_problem

LINES = """\
lines:
  from: items
  kind: {path: type, map: {lab: labour, mat: material}, default: fee}
  description: {path: text, type: html}
  quantity: qty
  unit_price: {path: price, type: cents}
  tax_name: tax
  tax_rate: {path: rate, type: fraction}
  worked_on: {path: day, format: "%d/%m/%Y"}
"""


def test_the_least_a_description_can_say() -> None:
    job = read_job("", {})
    assert (job.id, job.number, job.raw_status, job.stage) == ("7", "7", "done", Stage.COMPLETED)
    assert (job.customer, job.lines, job.currency, job.account_tz) == (None, (), None, "UTC")


@pytest.mark.parametrize(
    ("field", "job", "name", "value"),
    [
        ("number: ref", {"ref": 1482}, "number", "1482"),
        ("number: {value: 7}", {}, "number", "7"),
        ("title: a.b", {"a": {"b": " Deck "}}, "title", "Deck"),
        ("title: {path: t, default: Work}", {"t": ""}, "title", "Work"),
        ("description: {path: t, type: html}", {"t": "<p>a</p>"}, "description", "a"),
        ("tags: labels", {"labels": ["x", "y"]}, "tags", ("x", "y")),
        ("tags: {path: labels, separator: ;}", {"labels": "x;y"}, "tags", ("x", "y")),
        ("currency: cur", {"cur": "nzd"}, "currency", "NZD"),
        ("export_processed: billed", {"billed": 1}, "export_processed", True),
        ("tax_mode: {path: gross, map: {true: inclusive, false: exclusive}}", {"gross": True}, "tax_mode",
         TaxMode.INCLUSIVE),
        ("custom_fields: {po: cf.po, none: cf.no}", {"cf": {"po": 9}}, "custom_fields", {"po": "9"}),
        ("title: \"join(' ', [a, b])\"", {"a": "x", "b": "y"}, "title", "x y"),
    ],
)  # fmt: skip
def test_fields_of_the_job(field: str, job: dict[str, Any], name: str, value: Any) -> None:
    found = read_job(f"  {field}\n", job)
    assert getattr(found, name) == value


def test_moments_are_in_the_accounts_zone() -> None:
    job = read_job(
        '  completed: {path: at, format: "%d/%m/%Y %H:%M"}\n', {"at": "01/08/2026 09:00"}, zone="Pacific/Auckland"
    )
    assert job.dates.completed == datetime(2026, 7, 31, 21, tzinfo=UTC)
    assert job.completed_on == date(2026, 8, 1)


def test_the_account_of_a_job_may_say_its_zone() -> None:
    more = "  completed: at\n  account_tz: zone\n"
    job = read_job(more, {"at": "2026-08-01T09:00", "zone": "Australia/Sydney"})
    assert job.dates.completed == datetime(2026, 7, 31, 23, tzinfo=UTC)
    problem = read_problem(more, {"zone": "Sydney"})
    assert "field 'account_tz': expected an IANA time zone, got the text 'Sydney'" in problem.why


@pytest.mark.parametrize(
    ("mode", "price"), [("exclusive", "unit_price_ex"), ("inclusive", "unit_price_inc"), ("none", "unit_price_ex")]
)
def test_a_price_is_net_or_gross_as_the_job_says(mode: str, price: str) -> None:
    more = f"  tax_mode: mode\n  total: all\n{LINES}"
    job = read_job(more, {"mode": mode, "all": "9.50", "items": [{"type": "lab", "price": 1250}]})
    dumped = job.lines[0].model_dump(exclude_none=True)
    assert {name for name in dumped if name.startswith("unit_price")} == {price}
    assert dumped[price] == Decimal("12.50")
    assert (job.reported_totals.inc if mode == "inclusive" else job.reported_totals.ex) == Decimal("9.50")


def test_lines_with_their_types() -> None:
    item = {
        "type": "LAB",
        "text": "<b>Fit</b> tap",
        "qty": "2.5",
        "price": "9500",
        "tax": "GST",
        "rate": 0,
        "day": "31/07/2026",
    }
    (line,) = read_job(LINES, {"items": [item]}).lines
    assert line == Line(
        id="1", kind=LineKind.LABOUR, description="Fit tap", quantity=Decimal("2.5"), unit_price_ex=Decimal("95.00"),
        tax=line.tax, worked_on=date(2026, 7, 31),
    )  # fmt: skip
    assert line.tax is not None
    assert (line.tax.name, line.tax.rate) == ("GST", Decimal(0))


def test_an_unknown_number_stays_unknown() -> None:
    (line,) = read_job(LINES, {"items": [{"type": "mat", "qty": "", "price": None}]}).lines
    assert (line.quantity, line.unit_price_ex, line.tax) == (None, None, None)


def test_several_sections_of_lines_add_up() -> None:
    more = "lines:\n- {from: labour, kind: {value: labour}, quantity: h}\n- {from: parts, quantity: n}\n"
    job = read_job(more, {"labour": [{"h": 2}], "parts": [{"n": 3}, {"n": 4}]})
    assert [(line.id, line.kind, line.quantity) for line in job.lines] == [
        ("1-1", LineKind.LABOUR, Decimal(2)), ("2-1", LineKind.MATERIAL, Decimal(3)), ("2-2", LineKind.MATERIAL, Decimal(4)),
    ]  # fmt: skip


CUSTOMER = "customer: {from: client, id: id, name: name, address_city: town, phones: tel}\n"


@pytest.mark.parametrize("client", [{"client": None}, {}, {"client": {}}])
def test_a_job_without_a_customer_has_none(client: dict[str, Any]) -> None:
    assert read_job(CUSTOMER, client).customer is None


def test_the_customer_with_the_address() -> None:
    job = read_job(CUSTOMER, {"client": {"id": 5, "name": "Jo", "town": "Napier", "tel": "06 1"}})
    assert job.customer == Customer(id="5", name="Jo", phones=("06 1",), billing_address=job.customer.billing_address)  # type: ignore[union-attr]
    assert job.customer.billing_address.city == "Napier"  # type: ignore[union-attr]


def test_the_customer_may_stand_in_the_jobs_own_record() -> None:
    more = "customer: {id: clientId, name: clientName}\nsite: {region: state}\n"
    job = read_job(more, {"clientId": 1, "clientName": "Jo"})
    assert job.customer == Customer(id="1", name="Jo")
    assert job.site == Site(region="done")


def test_contacts_without_anything_are_left_out() -> None:
    more = "contacts: {from: people, name: n, role: {value: site}}\n"
    job = read_job(more, {"people": [{"n": "Jo"}, {"n": None}]})
    assert job.contacts == (Person(role="site", name="Jo"),)


def test_payments() -> None:
    more = "payments: {from: paid, amount: sum, is_deposit: dep, received_on: at}\n"
    job = read_job(more, {"paid": [{"sum": "5.00", "dep": "yes", "at": "2026-07-31T23:00:00Z"}]}, zone="Pacific/Auckland")
    assert job.payments == (Payment(id="1", amount=Decimal("5.00"), is_deposit=True, received_on=date(2026, 8, 1)),)


@pytest.mark.parametrize(
    ("more", "job", "where", "why"),
    [
        (LINES, {"items": [{"type": "lab"}, {"qty": 1}, {"qty": "two"}]}, "jobs.yaml:13:3",
         "field 'quantity': expected a number, row 3 of lines has the text 'two'"),
        (LINES, {"items": [{"qty": "x"}, {"qty": "y"}, {"qty": []}]}, "jobs.yaml:13:3",
         "field 'quantity': expected a number, row 1 of lines has the text 'x' (and 2 more rows)"),
        (LINES, {"items": [{"price": "12.5"}]}, "jobs.yaml:14:3",
         "field 'unit_price': expected whole cents, row 1 of lines has the text '12.5'"),
        (LINES, {"items": "none"}, "jobs.yaml:10:3", "field 'from': expected a list of records, got the text 'none'"),
        (CUSTOMER, {"client": ["x"]}, "jobs.yaml:9:12", "field 'from': expected one record, got a list of 1"),
        (CUSTOMER, {"client": {"id": 1}}, "jobs.yaml:9:34", "field 'name': expected a value, got nothing"),
        (CUSTOMER, {"client": {"id": {"a": 1}, "name": "Jo"}}, "jobs.yaml:9:26",
         "field 'id': expected text, got a record of 1 fields"),
        ("", {"state": "paused"}, "jobs.yaml:8:3",
         "field 'stage': expected a word of its map (done, open), got the text 'paused'"),
        ("", {"state": None}, "jobs.yaml:7:3", "field 'status': expected a value, got nothing"),
        ("payments: {from: p, amount: a}\n", {"p": [{"a": 1}, {}]}, "jobs.yaml:9:21",
         "field 'amount': expected a value, row 2 of payments has nothing"),
        ("  tax_mode: mode\n", {"mode": "net"}, "jobs.yaml:9:3",
         "field 'tax_mode': expected one of exclusive, inclusive, none, mixed (give it a map), got the text 'net'"),
    ],
)  # fmt: skip
def test_a_problem_points_into_the_description(more: str, job: dict[str, Any], where: str, why: str) -> None:
    problem = read_problem(more, job)
    assert problem.where == where
    assert why in problem.why
    assert problem.permanent
    assert "Correct the job in Yard" in problem.fix


def test_a_problem_bears_the_number_that_people_know() -> None:
    assert read_problem("  number: ref\n", {"ref": "A-1", "state": "?"}).job_number == "A-1"


def test_no_more_than_five_fields_are_told() -> None:
    names = ("quote_ex", "quote_tax", "quote_inc", "total_ex", "total_tax", "total_inc", "percent_claimed")
    more = "".join(f"  {name}: x\n" for name in names)
    assert read_problem(more, {"x": "?"}).why.endswith("; and 2 more fields")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "type", "qty"]), inner),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["state", "client", "items", "paid", "at", "zone", "mode", "ref"]), JSON_VALUES))
def test_any_answer_becomes_a_job_or_a_problem(record: dict[str, Any]) -> None:
    more = (
        "  completed: at\n  account_tz: zone\n  tax_mode: mode\n  number: ref\n" + LINES + CUSTOMER
        + "payments: {from: paid, amount: sum}\ncontacts: {from: people, name: name}\nsite: {from: client, name: name}\n"
    )  # fmt: skip
    assert isinstance(read(more, record), Job | JobProblem)


def test_every_field_of_the_job_can_be_filled() -> None:
    """The tables of fields name all that the records have, so that no field is out of a description's reach."""
    given_otherwise = {"platform", "id", "account_tz", "customer", "contacts", "site", "lines", "payments", "warnings"}
    reached = {(target.place or (name,))[0] for name, target in targets.JOB.items()}
    assert reached == set(Job.model_fields) - given_otherwise | {"account_tz"}
    for record, fields in (
        (Customer, targets.CUSTOMER), (Site, targets.SITE), (Line, targets.LINE), (Payment, targets.PAYMENT),
        (Person, targets.CONTACT),
    ):  # fmt: skip
        places = {(target.place or (name,))[0].format(mode="ex") for name, target in fields.items()}
        assert places == set(record.model_fields), record.__name__
