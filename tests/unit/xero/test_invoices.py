"""Invoices: what is sent, and what Xero's answer says of each."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from milepost.errors import AnswerLost
from milepost.money import LineAmountTypes
from milepost.xero import wire
from milepost.xero.invoices import (
    InvoiceOutcome,
    deep_link,
    invoice_payload,
    invoices_body,
    read_invoice_outcomes,
)
from tests.unit.xero.builders import CONTACT_ID, INVOICE_ID, answer, draft, line, tracking

Json = dict[str, Any]


def test_a_full_invoice_is_sent_in_xeros_shape(snapshot: SnapshotAssertion) -> None:
    invoice = draft(
        line("Labour (2.5 h after hours)", "2.5", "95.00", account="203"),
        line("Pipe 15 mm", "12", "4.3275", account="210", item="PIPE15", discount_rate=Decimal(10)),
        line("Agreed reduction", "1", "-50.00", tracking=(tracking("Region", "North"), tracking("Department", "Service"))),
        line("Call-out", "1", "80", discount_amount=Decimal("5.00")),
        line("Thank you.\x07", "0", "0", account=None, tax_type=None),
        number="1482-FIN",
        status="AUTHORISED",
        branding_theme_id="b1a2",
    )
    assert invoices_body([invoice_payload(invoice, CONTACT_ID)]) == snapshot


def test_what_is_not_given_is_not_sent() -> None:
    payload = invoice_payload(draft(), CONTACT_ID)
    assert not {"InvoiceNumber", "BrandingThemeID", "SentToContact"} & set(payload)
    assert set(payload["LineItems"][0]) == {"Description", "Quantity", "UnitAmount", "AccountCode", "TaxType"}


def test_of_the_contact_only_the_id_is_sent() -> None:
    assert invoice_payload(draft(), CONTACT_ID)["Contact"] == {"ContactID": CONTACT_ID}


@given(
    st.lists(
        st.tuples(
            st.decimals(0, 9999, places=4),
            st.decimals(-99999, 99999, places=4),
            st.text(min_size=1),
            st.none() | st.decimals(0, 100, places=2),
        ),
        min_size=1,
        max_size=10,
    ),
    st.sampled_from(LineAmountTypes),
)
def test_every_amount_reaches_xero_digit_by_digit(
    rows: list[tuple[Decimal, Decimal, str, Decimal | None]], types: LineAmountTypes
) -> None:
    lines = [line(text, str(quantity), str(price), discount_rate=rate) for quantity, price, text, rate in rows]
    body = invoices_body([invoice_payload(draft(*lines, line_amount_types=types), CONTACT_ID)])
    sent = wire.loads(body)["Invoices"][0]
    assert sent["LineAmountTypes"] == types.value
    for (quantity, price, _, rate), got in zip(rows, sent["LineItems"], strict=True):
        assert (got["Quantity"], got["UnitAmount"], got.get("DiscountRate")) == (quantity, price, rate)
        assert not {"LineAmount", "TaxAmount"} & set(got)


def test_long_texts_are_cut_to_xeros_limits() -> None:
    payload = invoice_payload(draft(line("d" * 5000), reference="r" * 300), CONTACT_ID)
    assert len(payload["LineItems"][0]["Description"]) == 4000
    assert len(payload["Reference"]) == 255


def created(url: str | None = None, invoice_id: str = INVOICE_ID, **more: Any) -> Json:
    row: Json = {
        "InvoiceID": invoice_id,
        "InvoiceNumber": "INV-0001",
        "Status": "DRAFT",
        "SubTotal": Decimal("100.00"),
        "TotalTax": Decimal("15.00"),
        "Total": Decimal("115.00"),
        "AmountDue": Decimal("115.00"),
        "Reference": "1482",
        "Contact": {"ContactID": CONTACT_ID},
        "StatusAttributeString": "OK",
        "HasErrors": False,
    }
    return {**row, **({"Url": url} if url else {}), **more}


def refused(*messages: str, **more: Any) -> Json:
    errors = [{"Message": message} for message in messages]
    return {
        "InvoiceID": wire.ZERO_GUID,
        "HasErrors": True,
        "StatusAttributeString": "ERROR",
        "ValidationErrors": errors,
        "Status": "DRAFT",
        **more,
    }


def outcomes(*rows: Json, expected: int | None = None, body: str | None = None, status: int = 200) -> list[InvoiceOutcome]:
    count = len(rows) if expected is None else expected
    return read_invoice_outcomes(answer({"Invoices": list(rows)}, status), count, body)


def test_a_created_invoice_carries_its_id_and_xeros_totals() -> None:
    assert outcomes(created("http://x/1")) == [
        InvoiceOutcome(
            invoice_id=INVOICE_ID,
            number="INV-0001",
            status="DRAFT",
            sub_total=Decimal("100.00"),
            total_tax=Decimal("15.00"),
            total=Decimal("115.00"),
            amount_due=Decimal("115.00"),
            url="http://x/1",
            reference="1482",
            contact_id=CONTACT_ID,
        )
    ]


def test_good_and_bad_invoices_of_one_batch_stand_alone() -> None:
    good, bad = outcomes(
        created(), refused("Account code '999' is not a valid code for this document", "Due date cannot be empty")
    )
    assert good.invoice_id == INVOICE_ID
    assert bad.invoice_id is None
    assert bad.messages == ("Account code '999' is not a valid code for this document", "Due date cannot be empty")


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        (refused(), ("Xero refused the invoice without saying why",)),
        (created(invoice_id=wire.ZERO_GUID), ("Xero refused the invoice without saying why",)),
        (refused("Bad", LineItems=[{"ValidationErrors": [{"Message": "Bad line"}]}]), ("Bad", "Bad line")),
        (refused("Bad", Contact={"ValidationErrors": [{"Message": "Bad contact"}]}), ("Bad", "Bad contact")),
        (created(ValidationErrors=[{"Message": "Invoice # must be unique."}]), ("Invoice # must be unique.",)),
    ],
)
def test_an_error_without_an_id_of_its_own_means_not_created(row: Json, messages: tuple[str, ...]) -> None:
    """The last one's id is of the invoice that has the number already."""
    (outcome,) = outcomes(row)
    assert outcome.invoice_id is None
    assert outcome.messages == messages


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        (created(HasErrors=True), ("It has errors, which Xero does not name",)),
        (created(StatusAttributeString="ERROR"), ("It has errors, which Xero does not name",)),
        (created(ValidationErrors=[{"Description": "Bad"}]), ("Bad",)),
        (created(LineItems=[{"ValidationErrors": [{"Message": "Bad line"}]}]), ("Bad line",)),
    ],
)
def test_an_invoice_with_a_real_id_exists_whatever_xero_says_against_it(row: Json, messages: tuple[str, ...]) -> None:
    (outcome,) = outcomes(row)
    assert (outcome.invoice_id, outcome.messages) == (INVOICE_ID, messages)


def test_a_warning_is_told_and_the_invoice_is_created() -> None:
    (outcome,) = outcomes(created(StatusAttributeString="WARNING", Warnings=[{"Message": "Number was cut"}]))
    assert outcome.invoice_id == INVOICE_ID
    assert outcome.warnings == ("Number was cut",)


def test_keys_in_lower_case_are_read_alike() -> None:
    row = {key[0].lower() + key[1:]: value for key, value in created().items()}
    assert read_invoice_outcomes(answer({"invoices": [row]}), 1)[0].total == Decimal("115.00")


def sent_body(*urls: str, reference: str = "1482") -> str:
    return invoices_body([invoice_payload(draft(url=url, reference=reference), CONTACT_ID) for url in urls])


def test_an_answer_in_another_order_is_matched_by_url() -> None:
    rows = [created("http://x/2", "id-2"), created("HTTP://x/1/", "id-1")]
    found = outcomes(*rows, body=sent_body("http://x/1", "http://x/2"))
    assert [outcome.invoice_id for outcome in found] == ["id-1", "id-2"]


def test_a_refused_echo_without_its_url_keeps_its_place() -> None:
    found = outcomes(refused("Bad"), created("http://x/2"), body=sent_body("http://x/1", "http://x/2"))
    assert [outcome.invoice_id for outcome in found] == [None, INVOICE_ID]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([created()], 2),
        ([], 1),
        ([created(), created()], 1),
    ],
)
def test_an_answer_with_another_number_of_invoices_decides_nothing(rows: list[Json], expected: int) -> None:
    with pytest.raises(AnswerLost, match="open"):
        outcomes(*rows, expected=expected)


@pytest.mark.parametrize(
    "rows",
    [
        [created("http://x/1"), created("http://x/3")],
        [created("http://x/2"), created("http://x/2")],
        [created("http://x/1")],
    ],
)
def test_an_answer_about_other_invoices_decides_nothing(rows: list[Json]) -> None:
    with pytest.raises(AnswerLost):
        outcomes(*rows, expected=2, body=sent_body("http://x/1", "http://x/2"))


def test_a_validation_exception_is_read_like_any_outcome() -> None:
    data = {"Type": "ValidationException", "Elements": [refused("Invoice # must be unique.")]}
    (outcome,) = read_invoice_outcomes(answer(data, 400), 1, sent_body("http://x/1"))
    assert outcome.messages == ("Invoice # must be unique.",)


@pytest.mark.parametrize(
    ("short_code", "expected"),
    [("!AbC1", f"https://go.xero.com/app/!AbC1/invoicing/view/{INVOICE_ID}"), (None, "https://go.xero.com")],
)
def test_a_deep_link_leads_to_the_invoice(short_code: str | None, expected: str) -> None:
    assert deep_link("https://go.xero.com/", short_code, INVOICE_ID) == expected
