"""Xero's own SDK, xero-python, works against the local Xero as an independent client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import pytest
from xero_python.accounting import AccountingApi
from xero_python.accounting.models import (
    Account,
    Allocation,
    Allocations,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    HistoryRecord,
    HistoryRecords,
    Invoice,
    Invoices,
    LineItem,
    LineItemTracking,
    Payment,
    PaymentDelete,
    Payments,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi

from tests.integration.sandbox_xero import API, CLIENT, Local, local_xero

T = TypeVar("T")


@dataclass
class Sdk:
    """The SDK pointed at a local sandbox; it is synchronous, so each call runs in a thread."""

    local: Local
    client: ApiClient
    accounting: Any
    identity: Any
    tokens: dict[str, Any]

    @property
    def tenant(self) -> str:
        return self.local.org.tenant_id

    async def do(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)


@pytest.fixture
async def sdk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sdk]:
    async with local_xero() as local:
        for name in ("refresh_token_url", "client_credentials_token_url"):
            monkeypatch.setattr(TokenApi, name, f"{local.url}/connect/token")
        monkeypatch.setattr(TokenApi, "revoke_token_url", f"{local.url}/connect/revocation")
        tokens = {**local.token, "scope": local.token["scope"].split()}
        configuration = Configuration(
            oauth2_token=OAuth2Token(client_id=CLIENT.client_id, client_secret=CLIENT.client_secret)
        )
        client = ApiClient(configuration, oauth2_token_getter=lambda: tokens, oauth2_token_saver=tokens.update)
        accounting = AccountingApi(client, base_url=f"{local.url}{API}")
        yield Sdk(local, client, accounting, IdentityApi(client, base_url=local.url), tokens)


def an_invoice(**fields: Any) -> Invoice:
    lines = [
        LineItem(
            description="Hot water cylinder",
            quantity=Decimal("1.5"),
            unit_amount=Decimal("25.06"),
            account_code="200",
            tax_type="OUTPUT2",
            tracking=[LineItemTracking(name="Region", option="Waikato")],
        )
    ]
    whole = {
        "type": "ACCREC",
        "contact": Contact(name="Aroha Ngata"),
        "line_items": lines,
        "date": date(2026, 11, 2),
        "due_date": date(2026, 11, 20),
        "status": "AUTHORISED",
        **fields,
    }
    return Invoice(**whole)


async def test_it_refreshes_its_token_and_lists_connections(sdk: Sdk) -> None:
    before = dict(sdk.tokens)
    await sdk.do(sdk.client.refresh_oauth2_token)
    assert sdk.tokens["refresh_token"] != before["refresh_token"]
    connections = await sdk.do(sdk.identity.get_connections)
    assert [(c.tenant_name, str(c.tenant_id)) for c in connections] == [("Kauri Plumbing Demo", sdk.tenant)]


async def test_it_reads_the_organisation_and_its_chart(sdk: Sdk) -> None:
    organisation = (await sdk.do(lambda: sdk.accounting.get_organisations(sdk.tenant))).organisations[0]
    assert (organisation.name, organisation.base_currency.value) == ("Kauri Plumbing Demo", "NZD")
    assert organisation.timezone.value == "NEWZEALANDSTANDARDTIME"
    accounts = (await sdk.do(lambda: sdk.accounting.get_accounts(sdk.tenant, where='Status=="ACTIVE"'))).accounts
    assert {a.code: a.name for a in accounts}["235"] == "Customer deposits"
    rates = (await sdk.do(lambda: sdk.accounting.get_tax_rates(sdk.tenant))).tax_rates
    assert {r.tax_type: r.effective_rate for r in rates}["OUTPUT2"] == 15
    for what in ("tracking_categories", "branding_themes", "currencies", "items", "users"):
        answer = await sdk.do(partial(getattr(sdk.accounting, f"get_{what}"), sdk.tenant))
        assert getattr(answer, what)
    actions = (await sdk.do(lambda: sdk.accounting.get_organisation_actions(sdk.tenant))).actions
    assert any(action.name == "CreateApprovedInvoice" and action.status == "ALLOWED" for action in actions)


async def test_it_creates_and_finds_contacts(sdk: Sdk) -> None:
    wanted = Contacts(contacts=[Contact(name="Koru Cafe", email_address="koru@example.com"), Contact(name="Aroha Ngata")])
    made = (await sdk.do(lambda: sdk.accounting.create_contacts(sdk.tenant, wanted, summarize_errors=False))).contacts
    assert [c.has_validation_errors for c in made] == [False, True]
    assert made[1].validation_errors[0].message.startswith("The contact name Aroha Ngata is already assigned")
    where = 'EmailAddress="koru@example.com"'
    found = (await sdk.do(lambda: sdk.accounting.get_contacts(sdk.tenant, where=where, page=1))).contacts
    assert [c.contact_id for c in found] == [made[0].contact_id]
    by_number = (await sdk.do(lambda: sdk.accounting.get_contact(sdk.tenant, "C-1001"))).contacts
    assert by_number[0].name == "Aroha Ngata"


async def test_it_creates_a_mixed_batch_of_invoices(sdk: Sdk) -> None:
    batch = Invoices(invoices=[an_invoice(), an_invoice(contact=Contact(name="Old Mill Cafe")), an_invoice(reference="R3")])
    answer = await sdk.do(lambda: sdk.accounting.create_invoices(sdk.tenant, batch, summarize_errors=False, unitdp=4))
    good, bad, last = answer.invoices
    assert (good.invoice_number, last.invoice_number) == ("INV-0001", "INV-0002")
    assert (good.total, good.sub_total, good.total_tax) == (Decimal("43.23"), Decimal("37.59"), Decimal("5.64"))
    assert good.date == date(2026, 11, 2)
    assert bad.has_errors
    assert "archived" in bad.validation_errors[0].message


async def test_a_summarised_refusal_raises_with_the_elements(sdk: Sdk) -> None:
    batch = Invoices(invoices=[an_invoice(due_date=None)])
    with pytest.raises(AccountingBadRequestException) as refused:
        await sdk.do(lambda: sdk.accounting.create_invoices(sdk.tenant, batch, summarize_errors=True))
    assert refused.value.reason == "Due date cannot be empty"


async def test_it_reads_invoices_and_writes_history(sdk: Sdk) -> None:
    batch = Invoices(invoices=[an_invoice(reference="Job 1482")])
    made = (await sdk.do(lambda: sdk.accounting.create_invoices(sdk.tenant, batch))).invoices[0]
    single = (await sdk.do(lambda: sdk.accounting.get_invoice(sdk.tenant, made.invoice_id))).invoices[0]
    assert single.line_items[0].tracking[0].option == "Waikato"
    page = await sdk.do(lambda: sdk.accounting.get_invoices(sdk.tenant, page=1, search_term="job 1482"))
    assert [i.invoice_id for i in page.invoices] == [made.invoice_id]
    assert page.pagination.item_count == 1
    note = HistoryRecords(history_records=[HistoryRecord(details="Billed by a test")])
    await sdk.do(lambda: sdk.accounting.create_invoice_history(sdk.tenant, made.invoice_id, note))
    records = (await sdk.do(lambda: sdk.accounting.get_invoice_history(sdk.tenant, made.invoice_id))).history_records
    assert records[0].details == "Billed by a test"
    online = await sdk.do(lambda: sdk.accounting.get_online_invoice(sdk.tenant, made.invoice_id))
    assert online.online_invoices[0].online_invoice_url.startswith("https://in.xero.com/")


async def test_it_updates_an_invoice_by_id(sdk: Sdk) -> None:
    made = (await sdk.do(lambda: sdk.accounting.create_invoices(sdk.tenant, Invoices(invoices=[an_invoice()])))).invoices[0]
    change = Invoices(invoices=[Invoice(status="VOIDED")])
    await sdk.do(lambda: sdk.accounting.update_invoice(sdk.tenant, made.invoice_id, change))
    assert (await sdk.do(lambda: sdk.accounting.get_invoice(sdk.tenant, made.invoice_id))).invoices[0].status == "VOIDED"


async def test_it_pays_and_unpays_an_invoice(sdk: Sdk) -> None:
    made = (await sdk.do(lambda: sdk.accounting.create_invoices(sdk.tenant, Invoices(invoices=[an_invoice()])))).invoices[0]
    payment = Payment(
        invoice=Invoice(invoice_id=made.invoice_id),
        account=Account(code="090"),
        date=date(2026, 11, 3),
        amount=Decimal("43.23"),
    )
    paid = (await sdk.do(lambda: sdk.accounting.create_payments(sdk.tenant, Payments(payments=[payment])))).payments[0]
    assert paid.invoice.status == "PAID"
    delete = PaymentDelete(status="DELETED")
    gone = await sdk.do(lambda: sdk.accounting.delete_payment(sdk.tenant, paid.payment_id, delete))
    assert gone.payments[0].status == "DELETED"


async def test_it_allocates_a_credit_note(sdk: Sdk) -> None:
    made = (await sdk.do(lambda: sdk.accounting.create_invoices(sdk.tenant, Invoices(invoices=[an_invoice()])))).invoices[0]
    note = CreditNote(
        type="ACCRECCREDIT",
        contact=Contact(name="Aroha Ngata"),
        status="AUTHORISED",
        date=date(2026, 11, 3),
        line_items=[LineItem(description="Goodwill", quantity=1, unit_amount=10, account_code="200")],
    )
    notes = CreditNotes(credit_notes=[note])
    credit = (await sdk.do(lambda: sdk.accounting.create_credit_notes(sdk.tenant, notes))).credit_notes[0]
    allocation = Allocation(invoice=Invoice(invoice_id=made.invoice_id), amount=Decimal("11.50"), date=date(2026, 11, 4))
    body = Allocations(allocations=[allocation])
    await sdk.do(lambda: sdk.accounting.create_credit_note_allocation(sdk.tenant, credit.credit_note_id, body))
    after = (await sdk.do(lambda: sdk.accounting.get_invoice(sdk.tenant, made.invoice_id))).invoices[0]
    assert (after.amount_credited, after.amount_due) == (Decimal("11.50"), Decimal("31.73"))
