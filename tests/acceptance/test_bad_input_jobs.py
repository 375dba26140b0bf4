"""Odd jobs among whole ones, through the real flows: each is told with its place and its fix, and the others are billed."""

import logging
from decimal import Decimal
from typing import Any

import pytest

from sandbox.faults import Fault
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

LINES = [("Labour", "1", "95.00")]
WHOLE = ("1482", "1484")
ODD = "1483"
JSON = {"Content-Type": "application/json"}


def three_jobs(business: Business, **odd: Any) -> str:
    """Two whole jobs with the odd one between them; its id."""
    for number in WHOLE:
        business.job(number=number, customer=f"Customer {number}", lines=LINES)
    return business.job(**{"number": ODD, "customer": "Ann Odd-Smith", "lines": LINES, **odd})


def spoil(business: Business, job_id: str, kind: str, **fields: Any) -> None:
    """Have the job system hold values that it should not."""
    account = business.system.account(business.account)
    uuid = job_id if kind == "job" else account.children(kind, job_id)[0]["uuid"]
    account.tables[kind].get(uuid).update(fields)


def billed(business: Business) -> list[str]:
    return sorted(invoice.reference for invoice in business.invoices)


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("jobmaterial", {"price": "1e999"}, "price"),
        ("jobmaterial", {"price": "ninety"}, "price"),
        ("jobmaterial", {"quantity": "Infinity"}, "quantity"),
        ("jobmaterial", {"quantity": {"a": 1}}, "quantity"),
        ("jobmaterial", {"name": ["x"]}, "name"),
        ("job", {"completion_date": "2026-02-30 25:61:00"}, "completion_date"),
        ("job", {"generated_job_id": {"a": 1}}, "generated_job_id"),
        ("job", {"badges": "[" * 5000}, "badges"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_a_record_of_the_wrong_kind_holds_its_job_alone(
    business: Businesses, caplog: pytest.LogCaptureFixture, kind: str, fields: dict[str, Any], words: str
) -> None:
    plumber = await business("kauri")
    spoil(plumber, three_jobs(plumber), kind, **fields)
    with caplog.at_level(logging.INFO):
        run = await plumber.poll()
    (problem,) = run.problems
    assert words in problem.where
    assert problem.fix
    assert billed(plumber) == list(WHOLE)
    assert "Ann Odd-Smith" not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"completed": "1900-01-01 10:00:00"}, "1900-01-01"),
        ({"completed": "2999-12-31 10:00:00"}, "2999-12-31"),
        ({"lines": [("Labour", "99999999999", "1")]}, "largest that Xero takes"),
        ({"lines": [("Labour", "-1", "95.00")]}, ""),
    ],
    ids=["1900", "2999", "too large", "below zero"],
)
async def test_a_job_that_cannot_be_meant_is_held_and_says_why(
    business: Businesses, odd: dict[str, Any], words: str
) -> None:
    plumber = await business("kauri")
    three_jobs(plumber, **odd)
    run = await plumber.poll()
    assert billed(plumber) == list(WHOLE)
    (held,) = [result for result in run.results if result.job.number == ODD]
    assert held.status == "held"
    assert words in held.why
    assert held.fix


@pytest.mark.parametrize(
    "name",
    [
        "Café \U0001f6bf\U0001f468\u200d\U0001f527 Ltd",
        "\u0645\u0624\u0633\u0633\u0629 \u0627\u0644\u0628\u0646\u0627\u0621 \u202bx\u202c",
        "<script>alert(1)</script> & Sons",
        "N" * 300,
        "Tab\there\x00\x1b[31m",
    ],
    ids=["emoji", "right to left", "angle brackets", "300 characters", "control characters"],
)
async def test_an_odd_name_is_billed_under_a_name_that_xero_takes(business: Businesses, name: str) -> None:
    plumber = await business("kauri")
    three_jobs(plumber, customer={"name": name})
    await plumber.poll()
    assert billed(plumber) == ["1482", "1483", "1484"]
    (invoice,) = plumber.invoices_of(ODD)
    contact = plumber.contact_of(invoice)
    assert 0 < len(contact.name) <= 255
    assert not set("<>\x00\x1b\t") & set(contact.name)


async def test_a_job_of_ten_thousand_lines_is_one_invoice(business: Businesses) -> None:
    plumber = await business("kauri")
    three_jobs(plumber, lines=[("Labour", "1", "1.00")] * 10_000)
    await plumber.poll()
    assert billed(plumber) == ["1482", "1483", "1484"]
    (invoice,) = plumber.invoices_of(ODD)
    assert invoice.total == Decimal("11500.00")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            Fault("status", path="*/job.json", status=200, body="<html>Sorry</html>", headers={"Content-Type": "text/html"}),
            "HTML",
        ),
        (Fault("status", path="*/job.json", status=200, body='[{"uuid": "x"', headers=JSON), "not JSON"),
        (Fault("status", path="*/job.json", status=200, body="[null]", headers=JSON), "not a list of records"),
        (Fault("status", path="*/job.json", status=302, headers={"Location": "https://evil.test/"}), "evil.test"),
        (Fault("status", path="*/job.json", status=200, body="[]", headers={**JSON, "x-next-cursor": "-1"}), "cursor twice"),
    ],
    ids=["error page", "cut off", "nulls", "redirect", "circle"],
)
async def test_a_broken_list_stops_its_own_run_and_nothing_is_lost(business: Businesses, fault: Fault, words: str) -> None:
    plumber = await business("kauri")
    three_jobs(plumber)
    fault.times = -1
    plumber.system.faults.add(fault)
    run = await plumber.poll()
    assert words in str(run.stopped_by)
    assert plumber.invoices == []
    plumber.system.faults.clear()
    await plumber.poll()
    assert billed(plumber) == ["1482", "1483", "1484"]


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, "", {}),
        (200, "<html>Sorry</html>", {"Content-Type": "text/html"}),
        (200, '{"Invoices": [', JSON),
        (200, '{"Invoices": null}', JSON),
        (200, '{"Invoices": [{}]}', JSON),
        (200, '{"Invoices": [{"InvoiceID": {"a": 1}}, {}, {}]}', JSON),
        (200, "[" * 5000, JSON),
        (302, "", {"Location": "https://evil.test/"}),
    ],
)
async def test_an_unreadable_answer_to_a_create_is_lost_and_each_job_is_billed_once(
    business: Businesses, status: int, body: str, headers: dict[str, str]
) -> None:
    plumber = await business("kauri")
    three_jobs(plumber)
    plumber.sandbox.xero.faults.add(Fault("status", "PUT", "*/Invoices", status=status, body=body, headers=headers))
    run = await plumber.poll()
    assert {result.status for result in run.results} <= {"sending", "done"}
    await plumber.poll()
    assert billed(plumber) == ["1482", "1483", "1484"]
