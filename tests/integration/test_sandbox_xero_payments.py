"""Payments, credit notes, prepayments and bank transactions in the local Xero, and what they do to an invoice."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from sandbox.xero import Switches
from sandbox.xero.tenant import stable_id
from tests.integration.sandbox_xero import Local, approved, invoice, line, loads, local_xero, messages

UNAPPROVED = "Payments can only be made against Authorised documents"
TOO_MUCH = "Payment amount exceeds the amount outstanding on this document"


@pytest.fixture
async def xero() -> AsyncIterator[Local]:
    async with local_xero() as local:
        yield local


def payment(invoice_id: str, amount: Any = 115, **fields: Any) -> dict[str, Any]:
    account = {"Account": {"Code": "090"}, "Date": "2026-11-05", "Amount": amount}
    return {"Invoice": {"InvoiceID": invoice_id}, **account, **fields}


async def bill(xero: Local, **fields: Any) -> dict[str, Any]:
    return (await xero.put("Invoices", approved(**fields)))[0]


async def read(xero: Local, made: dict[str, Any]) -> dict[str, Any]:
    return (await xero.rows(f"Invoices/{made['InvoiceID']}"))[0]


async def test_payments_lower_the_amount_due_until_the_invoice_is_paid(xero: Local) -> None:
    made = await bill(xero)
    part, rest = await xero.put("Payments", payment(made["InvoiceID"], 15), payment(made["InvoiceID"], 100))
    assert (part["Invoice"]["AmountDue"], part["PaymentType"]) == (100, "ACCRECPAYMENT")
    assert rest["Invoice"]["Status"] == "PAID"
    paid = await read(xero, made)
    assert (paid["Status"], paid["AmountPaid"], paid["AmountDue"]) == ("PAID", 115, 0)
    assert sorted(p["Amount"] for p in paid["Payments"]) == [15, 100]
    assert paid["FullyPaidOnDate"] == "/Date(1793836800000+0000)/"


async def test_a_deleted_payment_makes_the_invoice_due_again(xero: Local) -> None:
    made = await bill(xero)
    paid = (await xero.put("Payments", payment(made["InvoiceID"])))[0]
    body = {"Payments": [{"Status": "DELETED"}]}
    deleted = await xero.ask("POST", f"Payments/{paid['PaymentID']}", body)
    assert loads(deleted)["Payments"][0]["Status"] == "DELETED"
    again = await read(xero, made)
    assert (again["Status"], again["AmountDue"], again["Payments"]) == ("AUTHORISED", 115, [])
    assert (await xero.ask("POST", f"Payments/{paid['PaymentID']}", body)).status_code == 400


@pytest.mark.parametrize("listed", [True, False])
async def test_whether_a_deleted_payment_is_listed_is_a_switch(listed: bool) -> None:
    async with local_xero(switches=Switches(deleted_payments_listed=listed)) as xero:
        paid = (await xero.put("Payments", payment((await bill(xero))["InvoiceID"])))[0]
        await xero.ask("POST", f"Payments/{paid['PaymentID']}", {"Status": "DELETED"})
        assert [p["Status"] for p in await xero.rows("Payments")] == (["DELETED"] if listed else [])


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("too much", {}, {"Amount": "115.01"}, [TOO_MUCH]),
    ("a draft", {"Status": "DRAFT"}, {}, [UNAPPROVED]),
    ("a draft and too much", {"Status": "DRAFT"}, {"Amount": 200}, [UNAPPROVED, TOO_MUCH]),
    (
        "an account that takes none",
        {},
        {"Account": {"Code": "200"}},
        ["Account type is invalid for making a payment to/from"],
    ),
    ("an archived account", {}, {"Account": {"Code": "453"}}, ["Account type is invalid for making a payment to/from"]),
    ("no such document", {}, {"Invoice": {"InvoiceID": stable_id("no")}}, ["Document could not be found"]),
    ("nothing", {}, {"Amount": 0}, ["Amount must be greater than zero"]),
]


@pytest.mark.parametrize(("fields", "changes", "expected"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
async def test_a_bad_payment_is_refused_in_xeros_words(xero: Local, fields: Any, changes: Any, expected: Any) -> None:
    made = await bill(xero, **fields)
    refused = (await xero.put("Payments", payment(made["InvoiceID"], **changes)))[0]
    assert (messages(refused), refused["HasValidationErrors"]) == (expected, True)
    assert len(xero.org.payments) == 0


async def test_payments_of_paid_and_voided_invoices_are_refused(xero: Local) -> None:
    paid, dead = await bill(xero), await bill(xero)
    await xero.put("Payments", payment(paid["InvoiceID"]))
    await xero.post(f"Invoices/{dead['InvoiceID']}", {"Status": "VOIDED"})
    refused = await xero.put("Payments", payment(paid["InvoiceID"], 1), payment(dead["InvoiceID"], 1))
    assert [messages(element) for element in refused] == [[UNAPPROVED, TOO_MUCH]] * 2


async def test_an_account_that_takes_payments_need_not_be_a_bank(xero: Local) -> None:
    made = await bill(xero)
    element = payment(made["InvoiceID"], Account={"AccountID": stable_id("nz", "account", "830")})
    assert messages((await xero.put("Payments", element))[0]) == []


async def test_a_reconciled_payment_cannot_be_deleted(xero: Local) -> None:
    made = await bill(xero)
    paid = (await xero.put("Payments", payment(made["InvoiceID"], IsReconciled=True)))[0]
    assert (await xero.ask("POST", f"Payments/{paid['PaymentID']}", {"Status": "DELETED"})).status_code == 400


async def test_payments_are_found_by_their_invoice(xero: Local) -> None:
    one, two = await bill(xero), await bill(xero)
    await xero.put("Payments", payment(one["InvoiceID"]), payment(two["InvoiceID"]))
    where = f'Invoice.InvoiceID==guid("{one["InvoiceID"]}") AND PaymentType=="ACCRECPAYMENT"'
    assert [p["Invoice"]["InvoiceNumber"] for p in await xero.rows("Payments", where=where)] == ["INV-0001"]


def note(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    contact = {"Contact": {"Name": "Aroha Ngata"}, "Date": "2026-11-06", "Status": "AUTHORISED"}
    return {"Type": "ACCRECCREDIT", **contact, "LineItems": list(lines) or [line()], **fields}


async def allocate(xero: Local, kind: str, credit_id: str, invoice_id: str, amount: Any) -> Any:
    element = {"Invoice": {"InvoiceID": invoice_id}, "Amount": amount, "Date": "2026-11-07"}
    return await xero.ask("PUT", f"{kind}/{credit_id}/Allocations", {"Allocations": [element]})


async def test_a_credit_note_is_allocated_and_taken_back(xero: Local) -> None:
    made, credit = await bill(xero), (await xero.put("CreditNotes", note(line(UnitAmount=50))))[0]
    assert (credit["CreditNoteNumber"], credit["RemainingCredit"]) == ("CN-0001", Decimal("57.50"))
    answer = await allocate(xero, "CreditNotes", credit["CreditNoteID"], made["InvoiceID"], "57.50")
    allocation = loads(answer)["Allocations"][0]
    credited = await read(xero, made)
    assert (credited["AmountCredited"], credited["AmountDue"]) == (Decimal("57.50"), Decimal("57.50"))
    assert credited["CreditNotes"][0]["AppliedAmount"] == Decimal("57.50")
    assert (await xero.rows(f"CreditNotes/{credit['CreditNoteID']}"))[0]["Status"] == "PAID"
    path = f"CreditNotes/{credit['CreditNoteID']}/Allocations/{allocation['AllocationID']}"
    undone = await xero.ask("DELETE", path)
    assert undone.json() == {"AllocationId": allocation["AllocationID"], "IsDeleted": True}
    assert (await read(xero, made))["AmountDue"] == 115
    assert (await xero.rows(f"CreditNotes/{credit['CreditNoteID']}"))[0]["RemainingCredit"] == Decimal("57.50")


async def test_an_invoice_credited_in_full_is_paid_without_a_payment(xero: Local) -> None:
    made, credit = await bill(xero), (await xero.put("CreditNotes", note()))[0]
    await allocate(xero, "CreditNotes", credit["CreditNoteID"], made["InvoiceID"], 115)
    paid = await read(xero, made)
    assert (paid["Status"], paid["AmountPaid"], paid["AmountCredited"], paid["Payments"]) == ("PAID", 0, 115, [])


@pytest.mark.parametrize("amount", ["0", "115.01"])
async def test_an_allocation_beyond_the_credit_is_refused(xero: Local, amount: str) -> None:
    made, credit = await bill(xero), (await xero.put("CreditNotes", note()))[0]
    answer = await allocate(xero, "CreditNotes", credit["CreditNoteID"], made["InvoiceID"], amount)
    assert answer.status_code == 400


async def test_a_draft_credit_note_cannot_be_allocated_until_it_is_approved(xero: Local) -> None:
    made, credit = await bill(xero), (await xero.put("CreditNotes", note(Status="DRAFT")))[0]
    id_ = credit["CreditNoteID"]
    assert (await allocate(xero, "CreditNotes", id_, made["InvoiceID"], 1)).status_code == 400
    assert (await xero.post(f"CreditNotes/{id_}", {"Status": "AUTHORISED"}))[0]["Status"] == "AUTHORISED"
    assert (await allocate(xero, "CreditNotes", id_, made["InvoiceID"], 1)).status_code == 200


async def test_credit_notes_take_no_discounts_and_unique_numbers(xero: Local) -> None:
    first, second, third = await xero.put(
        "CreditNotes", note(CreditNoteNumber="C-1"), note(CreditNoteNumber="C-1"), note(line(DiscountRate=5))
    )
    assert messages(first) == []
    assert messages(second) == ["Invoice # must be unique."]
    assert messages(third) == ["Discounts cannot be used on credit notes"]


async def test_a_credit_note_is_refunded_by_a_payment(xero: Local) -> None:
    credit = (await xero.put("CreditNotes", note()))[0]
    element = {"CreditNote": {"CreditNoteID": credit["CreditNoteID"]}, "Account": {"Code": "090"}, "Amount": 115}
    assert (await xero.put("Payments", element))[0]["PaymentType"] == "ARCREDITPAYMENT"
    refunded = (await xero.rows(f"CreditNotes/{credit['CreditNoteID']}"))[0]
    assert (refunded["Status"], refunded["RemainingCredit"]) == ("PAID", 0)


@pytest.mark.parametrize("kind", ["Prepayment", "Overpayment"])
async def test_money_received_early_becomes_a_credit_that_pays_an_invoice(xero: Local, kind: str) -> None:
    made = await bill(xero)
    received = {
        "Type": f"RECEIVE-{kind.upper()}",
        "Contact": {"Name": "Aroha Ngata"},
        "BankAccount": {"Code": "090"},
        "LineItems": [line(AccountCode="235")],
    }
    transaction = (await xero.put("BankTransactions", received))[0]
    assert (transaction["Status"], transaction["Total"]) == ("AUTHORISED", 115)
    credit = (await xero.rows(f"{kind}s"))[0]
    assert credit[f"{kind}ID"] == transaction[f"{kind}ID"]
    answer = await allocate(xero, f"{kind}s", credit[f"{kind}ID"], made["InvoiceID"], 115)
    assert answer.status_code == 200
    paid = await read(xero, made)
    assert (paid["Status"], paid[f"{kind}s"][0]["AppliedAmount"], paid["Payments"]) == ("PAID", 115, [])


async def test_bank_transactions_need_a_bank_account_and_lines(xero: Local) -> None:
    spent = {"Type": "SPEND", "Contact": {"Name": "Card Co"}, "LineItems": [line(AccountCode="404", TaxType="NONE")]}
    no_bank, no_lines, good = await xero.put(
        "BankTransactions",
        {**spent, "BankAccount": {"Code": "200"}},
        {**spent, "BankAccount": {"Code": "090"}, "LineItems": []},
        {**spent, "BankAccount": {"Code": "090"}},
    )
    assert messages(no_bank) == ["A bank account must be specified"]
    assert messages(no_lines) == ["One or more line items must be specified"]
    assert (good["Total"], "PrepaymentID" in good) == (100, False)
    assert len(await xero.rows("BankTransactions")) == 1


QUERIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"Statuses": "DRAFT,PAID"}, ["A", "D"]),
    ({"where": 'Status=="AUTHORISED" AND AmountDue>200'}, ["C"]),
    ({"where": "Date>=DateTime(2026,11,03)"}, ["C"]),
    ({"where": 'Contact.Name=="Harbour View Apartments"'}, ["B"]),
    ({"where": 'Reference=="job-b"'}, ["B"]),
    ({"InvoiceNumbers": "A,C"}, ["A", "C"]),
    ({"ContactIDs": stable_id("nz", "contact", "Harbour View Apartments")}, ["B"]),
    ({"searchTerm": "JOB-"}, ["B"]),
    ({"order": "Total DESC,InvoiceNumber"}, ["C", "B", "D", "A"]),
    ({"createdByMyApp": "true"}, ["A", "B", "C", "D"]),
]


@pytest.mark.parametrize(("query", "numbers"), QUERIES)
async def test_invoices_are_found(xero: Local, query: dict[str, Any], numbers: list[str]) -> None:
    harbour = {"Name": "Harbour View Apartments"}
    made = await xero.put(
        "Invoices",
        invoice(line(UnitAmount=10), InvoiceNumber="A", Date="2026-11-01"),
        approved(InvoiceNumber="B", Contact=harbour, Reference="Job-B"),
        approved(line(UnitAmount=1000), InvoiceNumber="C", Date="2026-11-03"),
        approved(line(UnitAmount=20), InvoiceNumber="D"),
    )
    await xero.put("Payments", payment(made[3]["InvoiceID"], 23))
    found = [i["InvoiceNumber"] for i in await xero.rows("Invoices", **query)]
    assert found == numbers if "order" in query else sorted(found) == numbers


async def test_another_apps_invoices_are_not_created_by_mine(xero: Local) -> None:
    other = xero.sandbox.state.connect("other", "nz")
    headers = {"Authorization": f"Bearer {other['access_token']}"}
    await xero.ask("PUT", "Invoices", invoice(), headers=headers)
    assert len(await xero.rows("Invoices")) == 1
    assert await xero.rows("Invoices", createdByMyApp="true") == []


async def test_unpaged_invoices_lose_lines_and_summaries_lose_payments(xero: Local) -> None:
    made = await bill(xero)
    await xero.put("Payments", payment(made["InvoiceID"], 15))
    assert (await xero.rows("Invoices"))[0]["LineItems"] == []
    paged = loads(await xero.get("Invoices", page=1))
    assert (len(paged["Invoices"][0]["LineItems"]), paged["pagination"]["itemCount"]) == (1, 1)
    by_status = loads(await xero.get("Invoices", Statuses="AUTHORISED"))
    assert by_status["pagination"]["pageSize"] == 100
    summary = loads(await xero.get("Invoices", summaryOnly="true"))["Invoices"][0]
    assert ("LineItems" in summary, "Payments" in summary, summary["AmountDue"]) == (False, False, 100)
