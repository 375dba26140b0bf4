"""Contacts: look-up keys, what is sent, and what Xero's answer says of each."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from milepost.errors import AnswerLost
from milepost.jobs import Address
from milepost.xero import wire
from milepost.xero.contacts import (
    ContactOutcome,
    MirrorContact,
    contact_payload,
    contacts_body,
    email_key,
    name_key,
    read_contact_outcomes,
    restore_body,
)
from tests.unit.xero.builders import CONTACT_ID, answer, contact


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Smith & Sons Ltd.", "smith and sons LTD"),
        ("Café Zoë", "CAFE ZOE"),
        ("O'Brien Plumbing", "OBrien  plumbing "),
        ("O’Brien", "o'brien"),
        ("A.B.C. Homes", "ABC Homes"),
        ("Smith-Jones, Bob", "smith jones bob"),
        ("Straße 9", "STRASSE 9"),
        ("Bits + Pieces", "bits and pieces"),
        ("Ｆｕｌｌ width", "full width"),
    ],
)
def test_names_a_person_would_call_the_same_have_the_same_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Smith 1", "Smith 2"), ("***", "---"), ("नमस्ते", "नमसत"), ("東京", "京都"), ("Ann", "Anna")]
)
def test_different_names_have_different_keys(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@given(st.text())
def test_a_key_is_its_own_key_and_fits_its_column(name: str) -> None:
    key = name_key(name)
    assert len(key) <= 500
    assert name_key(f"  {name} ") == key


@pytest.mark.parametrize(
    ("email", "key"),
    [
        (" Ann@Example.COM ", "ann@example.com"),
        ("a.b+c@mail.example.co.nz", "a.b+c@mail.example.co.nz"),
        ("müller@example.com", None),
        ("ann@exämple.com", None),
        ("ann@localhost", None),
        ("ann@@example.com", None),
        ("ann, bob@example.com", None),
        ("Ann <ann@example.com>", None),
        ("", None),
        (None, None),
        ("a" * 250 + "@example.com", None),
    ],
)
def test_only_what_xero_takes_for_an_email_is_a_key(email: str | None, key: str | None) -> None:
    assert email_key(email) == key


def test_a_full_contact_is_sent_in_xeros_shape(snapshot: SnapshotAssertion) -> None:
    draft = contact(
        name="  Ngaio   <Cafe>\n& Bar ",
        first_name="Mere",
        last_name="Tane",
        email="mere@ngaio.example",
        phone="+64 4 555 0199",
        tax_number="123-456-789",
        company_number="9429000000000",
        address=Address(line1="1 Ngaio Rd", city="Wellington", region="", postcode="6035", country="New Zealand (NZ) 6"),
    )
    assert wire.dumps(contact_payload(draft)) == snapshot


@pytest.mark.parametrize(
    ("more", "left_out"),
    [
        ({"email": "no e-mail"}, "EmailAddress"),
        ({"email": "müller@example.com"}, "EmailAddress"),
        ({"phone": "  "}, "Phones"),
        ({"address": Address()}, "Addresses"),
        ({"tax_number": ""}, "TaxNumber"),
        ({}, "FirstName"),
    ],
)
def test_what_is_empty_or_invalid_is_left_out(more: dict[str, Any], left_out: str) -> None:
    assert left_out not in contact_payload(contact(**more))


@given(st.text())
def test_any_name_is_sent_as_xero_takes_it(name: str) -> None:
    sent = contact_payload(contact(number="N1", name=name))["Name"]
    assert 0 < len(sent) <= 255
    assert not set(sent) & set("<>\n\r\t\x00")
    assert sent == " ".join(sent.split())


@pytest.mark.parametrize(
    ("country", "sent"),
    [("New Zealand", "New Zealand"), ("U.S.A.", "U.S.A"), ("(NZ)", "NZ"), ("Côte d'Ivoire", "Côte d'Ivoire")],
)
def test_a_country_is_sent_as_letters_only(country: str, sent: str) -> None:
    payload = contact_payload(contact(address=Address(line1="1 Rd", country=country)))
    assert payload["Addresses"][0]["Country"] == sent


def test_a_number_is_sent_as_it_was_made_to_be_found_again() -> None:
    assert contact_payload(contact("j-17 / B"))["ContactNumber"] == "j-17 / B"


def test_contacts_are_created_in_one_body() -> None:
    body = contacts_body([contact("A", "Ann"), contact("B", "Bob")])
    assert body == '{"Contacts":[{"Name":"Ann","ContactNumber":"A"},{"Name":"Bob","ContactNumber":"B"}]}'


def test_restoring_changes_nothing_but_the_status() -> None:
    assert restore_body(CONTACT_ID) == f'{{"Contacts":[{{"ContactID":"{CONTACT_ID}","ContactStatus":"ACTIVE"}}]}}'


NAME_TAKEN = (
    "The contact name Ngaio Cafe is already assigned to another contact. "
    "The contact name must be unique across all active contacts."
)
NUMBER_TAKEN = "Another contact has this contact number. Please enter a different contact number."


def refused(number: str | None, *messages: str) -> dict[str, Any]:
    row: dict[str, Any] = {"ContactID": wire.ZERO_GUID, "StatusAttributeString": "ERROR", "HasValidationErrors": True}
    errors = {"ValidationErrors": [{"Message": message} for message in messages]}
    return {**row, **errors, **({"ContactNumber": number} if number else {})}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"ContactID": CONTACT_ID, "ContactNumber": "A"}, ContactOutcome("A", CONTACT_ID)),
        ({"contactID": CONTACT_ID, "contactNumber": "A"}, ContactOutcome("A", CONTACT_ID)),
        (refused("A", NAME_TAKEN), ContactOutcome("A", None, (NAME_TAKEN,), name_taken=True)),
        (refused(None, NUMBER_TAKEN), ContactOutcome("A", None, (NUMBER_TAKEN,), number_taken=True)),
        (
            refused("A", NAME_TAKEN, NUMBER_TAKEN),
            ContactOutcome("A", None, (NAME_TAKEN, NUMBER_TAKEN), name_taken=True, number_taken=True),
        ),
        (refused("A"), ContactOutcome("A", None, ("Xero refused the contact without saying why",))),
    ],
)
def test_each_contact_has_its_own_outcome(row: dict[str, Any], expected: ContactOutcome) -> None:
    assert read_contact_outcomes(answer({"Contacts": [row]}), [contact("A")]) == [expected]


def test_outcomes_are_matched_by_number_before_place() -> None:
    rows = [{"ContactID": "id-b", "ContactNumber": "B"}, {"ContactID": "id-a", "ContactNumber": "A"}]
    outcomes = read_contact_outcomes(answer({"Contacts": rows}), [contact("A"), contact("B")])
    assert [outcome.contact_id for outcome in outcomes] == ["id-a", "id-b"]


def test_a_validation_exception_is_read_like_any_outcome() -> None:
    data = {"Type": "ValidationException", "Elements": [refused("A", NAME_TAKEN)]}
    assert read_contact_outcomes(answer(data, 400), [contact("A")])[0].name_taken


@pytest.mark.parametrize(
    "rows", [[], [{"ContactID": "x", "ContactNumber": "Z"}, {"ContactID": "y", "ContactNumber": "A"}], [refused("B")]]
)
def test_an_answer_that_leaves_a_contact_out_is_a_lost_answer(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(AnswerLost):
        read_contact_outcomes(answer({"Contacts": rows}), [contact("A"), contact("B")])


def test_names_and_addresses_stay_out_of_the_repr() -> None:
    shown = repr(MirrorContact(CONTACT_ID, "Ann Private", "ann@example.com", tax_number="123"))
    assert "Ann" not in shown
    assert "@" not in shown
    assert "123" not in shown
