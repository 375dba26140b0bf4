"""The conditions of many rules, looked at together: which hold for a line, and which is the first that fails.

Under `match`. A rule's own conditions and each group nested under any, all or not have a place of their own, a bit. For
each condition a value satisfies a set of places; the intersection of these sets says at once of every group whether its
plain conditions hold, and only what nests is then put together, group by group.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import count
from operator import and_
from typing import Any, NamedTuple

from milepost.jobs import Job, Line
from milepost.rules.asked import CUSTOM, Wanted, conditions_of, nested_words, one_in_words, seen_in_words, wanted_in_words
from milepost.rules.conditions import DateRange, JobWhen, Range
from milepost.rules.globs import GlobTable
from milepost.rules.ranges import table_of_days, table_of_numbers
from milepost.rules.seen import OF_JOB, OF_LINE, Seen, custom_field, in_words


@dataclass(frozen=True, slots=True)
class Node:
    """A `when`, the groups nested in it, and its place among all of them."""

    place: int
    when: JobWhen
    any_: tuple["Node", ...]
    all_: tuple["Node", ...]
    not_: "Node | None"
    words: Mapping[str, str]
    """What any, all and not ask for."""

    @property
    def nests(self) -> bool:
        """Whether there is more to it than plain conditions."""
        return bool(self.any_ or self.all_ or self.not_)

    def within(self) -> Iterator["Node"]:
        """The node and all that is nested in it."""
        yield self
        for inner in (*self.any_, *self.all_, *((self.not_,) if self.not_ else ())):
            yield from inner.within()

    def holds(self, plain: int) -> bool:
        """Whether everything holds; `plain` has a bit for each node whose plain conditions do."""
        return (
            plain >> self.place & 1 == 1
            and (not self.any_ or any(inner.holds(plain) for inner in self.any_))
            and all(inner.holds(plain) for inner in self.all_)
            and not (self.not_ and self.not_.holds(plain))
        )


class _Asked(NamedTuple):
    """A plain condition of a node: its name, its place in `Looks`, and what it asks for, in words."""

    condition: str
    look: int
    wanted: str


class Failed(NamedTuple):
    """A condition that does not hold, what it asks for, and what was seen."""

    condition: str
    wanted: str
    seen: str


_SatisfiedBy = Callable[[Any], int]
"""Which places a value satisfies."""


class Looks(NamedTuple):
    """What the conditions saw of a line, and the places which that satisfies; `plain` are those that all are satisfied.

    Both sequences are in the order of the conditions.
    """

    seen: tuple[Seen, ...]
    satisfied: tuple[int, ...]
    plain: int


class ConditionTree:
    """The conditions of many rules. `roots` are the rules' own, whose places are those of the rules."""

    def __init__(self, whens: Sequence[JobWhen]) -> None:
        places = count(len(whens))
        self.roots = tuple(_node(when, place, places) for place, when in enumerate(whens))
        nodes = [node for root in self.roots for node in root.within()]
        self._everything = (1 << len(nodes)) - 1
        asked = _by_condition(nodes)
        self._of_line = [(see, _table(asked[name], len(nodes))) for name, see in OF_LINE.items() if name in asked]
        self._of_job = [(_job_look(name), _table(asked[name], len(nodes))) for name in asked if name not in OF_LINE]
        order = {name: index for index, name in enumerate(asked)}
        self._asked = {node.place: _in_order(node, order) for node in nodes}
        self._within: dict[tuple[int, ...], dict[str, int]] = {}
        self._last_job: tuple[Job, Looks] | None = None

    def look(self, job: Job, line: Line) -> Looks:
        """At everything that any rule asks for."""
        of_job = self._look_at_job(job)
        seen, satisfied, plain = [], [], of_job.plain
        for see, satisfied_by in self._of_line:
            value = see(job, line)
            places = satisfied_by(value)
            plain &= places
            seen.append(value)
            satisfied.append(places)
        return Looks((*seen, *of_job.seen), (*satisfied, *of_job.satisfied), plain)

    def _look_at_job(self, job: Job) -> Looks:
        """Once for all lines of a job, which come one after the other."""
        if self._last_job is not None and self._last_job[0] is job:
            return self._last_job[1]
        seen = tuple(see(job) for see, _ in self._of_job)
        satisfied = tuple(satisfied_by(value) for value, (_, satisfied_by) in zip(seen, self._of_job, strict=True))
        looks = Looks(seen, satisfied, reduce(and_, satisfied, self._everything))
        self._last_job = (job, looks)
        return looks

    def seen_by(self, node: Node, looks: Looks) -> dict[str, str]:
        """By condition, what made the node hold; of `any` the first that does."""
        said = {name: in_words(looks.seen[index]) for name, index, _ in self._asked[node.place]}
        if node.any_:
            said["any"] = self._seen_within((next(inner for inner in node.any_ if inner.holds(looks.plain)),), looks)
        if node.all_:
            said["all"] = self._seen_within(node.all_, looks)
        if node.not_:
            said["not"] = self._seen_within((node.not_,), looks)
        return said

    def _seen_within(self, nodes: tuple[Node, ...], looks: Looks) -> str:
        places = tuple(node.place for node in nodes)
        asked = self._within.get(places)
        if asked is None:
            inner = (one for node in nodes for one in node.within())
            asked = self._within[places] = {name: i for one in inner for name, i, _ in self._asked[one.place]}
        return seen_in_words({name: in_words(looks.seen[index]) for name, index in asked.items()})

    def looked_at_by(self, nodes: Iterable[Node]) -> tuple[int, ...]:
        """The places in `Looks` of all that these nodes ask for, the nested included."""
        return tuple(sorted({i for node in nodes for one in node.within() for _, i, _ in self._asked[one.place]}))

    def failed(self, node: Node, looks: Looks) -> Failed | None:
        """The first condition that does not hold: its own ones, then any, all, not. Of `all`, the inner one that fails."""
        return self._failed_plain(node, looks) or self._failed_nested(node, looks)

    def _failed_plain(self, node: Node, looks: Looks) -> Failed | None:
        for name, index, wanted in self._asked[node.place]:
            if not looks.satisfied[index] >> node.place & 1:
                return Failed(name, wanted, in_words(looks.seen[index]))
        return None

    def _failed_nested(self, node: Node, looks: Looks) -> Failed | None:
        if node.any_ and not any(inner.holds(looks.plain) for inner in node.any_):
            return Failed("any", node.words["any"], self._seen_within(node.any_, looks))
        for inner in node.all_:
            if failed := self.failed(inner, looks):
                return Failed("all", *_of_inner(failed))
        if node.not_ and node.not_.holds(looks.plain):
            return Failed("not", node.words["not"], self._seen_within((node.not_,), looks))
        return None


def _node(when: JobWhen, place: int, places: Iterator[int]) -> Node:
    def inner(whens: Sequence[JobWhen] | None) -> tuple[Node, ...]:
        return tuple(_node(one, next(places), places) for one in whens or ())

    negated = inner([when.not_] if when.not_ is not None else None)
    return Node(place, when, inner(when.any_), inner(when.all_), negated[0] if negated else None, nested_words(when))


def _in_order(node: Node, order: dict[str, int]) -> tuple[_Asked, ...]:
    asked = (_Asked(name, order[_key(name)], wanted_in_words(wanted)) for name, wanted in conditions_of(node.when).items())
    return tuple(sorted(asked, key=lambda one: one.look))


def _key(condition: str) -> str:
    """Custom fields are one, however rules spell them."""
    return condition.casefold() if condition.startswith(CUSTOM) else condition


def _by_condition(nodes: Sequence[Node]) -> dict[str, dict[int, Wanted]]:
    """By condition, what each place asks for; in the order in which conditions are looked at."""
    asked: dict[str, dict[int, Wanted]] = {}
    for node in nodes:
        for name, wanted in conditions_of(node.when).items():
            asked.setdefault(_key(name), {})[node.place] = wanted
    order = [*OF_LINE, *OF_JOB, *sorted(name for name in asked if name.startswith(CUSTOM))]
    return {name: asked[name] for name in order if name in asked}


def _table(asked: dict[int, Wanted], places: int) -> _SatisfiedBy:
    numbers = {place: wanted for place, wanted in asked.items() if isinstance(wanted, Range)}
    if numbers:
        return table_of_numbers(numbers.items(), places).satisfied_by
    days = {place: wanted for place, wanted in asked.items() if isinstance(wanted, DateRange)}
    if days:
        return table_of_days(days.items(), places).satisfied_by
    return GlobTable({place: wanted for place, wanted in asked.items() if isinstance(wanted, Sequence)}, places).satisfied_by


def _job_look(condition: str) -> Callable[[Job], Seen]:
    return OF_JOB.get(condition) or custom_field(condition.removeprefix(CUSTOM))


def _of_inner(failed: Failed) -> tuple[str, str]:
    """What an inner condition asks for and what was seen, each naming it."""
    if failed.condition in ("any", "all", "not"):
        return failed.wanted, failed.seen
    return one_in_words(failed.condition, failed.wanted), seen_in_words({failed.condition: failed.seen})
