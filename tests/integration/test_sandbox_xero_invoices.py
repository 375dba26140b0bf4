"""Invoices in the local Xero: verbs, refusals word for word, statuses, money, and what a read gives back."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sandbox.xero import Switches
from sandbox.xero.tenant import stable_id
from tests.integration.sandbox_xero import ZERO_GUID, Local, approved, content, invoice, line, loads, local_xero, messages

MONEY_APPLIED = "This document cannot be edited as it has a payment or credit note allocated to it."

ARCHIVED = (
    "The contact with the specified contact details has been archived. "
    "The contact must be un-archived before creating new invoices or credit notes."
)


@pytest.fixture
async def xero() -> AsyncIterator[Local]:
    async with local_xero() as local:
        yield local


async def pay(xero: Local, invoice_id: str, amount: str) -> dict[str, Any]:
    payment = {"Invoice": {"InvoiceID": invoice_id}, "Account": {"Code": "090"}, "Amount": amount, "Date": "2026-11-03"}
    return (await xero.put("Payments", payment))[0]


REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no type", invoice(Type=None), ["Invoice Type must be specified"]),
    ("no contact", invoice(Contact=None), ["A Contact must be specified for this type of transaction"]),
    ("status PAID", invoice(Status="PAID"), ["Invoice not of valid status for creation"]),
    ("status VOIDED", invoice(Status="VOIDED"), ["Invoice not of valid status for creation"]),
    ("account unknown", invoice(line(AccountCode="999")), ["Account code '999' is not a valid code for this document"]),
    ("account system", invoice(line(AccountCode="610")), ["Account code '610' is not a valid code for this document"]),
    ("account bank", invoice(line(AccountCode="090")), ["Account code '090' is not a valid code for this document"]),
    (
        "account archived",
        invoice(line(AccountCode="240")),
        ["Account code '240' has been archived or has been deleted. Each line item must reference a valid account."],
    ),
    ("tax unknown", invoice(line(TaxType="VAT9")), ["The TaxType code 'VAT9' is not valid"]),
    (
        "tax not for account",
        invoice(line(TaxType="INPUT2")),
        ["The TaxType code 'INPUT2' cannot be used with account code '200'."],
    ),
    (
        "tax not for expense account",
        invoice(line(TaxType="OUTPUT2", AccountCode="400")),
        ["The TaxType code 'OUTPUT2' cannot be used with account code '400'."],
    ),
    (
        "negative quantity",
        invoice(line(Quantity=-1)),
        [
            "The quantity value '-1.0000' is invalid. Quantity must not be less than zero.",
            "The Total for this document must be greater than or equal to zero.",
        ],
    ),
    (
        "negative total",
        invoice(line(UnitAmount=-100)),
        ["The Total for this document must be greater than or equal to zero."],
    ),
    (
        "line total",
        invoice(line(LineAmount="123", UnitAmount="134.99")),
        ["The line total 123.00 does not match the expected line total of 134.99"],
    ),
    ("tax amount", invoice(line(TaxAmount=101)), ["The tax amount cannot be greater than the line amount!"]),
    ("no due date", approved(DueDate=None), ["Due date cannot be empty"]),
    ("no lines", {**approved(), "LineItems": []}, ["One or more line items must be specified"]),
    ("no account on approval", approved(line(AccountCode="")), ["Account code must be specified"]),
    ("currency", invoice(CurrencyCode="GBP"), ["Users Organisation is not subscribed to currency GBP"]),
    ("item", invoice(line(ItemCode="NOPE")), ["Item code 'NOPE' is not valid"]),
    (
        "tracking",
        invoice(line(Tracking=[{"Name": "Region", "Option": "Atlantis"}])),
        ["Tracking option 'Atlantis' of category 'Region' is not valid"],
    ),
    (
        "tracking archived",
        invoice(line(Tracking=[{"Name": "Region", "Option": "Northland"}])),
        ["Tracking option 'Northland' of category 'Region' is not valid"],
    ),
    (
        "url with xero",
        invoice(Url="https://xero.example/job/1"),
        ["The Url must be a valid absolute URL that does not contain 'xero'"],
    ),
    ("long number", invoice(InvoiceNumber="N" * 256), ["InvoiceNumber must not be longer than 255 characters"]),
    (
        "archived contact by id",
        invoice(Contact={"ContactID": stable_id("nz", "contact", "Old Mill Cafe")}),
        [ARCHIVED],
    ),
    (
        "archived contact by name",
        invoice(Contact={"Name": "Old Mill Cafe"}),
        [ARCHIVED],
    ),
    (
        "several at once",
        approved(line(AccountCode="999", TaxType="VAT9"), DueDate=None, CurrencyCode="GBP"),
        [
            "Account code '999' is not a valid code for this document",
            "The TaxType code 'VAT9' is not valid",
            "Users Organisation is not subscribed to currency GBP",
            "Due date cannot be empty",
        ],
    ),
]


@pytest.mark.parametrize(("element", "expected"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_a_bad_invoice_is_refused_in_xeros_words(xero: Local, element: Any, expected: list[str]) -> None:
    refused = (await xero.put("Invoices", element))[0]
    assert messages(refused) == expected
    assert (refused["InvoiceID"], refused["HasErrors"], refused["StatusAttributeString"]) == (ZERO_GUID, True, "ERROR")
    assert len(xero.org.invoices) == 0
    assert len(xero.org.contacts) == 4


async def test_a_mixed_batch_is_answered_element_by_element(xero: Local) -> None:
    good, bad, last = await xero.put("Invoices", invoice(), invoice(Type=None), invoice(Reference="R-3"))
    assert [good["StatusAttributeString"], bad["StatusAttributeString"]] == ["OK", "ERROR"]
    assert (good["InvoiceNumber"], last["InvoiceNumber"]) == ("INV-0001", "INV-0002")
    assert {i.number for i in xero.org.invoices} == {"INV-0001", "INV-0002"}


async def test_summarised_errors_hold_only_the_failures_and_nothing_is_saved(xero: Local) -> None:
    body = {"Invoices": [invoice(), invoice(Type=None, Reference="bad")]}
    for path in ("Invoices", "Invoices?summarizeErrors=true"):
        answer = await xero.ask("PUT", path, body)
        refusal = loads(answer)
        assert answer.status_code == 400
        assert (refusal["ErrorNumber"], refusal["Type"]) == (10, "ValidationException")
        assert refusal["Message"] == "A validation exception occurred"
        assert [e["Reference"] for e in refusal["Elements"]] == ["bad"]
        assert messages(refusal["Elements"][0]) == ["Invoice Type must be specified"]
    assert len(xero.org.invoices) == 0
    assert (await xero.put("Invoices", invoice()))[0]["InvoiceNumber"] == "INV-0001"


async def test_the_default_of_summarize_errors_and_partial_saves_are_switches() -> None:
    body = {"Invoices": [invoice(), invoice(Type=None)]}
    async with local_xero(switches=Switches(summarize_errors_default=False)) as xero:
        assert (await xero.ask("PUT", "Invoices", body)).status_code == 200
    async with local_xero(switches=Switches(partial_save_when_summarized=True)) as xero:
        assert (await xero.ask("PUT", "Invoices", body)).status_code == 400
        assert len(xero.org.invoices) == 1


async def test_put_only_creates_and_post_overwrites_by_number(xero: Local) -> None:
    first = (await xero.put("Invoices", invoice(InvoiceNumber="J-1", Reference="old")))[0]
    again = (await xero.put("Invoices", invoice(InvoiceNumber="J-1", Reference="new")))[0]
    assert messages(again) == ["Invoice # must be unique."]
    posted = (await xero.post("Invoices", invoice(InvoiceNumber="J-1", Reference="new")))[0]
    assert (posted["InvoiceID"], posted["Reference"]) == (first["InvoiceID"], "new")
    assert len(xero.org.invoices) == 1


async def test_two_invoices_of_one_batch_cannot_share_a_number(xero: Local) -> None:
    _, second = await xero.put("Invoices", invoice(InvoiceNumber="J-1"), invoice(InvoiceNumber="J-1"))
    assert messages(second) == ["Invoice # must be unique."]


async def test_automatic_numbers_step_over_those_given_by_hand(xero: Local) -> None:
    await xero.put("Invoices", invoice(InvoiceNumber="INV-0002"))
    made = await xero.put("Invoices", invoice(), invoice())
    assert [i["InvoiceNumber"] for i in made] == ["INV-0001", "INV-0003"]


@pytest.mark.parametrize("reuse", [False, True])
async def test_whether_the_number_of_a_dead_invoice_is_free_again_is_a_switch(reuse: bool) -> None:
    async with local_xero(switches=Switches(reuse_dead_invoice_numbers=reuse)) as xero:
        made = (await xero.put("Invoices", invoice(InvoiceNumber="J-1")))[0]
        await xero.post(f"Invoices/{made['InvoiceID']}", {"Status": "DELETED"})
        again = (await xero.put("Invoices", invoice(InvoiceNumber="J-1")))[0]
        assert messages(again) == ([] if reuse else ["Invoice # must be unique."])


async def test_a_bare_object_is_taken_as_one_invoice(xero: Local) -> None:
    answer = await xero.ask("POST", "Invoices", invoice(Reference="alone"))
    assert content(answer)[0]["Reference"] == "alone"


async def test_bad_json_and_a_bad_date_refuse_the_whole_request(xero: Local) -> None:
    broken = await xero.client.put("/api.xro/2.0/Invoices", content=b'{"Invoices": [')
    assert (broken.status_code, broken.json()["Type"]) == (400, "PostDataInvalidException")
    assert broken.json()["Message"].startswith("JSON request body could not be read, Error")
    wrong = await xero.ask("PUT", "Invoices", invoice(Date="next week"))
    assert wrong.json()["Message"] == "JSON for post data was invalid,Could not convert string to DateTime"


TRANSITIONS = [
    ("DRAFT", "SUBMITTED", True),
    ("DRAFT", "AUTHORISED", True),
    ("DRAFT", "DELETED", True),
    ("DRAFT", "VOIDED", False),
    ("DRAFT", "PAID", False),
    ("SUBMITTED", "DRAFT", True),
    ("SUBMITTED", "DELETED", True),
    ("SUBMITTED", "VOIDED", False),
    ("AUTHORISED", "VOIDED", True),
    ("AUTHORISED", "DELETED", False),
    ("AUTHORISED", "DRAFT", False),
    ("DELETED", "DRAFT", False),
    ("VOIDED", "AUTHORISED", False),
]
ON_THE_WAY = {"VOIDED": ["AUTHORISED", "VOIDED"], "DELETED": ["DRAFT", "DELETED"]}


@pytest.mark.parametrize(("start", "end", "allowed"), TRANSITIONS)
async def test_a_status_moves_only_along_the_machine(xero: Local, start: str, end: str, allowed: bool) -> None:
    first, *rest = ON_THE_WAY.get(start, [start])
    id_ = (await xero.put("Invoices", approved(Status=first)))[0]["InvoiceID"]
    for status in rest:
        await xero.post(f"Invoices/{id_}", {"Status": status})
    moved = (await xero.post(f"Invoices/{id_}", {"Status": end}))[0]
    assert messages(moved) == ([] if allowed else ["Invoice not of valid status for modification"])
    assert (await xero.rows(f"Invoices/{id_}"))[0]["Status"] == (end if allowed else start)


async def test_line_items_on_update_are_kept_by_id_added_without_and_dropped_when_missing(xero: Local) -> None:
    made = (await xero.put("Invoices", invoice(line(Description="a"), line(Description="b"))))[0]
    kept = made["LineItems"][1]["LineItemID"]
    sent = {"LineItems": [{"LineItemID": kept, "UnitAmount": 7}, line(Description="c")]}
    changed = (await xero.post(f"Invoices/{made['InvoiceID']}", sent))[0]
    assert [row["Description"] for row in changed["LineItems"]] == ["b", "c"]
    assert changed["LineItems"][0]["LineItemID"] == kept
    assert changed["SubTotal"] == 107


async def test_a_status_only_update_keeps_lines_and_sums(xero: Local) -> None:
    made = (await xero.put("Invoices", approved(line(UnitAmount="25.0633"), Status="DRAFT"), unitdp=4))[0]
    moved = (await xero.post(f"Invoices/{made['InvoiceID']}", {"Status": "AUTHORISED"}, unitdp=4))[0]
    assert [row["UnitAmount"] for row in moved["LineItems"]] == [Decimal("25.0633")]
    assert (moved["Total"], moved["AmountDue"]) == (made["Total"], made["Total"])


async def test_an_approved_zero_invoice_is_paid_at_once(xero: Local) -> None:
    made = (await xero.put("Invoices", approved(line(UnitAmount=0))))[0]
    assert (made["Status"], made["AmountDue"]) == ("PAID", 0)


async def test_money_applied_locks_amounts_and_status(xero: Local) -> None:
    made = (await xero.put("Invoices", approved()))[0]
    await pay(xero, made["InvoiceID"], "15")
    path = f"Invoices/{made['InvoiceID']}"
    line_id = made["LineItems"][0]["LineItemID"]
    voided = (await xero.post(path, {"Status": "VOIDED"}))[0]
    assert messages(voided) == [
        "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to it."
    ]
    dearer = (await xero.post(path, {"LineItems": [{"LineItemID": line_id, "UnitAmount": 200}]}))[0]
    assert messages(dearer) == [MONEY_APPLIED]
    replaced = (await xero.post(path, {"LineItems": [line()]}))[0]
    assert messages(replaced) == ["To update fields on a paid invoice line item, you must supply a LineItemID"]
    assert (await xero.post(path, {"Reference": "later"}))[0]["Reference"] == "later"


async def test_whether_a_paid_invoice_may_change_its_reference_is_a_switch() -> None:
    async with local_xero(switches=Switches(paid_invoice_edits="none")) as xero:
        made = (await xero.put("Invoices", approved()))[0]
        await pay(xero, made["InvoiceID"], "115")
        changed = (await xero.post(f"Invoices/{made['InvoiceID']}", {"Reference": "later"}))[0]
        assert messages(changed) == [MONEY_APPLIED]


async def test_lock_dates_stop_approval_and_edits_but_not_drafts(xero: Local) -> None:
    xero.org.period_lock_date = date(2026, 10, 31)
    xero.org.end_of_year_lock_date = date(2026, 9, 30)
    period = "The document date cannot be before the period lock date, currently set at 31-Oct-2026"
    year = "The document date cannot be before the end of year lock date, currently set at 30-Sep-2026"
    days = ["2026-11-01", "2026-10-31", "2026-09-30"]
    made = await xero.put("Invoices", *(approved(Date=day) for day in days), approved(Date=days[2], Status="DRAFT"))
    assert [messages(element) for element in made] == [[], [period], [period, year], []]
    xero.org.user_role = "FINANCIALADVISER"
    assert [messages(e) for e in await xero.put("Invoices", *(approved(Date=d) for d in days))] == [[], [], [year]]
    xero.org.user_role, xero.org.period_lock_date = "STANDARD", date(2026, 11, 30)
    assert messages((await xero.post(f"Invoices/{made[0]['InvoiceID']}", {"Status": "VOIDED"}))[0]) == [
        "The document date cannot be before the period lock date, currently set at 30-Nov-2026"
    ]


async def test_a_user_without_the_permission_cannot_approve(xero: Local) -> None:
    xero.org.denied_actions = frozenset({"CreateApprovedInvoice"})
    refused, draft = await xero.put("Invoices", approved(), invoice())
    assert messages(refused) == ["The User specified does not have the correct permissions to perform this action"]
    assert draft["Status"] == "DRAFT"
    actions = {a["Name"]: a["Status"] for a in await xero.rows("Organisation/Actions")}
    assert (actions["CreateApprovedInvoice"], actions["CreateDraftInvoice"]) == ("NOT-ALLOWED", "ALLOWED")


# Xero's own example in "Rounding in Xero", live answers, and staff answers on ties.
VECTORS = [
    ("Exclusive", ["25.06", "25.61", "25.63"], "2", ("76.30", "11.44", "87.74")),
    ("Inclusive", ["89.00"], "2", ("77.39", "11.61", "89.00")),
    ("Inclusive", ["90.00"], "2", ("78.26", "11.74", "90.00")),
    ("Inclusive", ["95.50"], "2", ("83.04", "12.46", "95.50")),
    ("NoTax", ["25.06", "25.61", "25.63"], "2", ("76.30", "0.00", "76.30")),
    ("Exclusive", ["2.165"], "2", ("2.17", "0.33", "2.50")),
    ("Exclusive", ["2.164"], "2", ("2.16", "0.32", "2.48")),
    ("Exclusive", ["2.1650"], "4", ("2.17", "0.33", "2.50")),
    ("Exclusive", ["100.10", "-0.30"], "2", ("99.80", "14.97", "114.77")),
]


@pytest.mark.parametrize(("types", "prices", "places", "expected"), VECTORS)
async def test_tax_is_rounded_line_by_line(xero: Local, types: str, prices: Any, places: str, expected: Any) -> None:
    lines = [line(UnitAmount=price) for price in prices]
    made = (await xero.put("Invoices", invoice(*lines, LineAmountTypes=types), unitdp=places))[0]
    assert (made["SubTotal"], made["TotalTax"], made["Total"]) == tuple(Decimal(value) for value in expected)


@pytest.mark.parametrize(("rounding", "tax"), [("half_up", "0.03"), ("half_even", "0.02")])
async def test_ties_in_tax_are_a_switch(rounding: Any, tax: str) -> None:
    async with local_xero("au", switches=Switches(tax_rounding=rounding)) as xero:
        element = invoice(line(UnitAmount="0.25"), Contact={"Name": "Coogee Surf Club"})
        assert (await xero.put("Invoices", element))[0]["TotalTax"] == Decimal(tax)


async def test_a_price_is_rounded_before_it_is_multiplied(xero: Local) -> None:
    element = invoice(line(Quantity=1000, UnitAmount="0.12345"))
    assert (await xero.put("Invoices", element))[0]["SubTotal"] == Decimal("120.00")
    assert (await xero.put("Invoices", element, unitdp=4))[0]["SubTotal"] == Decimal("123.50")


async def test_discounts_lower_the_line(xero: Local) -> None:
    lines = [line(Quantity=2, DiscountRate=10), line(DiscountAmount=15), line(UnitAmount=-20)]
    made = (await xero.put("Invoices", invoice(*lines)))[0]
    assert [row["LineAmount"] for row in made["LineItems"]] == [180, 85, -20]
    assert (made["SubTotal"], made["TotalDiscount"], made["IsDiscounted"]) == (245, 35, True)


async def test_numbers_and_dates_have_xeros_text_forms(xero: Local) -> None:
    element = approved(line(Quantity=1.5, UnitAmount=25.06), CurrencyCode="USD")
    text = (await xero.ask("PUT", "Invoices", {"Invoices": [element]}, unitdp="4")).text
    for part in ('"Quantity":1.5000', '"UnitAmount":25.0600', '"CurrencyRate":0.590000', '"Total":43.23'):
        assert part in text
    assert r'"Date":"\/Date(1793577600000+0000)\/"' in text
    assert '"DateString":"2026-11-02T00:00:00"' in text
    assert '"UnitAmount":25.06,' in (await xero.get("Invoices/INV-0001")).text


async def test_a_line_of_text_needs_nothing_else(xero: Local) -> None:
    made = (await xero.put("Invoices", approved(line(), {"Description": "Thank you"})))[0]
    assert messages(made) == []
    assert "UnitAmount" not in made["LineItems"][1]


async def test_a_line_takes_its_accounts_tax_and_its_items_description_and_price(xero: Local) -> None:
    bare = {"ItemCode": "LAB", "AccountCode": "200"}
    made = (await xero.put("Invoices", approved(bare)))[0]["LineItems"][0]
    assert (made["TaxType"], made["UnitAmount"], made["Description"]) == ("OUTPUT2", Decimal("95.00"), "Labour")


async def test_an_unknown_name_makes_a_new_contact_once(xero: Local) -> None:
    new = {"Name": "Brand New Ltd"}
    first, second = await xero.put("Invoices", invoice(Contact=new), invoice(Contact={"Name": "brand  new LTD"}))
    assert first["Contact"]["ContactID"] == second["Contact"]["ContactID"]
    assert len(xero.org.contacts) == 5
    assert (await xero.rows(f"Contacts/{first['Contact']['ContactID']}"))[0]["IsCustomer"] is True


async def test_contact_details_on_an_invoice_change_the_contact_and_drop_its_people(xero: Local) -> None:
    people = [{"FirstName": "Ana", "EmailAddress": "ana@example.com", "IncludeInEmails": True}]
    made = (await xero.post("Contacts", {"Name": "Aroha Ngata", "ContactPersons": people}))[0]
    await xero.put("Invoices", invoice(Contact={"ContactID": made["ContactID"]}))
    assert len((await xero.rows(f"Contacts/{made['ContactID']}"))[0]["ContactPersons"]) == 1
    await xero.put("Invoices", invoice(Contact={"ContactID": made["ContactID"], "FirstName": "Aroha"}))
    changed = (await xero.rows(f"Contacts/{made['ContactID']}"))[0]
    assert (changed["FirstName"], changed["ContactPersons"]) == ("Aroha", [])


async def test_invoicing_a_known_contact_does_not_touch_its_update_time(xero: Local) -> None:
    before = (await xero.rows("Contacts/C-1001"))[0]["UpdatedDateUTC"]
    await xero.put("Invoices", invoice())
    assert (await xero.rows("Contacts/C-1001"))[0]["UpdatedDateUTC"] == before


async def test_the_default_date_is_today_where_the_organisation_is(xero: Local) -> None:
    made = (await xero.put("Invoices", invoice()))[0]
    assert made["DateString"] == f"{xero.org.today(xero.now()).isoformat()}T00:00:00"


async def test_an_invoice_is_found_by_id_and_by_a_number_with_a_slash(xero: Local) -> None:
    made = (await xero.put("Invoices", invoice(InvoiceNumber="J/1 #2")))[0]
    assert (await xero.rows("Invoices/J%2F1%20%232"))[0]["InvoiceID"] == made["InvoiceID"]
    assert (await xero.rows(f"Invoices/{made['InvoiceID'].upper()}"))[0]["InvoiceNumber"] == "J/1 #2"


async def test_history_is_permanent_and_signed_by_the_system(xero: Local) -> None:
    id_ = (await xero.put("Invoices", invoice()))[0]["InvoiceID"]
    answer = await xero.ask("PUT", f"Invoices/{id_}/History", {"HistoryRecords": [{"Details": "Job 1482"}]})
    assert answer.status_code == 200
    newest = (await xero.rows(f"Invoices/{id_}/History"))[0]
    assert (newest["Details"], newest["User"]) == ("Job 1482", "System Generated")
    long = await xero.ask("PUT", f"Invoices/{id_}/History", {"HistoryRecords": [{"Details": "x" * 2501}]})
    assert long.status_code == 400
    unknown = await xero.ask("PUT", f"Invoices/{stable_id('no')}/History", {"HistoryRecords": [{"Details": "x"}]})
    assert messages(loads(unknown)["Elements"][0]) == ["The document with the supplied id was not found for this endpoint."]


async def test_emailing_needs_approval_an_address_and_the_days_allowance(xero: Local) -> None:
    draft, ready = await xero.put("Invoices", invoice(), approved())
    silent = (await xero.put("Invoices", approved(Contact={"Name": "No Address Ltd"})))[0]
    for made, status in ((draft, 400), (silent, 400), (ready, 204)):
        assert (await xero.ask("POST", f"Invoices/{made['InvoiceID']}/Email", {})).status_code == status
    xero.org.email_limit = 1
    assert (await xero.ask("POST", f"Invoices/{ready['InvoiceID']}/Email", {})).status_code == 400
    assert [id_ for _, id_ in xero.org.emails] == [ready["InvoiceID"]]


async def test_the_online_invoice_and_the_pdf_exist_for_approved_invoices(xero: Local) -> None:
    id_ = (await xero.put("Invoices", approved()))[0]["InvoiceID"]
    assert (await xero.rows(f"Invoices/{id_}/OnlineInvoice"))[0]["OnlineInvoiceUrl"].startswith("https://in.xero.com/")
    pdf = await xero.get(f"Invoices/{id_}", {"Accept": "application/pdf"})
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")


async def test_xml_is_the_default_and_json_must_be_asked_for(xero: Local) -> None:
    await xero.put("Invoices", approved())
    answer = await xero.get("Invoices/INV-0001", {"Accept": "*/*"})
    assert answer.headers["content-type"].startswith("text/xml")
    assert "<InvoiceNumber>INV-0001</InvoiceNumber>" in answer.text
    assert "<Total>115.00</Total>" in answer.text


@pytest.mark.parametrize("path", ["Invoices/nothing", "Nonsense", "Contacts/unknown", "Payments/unknown"])
async def test_what_does_not_exist_is_a_page_not_json(xero: Local, path: str) -> None:
    answer = await xero.get(path)
    assert (answer.status_code, answer.text) == (404, "The resource you're looking for cannot be found")
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_wrong_method_is_not_implemented(xero: Local) -> None:
    answer = await xero.ask("DELETE", "Invoices")
    assert (answer.status_code, answer.json()["Type"]) == (501, "ApiMethodNotImplementedException")
