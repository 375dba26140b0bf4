"""Which contact is the customer: each rung of the ladder, several customers at once, and names for new ones."""

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.billing.contacts import Directory, Keys, contact_number, resolve_contact, resolve_contacts
from milepost.billing.decision import ExistingContact, NewContact, Resolution, Undecided
from milepost.jobs import Customer, Person
from milepost.rules.model import ContactSettings
from milepost.steps.customers import keys_of
from milepost.xero.contact_keys import email_key, name_key
from tests.unit.billing.builders import customer

LADDER = ContactSettings()


@dataclass(frozen=True)
class Known:
    """A contact in Xero."""

    contact_id: str
    name: str = "Ngaio Cafe"
    email: str | None = None
    tax_number: str | None = None
    status: str = "ACTIVE"
    merged_to: str | None = None
    number: str = ""
    account: str = ""


def directory(*contacts: Known, links: dict[str, str] | None = None) -> Directory:
    """These contacts, and which customers are linked to them."""
    found = Directory(links=links or {})
    for contact in contacts:
        found.by_id[contact.contact_id] = contact
        found.by_name.setdefault(name_key(contact.name), []).append(contact)
        for index, key in (
            (found.by_number, contact.number),
            (found.by_account_number, contact.account),
            (found.by_email, email_key(contact.email)),
        ):
            if key:
                index.setdefault(key, []).append(contact)
    for customer_id, contact_id in (links or {}).items():
        found.linked.setdefault(contact_id, set()).add(customer_id)
    return found


def found(who: Customer, where: Directory, settings: ContactSettings = LADDER) -> str:
    """How the customer is known, in one word or two."""
    return told(resolve_contact(who, keys_of(who), settings, where))


def told(resolution: Resolution | None) -> str:
    if isinstance(resolution, ExistingContact):
        return f"{resolution.contact_id} by {resolution.matched_by}{', restored' if resolution.restore else ''}"
    if isinstance(resolution, Undecided):
        return "undecided"
    return "new" if isinstance(resolution, NewContact) else "nobody"


def all_found(where: Directory, *customers: Customer) -> dict[str, Resolution]:
    return resolve_contacts([(c, keys_of(c), None) for c in customers], LADDER, where)


@pytest.mark.parametrize(
    ("who", "contacts", "links", "answer"),
    [
        ({}, [], {}, "nobody"),
        ({}, [Known("x", name="Other", number="c1")], {"c1": "x"}, "x by link"),
        ({"external_ref": "x"}, [Known("x", name="Other")], {}, "x by link"),
        ({"external_ref": "y"}, [Known("x"), Known("y")], {"c1": "x"}, "x by link"),
        ({}, [Known("x", name="Other", number="c1")], {}, "x by contact_number"),
        ({"number": "H-310"}, [Known("x", name="Other", number="H-310")], {}, "x by contact_number"),
        ({"number": "H-310"}, [Known("x", number="H-310"), Known("y", number="c1")], {}, "y by contact_number"),
        ({"number": "13"}, [Known("x", name="Other", number="13")], {"13": "x"}, "nobody"),  # the id of another customer
        ({"number": "H-310"}, [Known("x", name="Other", account="H-310")], {}, "x by account_number"),
        ({"number": "H-310"}, [Known("x", name="Other", account="H-310")], {"c9": "x"}, "x by account_number"),  # shared
        ({}, [Known("x", name="Other", account="c1")], {"c9": "x"}, "nobody"),  # the accountant's figure, not our id
        ({"number": "1"}, [Known("x", account="1"), Known("y", account="1")], {}, "undecided"),
        ({"number": "1"}, [Known("x", account="1"), Known("y", account="1", status="ARCHIVED")], {}, "x by account_number"),
        ({"email": "A@b.nz "}, [Known("x", name="Other", email="a@B.nz")], {}, "x by email"),
        ({"email": "a@b.nz"}, [Known("x", name="Other", email="a@b.nz")], {"c9": "x"}, "nobody"),
        ({"email": "a@b.nz"}, [Known("x", name="One", email="a@b.nz"), Known("y", email="a@b.nz")], {}, "y by email"),
        (
            {"email": "a@b.nz"},
            [Known("x", name="One", email="a@b.nz"), Known("y", name="Two", email="a@b.nz")],
            {},
            "undecided",
        ),
        ({"email": "a@b.nz", "tax_number": "1-2"}, [Known("x", name="O", email="a@b.nz", tax_number="13")], {}, "nobody"),
        ({"email": "not one"}, [Known("x", name="Other", email="not one")], {}, "nobody"),
        ({"name": "NGAIO  café"}, [Known("x")], {}, "x by name"),
        ({}, [Known("x"), Known("y")], {}, "undecided"),
        ({}, [Known("x"), Known("y", status="ARCHIVED")], {}, "x by name"),
        ({}, [Known("x", status="ARCHIVED")], {}, "x by name, restored"),
        ({}, [Known("x")], {"c9": "x"}, "nobody"),
        ({"tax_number": "12-3"}, [Known("x", tax_number="123")], {}, "x by name"),
        ({"tax_number": "12-3"}, [Known("x", tax_number="124")], {}, "nobody"),
        ({"email": "a@b.nz"}, [Known("x", email="c@d.nz")], {}, "nobody"),  # two people of one name
        ({"email": "a@b.nz", "is_company": True}, [Known("x", email="c@d.nz")], {}, "x by name"),
        ({}, [Known("x", status="GDPRREQUEST")], {}, "nobody"),
        ({"name": " "}, [Known("x")], {}, "undecided"),
        ({"id": ""}, [Known("x")], {}, "undecided"),
    ],
)
def test_each_rung_of_the_ladder(who: dict[str, Any], contacts: list[Known], links: dict[str, str], answer: str) -> None:
    assert found(customer(**who), directory(*contacts, links=links)) == answer


def test_a_merged_contact_is_followed_to_the_end_of_its_chain() -> None:
    gone = {"status": "ARCHIVED"}
    chain = [Known("a", number="c1", merged_to="b", **gone), Known("b", "B", merged_to="c", **gone), Known("c", "C")]
    assert found(customer(), directory(*chain)) == "c by contact_number"
    assert found(customer(), directory(*chain, links={"c1": "a"})) == "c by link"


@pytest.mark.parametrize("into", ["a", "b", "unknown"])
def test_a_merge_that_leads_nowhere_is_for_a_person_and_makes_no_second_contact(into: str) -> None:
    ring = [Known("a", number="c1", status="ARCHIVED", merged_to="b"), Known("b", "B", status="ARCHIVED", merged_to=into)]
    assert found(customer(), directory(*ring)) == "undecided"


def test_an_archived_contact_is_restored_or_held_as_the_book_says() -> None:
    archived = directory(Known("x", number="c1", status="ARCHIVED"))
    assert found(customer(), archived) == "x by contact_number, restored"
    assert found(customer(), archived, ContactSettings(on_archived="hold")) == "undecided"


def test_only_the_steps_of_the_book_are_tried_and_in_its_order() -> None:
    where = directory(Known("x", email="a@b.nz", name="Other"), Known("y"))
    who = customer(email="a@b.nz")
    assert found(who, where) == "x by email"
    assert found(who, where, ContactSettings(match=("name", "email"))) == "y by name"
    assert found(who, where, ContactSettings(match=("link",))) == "nobody"


def test_one_email_of_two_customers_is_the_contact_of_whose_name_it_bears_in_any_order() -> None:
    """A property manager's address stands on many customers; none of them may be billed to another."""
    where = directory(Known("x", name="Rimu Flats", email="pm@x.nz"))
    flats, units = (
        customer(id="z", name="Rimu Flats", email="pm@x.nz"),
        customer(id="a", name="Totara Units", email="pm@x.nz"),
    )
    for order in permutations((flats, units)):
        answers = all_found(where, *order)
        assert (told(answers["z"]), told(answers["a"])) == ("x by email", "new")


@pytest.mark.parametrize("said", [{"name": "J Smith"}, {"email": "pm@x.nz"}])
def test_two_customers_with_the_same_claim_to_a_contact_are_for_a_person(said: dict[str, str]) -> None:
    where = directory(Known("x", name="J Smith", email="pm@x.nz" if "email" in said else None))
    rivals = [customer(**{"id": i, "name": f"Tenant {i}", **said}) for i in ("a", "b")]
    assert {told(answer) for answer in all_found(where, *rivals).values()} == {"undecided"}


def test_records_of_one_customer_share_the_contact_of_their_number() -> None:
    where = directory(Known("x", name="Harbour Hotels Limited", account="H-310"))
    answers = all_found(where, customer(id="a", number="H-310"), customer(id="b", number="H-310"))
    assert {told(answer) for answer in answers.values()} == {"x by account_number"}


@pytest.mark.parametrize(
    ("customers", "known", "names"),
    [
        ([{"id": "1"}], [], ["Ngaio Cafe"]),
        ([{"id": "1", "email": "a@b.nz"}], [Known("x", email="c@d.nz")], ["Ngaio Cafe (1)"]),
        ([{"id": "1", "email": "a@b.nz", "number": "N7"}], [Known("x", email="c@d.nz")], ["Ngaio Cafe (N7)"]),
        ([{"id": "1"}, {"id": "2"}], [], ["Ngaio Cafe", "Ngaio Cafe (2)"]),
        ([{"id": "1", "number": "N"}, {"id": "2", "number": "N"}, {"id": "3", "number": "N"}], [],
         ["Ngaio Cafe", "Ngaio Cafe (N)", "Ngaio Cafe (3)"]),
    ],
)  # fmt: skip
def test_new_contacts_have_names_of_their_own(customers: list[dict[str, Any]], known: list[Known], names: list[str]) -> None:
    answers = all_found(directory(*known), *(customer(**said) for said in customers))
    assert [a.draft.name for a in answers.values() if isinstance(a, NewContact)] == names


@given(
    st.lists(
        st.tuples(st.sampled_from(["n" * 300, "n" * 301, "n" * 255, "N", "n"]), st.sampled_from([None, "7", "8" * 300])),
        max_size=8,
    )
)
def test_names_of_new_contacts_differ_and_fit_whatever_they_begin_as(said: list[tuple[str, str | None]]) -> None:
    customers = [customer(id=f"customer-{i}", name=name, number=number) for i, (name, number) in enumerate(said)]
    drafts = [a.draft for a in all_found(directory(), *customers).values() if isinstance(a, NewContact)]
    assert len({draft.name.casefold() for draft in drafts}) == len(customers)
    assert len({draft.number for draft in drafts}) == len(customers)
    assert all(len(draft.name) <= 255 and len(draft.number) <= 50 for draft in drafts)


@pytest.mark.parametrize("id_", ["x" * 51, "a  b", " a", "a<b>", "a\tb", "a\n"])
def test_an_id_that_xero_would_not_keep_is_hashed_so_that_it_is_found_again(id_: str) -> None:
    number = contact_number(customer(id=id_))
    assert number != id_
    assert len(number) == 50
    assert number == contact_number(customer(id=id_))


@pytest.mark.parametrize("id_", ["x" * 50, "8f14e45f-ceea-467f-a9d5-2b0f1c3e6a77", "a b"])
def test_an_id_that_xero_keeps_is_the_number(id_: str) -> None:
    assert contact_number(customer(id=id_)) == id_


def test_a_new_contact_is_sent_bills_where_the_job_wants_them() -> None:
    who, billing = customer(email="owner@x.nz"), Person(role="billing", email="accounts@x.nz", phone="021")
    keys = Keys((), (), None, "ngaio cafe")
    new = resolve_contacts([(who, keys, billing)], LADDER, directory())["c1"]
    assert isinstance(new, NewContact)
    assert (new.draft.email, new.draft.phone) == ("accounts@x.nz", "021")
