"""Diff: what another version of a rule book would have done to past jobs. Pure: both versions decide, and are compared.

Each stage that a job's status asks for, or that was billed, is replayed from an empty history under both versions.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from milepost.billing.decision import Bill, Decision
from milepost.billing.facts import Facts
from milepost.billing.replay import replay
from milepost.jobs import Job, Record
from milepost.money import ZERO
from milepost.rules.book_changes import EntryChange, compare_books
from milepost.rules.diff_lines import CodedLine, LineChange, coded, compared, side_by_side
from milepost.rules.model import RuleBook
from milepost.rules.moves import BothBill, Move, moves_between


class Outcome(Record):
    """What one version makes of a stage; without an action, it has no such stage for the job."""

    action: Literal["bill", "credit", "hold", "skip"] | None = None
    code: str | None = None
    why: str | None = None
    fix: str | None = None
    currency: str | None = None
    sub_total: Decimal | None = None
    total_tax: Decimal | None = None
    total: Decimal | None = None


class StageChange(Record):
    """A stage of a job that the versions decide otherwise. `lines` where both bill it."""

    job_id: str
    job_number: str
    milestone: str
    before: Outcome
    after: Outcome
    lines: tuple[LineChange, ...] = ()

    @property
    def is_newly_held(self) -> bool:
        """Whether only the new version holds it."""
        return self.after.action == "hold" and self.before.action != "hold"

    @property
    def is_newly_free(self) -> bool:
        """Whether only the old version holds it."""
        return self.before.action == "hold" and self.after.action != "hold"


class Total(Record):
    """What all stages come to by one version and by the other, in one currency."""

    currency: str
    net_before: Decimal = ZERO
    net_after: Decimal = ZERO
    tax_before: Decimal = ZERO
    tax_after: Decimal = ZERO


class BookDiff(Record):
    """The whole comparison. accounts, taxes: money moved within stages that both versions bill, net of tax."""

    book: str
    old_version: int
    new_version: int
    book_changes: tuple[EntryChange, ...]
    jobs: int
    stages: int
    changes: tuple[StageChange, ...]
    accounts: tuple[Move, ...]
    taxes: tuple[Move, ...]
    totals: tuple[Total, ...]

    @property
    def newly_held(self) -> tuple[StageChange, ...]:
        """Stages that only the new version holds."""
        return tuple(change for change in self.changes if change.is_newly_held)

    @property
    def newly_free(self) -> tuple[StageChange, ...]:
        """Stages that only the old version holds."""
        return tuple(change for change in self.changes if change.is_newly_free)


@dataclass(frozen=True, slots=True)
class PastJob:
    """A job as it is known, what may be known beside it, and the codes of its stages that were billed."""

    job: Job
    facts: Facts
    billed: Collection[str] = ()


def diff_books(old: RuleBook, new: RuleBook, jobs: Iterable[PastJob]) -> BookDiff:
    """Both versions over the jobs."""
    comparison = Comparison(old, new)
    for past in jobs:
        comparison.add(past)
    return comparison.result()


class Comparison:
    """Two versions and the jobs compared so far; only what differs is kept, so that many jobs take little room."""

    def __init__(self, old: RuleBook, new: RuleBook) -> None:
        self.old, self.new = old, new
        self._jobs = self._stages = 0
        self._changes: list[StageChange] = []
        self._moving: list[BothBill] = []
        self._totals: dict[str, Total] = {}

    def add(self, past: PastJob) -> None:
        """Compare one job more."""
        self._jobs += 1
        for pair in _pairs(past, self.old, self.new):
            self._stages += 1
            self._add_total(pair.before, "before")
            self._add_total(pair.after, "after")
            if change := _change(pair):
                self._changes.append(change)
                self._moving += [pair.both_bill] if pair.both_bill else []

    def result(self) -> BookDiff:
        """What came of it."""
        return BookDiff(
            book=self.new.origin.book,
            old_version=self.old.version,
            new_version=self.new.version,
            book_changes=compare_books(self.old, self.new),
            jobs=self._jobs,
            stages=self._stages,
            changes=tuple(self._changes),
            accounts=moves_between(self._moving, lambda line: line.account),
            taxes=moves_between(self._moving, lambda line: line.tax_type or "no tax"),
            totals=tuple(self._totals[currency] for currency in sorted(self._totals)),
        )

    def _add_total(self, decision: Decision | None, when: Literal["before", "after"]) -> None:
        if not isinstance(decision, Bill):
            return
        draft = decision.draft
        total = self._totals.get(draft.currency, Total(currency=draft.currency))
        sums = {f"net_{when}": draft.sub_total, f"tax_{when}": draft.total_tax}
        added = {name: getattr(total, name) + amount for name, amount in sums.items()}
        self._totals[draft.currency] = total.model_copy(update=added)


@dataclass(frozen=True, slots=True)
class _Pair:
    """One stage of one job, as both versions decide it."""

    job: Job
    milestone: str
    before: Decision | None
    after: Decision | None
    both_bill: BothBill | None


def _pairs(past: PastJob, old: RuleBook, new: RuleBook) -> list[_Pair]:
    before = {d.key.milestone: d for d in replay(past.job, old, past.facts, past.billed)}
    after = {d.key.milestone: d for d in replay(past.job, new, past.facts, past.billed)}
    both = ((code, before.get(code), after.get(code)) for code in dict.fromkeys((*before, *after)))
    return [_Pair(past.job, code, b, a, _both_bill(b, a)) for code, b, a in both]


def _both_bill(before: Decision | None, after: Decision | None) -> BothBill | None:
    """A stage's lines side by side; nothing where a version does not bill it, or bills it in another currency."""
    if not (isinstance(before, Bill) and isinstance(after, Bill)) or before.draft.currency != after.draft.currency:
        return None
    return BothBill(before.draft.currency, side_by_side(_coded(before), _coded(after)))


_WORDS = {"why": None, "fix": None}
"""What may name a line of the file, and so differs without meaning."""


def _change(pair: _Pair) -> StageChange | None:
    before, after = _outcome(pair.before), _outcome(pair.after)
    groups = pair.both_bill.groups if pair.both_bill else ()
    lines = tuple(change for group in groups if (change := compared(group)))
    same = before.model_copy(update=_WORDS) == after.model_copy(update=_WORDS)
    if same and not lines:
        return None
    return StageChange(
        job_id=pair.job.id,
        job_number=pair.job.number,
        milestone=pair.milestone,
        before=before,
        after=after,
        lines=lines,
    )


def _coded(bill: Bill) -> list[CodedLine]:
    return [coded(line, bill.draft.line_amount_types) for line in bill.draft.lines]


def _outcome(decision: Decision | None) -> Outcome:
    if decision is None:
        return Outcome()
    if isinstance(decision, Bill):
        draft = decision.draft
        return Outcome(
            action="bill",
            currency=draft.currency,
            sub_total=draft.sub_total,
            total_tax=draft.total_tax,
            total=draft.total,
        )
    fix = None if decision.action == "skip" else decision.fix
    return Outcome(action=decision.action, code=decision.code, why=decision.why, fix=fix)
