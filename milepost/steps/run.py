"""One billing run in memory: what was gathered, decided and done. It ends with the run; the ledger stays."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from milepost.billing.decision import Bill, Credit, Decision, Hold, Resolution
from milepost.billing.facts import Billed, History
from milepost.chart import Chart
from milepost.errors import AnswerLost, MilepostError
from milepost.jobs import Job
from milepost.ledger.billing_rows import BillingRow
from milepost.ledger.revisions import Revision
from milepost.platforms.protocol import Changes, JobProblem
from milepost.rules.model import Milestone, RuleBook
from milepost.steps.workspace import Workspace

Trigger = Literal["poll", "webhook", "person", "retry"]
Status = Literal["planned", "held", "sending", "done", "failed", "skipped"]

TAKEN = "taken"
"""The code of a result that another process records."""
CHANGED = "changed_since"
"""The code of a result that is left to the next run, because its job is not as it was read."""


@dataclass(frozen=True, slots=True)
class Due:
    """A milestone that a job's status asks for, and the rule book in force for that job.

    `hold`: why it cannot be decided by any book; `book` is then only the nearest one.
    """

    job: Job
    milestone: Milestone
    book: RuleBook
    hold: Hold | None = None


@dataclass(slots=True)
class Result:
    """One decision and what came of it. `note` is told when it is done but not quite as planned.

    revision: the invoice of ours that is brought up to date by it, or is voided before it.
    """

    job: Job
    milestone: Milestone
    decision: Decision
    status: Status
    code: str = ""
    why: str = ""
    fix: str = ""
    invoice_id: str | None = None
    invoice_number: str | None = None
    note: str = ""
    revision: Revision | None = None

    @property
    def billing_id(self) -> str:
        """The billing's id in the ledger."""
        return str(self.decision.key.id)

    @property
    def total(self) -> Decimal | None:
        """The invoice's total with tax, when there is one."""
        return self.decision.draft.total if isinstance(self.decision, Bill) else None

    def hold(self, code: str, why: str, fix: str) -> None:
        """A person is needed after all."""
        self.status, self.code, self.why, self.fix = "held", code, why, fix

    def fail(self, code: str, why: str, fix: str = "It is tried again by the next run.") -> None:
        """A remote refused or was away."""
        self.status, self.code, self.why, self.fix = "failed", code, why, fix

    def stand(self, row: BillingRow) -> None:
        """Leave it as an earlier run, or a person, left it."""
        self.status = row.status.value
        self.code, self.why, self.fix = row.trouble_code or "", row.trouble_why or "", row.trouble_fix or ""

    def leave_to_another(self) -> None:
        """Another process is at work on it, and will record what comes of it."""
        self.status, self.code, self.why, self.fix = "skipped", TAKEN, "Another run is billing it at this moment.", ""

    def leave_to_next(self) -> None:
        """Its job has changed since it was read; the next run decides it as it is by now."""
        why = "The job is not as it was when it was last read; the next run decides it as it is now."
        self.status, self.code, self.why, self.fix = "skipped", CHANGED, why, ""


@dataclass(slots=True)
class BillingRun:
    """The state that the steps of one run share, in the order in which they fill it.

    fresh: the jobs that this run read anew, or is the first to decide; the others were left open by earlier runs.
    remarks: what people should know of the rule book's files: one was changed, or is not published.
    chart_is_kept, mirror_is_kept: what an earlier run read is used; Xero may know better by now.
    read_again, changed_since: jobs kept from earlier runs that were read once more before billing; those found changed.
    lost: by request, how its answer was lost in this very run.
    current_rules: a person wants the wanted jobs decided by the newest published version, whatever their day.
    reissue: a person confirms that approved invoices of the wanted jobs are voided and made anew.
    retired: by job and milestone, the last of its invoices that was voided to be made anew.
    looked_at_again: jobs whose change is not settled; the next poll decides them again.
    retries_due: the run is there for what failed and is due again, and asks for nothing new.
    taken, taken_jobs: failed billings that this run took because they are due, and their jobs as they are kept.
    given_up: jobs that could not be read so often that they are not tried any more.
    """

    id: str
    trigger: Trigger
    workspace: Workspace
    plan_only: bool = False
    reissue: bool = False
    current_rules: bool = False
    wanted: list[str] = field(default_factory=list)
    changes: Changes | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    problems: list[JobProblem] = field(default_factory=list)
    live_from: date | None = None
    before_live: list[Job] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    due: list[Due] = field(default_factory=list)
    chart: Chart | None = None
    chart_is_kept: bool = False
    mirror_is_kept: bool = False
    resolutions: dict[str, Resolution] = field(default_factory=dict)
    history: dict[str, History] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    read_again: set[str] = field(default_factory=set)
    changed_since: set[str] = field(default_factory=set)
    lost: dict[str, AnswerLost] = field(default_factory=dict)
    retired: dict[tuple[str, str], int] = field(default_factory=dict)
    looked_at_again: set[str] = field(default_factory=set)
    retries_due: bool = False
    taken: set[str] = field(default_factory=set)
    taken_jobs: dict[str, Job] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    new_contacts: int = 0
    recovered: int = 0
    waiting: int = 0
    has_swept: bool = False
    stopped_by: MilepostError | None = None

    @property
    def milestones(self) -> list[Milestone]:
        """The milestones with work, in the books' order."""
        return list({due.milestone.code: due.milestone for due in self.due}.values())

    def due_for(self, milestone: str) -> list[Due]:
        """The jobs that a milestone is due for."""
        return [due for due in self.due if due.milestone.code == milestone]

    @property
    def is_of_a_person(self) -> bool:
        """Whether somebody named the jobs, and so sees at once what is wrong with those names."""
        return self.changes is None and self.trigger == "person"

    @property
    def is_scheduled(self) -> bool:
        """Whether nobody asked for this run: what waits for its time waits on."""
        return self.changes is not None or self.retries_due

    @property
    def may_use_kept(self) -> bool:
        """Whether what was read a while ago will do: nobody has just mended it and waits for what comes of that."""
        return self.is_scheduled or self.trigger == "webhook"

    @property
    def decided_jobs(self) -> list[Job]:
        """The jobs of which every due milestone has its result; only of these a later run need not think again."""
        results = {(result.job.id, result.milestone.code) for result in self.results}
        missing = {due.job.id for due in self.due if (due.job.id, due.milestone.code) not in results}
        missing |= self.looked_at_again
        return [job for job in self.jobs.values() if job.id not in missing]

    def results_of(self, milestone: str) -> list[Result]:
        """The results of one milestone."""
        return [result for result in self.results if result.milestone.code == milestone]

    def remember(self, bill: Bill) -> None:
        """Count a decided bill as billed, so that a later milestone of the same run starts from what is left."""
        draft, key = bill.draft, bill.key
        billed = Billed(
            milestone=key.milestone,
            sequence=key.sequence,
            number=draft.number,
            line_amount_types=draft.line_amount_types,
            currency=draft.currency,
            lines=draft.lines,
            sub_total=draft.sub_total,
            total_tax=draft.total_tax,
            total=draft.total,
            fingerprint=bill.fingerprint,
        )
        before = self.history.get(key.job_id, History())
        self.history[key.job_id] = History(billed=(*before.billed, billed))

    def forget(self, job_id: str, milestone: str, sequence: int) -> None:
        """Count an invoice as not there: it is about to be another."""
        billed = self.history.get(job_id, History()).billed
        kept = tuple(b for b in billed if (b.milestone, b.sequence) != (milestone, sequence))
        self.history[job_id] = History(billed=kept)

    def next_sequence(self, job_id: str, milestone: str) -> int:
        """The number that the next invoice of a job's milestone has among its own."""
        own = self.history.get(job_id, History()).next_sequence(milestone)
        return max(own, self.retired.get((job_id, milestone), 0) + 1)

    @property
    def counts(self) -> dict[str, int]:
        """Results by status, unreadable jobs counted as held."""
        counts = _count(self.results)
        counts["held"] += len(self.problems)
        return counts

    def counts_of(self, milestone: str) -> dict[str, int]:
        """Results of one milestone by status."""
        return _count(self.results_of(milestone))

    @property
    def needs_a_person(self) -> bool:
        """Whether anything is held, failed or without an answer, or was and still waits."""
        counts = self.counts
        return counts["held"] + counts["failed"] + counts["sending"] + self.waiting > 0

    @property
    def totals(self) -> dict[str, Decimal]:
        """What was invoiced, with tax, by currency."""
        totals: dict[str, Decimal] = {}
        made = (r for r in self.results if r.status == "done" and not (r.revision and r.revision.kind == "update"))
        for bill in (result.decision for result in made):
            if isinstance(bill, Bill):
                totals[bill.draft.currency] = totals.get(bill.draft.currency, Decimal(0)) + bill.draft.total
        return totals


def _count(results: Iterable[Result]) -> dict[str, int]:
    counts = Counter(result.status for result in results)
    return {status: counts[status] for status in ("planned", "done", "held", "failed", "skipped", "sending")}


def result_of(due: Due, decision: Decision) -> Result:
    """A decision before anything is done about it."""
    if isinstance(decision, Bill):
        return Result(due.job, due.milestone, decision, "planned")
    if isinstance(decision, Hold | Credit):
        return Result(due.job, due.milestone, decision, "held", decision.code, decision.why, decision.fix)
    return Result(due.job, due.milestone, decision, "skipped", decision.code, decision.why)


def by_status(results: Iterable[Result], *statuses: Status) -> list[Result]:
    """The results with one of these statuses."""
    return [result for result in results if result.status in statuses]
