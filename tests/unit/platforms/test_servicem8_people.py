"""Companies and contacts become the customer who pays and the people to reach."""

from typing import Any

import pytest

from milepost.jobs import Address, Customer
from milepost.platforms.servicem8.people import address_of, customer_of, people_of, terms_days
from milepost.platforms.servicem8.records import (
    CompanyContactRecord,
    CompanyRecord,
    JobContactRecord,
    JobRecord,
    parse,
)

JOB = parse(JobRecord, {"uuid": "j", "status": "Completed", "billing_address": "PO Box 1\nAlbany WA 6331"})


def of_company(**fields: Any) -> CompanyContactRecord:
    return parse(CompanyContactRecord, {"uuid": "cc", "company_uuid": "c", **fields})


def of_job(**fields: Any) -> JobContactRecord:
    return parse(JobContactRecord, {"uuid": "jc", "job_uuid": "j", **fields})


def customer(*contacts: Any, job_contacts: Any = (), **company: Any) -> Customer:
    record = parse(CompanyRecord, {"uuid": "c", "name": " Ngaio Cafe ", **company})
    return customer_of(record, contacts, job_contacts, JOB, {"b1": "VIP"})


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("14 days", 14),
        ("Net 30", 30),
        ("net30", 30),
        ("7", 7),
        ("30 Days Net", 30),
        ("COD", 0),
        ("Due on receipt", 0),
        ("", None),
        ("20th of the month following", None),
        ("2/10 net 30", None),
    ],
)
def test_payment_terms_are_days_where_the_words_say_so(text: str, days: int | None) -> None:
    assert terms_days(text) == days


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", None),
        (" \n ", None),
        ("12 Kauri St", Address(line1="12 Kauri St")),
        (
            "12 Kauri St\nAlbany WA 6330",
            Address(line1="12 Kauri St", city="Albany", region="WA", postcode="6330"),
        ),
        (
            "Level 2\r\n9 High St\nPort Albany, WA 6330",
            Address(line1="Level 2", line2="9 High St", city="Port Albany", region="WA", postcode="6330"),
        ),
        (
            "9 High St\nWhangarei Northland 0110\nNew Zealand",
            Address(line1="9 High St", line2="Whangarei Northland 0110, New Zealand"),
        ),
    ],
)
def test_an_address_as_typed_is_kept_line_by_line(text: str, address: Address | None) -> None:
    assert address_of(text) == address


def test_the_billing_contacts_email_comes_before_the_primary_contacts() -> None:
    found = customer(
        of_company(type="JOB", is_primary_contact="1", email="primary@example.com", first="Pat"),
        of_company(type="BILLING", email=" bills@example.com ", first="Billie", last="Kahu", phone="09 1", mobile="021 2"),
        job_contacts=[of_job(type="BILLING", email="job@example.com")],
    )
    assert (found.email, found.first_name, found.last_name) == ("bills@example.com", "Billie", "Kahu")
    assert found.phones == ("09 1", "021 2")


@pytest.mark.parametrize(
    ("contacts", "job_contacts", "email"),
    [
        ([of_company(type="BILLING")], [of_job(type="BILLING", email="job@example.com")], "job@example.com"),
        ([of_company(type="BILLING"), of_company(email="any@example.com")], [], "any@example.com"),
        (
            [],
            [of_job(type="JOB", email="a@example.com"), of_job(type="Billing Contact", email="b@example.com")],
            "b@example.com",
        ),
        ([], [], None),
    ],
)
def test_an_email_is_looked_for_among_all_contacts(contacts: Any, job_contacts: Any, email: str | None) -> None:
    assert customer(*contacts, job_contacts=job_contacts).email == email


def test_what_the_company_record_says_of_the_customer() -> None:
    found = customer(
        abn_number=" 51 824 753 556 ",
        is_individual="1",
        parent_company_uuid="head",
        payment_terms="14 days",
        badges='["b1","unknown"]',
    )
    assert (found.name, found.tax_number, found.is_company) == ("Ngaio Cafe", "51 824 753 556", False)
    assert (found.parent_id, found.terms_days, found.tags) == ("head", 14, ("VIP",))


@pytest.mark.parametrize(
    ("company", "first_line"),
    [
        ({"billing_address": "PO Box 9", "address": "12 Kauri St", "address_street": "12 Kauri St"}, "PO Box 9"),
        ({"billing_address": "12 Kauri St", "address": "12 Kauri St", "address_street": "12 Kauri"}, "12 Kauri"),
        ({"address": "12 Kauri St"}, "12 Kauri St"),
        ({}, "PO Box 1"),
    ],
)
def test_the_billing_address_is_the_most_particular_one(company: dict[str, str], first_line: str) -> None:
    address = customer(**company).billing_address
    assert address
    assert address.line1 == first_line


def test_people_have_the_role_of_their_contact_type_and_nobody_is_left_out_but_the_nameless() -> None:
    contacts = [
        of_job(type="JOB", first="Jo", last="Low", mobile="021", phone="09"),
        of_job(type="BILLING", email="b@example.com"),
        of_job(type="Property Manager", first="Max"),
        of_job(type="Neighbour", first="Nia"),
        of_job(type="JOB"),
    ]
    assert [(p.role, p.name, p.email, p.phone) for p in people_of(contacts)] == [
        ("job", "Jo Low", None, "021"),
        ("billing", "", "b@example.com", None),
        ("manager", "Max", None, None),
        ("job", "Nia", None, None),
    ]
