"""Unbilled: completed work without an invoice, by age and value, each with the reason. Beside the way of a job.

What is known of it is in `milepost.steps.completed`; here come its value and its age.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from milepost.jobs import Job, Line
from milepost.ledger import charts, connections, jobs
from milepost.money import ZERO, round2
from milepost.steps.completed import BEFORE_LIVE, Standing, completed_work
from milepost.steps.workspace import Workspace


class Age(NamedTuple):
    """An age in days since completion: `most` days, None for whatever is older."""

    words: str
    most: int | None


AGES = (Age("0-7 days", 7), Age("8-30 days", 30), Age("31-60 days", 60), Age("over 60 days", None))
UNKNOWN_AGE = "no date"
NEEDS_A_PERSON = frozenset({"held", "failed", "lost"})


@dataclass(frozen=True, slots=True)
class Unbilled:
    """One completed job that is not billed, or not wholly. value: before tax, less what is billed; None where unknown."""

    connection: str
    standing: Standing
    customer: str
    days: int | None
    value: Decimal | None
    currency: str

    @property
    def age(self) -> str:
        """The age it counts under."""
        if self.days is None:
            return UNKNOWN_AGE
        return next(age.words for age in AGES if age.most is None or self.days <= age.most)

    @property
    def needs_a_person(self) -> bool:
        """Whether nothing will come of it by itself."""
        return self.standing.status in NEEDS_A_PERSON


@dataclass(frozen=True, slots=True)
class UnbilledWork:
    """The unbilled work of one connection, oldest first. source, remark: who told which jobs there are, and why not more."""

    connection: str
    items: tuple[Unbilled, ...]
    source: str
    remark: str = ""


async def unbilled_work(workspace: Workspace) -> UnbilledWork:
    """All completed work without an invoice, that from before the go-live day included. Raises AuthError."""
    work = await completed_work(workspace, with_earlier=True)
    left = [one for one in work.standings if not one.is_billed]
    async with workspace.db.read() as c:
        kept = await jobs.get_jobs(c, workspace.name, [one.job_id for one in left])
        tenant_id = (await connections.get_connection(c, workspace.name)).tenant_id
        chart = await charts.get_chart(c, tenant_id) if tenant_id else None
    base = chart[0].organisation.base_currency if chart else ""
    today = workspace.clock().date()
    items = [_item(workspace.name, one, kept.get(one.job_id), base, today) for one in left]
    # What is worth nothing is to be billed by nobody, unless that is the very trouble with it.
    shown = tuple(item for item in items if item.needs_a_person or item.value != ZERO)
    return UnbilledWork(workspace.name, shown, work.source, work.remark)


def _item(connection: str, one: Standing, job: Job | None, base: str, today: date) -> Unbilled:
    days = max(0, (today - one.completed_on).days) if one.completed_on else None
    customer = job.customer.name if job and job.customer else ""
    currency = next((part.currency for part in one.parts if part.currency), None) or (job.currency if job else None) or base
    return Unbilled(connection, one, customer, days, value_left(one, job), currency)


def value_left(one: Standing, job: Job | None) -> Decimal | None:
    """What the job comes to before tax, less what is billed of it; else what is decided of it and not sent."""
    billed = sum((part.sub_total or ZERO for part in one.parts if part.counts), ZERO)
    whole = net_of_job(job) if job else None
    if whole is not None:
        return max(ZERO, whole - billed)
    decided = [part.sub_total for part in one.parts if not part.counts and part.sub_total is not None]
    return sum(decided, ZERO) if decided else None


def net_of_job(job: Job) -> Decimal | None:
    """The platform's own total before tax, else the sum of the billable lines; None where neither is known."""
    if job.reported_totals.ex is not None:
        return job.reported_totals.ex
    nets = [net for line in job.lines if line.billable and (net := _net_of_line(line)) is not None]
    if nets:
        return round2(sum(nets, ZERO))
    return job.reported_totals.inc or (job.quote.totals.ex if job.quote else None)


def _net_of_line(line: Line) -> Decimal | None:
    if line.total_ex is not None:
        return line.total_ex
    if line.unit_price_ex is not None:
        return line.unit_price_ex * (line.quantity if line.quantity is not None else Decimal(1))
    return line.total_inc


def totals_by_age(items: Iterable[Unbilled]) -> Mapping[tuple[str, str], tuple[int, Decimal]]:
    """How many jobs and what value, by currency and age, in order; jobs of unknown value count as nothing."""
    sums: dict[tuple[str, str], tuple[int, Decimal]] = {}
    order = [*(age.words for age in AGES), UNKNOWN_AGE]
    for item in sorted(items, key=lambda item: (item.currency, order.index(item.age))):
        count, value = sums.get((item.currency, item.age), (0, ZERO))
        sums[item.currency, item.age] = (count + 1, value + (item.value or ZERO))
    return sums


def total_by_currency(items: Sequence[Unbilled]) -> Mapping[str, Decimal]:
    """The value of all, by currency."""
    currencies = dict.fromkeys(item.currency for item in items)
    return {currency: sum((i.value or ZERO for i in items if i.currency == currency), ZERO) for currency in currencies}


def is_before_live(item: Unbilled) -> bool:
    """Whether it was completed before the connection was to bill anything."""
    return item.standing.code == BEFORE_LIVE
