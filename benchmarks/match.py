"""100,000 lines through 200 rules, each told its rule and why those before it failed: `python -m benchmarks.match`.

Three books: flat conditions; also ranges, dates, expressions and groups nested in any, all and not; and flat conditions of
which a fifth as many, to show what a rule more costs.
"""

import argparse
import gc
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from benchmarks.decide import jobs, rule_book
from milepost.jobs import Job
from milepost.rules.match import match_line
from milepost.rules.model import Rule, Then, When

out = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of CPU on one core for all lines of a book, without and with the reasons."""

    book: str
    rules: int
    lines: int
    match_seconds: float
    explained_seconds: float


def mixed_rules(count: int, seed: int = 11) -> tuple[Rule, ...]:
    """So many rules of every form, few of which hold for a line; the last catches all."""
    chance = random.Random(seed)
    forms = (_by_range, _by_any, _by_expression, _by_not)
    listed = (forms[place % len(forms)](place, chance) for place in range(count - 1))
    whens = [*map(When.model_validate, listed), When()]
    return tuple(Rule(id=f"rule-{place}", when=when, then=Then(account="200")) for place, when in enumerate(whens))


def _by_range(place: int, chance: random.Random) -> dict[str, object]:
    low = Decimal(chance.randrange(100_000)) / 100
    return {"code": f"C{place:03}*", "amount": {"over": low, "at_most": low + 500}, "quantity": {"at_least": 1}}


def _by_any(place: int, chance: random.Random) -> dict[str, object]:
    del chance
    return {"any": [{"code": f"C{place:03}*"}, {"kind": "fee", "all": [{"description": f"*{place:03}*"}, {"tax": "GST"}]}]}


def _by_expression(place: int, chance: random.Random) -> dict[str, object]:
    since = date(2026, 1, 1) + timedelta(days=chance.randrange(300))
    return {"description": f"/special {place:03}\\b/", "completed": {"since": since}}


def _by_not(place: int, chance: random.Random) -> dict[str, object]:
    del chance
    return {"kind": "labour", "custom_fields": {"Site": f"S{place:03}"}, "not": {"code": f"C{place:03}*"}}


def measure(name: str, rules: tuple[Rule, ...], made: Sequence[Job]) -> Figures:
    """Both ways over all lines, the compiling included in the first."""
    lines = sum(len(job.lines) for job in made)
    matching = _timed(lambda: [match_line(rules, job, line).rule for job in made for line in job.lines])
    explained = _timed(lambda: [len(match_line(rules, job, line).rejected) for job in made for line in job.lines])
    return Figures(name, len(rules), lines, matching, explained)


def _timed(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def show(figures: Sequence[Figures]) -> None:
    """As a table."""
    table = Table(title=f"{figures[0].lines:,} lines, one core", box=None)
    for heading in ("book", "rules", "the rule", "and why not those before"):
        table.add_column(heading, justify="left" if heading == "book" else "right")
    for one in figures:
        table.add_row(one.book, str(one.rules), f"{one.match_seconds:.2f} s", f"{one.explained_seconds:.2f} s")
    out.print(table)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.match", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    options = parser.parse_args(argv)
    made = list(jobs(options.lines // 10, options.rules))
    gc.freeze()  # a run holds no such heap of jobs, which Python's collector would go through again and again
    figures = [
        measure("flat conditions", rule_book(options.rules).lines, made),
        measure("every form, nested too", mixed_rules(options.rules), made),
        measure("flat, a fifth as many", rule_book(options.rules // 5).lines, made),
    ]
    if options.json:
        out.print_json(json.dumps([asdict(one) for one in figures]))
    else:
        show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
