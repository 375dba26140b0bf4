"""Verify against a local Xero: what agrees is proved cheaply, and each thing that does not is named with what to do."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from milepost.ledger import runs
from milepost.ledger.connections import save_connection
from milepost.ledger.database import open_database
from milepost.ledger.tables import billings, jobs
from milepost.steps.findings import Finding, Verified
from milepost.steps.verify import verify_billings
from sandbox.faults import Fault
from sandbox.xero.documents import Invoice
from tests.integration.steps_world import Steps, steps_world


@pytest_asyncio.fixture(loop_scope="session")
async def acme(tmp_path: Path) -> AsyncIterator[Steps]:
    async with steps_world(tmp_path) as world:
        yield world


async def verified(acme: Steps) -> Verified:
    async with acme.workspace() as workspace:
        return await verify_billings(workspace)


async def only_finding(acme: Steps) -> Finding:
    (finding,) = (await verified(acme)).findings
    return finding


def change(acme: Steps, invoice: Invoice, **changes: object) -> Invoice:
    """Somebody changes an invoice in Xero."""
    return acme.org.invoices.save(replace(invoice, **changes))  # type: ignore[arg-type]


def copied(acme: Steps, invoice: Invoice, **changes: object) -> Invoice:
    """Somebody, not Milepost, makes another invoice like one of ours."""
    return change(acme, invoice, id=str(uuid4()), created_by="somebody", **changes)


async def test_what_agrees_is_proved_in_a_call_or_two(acme: Steps) -> None:
    for number in range(3):
        acme.job(f"A-{number}")
    await acme.poll()
    proved = await verified(acme)
    assert proved.findings == ()
    assert (proved.billings, proved.invoices, proved.jobs, proved.source) == (3, 3, 3, "the job system")
    assert (proved.xero_calls, proved.platform_calls) == (1, 1)
    assert proved.looked_at >= 3


async def test_an_invoice_that_was_voided_is_told_until_a_person_says_that_it_is_in_order(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    change(acme, acme.invoices[0], status="VOIDED")
    assert (await verified(acme)).updated == 1
    assert (await acme.row()).is_gone
    finding = await only_finding(acme)
    assert (finding.code, finding.job, finding.theirs) == ("gone", "A-1", "A-1-FIN voided")
    assert f"milepost queue by-hand {(await acme.row()).id}" in finding.fix
    async with open_database(acme.installation) as db, db.write() as c:
        await c.execute(billings.update().values(by_hand="somebody"))
    assert (await verified(acme)).findings == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": "INV-9"}, "other_number"),
        ({"contact_id": "the-first"}, "other_contact"),
    ],
)
async def test_what_somebody_changed_on_an_invoice_is_named(acme: Steps, changes: dict[str, str], code: str) -> None:
    acme.job()
    await acme.poll()
    another = next(contact.id for contact in acme.org.contacts if contact.id != acme.invoices[0].contact_id)
    change(acme, acme.invoices[0], **{key: another if value == "the-first" else value for key, value in changes.items()})
    finding = await only_finding(acme)
    assert finding.code == code
    assert finding.ours
    assert finding.theirs
    assert finding.ours != finding.theirs


async def test_a_total_that_differs_is_told_until_the_invoice_is_mended(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    made = acme.invoices[0]
    async with open_database(acme.installation) as db, db.write() as c:
        await c.execute(billings.update().values(total=made.total + Decimal("0.01")))
    assert (await only_finding(acme)).code == "total_differs"
    async with open_database(acme.installation) as db, db.write() as c:
        await c.execute(billings.update().values(total=made.total, invoice_total=made.total - Decimal("0.01")))
    proved = await verified(acme)
    assert (proved.findings, proved.updated) == ((), 1)
    assert (await acme.row()).invoice_total == made.total


async def test_an_invoice_made_twice_is_named(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    copied(acme, acme.invoices[0], number="A-1-COPY")
    finding = await only_finding(acme)
    assert (finding.code, finding.why) == ("twice", "Xero holds 2 live invoices: A-1-COPY, A-1-FIN.")


async def test_an_invoice_by_hand_with_the_reference_of_a_billed_job_is_named(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    stranger = copied(acme, acme.invoices[0], number="HAND-1", url=None)
    copied(acme, acme.invoices[0], number="HAND-2", url=None, reference="something else")
    copied(acme, acme.invoices[0], number="HAND-3", url=None, status="VOIDED")
    finding = await only_finding(acme)
    assert (finding.code, finding.job, finding.invoice) == ("same_reference", "A-1", "HAND-1")
    assert "for the same customer" in finding.why
    async with open_database(acme.installation) as db, db.write() as c:
        live_from = (acme.clock() + timedelta(days=2)).date()
        await save_connection(c, "acme", "declared", acme.connection.rule_book, acme.clock(), live_from=live_from)
    assert (await verified(acme)).findings == (), "what is dated before the go-live day was billed by other means"
    assert stranger.id


async def test_an_invoice_with_our_link_that_the_ledger_does_not_know_is_named(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    copied(acme, acme.invoices[0], number="X-1", reference="X", url=f"http://127.0.0.1:4280/b/{uuid4()}")
    copied(acme, acme.invoices[0], number="X-2", reference="Y", url=f"http://another.example/b/{uuid4()}")
    finding = await only_finding(acme)
    assert (finding.code, finding.invoice) == ("stranger", "X-1")


async def polled(acme: Steps) -> None:
    """A poll that ended, as the flow records it."""
    run = await acme.poll()
    async with open_database(acme.installation) as db, db.write() as c:
        await runs.end_run(c, run.id, run.counts, acme.clock())


async def test_a_completed_job_that_no_poll_has_read_is_named_but_not_one_completed_since(acme: Steps) -> None:
    acme.job("A-1")
    await polled(acme)
    acme.later(minutes=1)
    acme.job("A-2")
    assert (await verified(acme)).findings == ()
    acme.later(minutes=1)
    await polled(acme)
    async with open_database(acme.installation) as db, db.write() as c:
        await c.execute(billings.delete().where(billings.c.job_number == "A-2"))
        await c.execute(jobs.delete().where(jobs.c.number == "A-2"))
        acme.org.invoices.save(replace(next(i for i in acme.invoices if i.number == "A-2-FIN"), status="DELETED"))
    finding = await only_finding(acme)
    assert (finding.code, finding.job) == ("never_seen", "A-2")
    assert "milepost bill acme --job A-2" in finding.fix


async def test_a_completed_job_whose_billing_is_gone_from_the_ledger_is_named(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    async with open_database(acme.installation) as db, db.write() as c:
        await c.execute(billings.delete())
    codes = {finding.code: finding.job for finding in (await verified(acme)).findings}
    assert codes == {"stranger": "?", "not_billed": "A-1"}


async def test_a_job_that_waits_for_a_run_is_in_order_for_an_hour(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    async with open_database(acme.installation) as db, db.write() as c:
        await c.execute(billings.delete())
        await c.execute(jobs.update().values(decided_fingerprint=None))
    acme.org.invoices.save(replace(acme.invoices[0], status="DELETED"))
    assert (await verified(acme)).findings == ()
    acme.later(hours=2)
    assert (await only_finding(acme)).code == "undecided"


async def test_what_is_held_failed_or_not_due_is_a_stated_reason(acme: Steps) -> None:
    acme.job("A-1", items=[])
    acme.job("A-2")
    acme.fault("status", status=503, times=4)
    await acme.poll()
    assert {row.status.value for row in (await acme.rows()).values()} <= {"held", "failed"}
    proved = await verified(acme)
    assert (proved.findings, proved.jobs) == ((), 2)


async def test_a_job_system_that_is_away_leaves_the_ledgers_jobs_and_says_so(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    acme.sandbox.fieldbook.faults.add(Fault("status", status=403, times=-1))
    proved = await verified(acme)
    assert (proved.source, proved.jobs, proved.findings) == ("the ledger", 1, ())
    assert "could not be asked" in proved.remark


async def test_since_leaves_out_what_was_billed_before(acme: Steps) -> None:
    acme.job()
    await acme.poll()
    async with acme.workspace() as workspace:
        proved = await verify_billings(workspace, (acme.clock() + timedelta(days=1)).date())
    assert (proved.billings, proved.jobs, proved.findings) == (0, 0, ())
