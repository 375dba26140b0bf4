"""The rarer answers of the local Xero: single settings, odd requests, and what a test may do from inside."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sandbox.xero import RateLimits, Switches
from sandbox.xero.settings import XeroSettings, demo_custom_app
from sandbox.xero.tenant import stable_id
from tests.integration.sandbox_xero import Local, approved, invoice, line, loads, local_xero, messages

NOWHERE = stable_id("nowhere")
AROHA = stable_id("nz", "contact", "Aroha Ngata")


@pytest.fixture
async def xero() -> AsyncIterator[Local]:
    async with local_xero() as local:
        yield local


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (f"Accounts/{stable_id('nz', 'account', '235')}", "Code", "235"),
        ("Items/LAB", "Name", "Labour"),
        (f"Items/{stable_id('nz', 'item', 'LAB')}", "Code", "LAB"),
    ],
)
async def test_one_setting_is_read_by_id(xero: Local, path: str, key: str, value: str) -> None:
    assert (await xero.rows(path))[0][key] == value


@pytest.mark.parametrize("what", ["Accounts", "Items", "CreditNotes", "BankTransactions", "Payments", "Prepayments"])
async def test_an_unknown_id_is_not_found(xero: Local, what: str) -> None:
    assert (await xero.get(f"{what}/{NOWHERE}")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"Payments/{NOWHERE}"),
        ("POST", f"CreditNotes/{NOWHERE}"),
        ("PUT", f"CreditNotes/{NOWHERE}/Allocations"),
        ("DELETE", f"CreditNotes/{NOWHERE}/Allocations/{NOWHERE}"),
        ("GET", f"Invoices/{NOWHERE}/History"),
    ],
)
async def test_nothing_is_written_below_what_does_not_exist(xero: Local, method: str, path: str) -> None:
    assert (await xero.ask(method, path, {})).status_code == 404


LINES: list[tuple[dict[str, Any], list[str]]] = [
    ({"Description": "d" * 4001}, ["Description must not be longer than 4000 characters"]),
    ({"Description": ""}, ["Description must be specified"]),
    ({"UnitAmount": 10_000_000_000}, ["The line amount must not exceed 9,999,999,999.99"]),
    (
        {"Tracking": [{"Name": "Region", "Option": "Waikato"}] * 3},
        ["A line item cannot have more than 2 tracking categories"],
    ),
]


@pytest.mark.parametrize(("fields", "expected"), LINES)
async def test_lines_have_limits(xero: Local, fields: dict[str, Any], expected: list[str]) -> None:
    assert messages((await xero.put("Invoices", approved(line(**fields))))[0]) == expected


async def test_a_line_amount_alone_gives_the_price(xero: Local) -> None:
    element = {"Description": "x", "Quantity": 4, "LineAmount": 50, "AccountCode": "200"}
    made = (await xero.put("Invoices", invoice(element)))[0]["LineItems"][0]
    assert (made["UnitAmount"], made["LineAmount"]) == (Decimal("12.50"), 50)


HEADERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"InvoiceID": NOWHERE}, ["An existing invoice with the specified ID could not be found"]),
    ({"BrandingThemeID": NOWHERE}, ["The BrandingThemeID could not be found"]),
    ({"Contact": {"ContactID": NOWHERE}}, ["An existing contact with the specified ContactID could not be found"]),
]


@pytest.mark.parametrize(("fields", "expected"), HEADERS)
async def test_an_invoice_cannot_refer_to_what_is_not_there(xero: Local, fields: Any, expected: list[str]) -> None:
    assert messages((await xero.post("Invoices", invoice(**fields)))[0]) == expected


async def test_put_refuses_to_name_an_existing_invoice(xero: Local) -> None:
    made = (await xero.put("Invoices", invoice()))[0]
    again = (await xero.put("Invoices", invoice(InvoiceID=made["InvoiceID"])))[0]
    assert messages(again) == ["Invoice # must be unique."]
    assert again["InvoiceID"] == made["InvoiceID"]


async def test_an_error_in_a_number_refuses_the_request(xero: Local) -> None:
    answer = await xero.ask("PUT", "Invoices", invoice(line(Quantity="many")))
    assert (answer.status_code, answer.json()["ErrorNumber"]) == (400, 14)


@pytest.mark.parametrize(
    "body", [[], {"Invoices": {}}, {"Invoices": ["x"]}, {"Invoices": [{"Type": "ACCREC", "LineItems": {}}]}]
)
async def test_a_body_of_another_shape_is_refused(xero: Local, body: Any) -> None:
    answer = await xero.ask("PUT", "Invoices", body)
    assert (answer.status_code, answer.json()["Type"]) == (400, "PostDataInvalidException")


CONTACTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"ContactID": NOWHERE}, ["An existing contact with the specified ContactID could not be found"]),
    ({"ContactStatus": "GONE"}, ["The status 'GONE' is not valid for contacts"]),
    ({"ContactPersons": [{"FirstName": str(n)} for n in range(6)]}, ["A contact cannot have more than 5 contact persons"]),
    (
        {"Phones": [{"PhoneType": "MOBILE", "PhoneAreaCode": "01234567890"}]},
        ["PhoneAreaCode must not be longer than 10 characters"],
    ),
]


@pytest.mark.parametrize(("fields", "expected"), CONTACTS)
async def test_a_contact_has_limits(xero: Local, fields: dict[str, Any], expected: list[str]) -> None:
    changed = (await xero.post("Contacts", {"ContactID": AROHA, **fields}))[0]
    assert messages(changed) == expected


async def test_a_contact_is_changed_by_its_path_and_keeps_its_name_when_sent_empty(xero: Local) -> None:
    changed = (await xero.post(f"Contacts/{AROHA}", {"Name": "", "FirstName": "Aroha"}))[0]
    assert (changed["Name"], changed["FirstName"], changed["ContactID"]) == ("Aroha Ngata", "Aroha", AROHA)


QUERIES: list[tuple[str, dict[str, Any], int]] = [
    ("Contacts", {"order": "Nmae"}, 400),
    ("Invoices", {"where": "Date==DateTime(2026,13,1)"}, 400),
    ("Invoices", {"where": 'Date>DateTime.Parse("2026-01-01")'}, 200),
    ("Contacts", {"where": "IsCustomer", "page": "first", "pageSize": "-1"}, 200),
    ("Invoices", {"order": "DueDate DESC"}, 200),
    ("Invoices", {"where": 'Total>"many"'}, 200),
]


@pytest.mark.parametrize(("path", "query", "status"), QUERIES)
async def test_odd_queries_are_answered(xero: Local, path: str, query: dict[str, Any], status: int) -> None:
    await xero.put("Invoices", invoice(), approved())
    assert (await xero.get(path, **query)).status_code == status


async def test_an_unreadable_if_modified_since_is_refused(xero: Local) -> None:
    assert (await xero.get("Contacts", {"If-Modified-Since": "yesterday"})).status_code == 400


CREDITS: list[tuple[dict[str, Any], list[str]]] = [
    ({"Type": "ACCREC"}, ["Invoice Type must be specified"]),
    ({"Status": "PAID"}, ["Invoice not of valid status for creation"]),
    ({"CurrencyCode": "GBP"}, ["Users Organisation is not subscribed to currency GBP"]),
    ({"CreditNoteID": NOWHERE}, ["An existing Credit Note with the specified CreditNoteID could not be found"]),
]


@pytest.mark.parametrize(("fields", "expected"), CREDITS)
async def test_a_bad_credit_note_is_refused(xero: Local, fields: dict[str, Any], expected: list[str]) -> None:
    note = {"Type": "ACCRECCREDIT", "Contact": {"Name": "Aroha Ngata"}, "LineItems": [line()], **fields}
    assert messages((await xero.put("CreditNotes", note))[0]) == expected


async def test_a_credit_note_moves_by_its_own_status_machine(xero: Local) -> None:
    note = {"Type": "ACCRECCREDIT", "Contact": {"Name": "Aroha Ngata"}, "LineItems": [line()], "Status": "AUTHORISED"}
    id_ = (await xero.put("CreditNotes", note))[0]["CreditNoteID"]
    assert messages((await xero.post(f"CreditNotes/{id_}", {"Status": "DRAFT"}))[0]) == [
        "Document not of valid status for modification"
    ]
    assert (await xero.post(f"CreditNotes/{id_}", {"Status": "VOIDED"}))[0]["Status"] == "VOIDED"


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"Amount": 1}, "Amount, Invoice and Date must be specified"),
        (
            {"Amount": 1, "Date": "2026-11-01", "Invoice": {"InvoiceID": NOWHERE}},
            "An existing invoice with the specified ID could not be found",
        ),
    ],
)
async def test_an_allocation_must_be_complete(xero: Local, element: Any, expected: str) -> None:
    note = {"Type": "ACCRECCREDIT", "Contact": {"Name": "Aroha Ngata"}, "LineItems": [line()], "Status": "AUTHORISED"}
    id_ = (await xero.put("CreditNotes", note))[0]["CreditNoteID"]
    answer = await xero.ask("PUT", f"CreditNotes/{id_}/Allocations", {"Allocations": [element]})
    assert messages(loads(answer)["Elements"][0]) == [expected]


async def test_payments_and_bank_transactions_respect_the_locks_and_are_read_by_id(xero: Local) -> None:
    due = (await xero.put("Invoices", approved()))[0]["InvoiceID"]
    pay = {"Invoice": {"InvoiceID": due}, "Account": {"Code": "090"}, "Amount": 5, "Date": "2026-11-04"}
    spend = {
        "Type": "SPEND",
        "Contact": {"Name": "Card Co"},
        "LineItems": [line(AccountCode="404", TaxType="NONE")],
        "BankAccount": {"Code": "090"},
        "Date": "2026-11-04",
    }
    paid, spent = (await xero.put("Payments", pay))[0], (await xero.put("BankTransactions", spend))[0]
    assert (await xero.rows(f"Payments/{paid['PaymentID']}"))[0]["Amount"] == 5
    assert (await xero.rows(f"BankTransactions/{spent['BankTransactionID']}"))[0]["Total"] == 100
    xero.org.period_lock_date = date(2026, 11, 30)
    locked = ["The document date cannot be before the period lock date, currently set at 30-Nov-2026"]
    assert messages((await xero.put("Payments", pay))[0]) == locked
    assert messages((await xero.put("BankTransactions", spend))[0]) == locked
    assert messages((await xero.put("BankTransactions", {**spend, "Type": "GIFT"}))[0]) == ["Invoice Type must be specified"]


async def test_a_test_can_archive_accounts_and_contacts_from_inside(xero: Local) -> None:
    xero.org.archive_account("203", xero.now())
    xero.org.archive_contact(AROHA, xero.now())
    refused = (await xero.put("Invoices", invoice(line(AccountCode="203"))))[0]
    assert [text.split(".")[0] for text in messages(refused)] == [
        "The contact with the specified contact details has been archived",
        "Account code '203' has been archived or has been deleted",
    ]
    for missing in (
        lambda: xero.org.archive_account("999", xero.now()),
        lambda: xero.org.archive_contact(NOWHERE, xero.now()),
        lambda: xero.org.merge_contacts(NOWHERE, AROHA, xero.now()),
        lambda: xero.sandbox.state.connect("nobody"),
    ):
        with pytest.raises(KeyError):
            missing()


async def test_a_customer_can_disconnect_in_xero_itself(xero: Local) -> None:
    xero.sandbox.state.disconnect("nz")
    assert (await xero.get("Organisation")).status_code == 403
    assert (await xero.client.get("/connections")).json() == []


async def test_a_rolling_day_gives_calls_back_one_by_one() -> None:
    async with local_xero(limits=RateLimits(day=1), switches=Switches(day_window="rolling")) as xero:
        assert [(await xero.get("Organisation")).status_code for _ in range(2)] == [200, 429]
        assert 86_300 < int(xero.log[-1].headers["retry-after"]) <= 86_400
        xero.sandbox.state.limiter.reset()
        assert (await xero.get("Organisation")).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/connections"), ("DELETE", "/connections/x")])
async def test_connections_need_a_token(xero: Local, method: str, path: str) -> None:
    answer = await xero.client.request(method, path, headers={"Authorization": "Bearer no"})
    assert (answer.status_code, answer.json()["Detail"]) == (401, "AuthenticationUnsuccessful")


@pytest.mark.parametrize("path", ["/connect/token", "/connect/revocation"])
async def test_broken_basic_credentials_are_an_invalid_client(xero: Local, path: str) -> None:
    answer = await xero.client.post(path, data={"grant_type": "refresh_token"}, headers={"Authorization": "Basic !!"})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})


async def test_unknown_paths_outside_the_api_are_not_found(xero: Local) -> None:
    for answer in [await xero.client.get("/nothing"), await xero.client.get("/connect/token")]:
        assert isinstance(answer, httpx.Response)
        assert answer.status_code == 404


def test_the_default_settings_hold_the_demos_apps_and_real_limits() -> None:
    settings = XeroSettings()
    assert [app.client_id for app in settings.apps] == ["sandbox-web-app", "sandbox-custom"]
    assert demo_custom_app("au").custom_connection == "au"
    assert (settings.limits.enabled, settings.limits.minute, settings.limits.concurrent) == (True, 60, 5)
