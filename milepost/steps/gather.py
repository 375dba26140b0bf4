"""Gather: find the jobs that changed, read them whole, find what is due, read the chart. Reads only.

First step on the way of a job; `milepost.steps.customers` follows it. Jobs and the poll's cursor are kept in one
transaction: a job that was seen is never forgotten, whatever happens after. A run that only plans keeps neither.
"""

import logging
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from milepost.billing.decision import BillingKey, Hold
from milepost.billing.facts import History
from milepost.billing.milestones import due_milestones
from milepost.chart import Chart
from milepost.connection import Connection
from milepost.jobs import Job
from milepost.ledger import billings, charts, connections, jobs, revisions
from milepost.platforms.protocol import Fetched, Progress
from milepost.rules.model import RuleBook
from milepost.rules.shelf import BookShelf
from milepost.rules.standing import remarks
from milepost.steps.gone import let_go
from milepost.steps.retry import TAKEN_FOR, keep_unread
from milepost.steps.run import BillingRun, Due
from milepost.steps.workspace import Workspace, unpublished
from milepost.xero.chart import read_chart

_log = logging.getLogger(__name__)

CHART_KEPT = timedelta(hours=1)
"""How long a chart serves scheduled runs. A person who has just mended an account is served a fresh one."""
CHART_KEPT_FOR_A_PERSON = timedelta(seconds=30)
A_DAY = timedelta(days=1)


async def find_changed(run: BillingRun) -> int:
    """Ask the platform what changed since the last poll; wanted are the jobs that are not kept as they now are."""
    workspace = run.workspace
    async with workspace.db.read() as c:
        row = await connections.get_connection(c, workspace.name)
    # A day more: live_from is a date where the account is, whose day may have begun long before it began in UTC.
    since = datetime.combine(row.live_from, time.min, UTC) - A_DAY if row.live_from else None
    changes = await workspace.platform.list_changed(row.poll_cursor, since=since)
    async with workspace.db.read() as c:
        known = await jobs.known_markers(c, workspace.name, [ref.id for ref in changes.refs])
    run.changes = changes
    run.wanted = [ref.id for ref in changes.refs if not ref.marker or known.get(ref.id) != ref.marker]
    _log.info("%d jobs changed, %d of them new to us", len(changes.refs), len(run.wanted))
    return len(run.wanted)


async def fetch_jobs(run: BillingRun, progress: Progress | None = None) -> int:
    """Read the wanted jobs whole and keep them, with the poll's cursor in the same transaction.

    A poll also takes up what earlier runs left: jobs that could not be read, jobs read but not decided, and jobs held or
    planned before, or failed and due again. The last two are decided again from what is kept, at no call. A run for what is
    due takes up that alone.
    """
    workspace = run.workspace
    await _take_due(run)
    wanted = list(dict.fromkeys((*run.wanted, *(await _unread(run)))))
    fetched = await workspace.platform.fetch(wanted, progress) if wanted else Fetched()
    run.jobs = {job.id: job for job in fetched.jobs}
    run.fresh = set(run.jobs)
    run.problems = list(fetched.problems)
    if not run.plan_only:
        await _keep(run, fetched)
    if run.is_scheduled:
        await _take_up_open(run)
    await let_go(run)
    return len(fetched.jobs)


async def _keep(run: BillingRun, fetched: Fetched) -> None:
    """Keep what was read. An id that a person named and nobody knows is not tried again by every poll."""
    workspace = run.workspace
    markers = {ref.id: ref.marker for ref in run.changes.refs} if run.changes else {}
    async with workspace.db.write() as c:
        now = workspace.clock()
        await jobs.save_jobs(c, workspace.name, fetched.jobs, markers, now)
        if not run.is_of_a_person:
            run.given_up |= await keep_unread(c, workspace, fetched.problems)
        if run.changes:
            await connections.set_cursor(c, workspace.name, run.changes.cursor, now)


async def _take_due(run: BillingRun) -> None:
    """Take what failed and is due again, so that no other run does."""
    if not run.is_scheduled or run.plan_only:
        return
    workspace = run.workspace
    async with workspace.db.write() as c:
        now = workspace.clock()
        due = await billings.take_due(c, workspace.name, now, now + TAKEN_FOR)
        run.wanted += await jobs.take_unread(c, workspace.name, now, now + TAKEN_FOR)
        run.taken_jobs = await jobs.get_jobs(c, workspace.name, list(due.values()))
    run.taken = set(due)


async def _unread(run: BillingRun) -> list[str]:
    """Jobs whose trouble is in themselves: a poll reads them each time, until somebody has mended them."""
    if run.changes is None:
        return []
    async with run.workspace.db.read() as c:
        kept = await jobs.unread_jobs_of(c, run.workspace.name)
    return [one.job_id for one in kept if one.next_attempt_at is None and not one.given_up]


async def _take_up_open(run: BillingRun) -> None:
    workspace = run.workspace
    run.jobs = {**run.taken_jobs, **run.jobs}
    if run.changes is None:
        return
    async with workspace.db.read() as c:
        undecided = await jobs.undecided(c, workspace.name)
        left = undecided + await billings.open_jobs(c, workspace.name, workspace.clock())
        kept = await jobs.get_jobs(c, workspace.name, [i for i in left if i not in run.jobs])
    run.jobs |= kept
    run.fresh |= set(undecided) & set(kept)


async def find_due(run: BillingRun) -> None:
    """The milestones of the run's jobs that are due, each with the published version in force for its job.

    Raises ConfigError when there are jobs to bill, and nothing that was published to bill them by.
    """
    workspace = run.workspace
    shelf = await _shelf_of(run)
    async with workspace.db.read() as c:
        live_from = (await connections.get_connection(c, workspace.name)).live_from
        run.history = await billings.history(c, workspace.name, list(run.jobs))
        run.retired = await revisions.retired(c, workspace.name, list(run.jobs))
    due: list[Due] = []
    run.live_from = live_from
    for job in run.jobs.values():
        if live_from and job.completed_on and job.completed_on < live_from:
            run.before_live.append(job)
            continue
        due += _due_of(run, job, _book_of(run, shelf, job))
    order = _order(one.book for one in due)
    run.due = sorted(due, key=lambda one: (order[one.milestone.code], _by_number(one.job)))


def _by_number(job: Job) -> list[tuple[int, str]]:
    """Jobs in the order people number them, 9 before 10: so are their invoices numbered, and their lines shown."""
    parts = re.findall(r"\d+|\D+", job.number)
    return [(int(part), "") if part.isdecimal() and len(part) < 19 else (-1, part.casefold()) for part in parts]


def _due_of(run: BillingRun, job: Job, book: RuleBook) -> list[Due]:
    """A job from before the first version of the book is held alone: it must not stop the run for the others."""
    day = job.completed_on or today_of(run, job)
    milestones = due_milestones(job, book, run.history.get(job.id, History()))
    if run.current_rules or book.effective_from <= day:
        return [Due(job, milestone, book) for milestone in milestones]
    return [Due(job, m, book, _before_the_book(run, job, m.code, book, day)) for m in milestones]


async def _shelf_of(run: BillingRun) -> BookShelf:
    """The connection's book; what people should know of its files is said once a run."""
    shelf = await run.workspace.shelf()
    run.remarks = remarks(run.workspace.files, shelf) if shelf else []
    for remark in run.remarks:
        _log.warning("%s", remark)
    return shelf


def _book_of(run: BillingRun, shelf: BookShelf, job: Job) -> RuleBook:
    """The version in force on the job's day, or the newest one, where a person has asked for it."""
    day = job.completed_on or today_of(run, job)
    book = _book_for(shelf, run.workspace.connection, day)
    return shelf.latest if run.current_rules else book


def _book_for(shelf: BookShelf, connection: Connection, day: date) -> RuleBook:
    """The book in force on a day; its first version for a day before all versions."""
    if not shelf:
        raise unpublished(connection)
    return shelf.in_force(max(day, shelf.first_day))


def _before_the_book(run: BillingRun, job: Job, milestone: str, book: RuleBook, day: date) -> Hold:
    return Hold(
        key=BillingKey(connection=run.workspace.name, job_id=job.id, milestone=milestone),
        code="before_rule_book",
        why=f"The job counts as of {day}, and the first version of rule book '{book.origin.book}' "
        f"applies from {book.effective_from}.",
        fix="Give a version an earlier 'effective_from', correct the job's completion date, or bill it by hand.",
        book=book.origin.book,
        book_version=book.version,
        fingerprint=job.fingerprint,
    )


def _order(books: Iterable[RuleBook]) -> dict[str, int]:
    """By code, the last place that a milestone has in any of the books: the stages of each job come in its book's order."""
    order: dict[str, int] = {}
    for book in {(book.origin.book, book.version): book for book in books}.values():
        for place, milestone in enumerate(book.milestones):
            order[milestone.code] = max(place, order.get(milestone.code, 0))
    return order


def today_of(run: BillingRun, job: Job) -> date:
    """Today's date where the platform's account is."""
    return run.workspace.clock().astimezone(ZoneInfo(job.account_tz)).date()


async def gather_chart(run: BillingRun) -> None:
    """The organisation's chart: kept for an hour, and read anew for a person who has just mended something in it."""
    workspace = run.workspace
    tenant_id = await workspace.tenant_id()
    kept_for = CHART_KEPT if run.may_use_kept else CHART_KEPT_FOR_A_PERSON
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
