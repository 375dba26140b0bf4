"""What lint finds in a rule book that can be loaded: each with its place, how bad it is, and how to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from milepost.rules.model import RuleBook

Way = tuple[str, ...]
"""The keys that lead to a value of the book, entries by their ids: ("lines", "labour", "then", "account")."""

_NAMED = ("taxes", "tracking", "custom_fields", "accounts")
_NOUNS = {"lines": "rule", "rates": "rate", "milestones": "milestone"}


class Severity(StrEnum):
    """error: it would be held or billed wrongly. warning: it will hardly do what was meant. hint: a thought."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding. `code` is a stable word, `line` and `column` count from 1, `entry` is a rule or milestone by its id.

    message and fix are sentences; suggestion is the value to write instead, where one is known.
    """

    severity: Severity
    code: str
    path: str
    line: int
    column: int
    entry: str
    keys: Way
    message: str
    fix: str
    suggestion: str | None = None

    @property
    def where(self) -> str:
        """`mappings/acme/v0003.yaml:12:7`."""
        return f"{self.path}:{self.line}:{self.column}"

    @property
    def trail(self) -> str:
        """`rule 'roofing' > then > account`."""
        return " > ".join(part for part in (self.entry, *self.keys) if part)

    def __str__(self) -> str:
        trail = f"{self.trail}: " if self.trail else ""
        return f"{self.where}: {self.severity}: {trail}{self.message} Fix: {self.fix} ({self.code})"


def issue(
    book: RuleBook,
    severity: Severity,
    code: str,
    way: Way,
    message: str,
    fix: str,
    suggestion: str | None = None,
) -> Issue:
    """An issue at a place of the book; where the file does not say the value itself, at the nearest around it.

    A `#` before the first key means the last key, not its value.
    """
    line, column = _mark(book, way)
    steps = (way[0].removeprefix("#"), *way[1:])
    noun = _NOUNS.get(steps[0]) if len(steps) > 1 else None
    entry, keys = (f"{noun} '{steps[1]}'", steps[2:]) if noun else ("", steps)
    return Issue(severity, code, book.origin.path, line, column, entry, _said(keys), message, fix, suggestion)


def in_order(issues: Iterable[Issue]) -> list[Issue]:
    """Without repetition, in the order of the files."""
    return sorted(set(issues), key=lambda i: (i.path, i.line, i.column, list(Severity).index(i.severity), i.code, i.message))


def line_of(book: RuleBook, *way: str) -> str:
    """` (line 12)`, for a message that names another entry; nothing for a book made in code."""
    mark = book.origin.marks.get(".".join(way))
    return f" (line {mark[0]})" if mark else ""


def _said(keys: Way) -> Way:
    """Keys as people read them; what stands in a list is counted from 1, what has a name of digits keeps it."""
    before = ("", *keys)
    return tuple(
        f"item {int(key) + 1}" if key.isdecimal() and holder and holder not in _NAMED else key
        for holder, key in zip(before, keys, strict=False)
    )


def _mark(book: RuleBook, way: Way) -> tuple[int, int]:
    marks = book.origin.marks
    whole = ".".join(way)
    if whole in marks:
        return marks[whole]
    plain = (way[0].removeprefix("#"), *way[1:])
    around = (".".join(plain[:length]) for length in range(len(plain), 0, -1))
    return next((marks[one] for one in around if one in marks), (1, 1))
