"""YAML in which every scalar stays the text that was written, with the place of each key and value: loading begins here.

So account `0200` stays "0200", `NO` stays "NO" and `12:30` stays "12:30"; only `null`, `~` and nothing become None. What
YAML has beyond lists, sections and texts (anchors, aliases, tags, several documents) is refused; nothing is constructed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import yaml

Path = tuple[str | int, ...]
"""Where a value stands: keys and places in lists, from the top."""

MAX_CHARACTERS = 500_000
MAX_DEPTH = 20

_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""Escapes can write what neither a database nor UTF-8 can keep."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class SomeMark(Protocol):
    """A mark of PyYAML's, of which there are two kinds; both count from 0."""

    line: int
    column: int


class Mark(NamedTuple):
    """A place in the file; both count from 1."""

    line: int
    column: int


class Fault(NamedTuple):
    """Something that the YAML may not hold."""

    mark: Mark
    path: Path
    message: str


@dataclass
class Tree:
    """What was read: texts, None, lists and dicts; the marks of keys and values; the faults that were found.

    `spoilt` are the places whose value is not what was written; `complete` is False when reading had to stop, and then
    `value` is of no use.
    """

    value: object = None
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    spoilt: set[Path] = field(default_factory=set)
    complete: bool = False

    def mark(self, path: Path) -> Mark:
        """The place of a value, or of the nearest section around it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Mark(1, 1))

    def key_mark(self, path: Path) -> Mark:
        """The place of a key; of the value where there is no key."""
        return self.keys.get(path) or self.mark(path)

    def value_at(self, path: Path) -> object:
        """The value at a place, None where there is none."""
        value = self.value
        for step in path:
            if isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                value = value.get(step) if isinstance(value, dict) else None
        return value

    def place_of(self, loc: Iterable[int | str]) -> Path:
        """The steps of pydantic's location that are in the file; the others name alternatives and parts of a key."""
        place: list[str | int] = []
        value = self.value
        for step in loc:
            is_key = isinstance(value, dict) and step in value
            is_item = isinstance(value, list) and isinstance(step, int) and step < len(value)
            if is_key or is_item:
                value = value[step]  # type: ignore[index]
                place.append(step)
        return tuple(place)

    def is_spoilt(self, path: Path) -> bool:
        """Whether a fault at this place, or around it, makes what is found there meaningless."""
        return any(path[:length] in self.spoilt for length in range(len(path) + 1))


class _Stop(Exception):
    """Reading cannot go on."""


def read_yaml(text: str, what: str = "rule book") -> Tree:
    """Read one YAML document. Never raises: what is wrong is in the tree's faults, which call the file a `what`."""
    tree = Tree()
    if len(text) > MAX_CHARACTERS:
        tree.faults.append(Fault(Mark(1, 1), (), f"the file has more than {MAX_CHARACTERS:,} characters"))
        return tree
    try:
        _Reader(text, tree, what).read()
    except _Stop:
        return tree
    except yaml.reader.ReaderError as error:
        tree.faults.append(_unreadable(text, error))
    except yaml.MarkedYAMLError as error:
        _add_syntax_fault(tree, error)
    else:
        tree.complete = True
    return tree


class _Reader:
    """Builds a tree from the parser's events. Events nest no deeper than MAX_DEPTH, so neither does this."""

    def __init__(self, text: str, tree: Tree, what: str) -> None:
        self._what = what
        self._loader = yaml.SafeLoader(text)
        self._tree = tree

    def read(self) -> None:
        self._next()
        if not isinstance(self._next(), yaml.DocumentStartEvent):
            self._fault(Mark(1, 1), (), "the file is empty")
            raise _Stop
        self._tree.value = self._value(self._next(), ())
        self._next()
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            self._fault(_mark(after), (), f"a {self._what} is one YAML document; remove what follows '---'")

    def _next(self) -> yaml.Event:
        try:
            event: yaml.Event = self._loader.get_event()  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError) as error:  # PyYAML lets these out for escapes and numbers out of range
            here = _at(self._loader.get_mark())
            self._fault(here, (), "an escape or number here cannot be read")
            raise _Stop from error
        if isinstance(event, yaml.ScalarEvent) and (bad := _NO_TEXT.search(event.value)):
            self._fault(_mark(event), (), f"a character that no text may hold (code {_code(bad.group())})")
            raise _Stop
        return event

    def _fault(self, mark: Mark, path: Path, message: str) -> None:
        self._tree.faults.append(Fault(mark, path, message))

    def _spoilt(self, mark: Mark, path: Path, message: str) -> None:
        self._fault(mark, path, message)
        self._tree.spoilt.add(path)

    def _value(self, event: yaml.Event, path: Path) -> object:
        mark = _mark(event)
        self._tree.values[path] = mark
        if len(path) > MAX_DEPTH:
            self._fault(mark, path, f"nested more than {MAX_DEPTH} deep")
            raise _Stop
        if isinstance(event, yaml.AliasEvent):
            glob = f"*{event.anchor}"
            unused = f"aliases are not used in {self._what}s"
            self._spoilt(mark, path, f'{unused}; a text that begins with * is quoted: "{glob}"')
            return None
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._refuse_decoration(event, mark, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._section(path)
        return _text(event) if isinstance(event, yaml.ScalarEvent) else None

    def _refuse_decoration(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, mark: Mark, path: Path) -> None:
        if event.anchor is not None:
            self._fault(mark, path, f"anchors (&{event.anchor}) are not used in {self._what}s; write the entry out")
        if event.tag is not None:
            self._fault(mark, path, f"tags (a word that begins with !) are not used in {self._what}s")

    def _list(self, path: Path) -> list[object]:
        values: list[object] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _section(self, path: Path) -> dict[str, object]:
        section: dict[str, object] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            mark = _mark(event)
            if not isinstance(event, yaml.ScalarEvent):
                self._spoilt(mark, path, 'a key is a plain word; a template is in quotes: "{{ job.number }}"')
                self._value(event, (*path, "?"))
                self._value(self._next(), (*path, "?"))
                continue
            self._entry(section, event.value, mark, path)
        return section

    def _entry(self, section: dict[str, object], key: str, mark: Mark, path: Path) -> None:
        here = (*path, key)
        if key in section:
            first = self._tree.keys[here].line
            self._fault(mark, here, f"this key is given twice; first in line {first}")
            self._value(self._next(), (*here, "again"))
            return
        self._tree.keys[here] = mark
        section[key] = self._value(self._next(), here)


def _text(event: yaml.ScalarEvent) -> str | None:
    is_plain = event.style is None
    return None if is_plain and event.value in _NULLS else event.value


def _mark(event: yaml.Event) -> Mark:
    return _at(event.start_mark)


def _at(mark: SomeMark | None) -> Mark:
    return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)


def _unreadable(text: str, error: yaml.reader.ReaderError) -> Fault:
    before = text[: error.position]
    line = before.count("\n") + 1
    column = error.position - (before.rfind("\n") + 1) + 1
    return Fault(Mark(line, column), (), f"a character that YAML does not allow (code {_code(error.character)})")


def _code(character: str | int) -> str:
    number = character if isinstance(character, int) else ord(character)
    return f"U+{number:04X}"


def _add_syntax_fault(tree: Tree, error: yaml.MarkedYAMLError) -> None:
    """Unless a fault in the same line already says why YAML stumbles there."""
    mark = _at(error.problem_mark or error.context_mark)
    if not any(fault.mark.line == mark.line for fault in tree.faults):
        tree.faults.append(Fault(mark, (), _in_words(error)))


def _in_words(error: yaml.MarkedYAMLError) -> str:
    problem, context = error.problem or "not YAML", error.context or ""
    if "'\\t'" in problem:
        return "a tab cannot indent YAML; use spaces"
    if context.endswith(("an alias", "an anchor")):
        return f"a text that begins with {'*' if context.endswith('alias') else '&'} is put in quotes"
    if "cannot start any token" in problem:
        return f"{problem}; a text that begins with it is put in quotes"
    if problem.startswith("mapping values are not allowed"):
        return "a ':' is not expected here; a text with ': ' in it is put in quotes, and keys line up"
    begun, met = error.context_mark, error.problem_mark
    is_open = begun and met and begun.line < met.line and ("flow" in context or "quoted" in context)
    where = f"; what is not closed begins in line {begun.line + 1}" if begun and is_open else ""
    return f"not YAML: {context + ': ' if context else ''}{problem}{where}"
