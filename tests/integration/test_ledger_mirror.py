"""The mirror of contacts, and who is known to be whom."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from milepost.ledger.database import Database
from milepost.ledger.mirror import (
    MirrorState,
    candidates,
    linked_customers,
    links,
    mirror_state,
    save_contacts,
    save_links,
    set_mirror_state,
)
from milepost.xero.contacts import MirrorContact, email_key, name_key
from tests.ledger_values import NOW, minutes

pytest_plugins = ["tests.ledger_fixtures"]

CAFE = MirrorContact(
    contact_id="x1",
    name="Ngaio Café & Sons",
    email="Accounts@Ngaio.example",
    contact_number="MP-1",
    account_number="A-77",
    tax_number="12-345-678",
    updated_at=NOW,
)


@pytest.mark.parametrize(
    "asked",
    [
        {"ids": ["x1"]},
        {"numbers": ["nobody", "MP-1"]},
        {"account_numbers": ["A-77"]},
        {"email_keys": [email_key("accounts@ngaio.example")]},
        {"name_keys": [name_key("NGAIO CAFE AND SONS")]},
        {"ids": ["x1"], "numbers": ["MP-1"], "name_keys": [name_key(CAFE.name)]},
    ],
    ids=" ".join,
)
async def test_a_contact_is_found_by_each_of_its_keys_and_once_by_several(ledger: Database, asked: dict[str, Any]) -> None:
    async with ledger.write() as c:
        await save_contacts(c, "t1", [CAFE, MirrorContact("x2", "Somebody Else")])
        (found,) = await candidates(c, "t1", **asked)
        assert await candidates(c, "t2", **asked) == [], "another organisation's contacts are not seen"
    assert (found.contact_id, found.name, found.contact_number) == ("x1", "Ngaio Café & Sons", "MP-1")
    assert (found.email, found.tax_number, found.updated_at) == ("accounts@ngaio.example", "12345678", NOW)


async def test_nothing_asked_finds_nothing(ledger: Database) -> None:
    async with ledger.write() as c:
        await save_contacts(c, "t1", [CAFE, MirrorContact("x2", "No Number")])
        assert await candidates(c, "t1") == []


async def test_archived_and_merged_contacts_are_kept_and_say_so(ledger: Database) -> None:
    async with ledger.write() as c:
        await save_contacts(c, "t1", [CAFE])
        merged = replace(CAFE, status="ARCHIVED", merged_to="x9", updated_at=NOW + minutes(1))
        await save_contacts(c, "t1", [merged])
        (found,) = await candidates(c, "t1", ids=["x1"])
    assert (found.status, found.merged_to) == ("ARCHIVED", "x9")


@pytest.mark.parametrize(
    ("moments", "name"), [((0, 5), "second"), ((5, 0), "first"), ((5, 5), "second"), ((None, 0), "second")]
)
@pytest.mark.parametrize("together", [True, False])
async def test_of_two_states_of_a_contact_the_later_one_is_kept(
    ledger: Database, moments: tuple[int | None, int], name: str, together: bool
) -> None:
    states = [
        MirrorContact("x1", name, updated_at=None if moment is None else NOW + minutes(moment))
        for name, moment in zip(("first", "second"), moments, strict=True)
    ]
    async with ledger.write() as c:
        for batch in [states] if together else [[state] for state in states]:
            await save_contacts(c, "t1", batch)
        (found,) = await candidates(c, "t1", ids=["x1"])
    assert found.name == name


async def test_a_thousand_customers_are_looked_up_in_a_handful_of_queries(ledger: Database) -> None:
    many = [
        replace(CAFE, contact_id=f"x{n}", name=f"Customer {n}", email=f"c{n}@example.com", contact_number=f"MP-{n}")
        for n in range(3000)
    ]
    queries: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        queries.append(statement)

    async with ledger.write() as c:
        await save_contacts(c, "t1", many)
    event.listen(ledger.reader.sync_engine, "before_cursor_execute", count)
    async with ledger.read() as c:
        found = await candidates(
            c,
            "t1",
            ids=[f"x{n}" for n in range(1000)],
            numbers=[f"MP-{n}" for n in range(500, 1500)],
            email_keys=[f"c{n}@example.com" for n in range(1000)],
            name_keys=[f"customer {n}" for n in range(1000)],
        )
    event.remove(ledger.reader.sync_engine, "before_cursor_execute", count)
    assert len(found) == 1500
    assert len([text for text in queries if "contacts" in text]) == 4


async def test_the_mirror_remembers_how_far_it_has_come(ledger: Database) -> None:
    async with ledger.write() as c:
        assert await mirror_state(c, "t1") is None
        await set_mirror_state(c, "t1", None, NOW)
        assert await mirror_state(c, "t1") == MirrorState(None, NOW)
        await set_mirror_state(c, "t1", NOW, NOW + minutes(5))
        assert await mirror_state(c, "t1") == MirrorState(NOW, NOW + minutes(5))


async def test_links_lead_from_customer_to_contact_and_back(ledger: Database) -> None:
    async with ledger.write() as c:
        await save_links(c, "acme", "t1", [("c1", "x1", "email"), ("c2", "x1", "name"), ("c3", "x3", "created")], NOW)
        await save_links(c, "bolt", "t1", [("c9", "x1", "link")], NOW)
        assert await links(c, "acme", ["c1", "c2", "c3", "c4"]) == {"c1": "x1", "c2": "x1", "c3": "x3"}
        assert await linked_customers(c, "t1", ["x1", "x8"]) == {"x1": [("acme", "c1"), ("acme", "c2"), ("bolt", "c9")]}
        assert await linked_customers(c, "t2", ["x1"]) == {}


async def test_a_new_link_replaces_the_old_one(ledger: Database) -> None:
    async with ledger.write() as c:
        await save_links(c, "acme", "t1", [("c1", "x1", "name")], NOW)
        await save_links(c, "acme", "t1", [("c1", "x2", "person")], NOW)
        assert await links(c, "acme", ["c1"]) == {"c1": "x2"}


async def test_links_into_another_organisation_can_be_left_out(ledger: Database) -> None:
    async with ledger.write() as c:
        await save_links(c, "acme", "t-old", [("c1", "x1", "name")], NOW)
        await save_links(c, "acme", "t-new", [("c2", "x2", "name")], NOW)
        assert await links(c, "acme", ["c1", "c2"], "t-new") == {"c2": "x2"}
