"""The five go-live tests of the guide: what a business tries before it lets Milepost bill, through the real flows."""

import asyncio
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from sandbox.faults import Fault
from sandbox.server import LoopbackServer
from sandbox.slack import SlackMessage
from sandbox.xero.documents import Invoice
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

AWAY = "API is currently unavailable"
RIDGELINE = {"name": "Ridgeline Builders", "email": "accounts@ridgeline.example"}
MANAIA = {"name": "Manaia Kindergarten", "email": "office@manaia.example", "phone": "09 555 0102", "first": "Hana"}


def coded(invoice: Invoice) -> list[tuple[str, str, Decimal]]:
    """An invoice's lines as account, tax type and amount."""
    return [(line.account_code or "", line.tax_type or "", line.line_amount) for line in invoice.lines]


def money(*amounts: str) -> tuple[Decimal, ...]:
    """So that expectations read as amounts."""
    return tuple(Decimal(amount) for amount in amounts)


def sums(invoice: Invoice) -> tuple[Decimal, Decimal, Decimal]:
    """Net, tax and total, as Xero has them."""
    return invoice.sub_total, invoice.total_tax, invoice.total


def told_of(messages: list[SlackMessage], job_number: str) -> list[SlackMessage]:
    """The messages that are about this job."""
    return [message for message in messages if job_number in message.text]


async def test_1_the_right_client_gets_the_right_lines_and_amounts(business: Businesses) -> None:
    plumber = await business("kauri")
    job_id = plumber.job(
        number="1482",
        customer=RIDGELINE,
        lines=[("Labour", "2.5", "95.00"), ("Basin mixer, chrome", "3", "148.35", "MIX-B")],
        purchase_order="PO-7781",
        completed="2026-07-14 16:20:00",
    )
    run = await plumber.poll()

    (invoice,) = plumber.invoices
    assert plumber.contact_of(invoice).name == "Ridgeline Builders Ltd"  # Xero's own, found by its e-mail
    assert [(line.description, line.quantity, line.unit_amount) for line in invoice.lines] == [
        ("Labour", *money("2.5", "95.00")),
        ("Basin mixer, chrome", *money("3", "148.35")),
    ]
    assert coded(invoice) == [("200", "OUTPUT2", Decimal("237.50")), ("210", "OUTPUT2", Decimal("445.05"))]
    assert sums(invoice) == money("682.55", "102.39", "784.94")
    assert (invoice.type, invoice.status, invoice.currency, invoice.reference) == ("ACCREC", "DRAFT", "NZD", "PO-7781")
    assert (invoice.date, invoice.due_date) == (date(2026, 7, 14), date(2026, 8, 20))

    row = await plumber.row("1482")
    assert (row.job_id, row.status, row.invoice_id, row.invoice_number) == (job_id, "done", invoice.id, invoice.number)
    assert (row.invoice_total, row.total, row.contact_id) == (invoice.total, invoice.total, invoice.contact_id)
    assert invoice.url == f"http://127.0.0.1:4280/b/{row.id}"

    (note,) = plumber.notes
    assert invoice.number in note
    assert invoice.id in note
    assert plumber.slack == []
    assert run.counts["done"] == 1
    assert plumber.state is not None
    assert plumber.state.is_completed()
    assert (await plumber.verify()).findings == ()


async def test_2_an_unknown_client_is_created_once_and_found_the_next_time(business: Businesses) -> None:
    plumber = await business("kauri")
    before = len(plumber.org.contacts)
    plumber.job(number="1483", customer=MANAIA, lines=[("Labour", "1", "95.00")])
    assert (await plumber.poll()).new_contacts == 1

    (invoice,) = plumber.invoices
    contact = plumber.contact_of(invoice)
    assert (contact.name, contact.email, contact.fields["FirstName"]) == ("Manaia Kindergarten", MANAIA["email"], "Hana")
    assert contact.fields["ContactNumber"]
    assert contact.is_customer
    assert [(a["City"], a["PostalCode"]) for a in contact.addresses if a.get("City")] == [("Whangarei", "0110")]

    plumber.job(number="1484", customer=MANAIA, lines=[("Labour", "2", "95.00")])
    run = await plumber.poll()
    assert run.new_contacts == 0
    assert {i.contact_id for i in plumber.invoices} == {contact.id}
    assert len(plumber.org.contacts) == before + 1


async def test_3_several_kinds_of_line_are_each_coded_by_their_rule(business: Businesses) -> None:
    """Prices hold GST, one line is free of it, every line is tracked by region and department."""
    electrician = await business("southern")
    electrician.job(
        ref="SE-1",
        customer="Coogee Surf Club",
        site={"region": "West"},
        items=[
            ("Labour: electrician", "5.5", "121.00", "labour", "SPARKY"),
            ("Test and tag, per item", "12", "3.85", "labour", "TAG"),
            ("Call-out, metro", "1", "99.00", "fee", "CALL"),
            ("LED batten 1200 mm", "14", "64.90", "material", "LED12"),
            {"text": "Handbook", "rate": "38.00", "sku": "BOOK", "tax_code": "GSTFREE", "tax_rate": "0"},
            {"text": "Trenching, Dig Right", "rate": "1562.00", "kind": "subcontract", "sku": "SUB", "cost": "1210.00"},
            ("Parking", "1", "22.00", "expense", "PARK"),
            {"text": "Access by the side gate", "qty": None, "rate": None, "kind": "note"},
        ],
    )
    await electrician.poll()

    (invoice,) = electrician.invoices
    tracked = [
        (line.account_code, line.tax_type, line.line_amount, {t.name: t.option for t in line.tracking})
        for line in invoice.lines
        if line.line_amount
    ]
    west = {"Region": "West"}
    assert tracked == [
        ("200", "OUTPUT", Decimal("665.50"), west | {"Department": "Service"}),
        ("200", "OUTPUT", Decimal("46.20"), west | {"Department": "Maintenance"}),
        ("220", "OUTPUT", Decimal("99.00"), west | {"Department": "Service"}),
        ("210", "OUTPUT", Decimal("908.60"), west | {"Department": "Projects"}),
        ("210", "EXEMPTOUTPUT", Decimal("38.00"), west | {"Department": "Projects"}),
        ("230", "OUTPUT", Decimal("1562.00"), west | {"Department": "Projects"}),
        ("260", "OUTPUT", Decimal("22.00"), west | {"Department": "Service"}),
    ]
    assert "Access by the side gate" in [line.description for line in invoice.lines]
    assert invoice.line_amount_types == "Inclusive"
    # Tax by line: 60.50 + 4.20 + 9.00 + 82.60 + 0 + 142.00 + 2.00
    assert sums(invoice) == money("3041.00", "300.30", "3341.30")
    assert (await electrician.row("SE-1")).invoice_total == Decimal("3341.30")


def _on_invoices(kind: str, **more: object) -> Callable[[], tuple[Fault, ...]]:
    """Creating invoices goes wrong, and so does looking for them afterwards, else the run itself would find them."""
    writing = {"kind": kind, "method": "PUT", "path": "*/Invoices*", "times": -1, **more}
    return lambda: (Fault.from_json(writing), Fault.from_json(writing | {"method": "GET", "skip": 1}))


LIMITED = {"Retry-After": "0", "X-Rate-Limit-Problem": "minute"}
ABSENCES: dict[str, tuple[Callable[[], tuple[Fault, ...]], int, float]] = {
    "503": (_on_invoices("status", status=503, body=AWAY), 0, 0),
    "dropped before": (_on_invoices("drop_before"), 0, 0),
    "answer dropped after the invoices were made": (_on_invoices("drop_after"), 2, 0),
    "minute limit": (_on_invoices("status", status=429, headers=LIMITED), 0, 1.1),
    "no new token": (lambda: (Fault("status", path="/connect/token", times=-1, status=503),), 0, 0),
}
"""The faults, how many invoices they make unseen, and how long Xero asked us to wait (seconds)."""


@pytest.mark.parametrize(("faults", "made_unseen", "wait"), ABSENCES.values(), ids=ABSENCES)
async def test_4_xero_away_alerts_the_team_and_bills_once_when_it_is_back(
    business: Businesses, faults: Callable[[], tuple[Fault, ...]], made_unseen: int, wait: float
) -> None:
    plumber = await business("kauri")
    for fault in faults():
        plumber.sandbox.xero.faults.add(fault)
    for number in ("1482", "1483"):
        plumber.job(number=number, customer=RIDGELINE, lines=[("Labour", "2", "95.00")])
    run = await plumber.poll()

    assert run.counts["done"] == 0
    assert len(plumber.invoices) == made_unseen
    assert plumber.state is not None
    assert plumber.state.is_failed()
    assert "Xero" in "".join(str(message.blocks) for message in plumber.slack)

    plumber.sandbox.xero.faults.clear()
    await asyncio.sleep(wait)
    await _billed_once_and_told(plumber)


async def _billed_once_and_told(plumber: Business) -> None:
    """The next runs: each job is billed once, the alert is resolved, nothing more is said."""
    alerts = len(plumber.slack)
    await plumber.poll()
    assert sorted(invoice.reference for invoice in plumber.invoices) == ["1482", "1483"]
    assert plumber.state is not None
    assert plumber.state.is_completed()
    assert {row.status for row in await plumber.rows()} == {"done"}
    resolved = plumber.slack[alerts:]
    assert resolved
    assert all(message.thread_ts for message in resolved)

    said = len(plumber.slack)
    await plumber.poll()
    assert len(plumber.invoices) == len(plumber.notes) == 2
    assert len(plumber.slack) == said
    assert (await plumber.verify()).findings == ()


async def test_4_xero_unreachable_alerts_the_team_and_bills_once_when_it_is_back(business: Businesses) -> None:
    """Connections are refused: nobody listens on Xero's port until it is back."""
    plumber = await business("kauri")
    probe = LoopbackServer("xero", plumber.sandbox.xero.app)
    await probe.start()
    await probe.stop()
    port = int(probe.url.rsplit(":", 1)[1])
    plumber = await business("kauri", xero={"api_url": probe.url, "identity_url": probe.url})
    for number in ("1482", "1483"):
        plumber.job(number=number, customer=RIDGELINE, lines=[("Labour", "2", "95.00")])
    run = await plumber.poll()
    assert run.stopped_by is not None
    assert plumber.state is not None
    assert plumber.state.is_failed()
    assert len(plumber.slack) > 0

    back = LoopbackServer("xero", plumber.sandbox.xero.app, port)
    await back.start()
    try:
        await _billed_once_and_told(plumber)
    finally:
        await back.stop()


async def test_4_one_lost_answer_is_found_out_at_once_without_a_word(business: Businesses) -> None:
    plumber = await business("kauri")
    plumber.sandbox.xero.faults.add(Fault("drop_after", "PUT", "*/Invoices*"))
    plumber.job(number="1482", customer=RIDGELINE, lines=[("Labour", "2", "95.00")])
    run = await plumber.poll()
    assert run.counts["done"] == 1
    assert len(plumber.invoices_of("1482")) == 1
    assert (await plumber.row("1482")).invoice_number == plumber.invoices[0].number
    assert plumber.slack == []


async def test_4_an_expired_token_is_renewed_without_a_word(business: Businesses) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", customer=RIDGELINE, lines=[("Labour", "2", "95.00")])
    await plumber.poll()
    plumber.sandbox.xero.state.expire_tokens()
    plumber.job(number="1483", customer=RIDGELINE, lines=[("Labour", "1", "95.00")])
    await plumber.poll()
    assert [invoice.reference for invoice in plumber.invoices] == ["1482", "1483"]
    assert plumber.slack == []


async def test_5_a_discount_is_spread_over_the_lines_to_the_cent(business: Businesses) -> None:
    plumber = await business("kauri")
    plumber.job(
        number="1487",
        customer=RIDGELINE,
        lines=[
            ("Labour", "7.75", "95.00"),
            ("Basin mixer", "1", "289.00", "MIX-B"),
            ("Shower mixer", "1", "415.00", "MIX-S"),
            ("Repeat customer discount", "1", "-85.00", "DISC"),
        ],
    )
    await plumber.poll()

    (invoice,) = plumber.invoices
    assert [line.account_code for line in invoice.lines if line.line_amount] == ["200", "210", "210"]
    assert all(line.line_amount >= 0 for line in invoice.lines)
    assert invoice.sub_total == Decimal("1355.25")  # 736.25 + 289.00 + 415.00 - 85.00
    assert sums(invoice) == money("1355.25", "203.29", "1558.54")
    assert all("Repeat customer discount" not in (line.description or "") for line in invoice.lines)


async def test_5_special_prices_and_a_discount_of_its_own_line_come_out_as_agreed(business: Businesses) -> None:
    electrician = await business("southern")
    electrician.job(
        ref="SE-22",
        customer={"name": "Mallee Cold Stores", "accounts_ref": "S-412"},
        site={"region": "West"},
        items=[
            {"text": "Controls service", "rate": "880.00", "kind": "fee", "sku": "SP-22"},
            {"text": "Contactor 25 A", "qty": "3", "rate": "74.80", "sku": "CON25", "discount_percent": "12.5"},
            ("Loyalty discount", "1", "-55.00", "discount", "DISC"),
        ],
    )
    await electrician.poll()

    (invoice,) = electrician.invoices
    assert invoice.lines[0].description == "Controls service (agreed price)"
    assert coded(invoice) == [
        ("200", "OUTPUT", Decimal("880.00")),
        ("210", "OUTPUT", Decimal("196.35")),  # 3 x 74.80 less 12.5 %
        ("200", "OUTPUT", Decimal("-55.00")),
    ]
    assert invoice.lines[1].discount_rate == Decimal("12.5")
    assert invoice.total == Decimal("1021.35")


async def test_5_a_price_agreed_for_a_job_without_lines_becomes_one_line(business: Businesses) -> None:
    builder = await business("albion")
    builder.job(ref="AFO-1", title="Fire survey and report", items=[], quoted_total="640.00", customer="Quayside Studios")
    await builder.poll()
    (invoice,) = builder.invoices
    assert [(line.description, line.account_code) for line in invoice.lines] == [
        ("Fire survey and report, as quoted", "200")
    ]
    assert sums(invoice) == money("640.00", "128.00", "768.00")
