"""Who the customers are among Xero's contacts: the mirror is brought up to date, and each climbs the ladder. Reads only.

Second step on the way of a job; the ladder itself is `milepost.billing.contacts`.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.contacts import Directory, Keys, contact_number, resolve_contacts
from milepost.billing.decision import ExistingContact, Resolution
from milepost.jobs import Customer, Job, Person
from milepost.ledger import mirror
from milepost.steps.run import BillingRun
from milepost.steps.workspace import Workspace
from milepost.xero.contacts import MirrorContact, changed_contacts, email_key, name_key

MIRROR_KEPT = timedelta(minutes=30)
"""How long the mirror serves polls that look for nobody new."""
MIRROR_KEPT_FOR_A_PERSON = timedelta(seconds=30)
"""Somebody who has just mended a contact in Xero is served what stands there now."""
MIRROR_OVERLAP = timedelta(minutes=5)
"""How far the next contact delta reaches back, for changes that were being made while the last one was read."""
CREATED = "created"
"""How a contact that we made was found."""


async def look_up_contacts(run: BillingRun) -> None:
    """Which contact each due job's customer is, as far as Xero knows one."""
    if not _customers_due(run):
        return
    if await _mirror_serves(run):
        run.mirror_is_kept = True
    else:
        await refresh_mirror(run.workspace)
    await _resolve(run)


async def look_up_again(run: BillingRun) -> None:
    """The same once more on a mirror of this very moment: before a contact is created, Xero is asked for it first."""
    await refresh_mirror(run.workspace)
    run.mirror_is_kept = False
    await _resolve(run)


def _customers_due(run: BillingRun) -> dict[str, Job]:
    """By customer id, a due job that names it."""
    return {due.job.customer.id: due.job for due in run.due if due.job.customer}


async def _resolve(run: BillingRun) -> None:
    """Customers whose contact this run has found or made already keep it."""
    settled = {i: found for i, found in run.resolutions.items() if _is_settled(found)}
    jobs = _customers_due(run).values()
    customers = [(job.customer, keys_of(job.customer), billing_person(job)) for job in jobs if job.customer]
    directory = await _directory(run.workspace, [(customer, keys) for customer, keys, _ in customers])
    run.resolutions = resolve_contacts(customers, run.due[0].book.contacts, directory) | settled


def _is_settled(found: Resolution) -> bool:
    return isinstance(found, ExistingContact) and found.matched_by == CREATED


async def _mirror_serves(run: BillingRun) -> bool:
    """Whether the mirror may be used as it is: it is not old, and nobody new is looked for.

    Customers of jobs that stay held are not new: their trouble is not worth a call at every poll.
    """
    workspace = run.workspace
    tenant_id = await workspace.tenant_id()
    new = [due.job.customer.id for due in run.due if due.job.customer and due.job.id in run.fresh]
    async with workspace.db.read() as c:
        state = await mirror.mirror_state(c, tenant_id)
        linked = await mirror.links(c, workspace.name, new, tenant_id)
        known = await mirror.candidates(c, tenant_id, ids=linked.values())
    kept_for = MIRROR_KEPT if run.may_use_kept else MIRROR_KEPT_FOR_A_PERSON
    is_young = state is not None and workspace.clock() - state.refreshed_at < kept_for
    return is_young and set(linked) == set(new) and {one.contact_id for one in known} == set(linked.values())


async def refresh_mirror(workspace: Workspace) -> None:
    """Bring the mirror of Xero's contacts up to date: all of them once, then what changed since."""
    client = await workspace.xero()
    async with workspace.db.read() as c:
        state = await mirror.mirror_state(c, client.tenant_id)
    asked_at = workspace.clock()
    since = state.modified_since - MIRROR_OVERLAP if state and state.modified_since else None
    async for page in changed_contacts(client, since):
        async with workspace.db.write() as c:
            await mirror.save_contacts(c, client.tenant_id, page)
    async with workspace.db.write() as c:
        await mirror.set_mirror_state(c, client.tenant_id, modified_since=asked_at, refreshed_at=workspace.clock())


async def _directory(workspace: Workspace, customers: Sequence[tuple[Customer, Keys]]) -> Directory:
    """The contacts that may be one of these customers, with all that the ladder looks at."""
    tenant_id = await workspace.tenant_id()
    async with workspace.db.read() as c:
        links = await mirror.links(c, workspace.name, [customer.id for customer, _ in customers], tenant_id)
        known = [customer.external_ref for customer, _ in customers if customer.external_ref]
        contacts = await mirror.candidates(
            c,
            tenant_id,
            ids=[*links.values(), *known],
            numbers=[number for _, keys in customers for number in keys.numbers],
            account_numbers=[number for _, keys in customers for number in keys.account_numbers],
            email_keys=[keys.email for _, keys in customers if keys.email],
            name_keys=[keys.name for _, keys in customers],
        )
        contacts += await _merged_into(c, tenant_id, contacts)
        linked = await mirror.linked_customers(c, tenant_id, [contact.contact_id for contact in contacts])
    directory = Directory(
        links=links, linked={i: {of for name, of in ids if name == workspace.name} for i, ids in linked.items()}
    )
    for contact in {contact.contact_id: contact for contact in contacts}.values():
        _enter(directory, contact)
    return directory


async def _merged_into(c: AsyncConnection, tenant_id: str, contacts: Sequence[MirrorContact]) -> list[MirrorContact]:
    """The contacts that those were merged into, and so on to the end of each chain."""
    seen = {contact.contact_id for contact in contacts}
    found: list[MirrorContact] = []
    wanted = {contact.merged_to for contact in contacts if contact.merged_to} - seen
    while wanted:
        step = await mirror.candidates(c, tenant_id, ids=sorted(wanted))
        found += step
        seen |= wanted
        wanted = {contact.merged_to for contact in step if contact.merged_to} - seen
    return found


def _enter(directory: Directory, contact: MirrorContact) -> None:
    directory.by_id[contact.contact_id] = contact
    if contact.contact_number:
        directory.by_number.setdefault(contact.contact_number, []).append(contact)
    if contact.account_number:
        directory.by_account_number.setdefault(contact.account_number, []).append(contact)
    if key := email_key(contact.email):
        directory.by_email.setdefault(key, []).append(contact)
    directory.by_name.setdefault(name_key(contact.name), []).append(contact)


def keys_of(customer: Customer) -> Keys:
    """A customer's values in the form that contacts are compared in."""
    numbers = [contact_number(customer), *([customer.number] if customer.number else [])]
    return Keys(
        numbers=tuple(dict.fromkeys(numbers)),
        account_numbers=tuple(dict.fromkeys(n for n in (customer.number, customer.id) if n)),
        email=email_key(customer.email),
        name=name_key(customer.name),
    )


def billing_person(job: Job) -> Person | None:
    """Whom the job wants its bill sent to."""
    return next((person for person in job.contacts if person.role == "billing"), None)
