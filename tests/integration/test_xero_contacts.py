"""Contacts against a local Xero: the changes that the mirror keeps, creating, clashing, restoring."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from milepost.billing.decision import ContactDraft
from milepost.xero.client import XeroClient
from milepost.xero.contacts import (
    CONTACTS_PARAMS,
    CONTACTS_PATH,
    ContactOutcome,
    MirrorContact,
    changed_contacts,
    contacts_body,
    read_contact_outcomes,
    restore_contact,
)
from milepost.xero.paging import changed_rows
from sandbox.xero.documents import Contact
from sandbox.xero.settings import Switches
from sandbox.xero.tenant import stable_id
from tests.integration.xero_world import World, xero_world
from tests.unit.xero.builders import contact

ARCHIVED = stable_id("nz", "contact", "Old Mill Cafe")
AROHA = stable_id("nz", "contact", "Aroha Ngata")


@pytest.fixture
async def xero() -> AsyncIterator[World]:
    async with xero_world() as world:
        yield world


@pytest.fixture
async def client(xero: World) -> AsyncIterator[XeroClient]:
    async with xero.client() as client:
        yield client


async def changed(client: XeroClient, since: datetime | None = None) -> dict[str, MirrorContact]:
    return {contact.name: contact async for page in changed_contacts(client, since) for contact in page}


async def create(client: XeroClient, *drafts: ContactDraft, key: str = "k") -> list[ContactOutcome]:
    body = contacts_body(drafts)
    answer = await client.send("PUT", CONTACTS_PATH, body, idempotency_key=key, params=CONTACTS_PARAMS)
    return read_contact_outcomes(answer, drafts)


async def test_the_first_mirror_holds_every_contact_archived_ones_too(xero: World, client: XeroClient) -> None:
    mirrored = await changed(client)
    assert len(mirrored) == len(list(xero.org.contacts))
    aroha = mirrored["Aroha Ngata"]
    assert (aroha.contact_id, aroha.email, aroha.contact_number) == (AROHA, "aroha@example.com", "C-1001")
    assert mirrored["Ridgeline Builders Ltd"].contact_number is None
    assert mirrored["Old Mill Cafe"].status == "ARCHIVED"
    assert len(xero.calls) == 1


async def test_later_only_what_changed_comes(xero: World, client: XeroClient) -> None:
    since = xero.clock() - timedelta(seconds=1)
    assert await changed(client, since) == {}
    await create(client, contact("N-1", "Ngaio Cafe", email="hello@ngaio.example"))
    xero.org.archive_contact(AROHA, xero.clock())
    assert {name: each.status for name, each in (await changed(client, since)).items()} == {
        "Ngaio Cafe": "ACTIVE",
        "Aroha Ngata": "ARCHIVED",
    }


async def test_a_merged_contact_says_where_it_went(xero: World, client: XeroClient) -> None:
    winner = stable_id("nz", "contact", "Harbour View Apartments")
    xero.org.merge_contacts(AROHA, winner, xero.clock())
    assert (await changed(client))["Aroha Ngata"].merged_to == winner


async def test_more_than_a_page_of_contacts_comes_whole(xero: World, client: XeroClient) -> None:
    many(xero, 2500, seconds_apart=0)
    mirrored = await changed(client)
    assert len(mirrored) == len(list(xero.org.contacts))
    assert len(xero.calls) == 3


def many(xero: World, count: int, seconds_apart: float) -> None:
    base = xero.clock() - timedelta(days=1)
    for n in range(count):
        updated = base + timedelta(seconds=n * seconds_apart)
        xero.org.contacts.save(Contact(stable_id("many", str(n)), {"Name": f"Customer {n}"}, updated))


@pytest.mark.parametrize("seconds_apart", [0, 0.5, 1, 90])
async def test_no_row_is_skipped_when_rows_change_between_pages(
    xero: World, client: XeroClient, seconds_apart: float
) -> None:
    many(xero, 40, seconds_apart)
    since = xero.clock() - timedelta(days=2)
    seen: list[str] = []
    async for rows in changed_rows(client, "Contacts", "contactid", since, {"includeArchived": "true"}, page_size=9):
        seen += [row["name"] for row in rows]
        if seconds_apart:
            first = xero.org.contacts.get(stable_id("many", str(len(seen) % 5)))
            assert first
            xero.org.contacts.save(replace(first, updated=xero.clock()))
        assert len(xero.calls) < 40
    assert set(seen) >= {f"Customer {n}" for n in range(40)}


async def test_a_row_is_not_given_twice_in_the_same_state(xero: World, client: XeroClient) -> None:
    many(xero, 40, 0.4)
    pages = [rows async for rows in changed_rows(client, "Contacts", "contactid", None, {}, page_size=10)]
    seen = [row["contactid"] for rows in pages for row in rows]
    assert len(seen) == len(set(seen))


async def test_new_contacts_are_created_in_one_call_each_with_its_own_outcome(xero: World, client: XeroClient) -> None:
    outcomes = await create(
        client,
        contact("N-1", "Ngaio Cafe", email="hello@ngaio.example"),
        contact("N-2", "aroha  NGATA"),
        contact("C-1001", "Somebody Else"),
        contact("N-4", " <Odd>  name "),
    )
    made, name_clash, number_clash, odd = outcomes
    assert made.contact_id
    assert name_clash.name_taken
    assert name_clash.contact_id is None
    assert number_clash.number_taken
    assert odd.contact_id
    assert xero.org.contacts.get(odd.contact_id).name == "Odd name"  # type: ignore[union-attr]
    assert xero.requests("PUT", "Contacts") == 1


async def test_two_new_contacts_of_one_name_do_not_both_get_it(client: XeroClient) -> None:
    first, second = await create(client, contact("N-1", "Twin"), contact("N-2", "Twin"))
    assert first.contact_id
    assert second.name_taken


async def test_a_full_contact_is_kept_as_it_was_sent(xero: World, client: XeroClient) -> None:
    draft = contact(
        "N-9",
        "Full & Sons",
        first_name="Fay",
        last_name="Full",
        email="fay@full.example",
        phone="+64 4 555 0199",
        tax_number="123",
    )
    (outcome,) = await create(client, draft)
    kept = xero.org.contacts.get(outcome.contact_id or "")
    assert kept
    assert (kept.fields["FirstName"], kept.email, kept.phones[0]["PhoneNumber"]) == (
        "Fay",
        "fay@full.example",
        "+64 4 555 0199",
    )


async def test_an_archived_contact_is_restored(xero: World, client: XeroClient) -> None:
    outcome = await restore_contact(client, ARCHIVED, "restore-1")
    assert outcome.contact_id == ARCHIVED
    restored = xero.org.contacts.get(ARCHIVED)
    assert restored
    assert (restored.status, restored.name) == ("ACTIVE", "Old Mill Cafe")


async def test_where_restoring_is_not_allowed_the_refusal_is_a_value() -> None:
    async with xero_world(switches=Switches(unarchive_by_api=False)) as xero, xero.client() as client:
        outcome = await restore_contact(client, ARCHIVED, "restore-1")
        assert outcome.contact_id is None
        assert outcome.messages


async def test_an_archived_contact_whose_name_is_taken_again_is_not_restored(client: XeroClient) -> None:
    await create(client, contact("N-1", "Old Mill Cafe"))
    outcome = await restore_contact(client, ARCHIVED, "restore-1")
    assert outcome.contact_id is None
    assert outcome.name_taken
