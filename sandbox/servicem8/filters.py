"""ServiceM8's `$filter` and `$sort`.

ServiceM8 docs, "filtering": `eq ne gt lt` only, at most ten clauses joined by `and`, no brackets. A filter
that it does not understand, or that was not URL-encoded, is ignored without a word: ALL records come back.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote_plus

from sandbox.servicem8.records import Row

MOST_CLAUSES = 10
_CLAUSE = re.compile(r"\s*(?P<field>\w+)\s+(?P<op>eq|ne|gt|lt)\s+(?P<value>'(?:[^']|'')*'|[\w.:+-]+)\s*")
_AND = re.compile(r"and\b", re.IGNORECASE)
_NOT_ENCODED = re.compile(r"[\s'\"<>]")


@dataclass(frozen=True)
class Clause:
    """One comparison; `number` is set when the value is numeric, for `gt` and `lt`."""

    field: str
    op: str
    value: str
    number: Decimal | None

    def holds(self, row: Row) -> bool:
        text = str(row.get(self.field, ""))
        if self.op == "eq":
            return text == self.value
        if self.op == "ne":
            return text != self.value
        number = _number(text) if self.number is not None else None
        if number is not None and self.number is not None:
            return number > self.number if self.op == "gt" else number < self.number
        return text > self.value if self.op == "gt" else text < self.value


def raw_parameter(query: bytes, name: str) -> str | None:
    """The parameter as text, or None when it is absent or was sent without URL-encoding."""
    for pair in query.decode("latin-1").split("&"):
        key, _, value = pair.partition("=")
        if unquote_plus(key) == name:
            return None if _NOT_ENCODED.search(value) else unquote_plus(value)
    return None


def parse_filter(text: str | None, known: Iterable[str]) -> list[Clause] | None:
    """The clauses, or None when ServiceM8 would ignore the filter and return everything."""
    if not text:
        return None
    clauses = _clauses(text)
    if clauses is None or len(clauses) > MOST_CLAUSES:
        return None
    fields = set(known)
    return clauses if all(c.field in fields or c.field.startswith("customfield_") for c in clauses) else None


def _clauses(text: str) -> list[Clause] | None:
    clauses, at = [], 0
    while match := _CLAUSE.match(text, at):
        clauses.append(_clause(match))
        if match.end() == len(text):
            return clauses
        joined = _AND.match(text, match.end())
        if joined is None:
            return None
        at = joined.end()
    return None


def sort_rows(rows: list[Row], text: str | None) -> list[Row]:
    """Rows in the order of `$sort=field [asc|desc]`; unchanged when it names no field of theirs."""
    field, _, direction = (text or "").strip().partition(" ")
    if not rows or field not in rows[0]:
        return rows
    return sorted(rows, key=lambda row: _sort_key(row[field]), reverse=direction.strip().lower() == "desc")


def _clause(match: re.Match[str]) -> Clause:
    value = match["value"]
    if value.startswith("'"):
        value = value[1:-1].replace("''", "'")
    return Clause(match["field"], match["op"], value, _number(value))


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _sort_key(value: Any) -> tuple[int, Decimal, str]:
    number = _number(str(value))
    return (0, number, "") if number is not None else (1, Decimal(0), str(value))
