"""Xero's validation messages, word for word, and the advice that a person gets for each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.xero.messages import advise, says_name_taken, says_number_taken

ARCHIVED = (
    "The contact with the specified contact details has been archived. "
    "The contact must be un-archived before creating new invoices or credit notes."
)
NAME_TAKEN = (
    "The contact name X is already assigned to another contact. The contact name must be unique across all active contacts."
)
RENAME_TAKEN = (
    'The existing contact with name "A" cannot be updated to use new name "B". There is an existing contact with that name.'
)
UNIDENTIFIED = (
    "The Contact must contain at least 1 of the following elements to identify the contact: Name, ContactID, ContactNumber"
)

VERBATIM = [
    ("Invoice # must be unique.", "invoice_number_taken"),
    ("Invoice not of valid status for modification", "status_not_allowed"),
    ("Invoice not of valid status for creation", "status_not_allowed"),
    ("Document not of valid status for modification", "status_not_allowed"),
    ("This document cannot be edited as it has a payment or credit note allocated to it.", "invoice_paid"),
    (
        "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to it.",
        "invoice_paid",
    ),
    ("Account code '999' is not a valid code for this document", "account_unknown"),
    ("Account code must be specified", "account_missing"),
    (
        "Account code '202' has been archived or has been deleted. Each line item must reference a valid account.",
        "account_archived",
    ),
    ("The TaxType code 'X' cannot be used with account code 'Y'.", "tax_not_for_account"),
    ("The TaxType code 'X' is not valid", "tax_unknown"),
    ("One or more line items must be specified", "no_lines"),
    ("A Contact must be specified for this type of transaction", "contact_missing"),
    (UNIDENTIFIED, "contact_missing"),
    ("Email address must be valid.", "email_invalid"),
    ("Additional people cannot be added when the primary person has no email address set.", "email_invalid"),
    ("The document date cannot be before the period lock date, currently set at 30-Nov-2018", "date_locked"),
    ("The document date cannot be before the end of year lock date, currently set at 30-Nov-2018", "date_locked"),
    ("The Total for this document must be greater than or equal to zero.", "total_negative"),
    ("Due date cannot be empty", "due_date_missing"),
    ("Users Organisation is not subscribed to currency NZD", "currency_unknown"),
    ("You have reached the limit of invoices you can approve", "plan_limit"),
    ("The User specified does not have the correct permissions to perform this action", "user_not_allowed"),
    ("The document with the supplied id was not found for this endpoint.", "not_found"),
    ("An existing invoice with the specified ID could not be found", "not_found"),
    (
        "The quantity value '-1.0000' is invalid. Quantity must not be less than zero.",
        "quantity_negative",
    ),
    ("The line total 123.00 does not match the expected line total of 134.99", "totals_differ"),
    ("The tax amount cannot be greater than the line amount!", "totals_differ"),
    (ARCHIVED, "contact_archived"),
    (NAME_TAKEN, "contact_name_taken"),
    (RENAME_TAKEN, "contact_name_taken"),
    ("The contact name already exists. Please enter a different contact name", "contact_name_taken"),
    ("Another contact has this contact number. Please enter a different contact number.", "contact_number_taken"),
    ("The status 'ARCHIVED' is not valid for contacts", "contact_restore_refused"),
    ("Item code 'ABC' is not valid", "item_unknown"),
    ("Tracking option 'West' of category 'Region' is not valid", "tracking_unknown"),
    ("The BrandingThemeID could not be found", "branding_unknown"),
    ("The Url must be a valid absolute URL that does not contain 'xero'", "url_refused"),
    ("Description must be specified", "description_missing"),
    ("The daily email limit has been reached", "email_limit"),
    ("Reference must not be longer than 255 characters", "too_long"),
    ("An unhandled error with the Xero API occurred. Contact the Xero API team if problems persist", "xero_away"),
]


@pytest.mark.parametrize(("message", "code"), VERBATIM, ids=[code for _, code in VERBATIM])
def test_xeros_own_words_have_a_stable_code_and_a_fix(message: str, code: str) -> None:
    advice = advise([message])
    assert advice.code == code
    assert message.rstrip(".!") in advice.why
    assert advice.fix.endswith(".") or advice.fix.endswith("`.")
    assert "{" not in advice.fix


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("Account code '999' is not a valid code for this document", "Account 999"),
        ("The TaxType code 'INPUT2' cannot be used with account code '200'.", "INPUT2 with account 200"),
        ("Users Organisation is not subscribed to currency NZD", "Add NZD"),
        (
            "The document date cannot be before the period lock date, currently set at 30-Nov-2018",
            "period lock date is 30-Nov-2018",
        ),
    ],
)
def test_the_fix_names_what_xero_named(message: str, named: str) -> None:
    assert named in advise([message]).fix


def test_an_unknown_message_is_shown_whole() -> None:
    advice = advise(["The moon is in the wrong phase", "Try again"])
    assert advice.code == "xero_refused"
    assert advice.why == "The moon is in the wrong phase. Try again."
    assert not advice.retry


def test_of_several_messages_the_first_known_one_gives_the_code_and_each_its_fix_once() -> None:
    locked = "The document date cannot be before the period lock date, currently set at 30-Nov-2018"
    advice = advise(["Something new", "Due date cannot be empty", "Due date cannot be empty", locked])
    assert advice.code == "due_date_missing"
    assert advice.fix.count("invoice.terms") == 1
    assert "lock date" in advice.fix


@pytest.mark.parametrize(
    ("messages", "retry"),
    [
        (["API is currently unavailable"], True),
        (["API is currently unavailable", "Due date cannot be empty"], False),
        (["API is currently unavailable", "Something new"], False),
        (["Users Organisation is not subscribed to currency NZD"], False),
        ([], False),
    ],
)
def test_the_same_document_may_pass_later_only_if_every_message_may(messages: list[str], retry: bool) -> None:
    assert advise(messages).retry is retry


@given(st.lists(st.text()))
def test_any_text_gets_advice_and_none_is_lost(messages: list[str]) -> None:
    advice = advise(messages)
    assert advice.code
    assert advice.fix
    assert all(message.strip() in advice.why for message in messages)


def test_a_taken_name_and_a_taken_number_are_told_apart() -> None:
    assert says_name_taken("The contact name Bob\nSmith is already assigned to another contact.")
    assert not says_name_taken("Another contact has this contact number.")
    assert says_number_taken("Another contact has this contact number. Please enter a different contact number.")
    assert not says_number_taken("Email address must be valid.")
