"""Gather: find the jobs that changed, read them whole, read the chart, look their customers up. Reads only.

First and second step on the way of a job. Jobs and the poll's cursor are kept in one transaction: a job that was seen is
never forgotten, whatever happens after.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.contacts import Directory, Keys, contact_number, resolve_contacts
from milepost.billing.facts import History
from milepost.billing.milestones import due_milestones
from milepost.chart import Chart
from milepost.jobs import Customer, Job, Person
from milepost.ledger import billings, charts, connections, jobs, mirror
from milepost.platforms.protocol import Fetched, Progress
from milepost.rules.model import ContactSettings
from milepost.steps.run import BillingRun, Due
from milepost.steps.workspace import Workspace
from milepost.xero.chart import read_chart
from milepost.xero.contacts import MirrorContact, changed_contacts, email_key, name_key

_log = logging.getLogger(__name__)

CHART_KEPT = timedelta(hours=1)
"""How long a chart serves scheduled runs. A person who has just mended an account is served a fresh one."""
CHART_KEPT_FOR_A_PERSON = timedelta(seconds=30)
MIRROR_KEPT = timedelta(minutes=30)
"""How long the mirror serves runs whose customers are all linked; a new customer always asks Xero first."""
MIRROR_OVERLAP = timedelta(minutes=5)
"""How far the next contact delta reaches back, for changes that were being made while the last one was read."""


async def find_changed(run: BillingRun) -> int:
    """Ask the platform what changed since the last poll; wanted are the jobs that are not kept as they now are."""
    workspace = run.workspace
    async with workspace.db.read() as c:
        row = await connections.get_connection(c, workspace.name)
    since = datetime.combine(row.live_from, datetime.min.time(), UTC) if row.live_from else None
    changes = await workspace.platform.list_changed(row.poll_cursor, since=since)
    async with workspace.db.read() as c:
        known = await jobs.known_markers(c, workspace.name, [ref.id for ref in changes.refs])
    run.changes = changes
    run.wanted = [ref.id for ref in changes.refs if not ref.marker or known.get(ref.id) != ref.marker]
    _log.info("%d jobs changed, %d of them new to us", len(changes.refs), len(run.wanted))
    return len(run.wanted)


async def fetch_jobs(run: BillingRun, progress: Progress | None = None) -> int:
    """Read the wanted jobs whole and keep them, with the poll's cursor in the same transaction.

    A poll also takes up what earlier runs left: jobs that could not be read, jobs read but not decided, and jobs held,
    failed or planned before. The last two are decided again from what is kept, at no call.
    """
    workspace = run.workspace
    wanted = list(dict.fromkeys((*run.wanted, *(await _unread(run)))))
    fetched = await workspace.platform.fetch(wanted, progress) if wanted else Fetched()
    markers = {ref.id: ref.marker for ref in run.changes.refs} if run.changes else {}
    async with workspace.db.write() as c:
        now = workspace.clock()
        await jobs.save_jobs(c, workspace.name, fetched.jobs, markers, now)
        await jobs.save_unread(c, workspace.name, fetched.problems, now)
        if run.changes:
            await connections.set_cursor(c, workspace.name, run.changes.cursor, now)
    run.jobs = {job.id: job for job in fetched.jobs}
    run.problems = list(fetched.problems)
    run.cleared += [f"job:{job.id}" for job in fetched.jobs]
    if run.changes:
        await _take_up_open(run)
    return len(fetched.jobs)


async def _unread(run: BillingRun) -> list[str]:
    if run.changes is None:
        return []
    async with run.workspace.db.read() as c:
        return await jobs.unread(c, run.workspace.name)


async def _take_up_open(run: BillingRun) -> None:
    workspace = run.workspace
    async with workspace.db.read() as c:
        left = await jobs.undecided(c, workspace.name)
        left += await billings.open_jobs(c, workspace.name, workspace.clock())
        kept = await jobs.get_jobs(c, workspace.name, [i for i in left if i not in run.jobs])
    run.jobs |= kept


async def find_due(run: BillingRun) -> None:
    """Which milestones are due: by the rule book in force for each job, and what was billed of it before."""
    workspace = run.workspace
    async with workspace.db.read() as c:
        live_from = (await connections.get_connection(c, workspace.name)).live_from
        run.history = await billings.history(c, workspace.name, list(run.jobs))
    name = workspace.connection.rule_book
    due: list[Due] = []
    run.live_from = live_from
    for job in run.jobs.values():
        if live_from and job.completed_on and job.completed_on < live_from:
            run.before_live.append(job)
            continue
        book = workspace.books.in_force(name, job.completed_on or today_of(run, job))
        due += [Due(job, m, book) for m in due_milestones(job, book, run.history.get(job.id, History()))]
    order = {m.code: place for place, m in enumerate(workspace.books.latest(name).milestones)}
    run.due = sorted(due, key=lambda d: order.get(d.milestone.code, -1))


def today_of(run: BillingRun, job: Job) -> date:
    """Today's date where the platform's account is."""
    return run.workspace.clock().astimezone(ZoneInfo(job.account_tz)).date()


async def gather_chart(run: BillingRun) -> None:
    """The organisation's chart: kept for an hour, and read anew for a person who has just mended something in it."""
    workspace = run.workspace
    tenant_id = await workspace.tenant_id()
    kept_for = CHART_KEPT if run.trigger == "poll" else CHART_KEPT_FOR_A_PERSON
    async with workspace.db.read() as c:
        kept = await charts.get_chart(c, tenant_id)
    if kept and workspace.clock() - kept[1] < kept_for:
        run.chart, run.chart_is_kept = kept[0], True
        return
    run.chart = await fresh_chart(workspace)


async def fresh_chart(workspace: Workspace) -> Chart:
    """Read the chart and keep it."""
    client = await workspace.xero()
    chart = await read_chart(client)
    async with workspace.db.write() as c:
        await charts.save_chart(c, client.tenant_id, chart, workspace.clock())
    return chart


async def look_up_contacts(run: BillingRun) -> None:
    """Which contact each due job's customer is, as far as Xero knows one."""
    workspace = run.workspace
    due = {d.job.customer.id: (d.job, d.book.contacts) for d in run.due if d.job.customer}
    if not due:
        return
    if not await _mirror_serves(workspace, list(due)):
        await refresh_mirror(workspace)
    customers = [(job.customer, keys_of(job.customer), billing_person(job)) for job, _ in due.values() if job.customer]
    directory = await _directory(workspace, [(customer, keys) for customer, keys, _ in customers])
    run.resolutions = resolve_contacts(customers, _settings(run), directory)


async def _mirror_serves(workspace: Workspace, customer_ids: Sequence[str]) -> bool:
    """Whether the mirror may be used as it is: it is fresh, and every customer is known already."""
    tenant_id = await workspace.tenant_id()
    async with workspace.db.read() as c:
        state = await mirror.mirror_state(c, tenant_id)
        linked = await mirror.links(c, workspace.name, customer_ids, tenant_id)
    fresh = state is not None and workspace.clock() - state.refreshed_at < MIRROR_KEPT
    return fresh and len(linked) == len(set(customer_ids))


def _settings(run: BillingRun) -> ContactSettings:
    return run.due[0].book.contacts


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
