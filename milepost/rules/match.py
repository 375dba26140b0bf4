"""Which rule codes a line: the first whose conditions all hold. Called by decide for every line of every job.

A book is compiled once (`condition_tree`), and the conditions of all rules are looked at together. Values repeat, so most
answers are looked up, and the time for a line hardly depends on the number of rules.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from milepost.billing.decision import Rejected
from milepost.jobs import Job, Line
from milepost.rules.asked import asked_in_words
from milepost.rules.condition_tree import ConditionTree, Looks
from milepost.rules.conditions import JobWhen
from milepost.rules.model import Rate
from milepost.rules.seen import JOB_ALONE, Seen

MOST_REJECTED = 20
"""How many earlier rules a decision lists: the nearest before the one that matched. The rest are counted."""

_MOST_COMPILED = 64
_MOST_KEPT = 20_000
_MOST_REFUSALS = 50_000
_NESTED = -1


class Conditional(Protocol):
    """A rule, a rate: whatever is taken when its conditions hold."""

    @property
    def id(self) -> str:
        """Its name in the book."""

    @property
    def when(self) -> JobWhen:
        """Its conditions."""


R = TypeVar("R", bound=Conditional)
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Match(Generic[R]):
    """What was found for a line: the rule (None when no rule holds), and by its conditions the values that they saw.

    `wanted` is what they ask for, in words. `rejected` are the rules tried before it, worked out when asked for: the 20
    nearest before it, after one entry that counts those left out. `CompiledRules.why_not` answers for any rule.
    """

    rule: R | None
    matched: dict[str, str]
    _explain: Callable[[], tuple[Rejected, ...]]
    wanted: dict[str, str] = field(default_factory=dict)

    @cached_property
    def rejected(self) -> tuple[Rejected, ...]:
        """The rules tried before this one, in the order of the book, each with the first condition that failed."""
        return self._explain()


class _Group(NamedTuple):
    """Rules (bits) that one condition refuses because of what it saw; or _NESTED, because of all that they look at."""

    condition: int
    refused: int
    seen: tuple[Seen, ...]


class CompiledRules(Generic[R]):
    """A book's rules or rates, ready to match. Only the conditions that some rule has are looked at."""

    def __init__(self, rules: Sequence[R]) -> None:
        self.rules = tuple(rules)
        self._tree = ConditionTree([rule.when for rule in self.rules])
        self._all = (1 << len(self.rules)) - 1
        self._nesting = sum(1 << node.place for node in self._tree.roots if node.nests)
        self._found: dict[int, int] = {}
        self._rejections: dict[tuple[int, tuple[_Group, ...]], tuple[Rejected, ...]] = {}
        self._refusals: dict[_Group, tuple[tuple[int, Rejected], ...]] = {}
        self._kept_refusals = 0
        self._wanted: dict[int, dict[str, str]] = {}
        self._looked_at: dict[int, tuple[int, ...]] = {}

    def match(self, job: Job, line: Line) -> Match[R]:
        """The first rule whose conditions all hold for this line."""
        looks = self._tree.look(job, line)
        place = self._first(looks.plain)
        if place == len(self.rules):
            return Match(None, {}, lambda: self._rejected(place, looks))
        matched = self._tree.seen_by(self._tree.roots[place], looks)
        return Match(self.rules[place], matched, lambda: self._rejected(place, looks), self._wanted_of(place))

    def why_not(self, place: int, job: Job, line: Line) -> Rejected | None:
        """The first condition of the rule at `place` that does not hold for this line; None when all do."""
        return self._refusal(place, self._tree.look(job, line))

    def _first(self, plain: int) -> int:
        """The place of the first rule that holds; the number of rules when none does."""
        found = self._found.get(plain)
        if found is None:
            found = self._look_for_first(plain)
            _keep(self._found, plain, found)
        return found

    def _look_for_first(self, plain: int) -> int:
        left = plain & self._all
        while left:
            lowest = left & -left
            place = lowest.bit_length() - 1
            if not lowest & self._nesting or self._tree.roots[place].holds(plain):
                return place
            left ^= lowest
        return len(self.rules)

    def _wanted_of(self, place: int) -> dict[str, str]:
        if place not in self._wanted:
            self._wanted[place] = asked_in_words(self.rules[place].when)
        return self._wanted[place]

    def _rejected(self, before: int, looks: Looks) -> tuple[Rejected, ...]:
        first = max(0, before - MOST_REJECTED)
        groups = self._groups(first, before, looks)
        kept = self._rejections.get((before, groups))
        if kept is None:
            by_place = {place: refusal for group in groups for place, refusal in self._refusals_of(group, looks)}
            listed = tuple(by_place[place] for place in range(first, before))
            kept = (_left_out(first), *listed) if first else listed
            _keep(self._rejections, (before, groups), kept)
        return kept

    def _groups(self, first: int, before: int, looks: Looks) -> tuple[_Group, ...]:
        """The rules from `first` to `before`, by what refuses them: all that the refusals depend on."""
        left = (1 << before) - (1 << first)
        groups = []
        for index, satisfied in enumerate(looks.satisfied):
            if refused := left & ~satisfied:
                groups.append(_Group(index, refused, (looks.seen[index],)))
                left ^= refused
        if left:
            groups.append(_Group(_NESTED, left, tuple(looks.seen[index] for index in self._looked_at_by(left))))
        return tuple(groups)

    def _refusals_of(self, group: _Group, looks: Looks) -> tuple[tuple[int, Rejected], ...]:
        """By the places of a group's rules. Kept, because lines of one kind are refused by the same rules."""
        kept = self._refusals.get(group)
        if kept is None:
            kept = tuple((place, refusal) for place in _places(group.refused) if (refusal := self._refusal(place, looks)))
            self._kept_refusals += len(kept)
            if self._kept_refusals > _MOST_REFUSALS:
                self._refusals.clear()
                self._kept_refusals = len(kept)
            self._refusals[group] = kept
        return kept

    def _looked_at_by(self, rules: int) -> tuple[int, ...]:
        looks = self._looked_at.get(rules)
        if looks is None:
            looks = self._tree.looked_at_by(self._tree.roots[place] for place in _places(rules))
            _keep(self._looked_at, rules, looks)
        return looks

    def _refusal(self, place: int, looks: Looks) -> Rejected | None:
        failed = self._tree.failed(self._tree.roots[place], looks)
        if failed is None:
            return None
        return Rejected(rule=self.rules[place].id, condition=failed.condition, wanted=failed.wanted, seen=failed.seen)


def _left_out(rules: int) -> Rejected:
    return Rejected(rule=f"the first {rules}", condition="", wanted="", seen="tried before, not listed")


def _places(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _keep(kept: dict[Key, Value], key: Key, value: Value) -> None:
    """With all else forgotten before it grows without end."""
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value


_compiled: dict[int, CompiledRules[Any]] = {}


def compile_rules(rules: Sequence[R]) -> CompiledRules[R]:
    """The rules, compiled. A book's own tuple is compiled once and known by its identity: it cannot change."""
    if not isinstance(rules, tuple):
        return CompiledRules(rules)
    kept = _compiled.get(id(rules))
    if kept is not None and kept.rules is rules:
        return kept
    if len(_compiled) >= _MOST_COMPILED:
        _compiled.clear()
    compiled = _compiled[id(rules)] = CompiledRules(rules)
    return compiled


def match_line(rules: Sequence[R], job: Job, line: Line) -> Match[R]:
    """The first of `rules` whose conditions all hold for this line of the job."""
    return compile_rules(rules).match(job, line)


def match_rate(rates: Sequence[Rate], job: Job, line: Line) -> Match[Rate]:
    """The first of a book's `rates` whose conditions all hold for this line of the job."""
    return compile_rules(rates).match(job, line)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of a job as a whole."""

    id: str
    when: JobWhen


_asked: dict[int, CompiledRules[_Asked]] = {}


def job_refusal(when: JobWhen, job: Job) -> Rejected | None:
    """The first condition that does not hold for the job as a whole; None when all do. `rule` is left empty."""
    kept = _asked.get(id(when))
    if kept is None or kept.rules[0].when is not when:
        if len(_asked) >= _MOST_COMPILED:
            _asked.clear()
        kept = _asked[id(when)] = CompiledRules((_Asked("", when),))
    return kept.why_not(0, job, JOB_ALONE)
