"""Completed work since the go-live day, and why what is not billed of it is not: shared by verify and unbilled.

The job system is asked which jobs there are, where it can list what changed (a call or two, lines and all unread);
else the ledger's own jobs must do. What the ledger knows of each costs no call.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from milepost.billing.facts import History
from milepost.billing.milestones import why_not_due
from milepost.errors import ConfigError, RemoteError
from milepost.jobs import Job, Stage
from milepost.ledger import billings, census, connections, jobs
from milepost.ledger.billings import BillingStatus
from milepost.ledger.census import BilledPart, KeptJob
from milepost.platforms.protocol import JobProblem
from milepost.steps.words import why_of
from milepost.steps.workspace import Workspace

_log = logging.getLogger(__name__)

PATIENCE = timedelta(hours=1)
"""How long a job may wait for a run to decide on it before that is out of order."""
MOST_READ = 200
"""Jobs never seen that are read whole to tell what they are; more of them are counted, not read."""
_OPEN = (BillingStatus.HELD, BillingStatus.FAILED, BillingStatus.SENDING, BillingStatus.PLANNED)
BEFORE_LIVE = "before_live_from"
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """One completed job: `billed`, or why not. is_stated: the reason is one that may stand; else something was lost.

    status: held, failed, sending, planned, skipped, waiting or lost.
    """

    job_id: str
    number: str
    completed_on: date | None
    status: str = "billed"
    code: str = ""
    why: str = ""
    fix: str = ""
    is_stated: bool = True
    parts: tuple[BilledPart, ...] = ()

    @property
    def is_billed(self) -> bool:
        """Whether nothing is open of it."""
        return self.status == "billed"


@dataclass(frozen=True, slots=True)
class Completed:
    """Every completed job since a day, oldest first. source: who told which jobs there are; remark: why only the ledger."""

    standings: tuple[Standing, ...]
    source: str
    since: date | None
    remark: str = ""


async def completed_work(workspace: Workspace, since: date | None = None, *, with_earlier: bool = False) -> Completed:
    """Account for every completed job since the go-live day, or since a later one. Raises AuthError of the job system.

    with_earlier: those completed before the go-live day, too, as far as the ledger has them.
    """
    async with workspace.db.read() as c:
        live_from = (await connections.get_connection(c, workspace.name)).live_from
        begin = max((day for day in (live_from, since) if day), default=None)
        kept = await census.completed_jobs(c, workspace.name, None if with_earlier else begin)
        parts = await census.billed_parts(c, workspace.name, [job.id for job in kept])
    account = _Accounts(workspace, live_from, parts)
    standings = [await account.of(job) for job in kept]
    listed, source, remark = await _listed(workspace, begin)
    standings += await _unread(workspace)
    standings += await _never_seen(workspace, listed, begin)
    return Completed(tuple(sorted(standings, key=_by_age)), source, begin, remark)


def _by_age(one: Standing) -> tuple[date, str]:
    return one.completed_on or date.max, one.number


@dataclass(slots=True)
class _Accounts:
    """What is known of all jobs at once, to account for them one by one."""

    workspace: Workspace
    live_from: date | None
    parts: Mapping[str, Sequence[BilledPart]]

    async def of(self, job: KeptJob) -> Standing:
        """Billed, open, given up, waiting for a decision, or not due."""
        parts = tuple(self.parts.get(job.id, ()))
        bare = Standing(job.id, job.number, job.completed_on, parts=parts)
        was_sent = any(part.counts or part.status is BillingStatus.SENDING for part in parts)
        if self.live_from and job.completed_on and job.completed_on < self.live_from and not was_sent:
            return _before_live(bare, self.live_from)
        if troubled := _open_part(parts):
            return _of_part(bare, troubled, self.workspace.name)
        if gone := _gone_part(parts):
            return _of_gone(bare, gone)
        if not job.is_decided:
            return _undecided(bare, self.workspace, job)
        if any(part.counts for part in parts) and await self._is_whole(parts):
            return bare
        return await self._not_due(bare, parts)

    async def _is_whole(self, parts: Sequence[BilledPart]) -> bool:
        """Whether the last of the work is billed: by a stage that takes what remains, or where the book has no such."""
        for part in (part for part in parts if part.counts):
            shelf = await self.workspace.shelf(part.book)
            try:
                stages = shelf.version(part.book_version).milestones
            except ConfigError:
                return True
            rest = {stage.code for stage in stages if stage.amount == "remaining"}
            if not rest or part.milestone in rest or part.by_hand:
                return True
        return False

    async def _not_due(self, bare: Standing, parts: Sequence[BilledPart]) -> Standing:
        """Skipped with a reason, or its book asks nothing of it yet."""
        if skipped := [part for part in parts if part.status is BillingStatus.SKIPPED and part.trouble_why]:
            return _of_part(bare, skipped[-1], self.workspace.name)
        return await _by_the_book(self.workspace, bare)


def _open_part(parts: Sequence[BilledPart]) -> BilledPart | None:
    """The first that waits; one that was given up waits for a person."""
    waits = (part for status in _OPEN for part in parts if part.status is status and part.by_hand is None)
    given_up = (part for part in parts if part.status is BillingStatus.SKIPPED and part.trouble_code == "retries_exhausted")
    return next(waits, None) or next(given_up, None)


def _gone_part(parts: Sequence[BilledPart]) -> BilledPart | None:
    """One whose invoice was voided or deleted, and whose stage was not billed otherwise since."""
    billed = {part.milestone for part in parts if part.counts}
    gone = (part for part in parts if part.status is BillingStatus.DONE and not part.counts)
    return next((part for part in gone if part.milestone not in billed), None)


def _of_part(bare: Standing, part: BilledPart, connection: str) -> Standing:
    code, why, fix = part.trouble_code or part.status.value, part.trouble_why or "", part.trouble_fix or ""
    if part.status is BillingStatus.SENDING:
        why = why or "It was sent, and its answer is not known yet."
        fix = fix or f"A run finds out: milepost poll {connection}"
    elif part.status is BillingStatus.PLANNED:
        why, fix = f"{part.milestone} is decided and not sent yet.", f"The next run bills it: milepost poll {connection}"
    return replace(bare, status=part.status.value, code=code, why=why, fix=fix)


def _before_live(bare: Standing, live_from: date) -> Standing:
    why = f"It was completed before {live_from}, the day from which this connection bills (live_from)."
    fix = "If it is still to be billed, bill it by hand, or set live_from back in the connection's settings."
    return replace(bare, status="skipped", code=BEFORE_LIVE, why=why, fix=fix)


def _of_gone(bare: Standing, part: BilledPart) -> Standing:
    why = f"The invoice of {part.milestone} was {(part.invoice_status or '').lower()} in Xero."
    fix = f"Bill it by hand in Xero, or say that it is not to be billed: milepost queue by-hand {part.id} --reason TEXT"
    return replace(bare, status="held", code="invoice_gone", why=why, fix=fix)


def _undecided(bare: Standing, workspace: Workspace, job: KeptJob) -> Standing:
    why = "It was read, and no run has decided on it as it now is."
    fix = f"The next run does: milepost poll {workspace.name}"
    in_order = workspace.clock() - job.fetched_at < PATIENCE
    return replace(bare, status="waiting" if in_order else "lost", code="undecided", why=why, fix=fix, is_stated=in_order)


async def _by_the_book(workspace: Workspace, bare: Standing) -> Standing:
    """Why no stage is due, in the words of the book in force; a stage that is due and has no billing was lost."""
    async with workspace.db.read() as c:
        job = (await jobs.get_jobs(c, workspace.name, [bare.job_id]))[bare.job_id]
        history = (await billings.history(c, workspace.name, [bare.job_id]))[bare.job_id]
    return await _judged(workspace, bare, job, history)


async def _judged(workspace: Workspace, bare: Standing, job: Job, history: History) -> Standing:
    shelf = await workspace.shelf()
    if not shelf:
        fix = f"milepost rules publish {shelf.book}"
        return replace(bare, status="waiting", code="no_rule_book", why="No rule book is published to bill it by.", fix=fix)
    book = shelf.in_force(max(job.completed_on or workspace.clock().date(), shelf.first_day))
    reasons = why_not_due(job, book, history)
    if len(reasons) < len(book.milestones):
        fix = f"milepost bill {workspace.name} --job {job.number}"
        why = "A stage is due by the rule book, and there is no billing of it."
        return replace(bare, status="lost", code="not_billed", why=why, fix=fix, is_stated=False)
    last = ([reason for reason in reasons if reason.code != "already_billed"] or reasons)[-1]
    fix = "If it is to be billed, set the job to a status that its rule book bills at, or change the rule book."
    return replace(bare, status="skipped", code=f"not_due_{last.code}", why=last.why, fix=fix)


async def _listed(workspace: Workspace, begin: date | None) -> tuple[list[str], str, str]:
    """The ids of the jobs that the job system lists since a day; who told; and why it did not."""
    platform = workspace.platform
    if not platform.capabilities.changed_since:
        return [], "the ledger", f"{platform.kind} cannot list what changed since a day; the ledger's own jobs were taken."
    # A day more, as for polls: the day may have begun before it did in UTC.
    since = datetime.combine(begin, time.min, UTC) - A_DAY if begin else None
    try:
        changes = await platform.list_changed(None, since=since)
    except RemoteError as error:
        return [], "the ledger", f"The job system could not be asked: {why_of(error)}"
    return [ref.id for ref in changes.refs], "the job system", ""


async def _unread(workspace: Workspace) -> list[Standing]:
    """Jobs that could not be read: nobody knows whether they are completed, so they stay in sight."""
    async with workspace.db.read() as c:
        ids = await jobs.unread_jobs_of(c, workspace.name)
        known = await jobs.get_jobs(c, workspace.name, [one.job_id for one in ids])
    fix = "Mend the job in the job system; the next poll reads it again."
    return [
        Standing(one.job_id, one.job_id, None, "held", "job_unreadable", one.why, one.fix or fix)
        for one in ids
        if one.job_id not in known
    ]


async def _never_seen(workspace: Workspace, listed: Sequence[str], begin: date | None) -> list[Standing]:
    """Jobs that the job system lists and the ledger has never read: read now, to tell those that are completed."""
    async with workspace.db.read() as c:
        known = set(await jobs.known_markers(c, workspace.name, listed)) | set(await jobs.unread(c, workspace.name))
        began = await census.last_poll_began(c, workspace.name)
    unseen = [job_id for job_id in listed if job_id not in known]
    if not unseen or began is None:  # before its first poll, a connection has seen nothing, and rightly so
        return []
    _log.info("%d jobs are listed that were never read", len(unseen))
    fetched = await workspace.platform.fetch(unseen[:MOST_READ])
    seen = [_unseen_job(workspace, job, began) for job in fetched.jobs if _is_over(job, begin)]
    return [
        *seen,
        *(_unseen_problem(problem) for problem in fetched.problems if not problem.gone),
        *_too_many(workspace, unseen),
    ]


def _is_over(job: Job, begin: date | None) -> bool:
    if job.stage not in (Stage.COMPLETED, Stage.INVOICED):
        return False
    return begin is None or job.completed_on is None or job.completed_on >= begin


def _unseen_job(workspace: Workspace, job: Job, began: datetime) -> Standing:
    """One completed since the last poll began is in order: the next poll reads it."""
    bare = Standing(job.id, job.number, job.completed_on)
    fix = f"milepost poll {workspace.name}, or only it: milepost bill {workspace.name} --job {job.number}"
    changed_at = max((moment for moment in (job.dates.completed, job.modified_at) if moment), default=None)
    if changed_at and changed_at > began:
        return replace(bare, status="waiting", code="not_read_yet", why="It was completed since the last poll.", fix=fix)
    why = "The job system has it as completed, and no poll has ever read it."
    return replace(bare, status="lost", code="never_seen", why=why, fix=fix, is_stated=False)


def _unseen_problem(problem: JobProblem) -> Standing:
    number = problem.job_number or problem.job_id
    return Standing(problem.job_id, number, None, "held", "job_unreadable", problem.why, problem.fix, is_stated=False)


def _too_many(workspace: Workspace, unseen: Sequence[str]) -> list[Standing]:
    rest = len(unseen) - MOST_READ
    if rest <= 0:
        return []
    why = f"{rest} more jobs are listed by the job system and were never read."
    return [Standing("?", "?", None, "lost", "never_seen", why, f"milepost poll {workspace.name}", is_stated=False)]
