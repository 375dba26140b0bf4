"""Running tests: each job through the very `decide` that bills, upon what the test's own steps billed before. Pure."""

from dataclasses import dataclass, field
from datetime import date

from milepost.billing.decide import decide
from milepost.billing.decision import (
    Bill,
    ContactDraft,
    Credit,
    Decision,
    ExistingContact,
    InvoiceLine,
    NewContact,
    Resolution,
    Undecided,
)
from milepost.billing.facts import Facts, History
from milepost.billing.milestones import due_milestones, why_not_due
from milepost.billing.replay import billed_by
from milepost.jobs import Job
from milepost.rules.model import Milestone, RuleBook
from milepost.rules.trials.compare import Difference, Money, differences, money_of, said, sums_differ
from milepost.rules.trials.given import JobGiven, merged
from milepost.rules.trials.load import LoadedTrials
from milepost.rules.trials.made import job_of
from milepost.rules.trials.organisation import OrganisationGiven, chart_of
from milepost.rules.trials.touched import touched_by
from milepost.rules.trials.trial import Step, Trial

ANY_DAY = date(2026, 7, 1)
"""Today, where a test says neither the day nor the job's completion."""
CONSOLE = "https://console.example"


@dataclass(frozen=True, slots=True)
class TrialResult:
    """How a test went. touched: the entries of the book it reached, such as `lines.labour`, `milestones.FIN`, `fallback`."""

    name: str
    path: str
    line: int
    differences: tuple[Difference, ...]
    decisions: tuple[Decision | None, ...]
    touched: frozenset[str]

    @property
    def passed(self) -> bool:
        """Whether all came as expected."""
        return not self.differences

    @property
    def where(self) -> str:
        """`file:line` of the test."""
        return f"{self.path}:{self.line}"


def run_trials(book: RuleBook, file: LoadedTrials, only: str = "") -> list[TrialResult]:
    """Run the tests of a file, or those whose name holds a text, on one version of a book, whatever its date."""
    wanted = only.casefold()
    return [
        run_trial(book, trial, file.organisation, file.path, line)
        for trial, line in zip(file.trials, file.lines, strict=True)
        if wanted in trial.name.casefold()
    ]


def run_trial(
    book: RuleBook, trial: Trial, organisation: OrganisationGiven, path: str = "test", line: int = 1
) -> TrialResult:
    """Run one test; what it did not expect is in the result, never raised."""
    life = _Life(book, trial, organisation)
    if life.billed_before():
        for place, step in enumerate(trial.all_steps(), 1):
            life.take(step, _step_name(step, place) if trial.steps else "")
        if trial.together:
            life.found += sums_differ(trial.together, life.money)
    return TrialResult(trial.name, path, line, tuple(life.found), tuple(life.decisions), frozenset(life.touched))


def _step_name(step: Step, place: int) -> str:
    return f"step {place}{f' ({step.name})' if step.name else ''}: "


@dataclass
class _Life:
    """A job as a test leads it from step to step: as it is now, what was billed of it, and what was found."""

    book: RuleBook
    trial: Trial
    organisation: OrganisationGiven
    given: JobGiven = field(init=False)
    history: History = field(default_factory=History)
    today: date | None = None
    money: list[Money] = field(default_factory=list)
    decisions: list[Decision | None] = field(default_factory=list)
    found: list[Difference] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.given, self.today = merged(JobGiven(), self.trial.job), self.trial.today

    def billed_before(self) -> bool:
        """Bill the stages that the test takes for billed; False when one cannot be, and then nothing can be compared."""
        for code, then in self.trial.billed.items():
            milestone = self.book.milestone(code)
            if milestone is None:
                self.found.append(Difference(f"billed > {code}", "a stage of the book", _there_are(self.book)))
                return False
            given = merged(self.given, then)
            if "status" not in then.model_fields_set:
                given = given.model_copy(update={"status": milestone.on_status[0]})
            decision = self._decide(given, milestone, "known")
            if not isinstance(decision, Bill):
                self.found.append(Difference(f"billed > {code}", "an invoice", said(decision, "")))
                return False
            self._keep(decision)
        return True

    def take(self, step: Step, name: str) -> None:
        """One step: change the job, decide on the stage that is due, compare."""
        self.given, self.today = merged(self.given, step.job), step.today or self.today
        decision, found = self._answer(step)
        self.decisions.append(decision)
        self.found += (Difference(f"{name}{one.what}", one.expected, one.got) for one in found)
        if isinstance(decision, Bill):
            self._keep(decision)
        elif isinstance(decision, Credit):
            self.money.append(_turned(money_of(decision)))

    def _answer(self, step: Step) -> tuple[Decision | None, list[Difference]]:
        """The decision on the stage that is due, None when none is; and what differs from what the step expects."""
        if step.milestone and self.book.milestone(step.milestone) is None:
            return None, [
                Difference("milestone", "a stage of the book", f"no stage {step.milestone}; {_there_are(self.book)}")
            ]
        job = job_of(self.given, self._status(step.milestone))
        due = [m for m in due_milestones(job, self.book, self.history) if step.milestone in (None, m.code)]
        if len(due) > 1:
            codes = ", ".join(milestone.code for milestone in due)
            return None, [Difference("milestone", "one that is named, as several are due", codes)]
        if due:
            decision = self._decide(self.given, due[0], step.contact or self.trial.contact)
            return decision, differences(step.expect, decision, "")
        reasons = why_not_due(job, self.book, self.history)
        why_none = " ".join(one.why for one in reasons if step.milestone in (None, one.milestone))
        return None, differences(step.expect, None, why_none)

    def _status(self, code: str | None) -> str:
        """The status of a job that says none: one at which the stage is due."""
        milestone = self.book.milestone(code) if code else None
        last = next((m for m in reversed(self.book.milestones) if m.amount == "remaining"), self.book.milestones[-1])
        return (milestone or last).on_status[0]

    def _decide(self, given: JobGiven, milestone: Milestone, contact: str) -> Decision:
        job = job_of(given, self._status(milestone.code))
        codes = tuple(dict.fromkeys(line.code for line in job.lines if line.code))
        facts = Facts(
            connection="test",
            chart=chart_of(self.organisation, self.book, codes),
            contact=_contact(job, contact),
            today=self.today or given.completed or ANY_DAY,
            console_url=CONSOLE,
        )
        decision = decide(job, milestone, facts, self.book, self.history)
        self.touched |= touched_by(self.book, job, milestone, decision)
        return decision

    def _keep(self, bill: Bill) -> None:
        number = bill.draft.number or f"INV-{len(self.history.billed) + 1}"
        billed = billed_by(bill).model_copy(update={"number": number})
        self.history = History(billed=(*self.history.billed, billed))
        self.money.append(money_of(bill))


def _contact(job: Job, known: str) -> Resolution | None:
    if job.customer is None:
        return None
    customer = job.customer.id
    if known == "new":
        return NewContact(customer_id=customer, draft=ContactDraft(number=customer, name=job.customer.name))
    if known == "unclear":
        return Undecided(
            customer_id=customer,
            why="Several contacts in Xero fit the customer.",
            fix="Give the right one the customer's account number.",
        )
    return ExistingContact(customer_id=customer, contact_id="contact-1", matched_by="link")


def _turned(money: Money) -> Money:
    """A credit note counts against the invoices."""
    lines = tuple(_less(line) for line in money.lines)
    return Money(lines, -money.net, -money.tax, -money.total)


def _less(line: InvoiceLine) -> InvoiceLine:
    return line.model_copy(update={"amount": -line.amount, "tax": -line.tax})


def _there_are(book: RuleBook) -> str:
    return f"there are {', '.join(milestone.code for milestone in book.milestones)}"
