"""Strict loading of a rule book: YAML text in, a RuleBook or all of its errors out, each with file, line and column.

Reading keeps the place of everything (`yaml_text`), pydantic checks the values (`model`), and its errors are brought back
to their places here, in plain words (`complaints`).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from milepost.rules.complaints import complaint
from milepost.rules.fields import IsoDate
from milepost.rules.model import Origin, RuleBook
from milepost.rules.problems import Located, RuleBookErrors, keys_of
from milepost.rules.yaml_text import Mark, Path, Tree, read_yaml

__all__ = ["Header", "Located", "RuleBookErrors", "Shape", "load_book", "parse_as", "parse_book", "read_header", "read_text"]

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Shape(Generic[Model]):
    """What a file is: its model, what people call it, and by list what an entry is called and the key of its name."""

    model: type[Model]
    what: str
    named: Mapping[str, tuple[str, str]]


AnyShape: TypeAlias = Shape[Any]

_NAMED = {"lines": ("rule", "id"), "rates": ("rate", "id"), "milestones": ("milestone", "code")}
_BOOK = Shape(RuleBook, "rule book", _NAMED)


class Header(BaseModel):
    """The two values that place a version among the others; all else of the file is not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = Field(ge=1)
    effective_from: IsoDate


def load_book(path: FilePath) -> RuleBook:
    """The book in this file; its name is the folder's. Raises RuleBookErrors, or OSError when the file cannot be read."""
    return parse_book(read_text(path), str(path), path.absolute().parent.name)


def read_text(path: FilePath) -> str:
    """The file's text. Raises RuleBookErrors at the first byte that is not UTF-8."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        mark = Mark(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        message = "the file is not UTF-8 text; save it as UTF-8"
        raise RuleBookErrors([Located(str(path), *mark, "", (), message)]) from error


def parse_book(text: str, path: str, book: str) -> RuleBook:
    """The book in this text, knowing its origin. Raises RuleBookErrors with everything that is wrong."""
    tree = _tree_of(text, path)
    errors = [*_faults(tree, path), *_repeated(tree, path), *_empty_conditions(tree, path)]
    try:
        loaded = RuleBook.model_validate(tree.value)
    except ValidationError as error:
        errors += _invalid(error.errors(include_url=False), tree, path)
        raise RuleBookErrors(errors) from error
    if errors:
        raise RuleBookErrors(errors)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return loaded.from_origin(Origin(book=book, path=path, sha256=sha256, lines=_entry_lines(tree), marks=_marks(tree)))


def parse_as(text: str, path: str, shape: Shape[Model]) -> tuple[Model, Tree]:
    """A file that is read as rule books are, and the places of all in it. Raises RuleBookErrors with all that is wrong."""
    tree = _tree_of(text, path, shape)
    errors = [*_faults(tree, path, shape), *_repeated(tree, path, shape)]
    try:
        loaded = shape.model.model_validate(tree.value)
    except ValidationError as error:
        errors += _invalid(error.errors(include_url=False), tree, path, shape)
        raise RuleBookErrors(errors) from error
    if errors:
        raise RuleBookErrors(errors)
    return loaded, tree


def read_header(text: str, path: str) -> Header:
    """Version and date of a book, whose other parts may be broken. Raises RuleBookErrors when these are."""
    tree = _tree_of(text, path)
    try:
        return Header.model_validate(tree.value)
    except ValidationError as error:
        raise RuleBookErrors(_invalid(error.errors(include_url=False), tree, path)) from error


def version_mark(text: str) -> Mark:
    """Where a readable book says its version."""
    return read_yaml(text).mark(("version",))


def _tree_of(text: str, path: str, shape: AnyShape = _BOOK) -> Tree:
    tree = read_yaml(text, shape.what)
    if not tree.complete:
        raise RuleBookErrors(_faults(tree, path, shape))
    return tree


def _faults(tree: Tree, path: str, shape: AnyShape = _BOOK) -> Iterator[Located]:
    return (_located(tree, path, fault.mark, fault.path, fault.message, shape) for fault in tree.faults)


def _repeated(tree: Tree, path: str, shape: AnyShape = _BOOK) -> Iterator[Located]:
    """Ids of rules and codes of milestones are given once; the second is the error."""
    for section, (_, key) in shape.named.items():
        first: dict[str, int] = {}
        for place, entry in _entries(tree, section):
            name, here = entry.get(key), (section, place, key)
            if not isinstance(name, str):
                continue
            if name in first:
                message = f"'{name}' is used twice; first in line {first[name]}"
                yield _located(tree, path, tree.mark(here), here, message, shape)
            first.setdefault(name, tree.mark(here).line)


def _empty_conditions(tree: Tree, path: str) -> Iterator[Located]:
    """A condition without a value would hold for everything, which nobody means."""
    for section in _NAMED:
        for place, entry in _entries(tree, section):
            for here in _without_value(entry.get("when"), (section, place, "when")):
                if not tree.is_spoilt(here):
                    yield _located(tree, path, tree.key_mark(here), here, "is empty; fill it in, or remove the condition")


def _without_value(conditions: object, path: Path) -> Iterator[Path]:
    """The places of a `when`, and of all that is nested in it, where there is a key and nothing after it."""
    if isinstance(conditions, dict):
        for key, wanted in conditions.items():
            here = (*path, key)
            if wanted is None:
                yield here
            elif key != "custom_fields":  # their own keys are names, and the model asks each for its value
                yield from _without_value(wanted, here)
    elif isinstance(conditions, list):
        for place, inner in enumerate(conditions):
            yield from _without_value(inner, (*path, place))


def _invalid(errors: Iterable[ErrorDetails], tree: Tree, path: str, shape: AnyShape = _BOOK) -> Iterator[Located]:
    for error in errors:
        here = tree.place_of(error["loc"])
        if tree.is_spoilt(here) or (error["type"] == "too_short" and tree.value_at(here)):
            continue  # pydantic counts only the members that are right, and complains of the others anyway
        if error["type"] == "missing":
            yield _located(tree, path, tree.key_mark(here), (*here, str(error["loc"][-1])), "is missing", shape)
        else:
            about_key = error["type"] == "extra_forbidden" or error["loc"][-1:] == ("[key]",)
            mark = tree.key_mark(here) if about_key else tree.mark(here)
            yield _located(tree, path, mark, here, complaint(error, here, shape.model), shape)


def _located(tree: Tree, file: str, mark: Mark, path: Path, message: str, shape: AnyShape = _BOOK) -> Located:
    entry, rest = _entry_of(tree, path, shape.named)
    return Located(file, *mark, entry, keys_of(rest), message)


def _entry_of(tree: Tree, path: Path, named: Mapping[str, tuple[str, str]]) -> tuple[str, Path]:
    """The rule or milestone that a place is in, by its id where it has one, and the rest of the way."""
    if len(path) < 2 or path[0] not in named or not isinstance(path[1], int):
        return "", path
    noun, key = named[str(path[0])]
    name = tree.value_at((*path[:2], key))
    return (f"{noun} '{name}'" if isinstance(name, str) else f"{noun} {path[1] + 1}"), path[2:]


def _entries(tree: Tree, section: str) -> Iterator[tuple[int, dict[str, object]]]:
    """The rules or milestones that are written as sections, with their places."""
    entries = tree.value.get(section) if isinstance(tree.value, dict) else None
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield place, entry


def _entry_lines(tree: Tree) -> dict[str, int]:
    """The line of every entry that a reason may point to, as `Origin.lines` has it."""
    lines = {str(path[0]): mark.line for path, mark in tree.keys.items() if len(path) == 1}
    lines |= {f"taxes.{path[1]}": mark.line for path, mark in tree.keys.items() if len(path) == 2 and path[0] == "taxes"}
    for section, (_, key) in _NAMED.items():
        lines |= {f"{section}.{entry[key]}": tree.mark((section, place)).line for place, entry in _entries(tree, section)}
    return lines


def _marks(tree: Tree) -> dict[str, tuple[int, int]]:
    """Line and column of every value, and after a `#` of every key, by its way with ids in place of numbers."""
    names: dict[Path, Path] = {}
    for section, (_, key) in _NAMED.items():
        names |= {(section, place): (section, str(entry[key])) for place, entry in _entries(tree, section) if key in entry}

    def way(path: Path) -> str:
        return ".".join(map(str, (*names.get(path[:2], path[:2]), *path[2:])))

    values = {way(path): (mark.line, mark.column) for path, mark in tree.values.items()}
    return values | {f"#{way(path)}": (mark.line, mark.column) for path, mark in tree.keys.items()}
