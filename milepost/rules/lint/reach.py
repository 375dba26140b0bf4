"""Rules, rates and stages that nothing can reach, and lines that no rule takes: by what conditions have in common."""

from collections.abc import Iterator, Sequence

from milepost.jobs import LineKind
from milepost.rules.conditions import JobWhen
from milepost.rules.issues import Issue, Severity, issue, line_of
from milepost.rules.model import Rate, Rule, RuleBook
from milepost.rules.overlap import Unreached, can_hold_together, uncovered_kinds, unreached

_NOUNS = {"lines": "rule", "rates": "rate"}


def check_reach(book: RuleBook) -> Iterator[Issue]:
    """Rules and rates that no line can reach."""
    yield from _unreached(book, "lines", book.lines)
    yield from _unreached(book, "rates", book.rates)


def check_coverage(book: RuleBook) -> Iterator[Issue]:
    """Lines that no rule takes are held. Lines of words alone need no rule."""
    kinds = [kind for kind in uncovered_kinds([rule.when for rule in book.lines]) if kind is not LineKind.TEXT]
    if not kinds:
        return
    every = len(kinds) == len(LineKind) - 1
    which = "any kind" if every else f"the {'kind' if len(kinds) == 1 else 'kinds'} {', '.join(kinds)}"
    yield issue(
        book,
        Severity.WARNING,
        "no_catch_all",
        ("#lines",),
        f"There are lines of {which} that no rule takes; a job with such a line is held.",
        "Add rules for them, or a last rule without 'when'; to have a person asked, one with 'treat: hold'.",
    )


def check_stages_reached(book: RuleBook) -> Iterator[Issue]:
    """Conditions of a stage that no job can meet."""
    for stage in book.milestones:
        if not can_hold_together([stage.when]):
            yield _contradiction(book, ("milestones", stage.code, "when"), "job")


def _unreached(book: RuleBook, section: str, entries: Sequence[Rule] | Sequence[Rate]) -> Iterator[Issue]:
    whens: list[JobWhen] = [entry.when for entry in entries]
    for found in unreached(whens):
        entry = entries[found.place]
        if not found.taken_by:
            yield _contradiction(book, (section, entry.id, "when"), "line")
        else:
            yield _shadowed(book, section, entries, found)


def _shadowed(book: RuleBook, section: str, entries: Sequence[Rule] | Sequence[Rate], found: Unreached) -> Issue:
    entry, takers = entries[found.place], [entries[place] for place in found.taken_by]
    noun = _NOUNS[section]
    named = _and([f"'{taker.id}'{line_of(book, section, taker.id)}" for taker in takers])
    if len(takers) == 1 and takers[0].when == entry.when:
        said = f"The {noun} {named} has the same conditions and stands before it, so no line reaches this one."
    elif len(takers) == 1:
        said = f"The {noun} {named} takes every line that this one would, so none reaches it."
    else:
        said = f"The {noun}s {named} together take every line that this one would, so none reaches it."
    return issue(
        book,
        Severity.WARNING,
        f"{noun}_unreached",
        (section, entry.id),
        said,
        f"Move it above '{takers[0].id}', narrow that one's conditions, or remove this one.",
    )


def _contradiction(book: RuleBook, way: tuple[str, ...], what: str) -> Issue:
    return issue(
        book,
        Severity.WARNING,
        "conditions_contradict",
        way,
        f"No {what} can meet all of these conditions at once.",
        "Correct one of them; a list of values fits when any of them does.",
    )


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
