"""Contacts in the local Xero: identity, uniqueness, archive and merge, and finding them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.xero import Switches
from sandbox.xero.tenant import stable_id
from tests.integration.sandbox_xero import ZERO_GUID, Local, content, invoice, loads, local_xero, messages

AROHA = stable_id("nz", "contact", "Aroha Ngata")
HARBOUR = stable_id("nz", "contact", "Harbour View Apartments")
MILL = stable_id("nz", "contact", "Old Mill Cafe")
NUMBER_TAKEN = "Another contact has this contact number. Please enter a different contact number."
UNIDENTIFIED = (
    "The Contact must contain at least 1 of the following elements to identify the contact: Name, ContactID, ContactNumber"
)
PEOPLE = "Additional people cannot be added when the primary person has no email address set."


def name_taken(name: str) -> str:
    return (
        f"The contact name {name} is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )


@pytest.fixture
async def xero() -> AsyncIterator[Local]:
    async with local_xero() as local:
        yield local


REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "nothing to go by",
        {"EmailAddress": "a@b.example"},
        [UNIDENTIFIED],
    ),
    ("name taken", {"Name": "Aroha Ngata"}, [name_taken("Aroha Ngata")]),
    ("name taken in another case", {"Name": "AROHA NGATA"}, [name_taken("AROHA NGATA")]),
    ("number taken", {"Name": "New", "ContactNumber": "C-1001"}, [NUMBER_TAKEN]),
    ("both taken", {"Name": "Aroha Ngata", "ContactNumber": "C-1002"}, [name_taken("Aroha Ngata"), NUMBER_TAKEN]),
    ("bad e-mail", {"Name": "New", "EmailAddress": "not an address"}, ["Email address must be valid."]),
    ("umlaut in e-mail", {"Name": "New", "EmailAddress": "jürgen@example.com"}, ["Email address must be valid."]),
    ("people without e-mail", {"Name": "New", "ContactPersons": [{"FirstName": "A"}]}, [PEOPLE]),
    ("brackets", {"Name": "New <Ltd>"}, ["The contact name must not contain angle brackets"]),
    (
        "two spaces",
        {"Name": "New  Ltd"},
        ["The contact name must not have leading, trailing or double spaces"],
    ),
    ("long name", {"Name": "N" * 256}, ["Name must not be longer than 255 characters"]),
    ("long number", {"Name": "N", "ContactNumber": "9" * 51}, ["ContactNumber must not be longer than 50 characters"]),
    (
        "country",
        {"Name": "N", "Addresses": [{"AddressType": "STREET", "Country": "NZ1"}]},
        ["Country must contain letters only"],
    ),
    ("currency", {"Name": "N", "DefaultCurrency": "GBP"}, ["Users Organisation is not subscribed to currency GBP"]),
]


@pytest.mark.parametrize(("element", "expected"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_a_bad_contact_is_refused_in_xeros_words(xero: Local, element: Any, expected: list[str]) -> None:
    refused = (await xero.put("Contacts", element))[0]
    assert messages(refused) == expected
    assert (refused["ContactID"], refused["HasValidationErrors"]) == (ZERO_GUID, True)
    assert len(xero.org.contacts) == 4


async def test_a_refused_contact_alone_is_a_400_with_the_element(xero: Local) -> None:
    answer = await xero.ask("PUT", "Contacts", {"Contacts": [{"Name": "Aroha Ngata"}]})
    assert answer.status_code == 400
    assert messages(loads(answer)["Elements"][0]) == [name_taken("Aroha Ngata")]


async def test_a_mixed_batch_of_contacts_saves_the_good_ones(xero: Local) -> None:
    made = await xero.put("Contacts", {"Name": "A"}, {"Name": "Aroha Ngata"}, {"Name": "a"}, {"Name": "B"})
    assert [c["StatusAttributeString"] for c in made] == ["OK", "ERROR", "ERROR", "OK"]
    assert len(xero.org.contacts) == 6


async def test_post_finds_by_id_then_number_then_name_and_changes_only_what_is_sent(xero: Local) -> None:
    by_id = {"ContactID": AROHA, "FirstName": "Aroha"}
    by_number = {"ContactNumber": "C-1001", "LastName": "Ngata"}
    by_name = {"Name": "aroha ngata", "AccountNumber": "A-9"}
    assert {c["ContactID"] for c in await xero.post("Contacts", by_id, by_number, by_name)} == {AROHA}
    contact = (await xero.rows(f"Contacts/{AROHA}"))[0]
    assert (contact["FirstName"], contact["LastName"], contact["AccountNumber"]) == ("Aroha", "Ngata", "A-9")
    assert (contact["EmailAddress"], contact["Name"]) == ("aroha@example.com", "aroha ngata")


async def test_a_rename_onto_another_contact_is_refused_with_both_names(xero: Local) -> None:
    refused = (await xero.post("Contacts", {"ContactID": AROHA, "Name": "Harbour View Apartments"}))[0]
    expected = (
        'The existing contact with name "Aroha Ngata" cannot be updated to use new name "Harbour View Apartments". '
        "There is an existing contact with that name."
    )
    assert messages(refused) == [expected]


async def test_a_contact_is_archived_and_its_name_is_free_but_not_its_number(xero: Local) -> None:
    await xero.post("Contacts", {"ContactID": AROHA, "ContactStatus": "ARCHIVED"})
    same_name, same_number = await xero.put("Contacts", {"Name": "Aroha Ngata"}, {"Name": "X", "ContactNumber": "C-1001"})
    assert (messages(same_name), messages(same_number)) == ([], [NUMBER_TAKEN])


@pytest.mark.parametrize("allowed", [True, False])
async def test_whether_the_api_restores_an_archived_contact_is_a_switch(allowed: bool) -> None:
    async with local_xero(switches=Switches(unarchive_by_api=allowed)) as xero:
        restored = (await xero.post("Contacts", {"ContactID": MILL, "ContactStatus": "ACTIVE"}))[0]
        assert messages(restored) == ([] if allowed else ["The status 'ACTIVE' is not valid for contacts"])


async def test_restoring_fails_when_an_active_contact_has_the_name(xero: Local) -> None:
    await xero.put("Contacts", {"Name": "Old Mill Cafe"})
    restored = (await xero.post("Contacts", {"ContactID": MILL, "ContactStatus": "ACTIVE"}))[0]
    assert messages(restored) == [name_taken("Old Mill Cafe")]


@pytest.mark.parametrize(("mode", "contacts"), [("error", 4), ("create", 5)])
async def test_an_invoice_for_an_archived_name_is_refused_or_makes_a_contact(mode: Any, contacts: int) -> None:
    async with local_xero(switches=Switches(archived_name_on_invoice=mode)) as xero:
        await xero.put("Invoices", invoice(Contact={"Name": "Old Mill Cafe"}))
        assert len(xero.org.contacts) == contacts


async def test_spaces_in_names_are_trimmed_when_so_switched() -> None:
    async with local_xero(switches=Switches(contact_name_spaces="trim")) as xero:
        assert (await xero.put("Contacts", {"Name": " New  Ltd "}))[0]["Name"] == "New Ltd"


async def test_a_merge_archives_the_loser_and_points_to_the_winner(xero: Local) -> None:
    made = (await xero.put("Invoices", invoice()))[0]
    xero.sandbox.state.merge_contacts("nz", AROHA, HARBOUR)
    loser = (await xero.rows(f"Contacts/{AROHA}"))[0]
    assert (loser["ContactStatus"], loser["MergedToContactID"]) == ("ARCHIVED", HARBOUR)
    assert (await xero.rows(f"Invoices/{made['InvoiceID']}"))[0]["Contact"]["ContactID"] == HARBOUR
    refused = (await xero.put("Invoices", invoice(Contact={"ContactID": AROHA})))[0]
    assert messages(refused)[0].startswith("The contact with the specified contact details has been archived.")
    paged = await xero.rows("Contacts", IDs=AROHA, page=1, includeArchived="true")
    unpaged = await xero.rows("Contacts", IDs=AROHA, includeArchived="true")
    assert ("MergedToContactID" in paged[0], "MergedToContactID" in unpaged[0]) == (True, False)


async def test_archived_contacts_are_listed_only_when_asked_for(xero: Local) -> None:
    assert len(await xero.rows("Contacts")) == 3
    assert len(await xero.rows("Contacts", includeArchived="true")) == 4
    assert (await xero.rows(f"Contacts/{MILL}"))[0]["ContactStatus"] == "ARCHIVED"


FOUND: list[tuple[dict[str, str], set[str]]] = [
    ({"where": 'Name="aroha NGATA"'}, {"Aroha Ngata"}),
    ({"where": 'EmailAddress="OFFICE@harbourview.example"'}, {"Harbour View Apartments"}),
    ({"where": 'EmailAddress==null OR ContactNumber=="C-1001"'}, {"Aroha Ngata"}),
    ({"where": 'ContactNumber=="C-1001" AND IsCustomer==true'}, {"Aroha Ngata"}),
    ({"where": f'ContactID==Guid("{AROHA}")'}, {"Aroha Ngata"}),
    ({"where": 'Name.Contains("view") || Name.StartsWith("Ridge")'}, {"Harbour View Apartments", "Ridgeline Builders Ltd"}),
    (
        {"where": 'Name!="Aroha Ngata" && (IsSupplier==false)', "order": "Name DESC"},
        {"Ridgeline Builders Ltd", "Harbour View Apartments"},
    ),
    ({"searchTerm": "ridge"}, {"Ridgeline Builders Ltd"}),
    ({"searchTerm": "c-1002"}, {"Harbour View Apartments"}),
    ({"IDs": f"{AROHA},{HARBOUR.upper()}"}, {"Aroha Ngata", "Harbour View Apartments"}),
]


@pytest.mark.parametrize(("query", "names"), FOUND)
async def test_contacts_are_found(xero: Local, query: Any, names: set[str]) -> None:
    assert {c["Name"] for c in await xero.rows("Contacts", **query)} == names


async def test_a_contact_is_read_by_its_number(xero: Local) -> None:
    assert (await xero.rows("Contacts/C-1001"))[0]["ContactID"] == AROHA


async def test_an_unknown_property_in_where_is_a_query_error(xero: Local) -> None:
    answer = await xero.get("Contacts", where='Nmae=="x"')
    assert (answer.status_code, answer.json()["Type"], answer.json()["ErrorNumber"]) == (400, "QueryParseException", 16)
    assert answer.json()["Message"] == "No property or field 'Nmae' exists in type 'Contact' (at index 0)"


async def test_pages_hold_what_an_unpaged_list_leaves_out(xero: Local) -> None:
    await xero.put("Contacts", *({"Name": f"Customer {n:03d}"} for n in range(120)))
    first = loads(await xero.get("Contacts", page=1))
    assert first["pagination"] == {"page": 1, "pageSize": 100, "pageCount": 2, "itemCount": 123}
    assert len(first["Contacts"]) == 100
    second = loads(await xero.get("Contacts", page=2))
    assert len(second["Contacts"]) == 23
    assert "ContactPersons" in second["Contacts"][0]
    unpaged = loads(await xero.get("Contacts"))
    assert "pagination" not in unpaged
    assert "ContactPersons" not in unpaged["Contacts"][0]
    big = loads(await xero.get("Contacts", page=1, pageSize=5000))
    assert big["pagination"]["pageSize"] == 1000


async def test_a_summary_is_paged_and_short(xero: Local) -> None:
    answer = loads(await xero.get("Contacts", summaryOnly="true"))
    assert answer["pagination"]["itemCount"] == 3
    assert "Addresses" not in answer["Contacts"][0]


async def test_if_modified_since_shows_what_changed_oldest_first(xero: Local) -> None:
    mark = xero.now().strftime("%Y-%m-%dT%H:%M:%S")
    assert await xero.rows("Contacts", {"If-Modified-Since": "2035-01-01T00:00:00"}) == []
    await xero.put("Contacts", {"Name": "Zed"}, {"Name": "Alpha"})
    xero.clock.advance(2)
    await xero.post("Contacts", {"ContactID": AROHA, "FirstName": "A"})
    changed = await xero.rows("Contacts", {"If-Modified-Since": mark}, page=1)
    assert {c["Name"] for c in changed[:2]} == {"Zed", "Alpha"}
    assert changed[-1]["ContactID"] == AROHA
    http_date = {"If-Modified-Since": xero.now().strftime("%a, %d %b %Y %H:%M:%S GMT")}
    assert [c["ContactID"] for c in await xero.rows("Contacts", http_date)] == [AROHA]


async def test_nothing_modified_may_be_a_304_by_a_switch() -> None:
    async with local_xero(switches=Switches(not_modified_304=True)) as xero:
        answer = await xero.get("Contacts", {"If-Modified-Since": "2035-01-01T00:00:00"})
        assert (answer.status_code, answer.content) == (304, b"")


async def test_addresses_and_phones_always_show_their_kinds_and_keep_what_is_not_sent(xero: Local) -> None:
    street = {"AddressType": "STREET", "AddressLine1": "1 High St", "City": "Hamilton", "Country": "New Zealand"}
    await xero.post("Contacts", {"ContactID": AROHA, "Addresses": [street]})
    phone = {"PhoneType": "MOBILE", "PhoneNumber": "555 12", "PhoneAreaCode": "21"}
    changed = (await xero.post("Contacts", {"ContactID": AROHA, "Phones": [phone]}))[0]
    assert {a["AddressType"]: a.get("AddressLine1") for a in changed["Addresses"]} == {"STREET": "1 High St", "POBOX": None}
    assert {p["PhoneType"]: p["PhoneNumber"] for p in changed["Phones"]} == {
        "DEFAULT": "",
        "DDI": "",
        "FAX": "",
        "MOBILE": "555 12",
    }


async def test_an_unknown_contact_id_in_the_path_is_not_found(xero: Local) -> None:
    answer = await xero.ask("POST", f"Contacts/{stable_id('no')}", {"Contacts": [{"FirstName": "A"}]})
    assert answer.status_code == 404


async def test_organisations_hold_what_the_demo_needs(xero: Local) -> None:
    for key, org in xero.sandbox.state.organisations.items():
        assert org.account("240") is not None, key
        assert {a.status for a in org.accounts} == {"ACTIVE", "ARCHIVED"}
        assert {c.status for c in org.contacts} == {"ACTIVE", "ARCHIVED"}
    assert content(await xero.get("Organisation"))[0]["Timezone"] == "NEWZEALANDSTANDARDTIME"
    accounts = {a["Code"]: a for a in await xero.rows("Accounts", where='Status=="ACTIVE"')}
    assert accounts["610"]["SystemAccount"] == "DEBTORS"
    assert accounts["235"]["Class"] == "LIABILITY"
    assert "240" not in accounts
    rates = {r["TaxType"]: r["EffectiveRate"] for r in await xero.rows("TaxRates")}
    assert rates == {"OUTPUT2": 15, "INPUT2": 15, "ZERORATED": 0, "NONE": 0}
