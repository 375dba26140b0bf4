"""Invoices against a local Xero: a batch with mixed outcomes, totals to the cent, and the search after a lost answer."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest

from milepost.billing.decision import Draft, InvoiceLine
from milepost.errors import AnswerLost, RemoteError
from milepost.money import LineAmountTypes
from milepost.xero.client import XeroClient
from milepost.xero.invoices import (
    INVOICES_PARAMS,
    INVOICES_PATH,
    InvoiceOutcome,
    deep_link,
    email_invoice,
    find_invoices,
    history_note,
    invoice_payload,
    invoices_body,
    read_invoice_outcomes,
)
from milepost.xero.messages import advise
from sandbox.xero.settings import RateLimits, Switches
from sandbox.xero.tenant import stable_id
from tests.integration.xero_world import World, xero_world
from tests.unit.xero.builders import draft, line, tracking

AROHA = stable_id("nz", "contact", "Aroha Ngata")
ARCHIVED = stable_id("nz", "contact", "Old Mill Cafe")


@pytest.fixture
async def xero() -> AsyncIterator[World]:
    async with xero_world() as world:
        yield world


@pytest.fixture
async def client(xero: World) -> AsyncIterator[XeroClient]:
    async with xero.client() as client:
        yield client


def body_of(drafts: Sequence[Draft], contact_id: str = AROHA) -> str:
    return invoices_body([invoice_payload(each, contact_id) for each in drafts])


async def create(client: XeroClient, *drafts: Draft, key: str = "k", contact_id: str = AROHA) -> list[InvoiceOutcome]:
    body = body_of(drafts, contact_id)
    answer = await client.send("PUT", INVOICES_PATH, body, idempotency_key=key, params=INVOICES_PARAMS)
    return read_invoice_outcomes(answer, len(drafts), body)


def numbered(n: int, *lines: InvoiceLine, **more: object) -> Draft:
    return draft(*lines, reference=f"J-{n}", url=f"http://127.0.0.1:4280/b/{n}", **more)


async def test_an_invoice_arrives_as_decided_and_its_totals_agree(xero: World, client: XeroClient) -> None:
    decided = numbered(
        1,
        line("Labour", "2.5", "95.00", account="203"),
        line("Pipe", "12", "4.3275", account="210"),
        line("Reduction", "1", "-20.00", tracking=(tracking("Region", "Waikato"),)),
        line("Thank you", "0", "0", account=None, tax_type=None),
        due_date=date(2026, 12, 20),
    )
    (outcome,) = await create(client, decided)
    assert (outcome.sub_total, outcome.total_tax, outcome.total) == (decided.sub_total, decided.total_tax, decided.total)
    kept = xero.org.invoices.get(outcome.invoice_id or "")
    assert kept
    assert (kept.number, kept.reference, kept.url) == (outcome.number, "J-1", "http://127.0.0.1:4280/b/1")
    assert [each.unit_amount for each in kept.lines[:3]] == [Decimal("95.0000"), Decimal("4.3275"), Decimal("-20.0000")]
    assert kept.lines[2].tracking[0].option == "Waikato"
    assert (kept.status, kept.due_date) == ("DRAFT", date(2026, 12, 20))
    assert outcome.contact_id == AROHA


async def test_xeros_own_rounding_vector_comes_back(client: XeroClient) -> None:
    prices = ("25.06", "25.61", "25.63")
    (outcome,) = await create(client, numbered(1, *(line("Part", "1", price) for price in prices)))
    assert (outcome.sub_total, outcome.total_tax, outcome.total) == (Decimal("76.30"), Decimal("11.44"), Decimal("87.74"))


async def test_inclusive_amounts_are_taken_as_such(client: XeroClient) -> None:
    (outcome,) = await create(client, numbered(1, line("All in", "1", "89.00"), line_amount_types=LineAmountTypes.INCLUSIVE))
    assert (outcome.sub_total, outcome.total_tax, outcome.total) == (Decimal("77.39"), Decimal("11.61"), Decimal("89.00"))


async def test_fifty_invoices_with_mixed_outcomes_take_one_call_and_each_stands_alone(
    xero: World, client: XeroClient
) -> None:
    bad = {7: "999", 23: "240", 41: "610"}
    drafts = [numbered(n, line(account=bad.get(n, "200"))) for n in range(50)]
    outcomes = await create(client, *drafts)
    failed = {n: advise(outcome.messages).code for n, outcome in enumerate(outcomes) if outcome.invoice_id is None}
    assert failed == {7: "account_unknown", 23: "account_archived", 41: "account_unknown"}
    assert [outcome.reference for n, outcome in enumerate(outcomes) if n not in bad] == [
        f"J-{n}" for n in range(50) if n not in bad
    ]
    assert len(xero.calls) == 1
    assert len(list(xero.org.invoices)) == 47


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"lines": line(tax_type="NOPE")}, "tax_unknown"),
        ({"lines": line(tax_type="INPUT2")}, "tax_not_for_account"),
        ({"lines": line(item="NOPE")}, "item_unknown"),
        ({"lines": line(tracking=(tracking("Region", "Mars"),))}, "tracking_unknown"),
        ({"lines": line(price="-10.00")}, "total_negative"),
        ({"lines": line(quantity="-1")}, "quantity_negative"),
        ({"currency": "EUR"}, "currency_unknown"),
        ({"date": date(2026, 3, 31)}, "date_locked"),
        ({"status": "PAID"}, "status_not_allowed"),
        ({"url": "http://xero.example/1"}, "url_refused"),
        ({"branding_theme_id": stable_id("no", "theme")}, "branding_unknown"),
    ],
)
async def test_what_xero_refuses_has_a_code_and_a_fix(
    xero: World, client: XeroClient, more: dict[str, object], code: str
) -> None:
    xero.org.period_lock_date = date(2026, 3, 31)
    given = {"status": "AUTHORISED", **more}
    lines = [each for each in [given.pop("lines", None)] if isinstance(each, InvoiceLine)]
    (outcome,) = await create(client, draft(*lines, **given))
    assert outcome.invoice_id is None
    assert advise(outcome.messages).code == code


async def test_an_archived_contact_is_told(client: XeroClient) -> None:
    (outcome,) = await create(client, draft(), contact_id=ARCHIVED)
    assert advise(outcome.messages).code == "contact_archived"


async def test_a_number_is_used_once(client: XeroClient) -> None:
    first, second = await create(client, numbered(1, number="J-1-FIN"), numbered(2, number="J-1-FIN"))
    assert first.number == "J-1-FIN"
    assert advise(second.messages).code == "invoice_number_taken"


async def test_a_whole_batch_refused_at_once_is_read_the_same(client: XeroClient) -> None:
    """Should Xero ever answer 400 in spite of summarizeErrors=false."""
    drafts = [numbered(1, line(account="999"))]
    body = body_of(drafts)
    params = {**INVOICES_PARAMS, "summarizeErrors": "true"}
    answer = await client.send("PUT", INVOICES_PATH, body, idempotency_key="k", params=params)
    assert answer.status == 400
    (outcome,) = read_invoice_outcomes(answer, 1, body)
    assert advise(outcome.messages).code == "account_unknown"


async def test_a_summarised_refusal_of_some_leaves_the_rest_undecided() -> None:
    async with xero_world(switches=Switches(partial_save_when_summarized=True)) as xero, xero.client() as client:
        body = body_of([numbered(1), numbered(2, line(account="999"))])
        params = {**INVOICES_PARAMS, "summarizeErrors": "true"}
        answer = await client.send("PUT", INVOICES_PATH, body, idempotency_key="k", params=params)
        with pytest.raises(AnswerLost):
            read_invoice_outcomes(answer, 2, body)


async def test_a_lost_batch_replayed_with_its_key_creates_nothing_more(xero: World, client: XeroClient) -> None:
    drafts = [numbered(n) for n in range(10)]
    xero.fault("drop_after", method="PUT", path="*/Invoices")
    with pytest.raises(AnswerLost):
        await create(client, *drafts)
    outcomes = await create(client, *drafts)
    assert all(outcome.invoice_id for outcome in outcomes)
    assert len(list(xero.org.invoices)) == 10


async def test_what_a_lost_answer_created_is_found_by_url_number_and_total(xero: World, client: XeroClient) -> None:
    since = xero.clock() - timedelta(seconds=2)
    xero.fault("drop_after", method="PUT", path="*/Invoices")
    with pytest.raises(AnswerLost):
        await create(client, *(numbered(n) for n in range(3)))
    found = await find_invoices(client, since)
    assert {(each.reference, each.url, each.total) for each in found} == {
        (f"J-{n}", f"http://127.0.0.1:4280/b/{n}", Decimal("115.00")) for n in range(3)
    }
    assert all(each.invoice_id and each.number and each.contact_id == AROHA for each in found)
    assert await find_invoices(client, xero.clock() + timedelta(minutes=1)) == []


async def test_the_search_shows_each_invoice_in_its_newest_state(xero: World, client: XeroClient) -> None:
    since = xero.clock() - timedelta(seconds=2)
    (made,) = await create(client, numbered(1))
    body = f'{{"Invoices":[{{"InvoiceID":"{made.invoice_id}","Status":"DELETED"}}]}}'
    await client.send("POST", INVOICES_PATH, body, idempotency_key=None, params=INVOICES_PARAMS)
    assert [(each.invoice_id, each.status) for each in await find_invoices(client, since)] == [(made.invoice_id, "DELETED")]


async def test_a_note_is_left_once(xero: World, client: XeroClient) -> None:
    (made,) = await create(client, numbered(1))
    assert made.invoice_id
    for _ in range(2):
        await history_note(client, made.invoice_id, "Billed from job 1482\x00 by rule 'labour'")
    notes = [record.details for record in xero.org.history[made.invoice_id] if record.changes == "Note"]
    assert notes == ["Billed from job 1482 by rule 'labour'"]


async def test_a_long_note_is_cut_and_one_on_nothing_is_refused(client: XeroClient) -> None:
    (made,) = await create(client, numbered(1))
    await history_note(client, made.invoice_id or "", "n" * 4000)
    with pytest.raises(RemoteError, match="not found"):
        await history_note(client, stable_id("no", "invoice"), "note")
    with pytest.raises(RemoteError, match="Details"):
        await history_note(client, made.invoice_id or "", "")


async def test_an_approved_invoice_is_emailed_and_a_draft_is_not(xero: World, client: XeroClient) -> None:
    approved, waiting = await create(client, numbered(1, status="AUTHORISED"), numbered(2))
    assert await email_invoice(client, approved.invoice_id or "") == ()
    assert [invoice for _, invoice in xero.org.emails] == [approved.invoice_id]
    assert await email_invoice(client, waiting.invoice_id or "")


def test_the_deep_link_names_the_organisation_and_the_invoice() -> None:
    assert deep_link("http://127.0.0.1:9", "!kauri", "i-1") == "http://127.0.0.1:9/app/!kauri/invoicing/view/i-1"


async def test_a_thousand_invoices_stay_within_the_first_minutes_limit() -> None:
    async with xero_world(limits=RateLimits()) as xero, xero.client() as client:
        for batch in range(20):
            outcomes = await create(client, *(numbered(batch * 50 + n) for n in range(50)), key=f"batch-{batch}")
            assert all(outcome.invoice_id for outcome in outcomes)
        assert {call.http_status for call in xero.calls} == {200}
        assert len(xero.calls) == 20
