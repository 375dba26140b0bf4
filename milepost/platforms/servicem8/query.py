"""ServiceM8's `$filter`, built and URL-encoded in this one place, and checked again on what comes back.

Reference: developer.servicem8.com/docs/filtering. Operators eq, ne, gt and lt; at most ten clauses joined by `and`;
text in single quotes. A filter that is not URL-encoded or not understood is ignored without a word: ALL records come.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeVar
from urllib.parse import quote

Row = Mapping[str, Any]
Operator = Literal["eq", "ne", "gt", "lt"]
MOST_CLAUSES = 10
FILTER = "$filter"
_Ordered = TypeVar("_Ordered", str, Decimal)
_FIELD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison. A text is sent in quotes, a number bare."""

    field: str
    operator: Operator
    value: str | int | Decimal

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {_literal(self.value)}"

    def holds(self, row: Row) -> bool:
        """Whether a row satisfies the clause; numbers compare as numbers, texts (and so stamps) as text.

        A value of another kind leaves no row out: a line that is lost is money lost, one that is odd is told.
        """
        have = row.get(self.field)
        if have is not None and not isinstance(have, str | int | Decimal):
            return True
        if isinstance(self.value, str):
            return _compare("" if have is None else str(have), self.value, self.operator)
        number = _number(have)
        return number is None or _compare(number, Decimal(self.value), self.operator)


def filter_text(clauses: Sequence[Clause]) -> str:
    """The text of `$filter`. Raises ValueError for what ServiceM8 would ignore, and so answer with everything."""
    if not 0 < len(clauses) <= MOST_CLAUSES:
        raise ValueError(f"a ServiceM8 filter has 1 to {MOST_CLAUSES} clauses, not {len(clauses)}")
    wrong = [clause.field for clause in clauses if not _FIELD.fullmatch(clause.field)]
    if wrong:
        raise ValueError(f"not the name of a field: {wrong[0]!r}")
    return " and ".join(map(str, clauses))


def query_string(clauses: Sequence[Clause] = (), **more: str | int) -> str:
    """`?...` with the filter and further parameters, every name and value URL-encoded (a space is %20, not +)."""
    pairs = [(FILTER, filter_text(clauses))] if clauses else []
    pairs += [(name, str(value)) for name, value in more.items()]
    return "?" + "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def among(field: str, wanted: Iterable[str], known: Sequence[str]) -> list[Clause]:
    """Clauses for "one of": `eq` for one value, else `ne` for every other known one, since there is no `or`."""
    chosen = set(wanted)
    if len(chosen) == 1:
        return [Clause(field, "eq", chosen.pop())]
    return [Clause(field, "ne", other) for other in known if other not in chosen]


def _literal(value: str | int | Decimal) -> str:
    if not isinstance(value, str):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def _compare(have: _Ordered, value: _Ordered, operator: Operator) -> bool:
    match operator:
        case "eq":
            return have == value
        case "ne":
            return have != value
        case "gt":
            return have > value
        case "lt":
            return have < value


def _number(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
