"""The local Xero's answers satisfy the response schemas of Xero's published OpenAPI document."""

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator

from sandbox.xero.tenant import stable_id
from tests.integration.sandbox_xero import Local, approved, content, invoice, line, loads, local_xero

SPEC = Path(__file__).parents[2].parent / "shared/specs/xero_accounting.yaml"
pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="Xero's OpenAPI document is not on this machine")
# Xero sends dates as `/Date(ms)/`, whatever the document's formats say; enums there lag behind too.
IGNORED = {"format", "readOnly", "example", "description", "externalDocs", "maxLength"}


@cache
def document() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    spec: dict[str, Any] = yaml.load(SPEC.read_text(), Loader=loader)
    return spec


def as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema: nullable, references into $defs, and no unknown properties beside known ones."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {
        key: as_json_schema(value)
        for key, value in node.items()
        if (key not in IGNORED and not key.startswith("x-")) or isinstance(value, dict)
    }
    if "$ref" in converted:
        return {"$ref": converted["$ref"].replace("#/components/schemas/", "#/$defs/")}
    if converted.pop("nullable", False) is True and isinstance(converted.get("type"), str):
        converted["type"] = [converted["type"], "null"]
    return converted


@cache
def definitions() -> dict[str, Any]:
    converted: dict[str, Any] = as_json_schema(document()["components"]["schemas"])
    return converted


def validator(path: str, method: str, status: str) -> Draft202012Validator:
    answer = document()["paths"][path][method]["responses"][status]
    if "$ref" in answer:
        answer = document()["components"]["responses"][answer["$ref"].split("/")[-1]]
    schema = as_json_schema(answer["content"]["application/json"]["schema"])
    return Draft202012Validator({**schema, "$defs": definitions()})


def check(path: str, answer: httpx.Response, status: str = "200") -> Any:
    """Raises with every place where the answer leaves the schema; gives back the payload."""
    assert str(answer.status_code) == status, answer.text
    payload = loads(answer)
    method = answer.request.method.lower()
    errors = [f"{error.json_path}: {error.message[:200]}" for error in validator(path, method, status).iter_errors(payload)]
    assert errors == []
    return payload


@pytest.fixture
async def xero() -> AsyncIterator[Local]:
    async with local_xero() as local:
        yield local


SETTINGS = ["Organisation", "Organisation/Actions", "Accounts", "TaxRates", "Items", "TrackingCategories", "BrandingThemes"]


@pytest.mark.parametrize("path", [*SETTINGS, "Currencies", "Users"])
@pytest.mark.parametrize("key", ["nz", "uk", "au"])
async def test_settings_satisfy_the_document(key: str, path: str) -> None:
    async with local_xero(key) as xero:
        check(f"/{path}", await xero.get(path))


async def test_contacts_satisfy_the_document(xero: Local) -> None:
    people = [{"FirstName": "Ana", "LastName": "B", "EmailAddress": "ana@example.com", "IncludeInEmails": True}]
    whole = {
        "Name": "Koru Cafe",
        "EmailAddress": "koru@example.com",
        "ContactNumber": "C-77",
        "ContactPersons": people,
        "PaymentTerms": {"Sales": {"Day": 20, "Type": "OFFOLLOWINGMONTH"}},
        "Addresses": [{"AddressType": "STREET", "AddressLine1": "1 High St"}],
    }
    check("/Contacts", await xero.ask("PUT", "Contacts", {"Contacts": [whole]}))
    check("/Contacts", await xero.ask("POST", "Contacts", {"Contacts": [{**whole, "FirstName": "K"}]}))
    check("/Contacts", await xero.ask("PUT", "Contacts", {"Contacts": [whole]}), "400")
    check("/Contacts", await xero.get("Contacts", page=1, includeArchived="true"))
    check("/Contacts", await xero.get("Contacts", summaryOnly="true"))
    check("/Contacts/{ContactID}", await xero.get(f"Contacts/{stable_id('nz', 'contact', 'Aroha Ngata')}"))


async def test_invoices_satisfy_the_document(xero: Local) -> None:
    tracked = line(Tracking=[{"Name": "Region", "Option": "Waikato"}], DiscountRate=10, ItemCode="LAB")
    full = approved(tracked, {"Description": "Thanks"}, Url="https://jobs.example/1", CurrencyCode="USD")
    mixed = {"Invoices": [full, invoice(Type=None), invoice(line(AccountCode="999"), Date="2026-11-02")]}
    made = check("/Invoices", await xero.ask("PUT", "Invoices", mixed, summarizeErrors="false", unitdp="4"))
    check("/Invoices", await xero.ask("PUT", "Invoices", mixed), "400")
    id_ = made["Invoices"][0]["InvoiceID"]
    check("/Invoices", await xero.get("Invoices", page=1))
    check("/Invoices", await xero.get("Invoices"))
    check("/Invoices/{InvoiceID}", await xero.get(f"Invoices/{id_}"))
    check("/Invoices/{InvoiceID}", await xero.ask("POST", f"Invoices/{id_}", {"Reference": "x"}))
    check("/Invoices/{InvoiceID}/OnlineInvoice", await xero.get(f"Invoices/{id_}/OnlineInvoice"))
    notes = {"HistoryRecords": [{"Details": "note"}]}
    check("/Invoices/{InvoiceID}/History", await xero.ask("PUT", f"Invoices/{id_}/History", notes))
    check("/Invoices/{InvoiceID}/History", await xero.get(f"Invoices/{id_}/History"))
    check("/Invoices/{InvoiceID}/History", await xero.ask("PUT", f"Invoices/{stable_id('no')}/History", notes), "400")


async def test_payments_and_credits_satisfy_the_document(xero: Local) -> None:
    due = content(await xero.ask("PUT", "Invoices", approved()))[0]["InvoiceID"]
    paid = {"Invoice": {"InvoiceID": due}, "Account": {"Code": "090"}, "Amount": 10, "Date": "2026-11-04"}
    payment = check("/Payments", await xero.ask("PUT", "Payments", {"Payments": [paid]}))["Payments"][0]
    check("/Payments", await xero.ask("PUT", "Payments", {"Payments": [{**paid, "Amount": 999}]}), "400")
    check("/Payments", await xero.get("Payments"))
    note = {"Type": "ACCRECCREDIT", "Contact": {"Name": "Aroha Ngata"}, "Status": "AUTHORISED", "LineItems": [line()]}
    credit = check("/CreditNotes", await xero.ask("PUT", "CreditNotes", {"CreditNotes": [note]}))["CreditNotes"][0]
    allocations = f"CreditNotes/{credit['CreditNoteID']}/Allocations"
    body = {"Allocations": [{"Invoice": {"InvoiceID": due}, "Amount": 5, "Date": "2026-11-05"}]}
    check("/CreditNotes/{CreditNoteID}/Allocations", await xero.ask("PUT", allocations, body))
    check("/CreditNotes", await xero.get("CreditNotes", page=1))
    check("/Invoices/{InvoiceID}", await xero.get(f"Invoices/{due}"))
    deletion = await xero.ask("POST", f"Payments/{payment['PaymentID']}", {"Payments": [{"Status": "DELETED"}]})
    check("/Payments/{PaymentID}", deletion)


@pytest.mark.parametrize("kind", ["Prepayment", "Overpayment"])
async def test_bank_transactions_and_what_they_make_satisfy_the_document(xero: Local, kind: str) -> None:
    received = {
        "Type": f"RECEIVE-{kind.upper()}",
        "Contact": {"Name": "Aroha Ngata"},
        "BankAccount": {"Code": "090"},
        "LineItems": [line(AccountCode="235")],
    }
    check("/BankTransactions", await xero.ask("PUT", "BankTransactions", {"BankTransactions": [received]}))
    check("/BankTransactions", await xero.get("BankTransactions", page=1))
    check(f"/{kind}s", await xero.get(f"{kind}s", page=1))


def test_the_check_would_notice_a_wrong_type() -> None:
    bad = {"Invoices": [{"Total": "12.00", "Status": "SENT"}]}
    found = {error.json_path for error in validator("/Invoices", "get", "200").iter_errors(bad)}
    assert found == {"$.Invoices[0].Total", "$.Invoices[0].Status"}
