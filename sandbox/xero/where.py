"""The subset of Xero's `where` language that integrations use: comparisons, AND, OR, and a few string methods."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sandbox.xero.wire import query_invalid

Getter = Callable[[Any], Any]
Predicate = Callable[[Any], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<and>AND\b|&&)|(?P<or>OR\b|\|\|)|(?P<op>==|!=|<>|>=|<=|=|>|<)|(?P<open>\()|(?P<close>\))
    |(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)
    |(?P<guid>Guid\(\s*"(?P<guid_value>[^"]*)"\s*\))|(?P<date>DateTime(?:\.Parse)?\((?P<date_value>[^)]*)\))
    |(?P<word>(?:true|false|null)\b(?!\.))
    |(?P<method>[A-Za-z][\w.]*\.(?:Contains|StartsWith|EndsWith)\(\s*"(?:[^"\\]|\\.)*"\s*\))
    |(?P<name>[A-Za-z][\w.]*(?:\(\))?))""",
    re.VERBOSE | re.IGNORECASE,
)
_METHOD = re.compile(r'(?P<name>.*)\.(?P<method>\w+)\(\s*(?P<value>".*")\s*\)', re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}
_STRING_METHODS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int
    value: Any = None


def parse_where(text: str, fields: Mapping[str, Getter], type_name: str) -> Predicate:
    """A predicate over stored documents. `fields` are keyed in lower case; raises ApiError 400 for what is not known."""
    parser = _Parser(_tokens(text), fields, type_name)
    predicate = parser.either()
    parser.expect_end()
    return predicate


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise query_invalid(f"Syntax error (at index {at})")
        kind = next(kind for kind in _KINDS if match[kind] is not None)
        tokens.append(_Token(kind, match[kind], match.start(kind), _literal(kind, match)))
        at = match.end()
    return tokens


_KINDS = ("and", "or", "op", "open", "close", "string", "number", "guid", "date", "word", "method", "name")


def _literal(kind: str, match: re.Match[str]) -> Any:
    match kind:
        case "string":
            return _unquoted(match["string"])
        case "number":
            return Decimal(match["number"])
        case "guid":
            return match["guid_value"].lower()
        case "date":
            return _moment(match["date_value"])
        case "word":
            return _WORDS[match["word"].lower()]
    return None


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _moment(inside: str) -> datetime:
    try:
        if '"' in inside:
            moment = datetime.fromisoformat(inside.strip().strip('"'))
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime(*(int(part) for part in inside.split(",")), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except (ValueError, TypeError) as error:
        raise query_invalid(f"Could not read DateTime({inside})") from error


@dataclass
class _Parser:
    """Recursive descent over the tokens: or, and, then a comparison or brackets."""

    tokens: list[_Token]
    fields: Mapping[str, Getter]
    type_name: str
    at: int = 0

    def expect_end(self) -> None:
        if self.at < len(self.tokens):
            raise query_invalid(f"Syntax error (at index {self.tokens[self.at].at})")

    def either(self) -> Predicate:
        parts = [self.both()]
        while self._next_is("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def both(self) -> Predicate:
        parts = [self.term()]
        while self._next_is("and"):
            parts.append(self.term())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def term(self) -> Predicate:
        if self._next_is("open"):
            inner = self.either()
            self._take("close")
            return inner
        token = self._take("name", "method")
        return self._string_method(token) if token.kind == "method" else self._comparison(token)

    def _string_method(self, token: _Token) -> Predicate:
        match = _METHOD.fullmatch(token.text)
        if match is None:
            raise query_invalid(f"Syntax error (at index {token.at})")
        get = self._getter(match["name"], token.at)
        test, part = _STRING_METHODS[match["method"].lower()], _unquoted(match["value"]).casefold()
        return lambda row: test(str(get(row) or "").casefold(), part)

    def _comparison(self, token: _Token) -> Predicate:
        get = self._getter(token.text, token.at)
        if self.at >= len(self.tokens) or self.tokens[self.at].kind != "op":
            return lambda row: bool(get(row))
        compare = _OPERATORS[self._take("op").text]
        wanted = _comparable(self._take("string", "number", "guid", "date", "word").value)
        return lambda row: _compared(compare, _comparable(get(row)), wanted)

    def _getter(self, name: str, at: int) -> Getter:
        plain = re.sub(r"\.(ToLower|ToUpper|Value|ToString)(\(\))?$", "", name, flags=re.IGNORECASE)
        if (get := self.fields.get(plain.lower())) is None:
            message = f"No property or field '{name}' exists in type '{self.type_name}' (at index {at})"
            raise query_invalid(message)
        return get

    def _next_is(self, kind: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at].kind == kind
        self.at += found
        return found

    def _take(self, *kinds: str) -> _Token:
        if self.at >= len(self.tokens) or self.tokens[self.at].kind not in kinds:
            at = self.tokens[self.at].at if self.at < len(self.tokens) else -1
            raise query_invalid(f"Syntax error, expected {' or '.join(kinds)} (at index {at})")
        self.at += 1
        return self.tokens[self.at - 1]


def _comparable(value: Any) -> Any:
    """Text without case; dates as midnight UTC, so that they compare with DateTime(...)."""
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _compared(compare: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    try:
        return compare(value, wanted)
    except TypeError:
        return False
