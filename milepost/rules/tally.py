"""What a business's last jobs hold: kinds, codes, categories, taxes, statuses, each with how often it was seen. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from milepost.jobs import Job, Line, LineKind, Stage, TaxMode

_DONE = frozenset({Stage.COMPLETED, Stage.INVOICED})


@dataclass(slots=True)
class Seen:
    """How often something was seen: on how many lines, of which jobs (by id)."""

    lines: int = 0
    jobs: set[str] = field(default_factory=set)

    def add(self, job: Job) -> None:
        """One line more, of this job."""
        self.lines += 1
        self.jobs.add(job.id)

    def __str__(self) -> str:
        return f"seen {_times(self.lines)} in {_jobs(len(self.jobs))}"


@dataclass(slots=True)
class SeenTax(Seen):
    """A tax name and the rates, in percent, that the platform said with it."""

    rates: Counter[Decimal] = field(default_factory=Counter)


@dataclass(slots=True)
class SeenCode(Seen):
    """An item code of one kind of line, and what its lines say."""

    words: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Tally:
    """Everything counted. Dictionaries are in the order of first sight; `often` sorts them."""

    jobs: int = 0
    kinds: defaultdict[LineKind, Seen] = field(default_factory=lambda: defaultdict(Seen))
    codes: defaultdict[tuple[LineKind, str], SeenCode] = field(default_factory=lambda: defaultdict(SeenCode))
    categories: defaultdict[str, Seen] = field(default_factory=lambda: defaultdict(Seen))
    taxes: defaultdict[str, SeenTax] = field(default_factory=lambda: defaultdict(SeenTax))
    unpriced: Seen = field(default_factory=Seen)
    done: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    currencies: Counter[str] = field(default_factory=Counter)
    tax_modes: Counter[TaxMode] = field(default_factory=Counter)
    terms: Counter[int] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    deposits: int = 0
    without_lines: int = 0
    first_day: date | None = None


def tally_of(jobs: Sequence[Job]) -> Tally:
    """Count what the jobs hold; lines that are not billable do not count."""
    tally = Tally(jobs=len(jobs))
    for job in jobs:
        _count_job(tally, job)
        for line in job.lines:
            if line.billable:
                _count_line(tally, job, line)
    return tally


def _count_job(tally: Tally, job: Job) -> None:
    (tally.done if job.stage in _DONE else tally.open)[job.raw_status] += 1
    tally.tax_modes[job.tax_mode] += 1
    if job.currency:
        tally.currencies[job.currency] += 1
    if job.customer and job.customer.terms_days is not None:
        tally.terms[job.customer.terms_days] += 1
    tally.methods.update(payment.method for payment in job.payments if payment.method)
    tally.deposits += any(payment.is_deposit for payment in job.payments)
    tally.without_lines += bool(not job.lines and (job.reported_totals.ex or job.reported_totals.inc))
    if day := job.completed_on:
        tally.first_day = min(day, tally.first_day or day)


def _count_line(tally: Tally, job: Job, line: Line) -> None:
    tally.kinds[line.kind].add(job)
    if line.code:
        code = tally.codes[line.kind, line.code]
        code.add(job)
        code.words[line.description] += 1
    if category := line.category or job.category:
        tally.categories[category].add(job)
    if line.tax and line.tax.name:
        tax = tally.taxes[line.tax.name]
        tax.add(job)
        if line.tax.rate is not None:
            tax.rates[line.tax.rate.normalize()] += 1
    if line.quantity and not _has_price(line) and line.kind is LineKind.LABOUR:
        tally.unpriced.add(job)


def _has_price(line: Line) -> bool:
    return any(price is not None for price in (line.unit_price_ex, line.unit_price_inc, line.total_ex, line.total_inc))


def often(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """The most frequent first; those seen equally often in the order of their names."""
    return sorted(counts, key=lambda one: (-one[1], one[0]))


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"
