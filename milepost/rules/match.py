"""Which rule codes a line: the first whose conditions all hold. Called by decide for every line of every job.

A book is compiled once. For each condition a value satisfies a set of rules, kept as the bits of one integer; the
sets of a line are intersected, and the lowest bit is the rule. Values repeat, so most sets are looked up, and the
time for a line hardly depends on the number of rules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from milepost.billing.decision import Rejected
from milepost.jobs import Job, Line
from milepost.rules.globs import GlobTable
from milepost.rules.model import Rule

MOST_REJECTED = 20
"""How many earlier rules a decision lists: the nearest before the one that matched. The rest are counted."""

_MOST_BOOKS = 32
_MOST_REFUSALS = 20_000

Seen = tuple[str, ...]
"""The values a condition looks at; none when the job does not say."""


def _one(value: str | None) -> Seen:
    return (value,) if value else ()


_VALUES: dict[str, Callable[[Job, Line], Seen]] = {
    "kind": lambda _, line: (line.kind.value,),
    "code": lambda _, line: _one(line.code),
    "description": lambda _, line: _one(line.description),
    "category": lambda job, line: _one(line.category or job.category),
    "section": lambda _, line: _one(line.section),
    "staff": lambda _, line: _one(line.staff),
    "tax": lambda _, line: _one(line.tax.name if line.tax else None),
    "job_type": lambda job, _: _one(job.job_type),
    "business_unit": lambda job, _: _one(job.business_unit),
    "customer": lambda job, _: _one(job.customer.name if job.customer else None),
    "customer_tag": lambda job, _: tuple(tag for tag in job.customer.tags if tag) if job.customer else (),
    "site_region": lambda job, _: _one(job.site.region if job.site else None),
}


@dataclass(frozen=True, slots=True)
class _Look:
    """What one condition saw of a line, and the rules which that satisfies."""

    condition: str
    seen: Seen
    satisfied: int


@dataclass(frozen=True)
class Match:
    """What was found for a line: the rule (None when no rule holds), and the values its conditions saw.

    `rejected` are the rules tried before it, worked out when asked for: the 20 nearest before it, after one entry
    that counts those left out. `CompiledRules.why_not` answers for any rule.
    """

    rule: Rule | None
    matched: dict[str, str]
    _explain: Callable[[], tuple[Rejected, ...]]

    @cached_property
    def rejected(self) -> tuple[Rejected, ...]:
        """The rules tried before this one, in the order of the book, each with the first condition that failed."""
        return self._explain()


class CompiledRules:
    """A book's rules, ready to match. Only the conditions that some rule has are looked at."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._tables = {name: table for name in _VALUES if (table := self._table(name))}
        self._refusals: dict[tuple[int, str, Seen], Rejected] = {}

    def _table(self, condition: str) -> GlobTable | None:
        wanted = {
            place: globs for place, rule in enumerate(self.rules) if (globs := getattr(rule.when, condition)) is not None
        }
        return GlobTable(wanted, len(self.rules)) if wanted else None

    def match(self, job: Job, line: Line) -> Match:
        """The first rule whose conditions all hold for this line."""
        looks = self._looks(job, line)
        left = (1 << len(self.rules)) - 1
        for look in looks:
            left &= look.satisfied
        place = (left & -left).bit_length() - 1 if left else len(self.rules)
        rule = self.rules[place] if left else None
        return Match(rule, _matched(rule, looks), lambda: self._rejected(place, looks))

    def why_not(self, place: int, job: Job, line: Line) -> Rejected | None:
        """The first condition of the rule at `place` that does not hold for this line; None when all do."""
        return self._refusal(place, self._looks(job, line))

    def _looks(self, job: Job, line: Line) -> list[_Look]:
        return [
            _Look(name, seen := _VALUES[name](job, line), table.satisfied_by(seen)) for name, table in self._tables.items()
        ]

    def _rejected(self, before: int, looks: Sequence[_Look]) -> tuple[Rejected, ...]:
        first = max(0, before - MOST_REJECTED)
        listed = (self._refusal(place, looks) for place in range(first, before))
        refusals = tuple(refusal for refusal in listed if refusal)
        return (_left_out(first), *refusals) if first else refusals

    def _refusal(self, place: int, looks: Sequence[_Look]) -> Rejected | None:
        """Kept, because lines of one kind are refused by the same rules for the same reason."""
        look = next((look for look in looks if not look.satisfied >> place & 1), None)
        if look is None:
            return None
        key = (place, look.condition, look.seen)
        if key not in self._refusals:
            if len(self._refusals) >= _MOST_REFUSALS:
                self._refusals.clear()
            self._refusals[key] = _refusal_of(self.rules[place], look)
        return self._refusals[key]


def _matched(rule: Rule | None, looks: Sequence[_Look]) -> dict[str, str]:
    if rule is None:
        return {}
    return {look.condition: ", ".join(look.seen) for look in looks if getattr(rule.when, look.condition) is not None}


def _refusal_of(rule: Rule, look: _Look) -> Rejected:
    wanted: Sequence[str] = getattr(rule.when, look.condition)
    return Rejected(rule=rule.id, condition=look.condition, wanted=" or ".join(wanted), seen=", ".join(look.seen))


def _left_out(rules: int) -> Rejected:
    return Rejected(rule=f"the first {rules}", condition="", wanted="", seen="tried before, not listed")


_compiled: dict[int, CompiledRules] = {}


def compile_rules(rules: Sequence[Rule]) -> CompiledRules:
    """The rules, compiled. A book's own tuple is compiled once and known by its identity: it cannot change."""
    if not isinstance(rules, tuple):
        return CompiledRules(rules)
    kept = _compiled.get(id(rules))
    if kept is not None and kept.rules is rules:
        return kept
    if len(_compiled) >= _MOST_BOOKS:
        _compiled.clear()
    compiled = _compiled[id(rules)] = CompiledRules(rules)
    return compiled


def match_line(rules: Sequence[Rule], job: Job, line: Line) -> Match:
    """The first of `rules` whose conditions all hold for this line of the job."""
    return compile_rules(rules).match(job, line)
