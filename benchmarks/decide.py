"""10,000 jobs of 10 lines through 200 rules, on one core: `python -m benchmarks.decide`.

Nothing but the pure part: no network, no ledger. The jobs are made before the clock starts and set aside from Python's
garbage collector, which would walk their 100,000 lines again and again. It says how long matching alone takes of it, too.
"""

import argparse
import gc
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.memory import peak_mb
from milepost.billing.decide import decide
from milepost.billing.decision import ExistingContact
from milepost.billing.facts import Facts, History
from milepost.chart import Account, Chart, Organisation, TaxRate
from milepost.jobs import Customer, Job, JobDates, Line, LineKind, LineTax, Stage
from milepost.rules.load import parse_book
from milepost.rules.match import match_line
from milepost.rules.model import RuleBook

LINES = 10
_HEAD = """\
version: 1
effective_from: 2026-01-01
organisation: Benchmark
taxes: {GST: OUTPUT}
milestones:
  - {code: FIN, name: completion, on_status: [Completed]}
lines:
"""
_KINDS = (LineKind.LABOUR, LineKind.MATERIAL, LineKind.SUBCONTRACT, LineKind.FEE)
out = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of CPU on one core for so many jobs, by part, and what was decided."""

    jobs: int
    lines: int
    rules: int
    decide_seconds: float
    match_seconds: float
    jobs_a_second: float
    peak_mb: float
    decided: dict[str, int]


def rule_book(rules: int) -> RuleBook:
    """So many rules: three in four name a code by a glob, some a word of the description, the last catches all."""
    entries = (f"  - {_rule(place)}\n" for place in range(rules - 1))
    text = f'{_HEAD}{"".join(entries)}  - {{id: rest, then: {{account: "200"}}}}\n'
    return parse_book(text, "benchmark.yaml", "benchmark")


def _rule(place: int) -> str:
    kind = _KINDS[place % len(_KINDS)].value
    when = f'code: "C{place:03}*"' if place % 4 else f'description: "*special {place:03}*"'
    then = "treat: on_bill, " if kind == LineKind.SUBCONTRACT else ""
    return f'{{id: rule-{place:03}, when: {{kind: {kind}, {when}}}, then: {{{then}account: "{200 + place % 50}"}}}}'


def jobs(count: int, rules: int, seed: int = 7) -> Iterator[Job]:
    """The same jobs for the same arguments; their lines are spread over all rules, one in ten falls to the last."""
    chance = random.Random(seed)
    for index in range(count):
        yield Job(
            platform="benchmark",
            id=f"job-{index}",
            number=str(index),
            raw_status="Completed",
            stage=Stage.COMPLETED,
            title="Replace tap",
            customer=Customer(id="c1", name="Ngaio Cafe"),
            dates=JobDates(completed=datetime(2026, 7, 1, 3, tzinfo=UTC)),
            account_tz="Pacific/Auckland",
            lines=tuple(_line(chance, rules, order) for order in range(LINES)),
        )


def _line(chance: random.Random, rules: int, order: int) -> Line:
    place = chance.randrange(rules)
    is_known = chance.random() < 0.9
    return Line(
        id=str(order),
        kind=_KINDS[place % len(_KINDS)],
        code=f"C{place:03}-{chance.randrange(100)}" if is_known else "ZZ",
        description=f"special {place:03} part" if is_known and place % 4 == 0 else "A part",
        quantity=Decimal(chance.randint(1, 32)) / 4,
        unit_price_ex=Decimal(chance.randint(150, 24_999)) / 100,
        tax=LineTax(name="GST", rate=Decimal(15)),
    )


def facts() -> Facts:
    """What decide is told beside the job: an organisation with 50 accounts, and a contact that exists."""
    accounts = tuple(
        Account(
            code=str(code), account_id=f"a{code}", name=f"Sales {code}", type="REVENUE", klass="REVENUE", tax_type="OUTPUT"
        )
        for code in range(200, 250)
    )
    chart = Chart(
        organisation=Organisation(organisation_id="org", name="Benchmark", base_currency="NZD"),
        accounts=accounts,
        tax_rates=(TaxRate(tax_type="OUTPUT", name="15% GST", effective_rate=Decimal(15)),),
    )
    contact = ExistingContact(customer_id="c1", contact_id="contact-1", matched_by="link")
    return Facts(connection="bench", chart=chart, contact=contact, today=date(2026, 7, 10), console_url="http://127.0.0.1")


def measure(count: int, rules: int) -> Figures:
    """Decide them all, then match their lines once more by themselves."""
    book, told, made = rule_book(rules), facts(), list(jobs(count, rules))
    (milestone,) = book.milestones
    decided: Counter[str] = Counter()
    gc.collect()
    gc.freeze()
    started = time.process_time()
    for job in track(made, description="deciding", console=Console(stderr=True), transient=True):
        decided[decide(job, milestone, told, book, History()).action] += 1
    took = time.process_time() - started
    started = time.process_time()
    for job in made:
        for line in job.lines:
            match_line(book.lines, job, line)
    matching = time.process_time() - started
    gc.unfreeze()
    return Figures(count, count * LINES, rules, took, matching, count / took, peak_mb(), dict(decided))


def show(figures: Figures) -> None:
    """As a table."""
    table = Table(title=f"{figures.jobs:,} jobs of {LINES} lines through {figures.rules} rules, one core", box=None)
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("decide, all of it", f"{figures.decide_seconds:.2f} s")
    table.add_row("of this, matching rules", f"{figures.match_seconds:.2f} s")
    table.add_row("jobs a second", f"{figures.jobs_a_second:,.0f}")
    table.add_row("peak memory, the jobs included", f"{figures.peak_mb:.0f} MB")
    table.add_row("decided", ", ".join(f"{count:,} {action}" for action, count in figures.decided.items()))
    out.print(table)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and show; 1 when a job that should be billed was not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decide", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    options = parser.parse_args(argv)
    figures = measure(options.jobs, options.rules)
    if options.json:
        out.print_json(json.dumps(asdict(figures)))
    else:
        show(figures)
    return 0 if figures.decided == {"bill": options.jobs} else 1


if __name__ == "__main__":
    sys.exit(main())
