"""Texts and dates of conditions that say something else than they seem to."""

import re
from collections.abc import Iterable, Iterator

from milepost.rules.conditions import JobWhen
from milepost.rules.issues import Issue, Severity, Way, issue
from milepost.rules.model import RuleBook
from milepost.rules.patterns import check_pattern, is_pattern

_TEXTS = (
    "code", "description", "section", "staff", "tax", "job_type", "business_unit", "category", "customer", "customer_tag",
    "job_tag", "site_region",
)  # fmt: skip
_REGEX_MARKS = re.compile(r"^\^|\$$|\.[*+]|\\[dwsbDWSB.]|\S\|\S|\(\?|\)[*+?]")
_PLAIN = re.compile(r"/(\^|(?:\.\*)?)([\w &,'-]+)(\$|(?:\.\*)?)/")


def check_patterns(book: RuleBook) -> Iterator[Issue]:
    """Globs that look like regular expressions, and regular expressions that a glob says more plainly."""
    for way, text in _texts(book):
        found = _like_a_glob(book, way, text) if is_pattern(text) else _like_a_pattern(book, way, text)
        if found:
            yield found


def check_dates(book: RuleBook) -> Iterator[Issue]:
    """Jobs completed before a version begins are billed by an earlier one, so a rule for them alone never fits."""
    for way, when in _sections(book):
        ends = when.completed.until if when.completed else None
        if ends and ends < book.effective_from and not {"not", "any"} & set(way):
            yield issue(
                book,
                Severity.WARNING,
                "dates_before_book",
                (*way, "completed"),
                f"This version bills jobs completed from {book.effective_from} on, so no job fits 'until {ends}'.",
                "Remove the entry, or correct the date.",
            )


def _like_a_pattern(book: RuleBook, way: Way, text: str) -> Issue | None:
    opened, closed = text.startswith("/"), text.endswith("/")
    if not _REGEX_MARKS.search(text) and not (opened != closed and len(text) > 2 and text.count("/") == 1):
        return None
    meant = f"/{text.strip('/')}/"
    if not _can_be_used(meant):
        meant = text.replace(".*", "*").replace(".+", "*")
    return issue(
        book,
        Severity.WARNING,
        "glob_like_regex",
        way,
        f"'{text}' is read as a glob, letter by letter, but looks like a regular expression.",
        f"Write '{meant}'. A glob has * and ?, a regular expression stands between slashes.",
        meant,
    )


def _can_be_used(pattern: str) -> bool:
    try:
        check_pattern(pattern)
    except ValueError:
        return False
    return True


def _like_a_glob(book: RuleBook, way: Way, text: str) -> Issue | None:
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        return None
    begins, word, ends = plain.groups()
    glob = f"{'' if begins == '^' else '*'}{word}{'' if ends == '$' else '*'}"
    return issue(
        book,
        Severity.HINT,
        "regex_is_glob",
        way,
        f"The regular expression {text} says no more than the glob '{glob}'.",
        f"Write '{glob}', which is easier to read.",
        glob,
    )


def _texts(book: RuleBook) -> Iterator[tuple[Way, str]]:
    for way, when in _sections(book):
        for name in _TEXTS:
            yield from _listed((*way, name), getattr(when, name, None))
        for field, wanted in (when.custom_fields or {}).items():
            yield from _listed((*way, "custom_fields", field), wanted)


def _listed(way: Way, wanted: tuple[str, ...] | None) -> Iterator[tuple[Way, str]]:
    """The way to each text; to the condition itself where it has only one."""
    texts = wanted or ()
    for place, text in enumerate(texts):
        yield way if len(texts) == 1 else (*way, str(place)), text


def _sections(book: RuleBook) -> Iterator[tuple[Way, JobWhen]]:
    """Every set of conditions of the book, those within any, all and not as well."""
    entries: Iterable[tuple[Way, JobWhen]] = (
        *((("lines", rule.id, "when"), rule.when) for rule in book.lines),
        *((("rates", rate.id, "when"), rate.when) for rate in book.rates),
        *((("milestones", stage.code, "when"), stage.when) for stage in book.milestones),
    )
    for way, when in entries:
        yield from _within(way, when)


def _within(way: Way, when: JobWhen) -> Iterator[tuple[Way, JobWhen]]:
    yield way, when
    for name, several in (("any", when.any_), ("all", when.all_)):
        for place, one in enumerate(several or ()):
            yield from _within((*way, name, str(place)), one)
    if when.not_ is not None:
        yield from _within((*way, "not"), when.not_)
