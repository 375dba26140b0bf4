"""Whom an invoice bills: each rung of the ladder through the real flows, and customers not to be taken for another."""

from dataclasses import replace

from sandbox.faults import Fault
from sandbox.xero.documents import Contact
from sandbox.xero.tenant import stable_id
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]


def know(business: Business, name: str, *, archived: bool = False, **fields: str) -> str:
    """A contact that Xero has already; `fields` by their wire names. Its id."""
    contact = Contact(
        stable_id(business.org.key, "contact", name),
        {"Name": name, **fields},
        business.sandbox.clock(),
        status="ARCHIVED" if archived else "ACTIVE",
    )
    return business.org.contacts.save(contact).id


def change(business: Business, contact_id: str, **fields: str) -> None:
    """What somebody does to a contact in Xero."""
    contact = business.org.contacts.get(contact_id)
    assert contact is not None
    business.org.contacts.save(replace(contact, fields=contact.fields | fields, updated=business.sandbox.clock()))


def bill(business: Business, ref: str, **customer: object) -> str:
    """A job to bill to this customer; its id."""
    return business.job(ref=ref, customer=customer, items=[("Labour", "1", "100.00")], title=ref)


def billed(business: Business) -> dict[str, str]:
    """The contact's id of each job's invoice."""
    return {invoice.number.removesuffix("-FIN"): invoice.contact_id for invoice in business.invoices}


async def test_each_rung_of_the_ladder_finds_its_contact(business: Businesses) -> None:
    builder = await business("albion")
    by_number = know(builder, "Harbour Hotels Limited", ContactNumber="H-310")
    by_account = know(builder, "Thornbury (Bristol)", AccountNumber="T-78")
    by_email = know(builder, "Pemberton & Co", EmailAddress="bills@pemberton.example")
    by_name = know(builder, "quayside  studios LLP")
    archived = know(builder, "Elm House Residents", archived=True)
    loser, winner = know(builder, "Old Mill", ContactNumber="M-1"), know(builder, "New Mill")
    builder.sandbox.xero.state.merge_contacts("uk", loser, winner)
    before = len(builder.org.contacts)

    bill(builder, "NUMBER", name="Harbour Hotels Ltd", accounts_ref="H-310")
    bill(builder, "ACCOUNT", name="Thornbury Dental", accounts_ref="T-78")
    bill(builder, "EMAIL", name="Pemberton Offices Bath", email="Bills@Pemberton.example")
    bill(builder, "NAME", name="Quayside Studios LLP", email="studio@quayside.example")
    bill(builder, "ARCHIVED", name="Elm House Residents")
    bill(builder, "MERGED", name="Old Mill Ltd", accounts_ref="M-1")
    bill(builder, "NEW", name="Blackfriars Bar", email="bar@blackfriars.example")
    run = await builder.poll()

    contacts = billed(builder)
    new = contacts.pop("NEW")
    assert contacts == {
        "NUMBER": by_number,
        "ACCOUNT": by_account,
        "EMAIL": by_email,
        "NAME": by_name,
        "ARCHIVED": archived,
        "MERGED": winner,
    }
    assert run.new_contacts == 1
    assert len(builder.org.contacts) == before + 1
    restored = builder.org.contacts.get(archived)
    assert restored is not None
    assert restored.status == "ACTIVE"

    # From now on each is known by its link, whatever is changed in Xero or in the job system.
    change(builder, new, Name="Something Else", EmailAddress="else@else.example", ContactNumber="")
    builder.sandbox.xero.state.merge_contacts("uk", by_email, by_number)
    bill(builder, "LINK", name="Blackfriars Bar", email="new-bar@blackfriars.example")
    bill(builder, "LINK-MERGED", name="Pemberton Offices Bath", email="Bills@Pemberton.example")
    run = await builder.poll()
    assert run.new_contacts == 0
    assert billed(builder)["LINK"] == new
    assert billed(builder)["LINK-MERGED"] == by_number
    assert builder.slack == []


async def test_customers_who_share_a_name_are_never_taken_for_one_another(business: Businesses) -> None:
    builder = await business("albion")
    other = know(builder, "John Smith", EmailAddress="john@northside.example")
    bill(builder, "SOUTH", name="John Smith", key="south", email="john@southside.example", is_person=True)
    bill(builder, "ONE", name="Elm Court", key="one", email="one@elm.example")
    bill(builder, "TWO", name="Elm Court", key="two", email="two@elm.example")
    bill(builder, "TWO-AGAIN", name="Elm Court", key="two", email="two@elm.example")
    await builder.poll()

    contacts = billed(builder)
    assert contacts["TWO"] == contacts["TWO-AGAIN"]
    assert len({other, *contacts.values()}) == 4
    emails = {job: contact.email for job, i in contacts.items() if (contact := builder.org.contacts.get(i))}
    assert emails == {
        "SOUTH": "john@southside.example",
        "ONE": "one@elm.example",
        "TWO": "two@elm.example",
        "TWO-AGAIN": "two@elm.example",
    }
    assert builder.slack == []


async def test_an_ambiguous_customer_is_held_with_the_fix_which_then_bills_it(business: Businesses) -> None:
    builder = await business("albion")
    right = know(builder, "Block A", EmailAddress="agent@towers.example")
    know(builder, "Block B", EmailAddress="agent@towers.example")
    job_id = bill(builder, "TWR", name="The Towers", email="agent@towers.example")
    await builder.poll()

    row = await builder.row("TWR")
    assert (row.status, row.trouble_code) == ("held", "contact_undecided")
    assert row.customer_id is not None
    assert row.customer_id in (row.trouble_fix or "")
    assert builder.invoices == []
    assert builder.xero_calls.get(("PUT", "Contacts"), 0) == 0
    assert any("TWR" in message.text for message in builder.slack)

    change(builder, right, AccountNumber=row.customer_id)
    await builder.bill([job_id])  # a person, who has just mended it: polls look at what stays held only now and then
    assert billed(builder) == {"TWR": right}
    assert builder.slack[-1].thread_ts


async def test_more_new_customers_than_one_call_takes_are_each_created_once_though_an_answer_is_lost(
    business: Businesses,
) -> None:
    builder = await business("albion")
    before = len(builder.org.contacts)
    builder.sandbox.xero.faults.add(Fault("drop_after", "PUT", "*/Contacts*"))
    for number in range(53):
        bill(builder, f"AFO-{number}", name=f"Customer {number:02}", email=f"c{number}@example.com")
    run = await builder.poll()

    assert run.counts["done"] == run.new_contacts == 53
    assert len(builder.org.contacts) == before + 53
    assert len(set(billed(builder).values())) == 53
    # Two parcels each, and the one whose answer was lost once more, by the same key.
    assert builder.xero_calls["PUT", "Contacts"] == 3
    assert builder.xero_calls["PUT", "Invoices"] == 2
    assert (await builder.verify()).findings == ()
