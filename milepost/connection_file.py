"""A connection file: YAML in, a Connection or all of its errors out, each with file, line and column.

`${NAME}` reads the environment, `$${` stands for `${`. No value of the file is ever repeated in an error but the kinds
and names that cannot be secret.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from milepost.connection import Connection
from milepost.connection_complaints import complaint
from milepost.errors import ConfigError
from milepost.rules.problems import Located, keys_of
from milepost.rules.yaml_text import Mark, Tree, read_yaml
from milepost.rules.yaml_text import Path as Place

_VARIABLE = re.compile(r"\$(\$\{|\{([A-Za-z_][A-Za-z0-9_]*)\}|\{)")

Model = TypeVar("Model", bound=BaseModel)


class ConnectionFileErrors(ConfigError):
    """A connection file cannot be used. `errors` are all its problems in the order of the file; `str` has one a line."""

    def __init__(self, errors: Iterable[Located]) -> None:
        self.errors = tuple(sorted(set(errors), key=lambda e: (e.line, e.column, e.keys, e.message)))
        super().__init__("\n".join(str(error) for error in self.errors))


def read_connection(path: Path, environ: Mapping[str, str]) -> Connection:
    """The connection that a file describes; relative paths in it start at the file's folder.

    Raises ConfigError when the file cannot be read, ConnectionFileErrors with everything that is wrong in it.
    """
    tree = read_yaml(_text_of(path), "connection file")
    errors = [_located(path, fault.mark, fault.path, fault.message) for fault in tree.faults]
    if not tree.complete:
        raise ConnectionFileErrors(errors)
    reading = _Reading(path, tree, environ)
    value = reading.expanded(tree.value, ())
    try:
        connection = Connection.model_validate(value)
    except ValidationError as error:
        found = reading.invalid(error.errors(include_url=False))
        # Without its cause, since pydantic's own text repeats what was given, secrets among it.
        raise ConnectionFileErrors([*errors, *reading.missing, *found]) from None
    if errors or reading.missing:
        raise ConnectionFileErrors([*errors, *reading.missing])
    return _with_absolute_paths(connection, path.absolute().parent)


class _Reading:
    """One file being read: values with the environment's put in, and pydantic's errors brought back to their places."""

    def __init__(self, path: Path, tree: Tree, environ: Mapping[str, str]) -> None:
        self._path = path
        self._tree = tree
        self._environ = environ
        self._unknown: set[Place] = set()
        self.missing: list[Located] = []

    def expanded(self, value: object, place: Place) -> object:
        """The value with every `${NAME}` in it replaced; what is not set goes to `missing`."""
        if isinstance(value, dict):
            return {key: self.expanded(inner, (*place, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.expanded(inner, (*place, number)) for number, inner in enumerate(value)]
        if not isinstance(value, str):
            return value
        return _VARIABLE.sub(lambda found: self._replacement(found, place), value)

    def invalid(self, errors: Iterable[ErrorDetails]) -> Iterator[Located]:
        """One line for each of pydantic's errors, but for those that an unset variable explains."""
        for error in errors:
            place = self._tree.place_of(error["loc"])
            if place in self._unknown or self._tree.is_spoilt(place):
                continue
            mark = self._tree.mark(place)
            if error["type"] in ("missing", "union_tag_not_found", "extra_forbidden"):
                mark = self._tree.key_mark(place)
            if error["type"] == "missing":
                place = (*place, str(error["loc"][-1]))
            yield _located(self._path, mark, place, complaint(error))

    def _replacement(self, found: re.Match[str], place: Place) -> str:
        if found[1] == "${":
            return "${"
        if found[2] and (given := self._environ.get(found[2])):
            return given
        self._unknown.add(place)
        message = (
            f"the environment variable {found[2]} is {'empty' if found[2] in self._environ else 'not set'}; set it first"
            if found[2]
            else "write ${NAME}, with a NAME of letters, digits and _, or $${ for these two characters"
        )
        self.missing.append(_located(self._path, self._tree.mark(place), place, message))
        return "unset"


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"The connection file {path} cannot be read: {error.strerror}. Check its path and permissions."
        ) from error
    except UnicodeDecodeError:
        raise ConfigError(f"The connection file {path} is not UTF-8 text. Save it as UTF-8.") from None


def _located(path: Path, mark: Mark, place: Place, message: str) -> Located:
    return Located(str(path), *mark, "", keys_of(place), message)


def _with_absolute_paths(settings: Model, folder: Path) -> Model:
    """The settings with every relative path in them made to start at the folder."""
    changed: dict[str, object] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path):
            changed[name] = folder / value.expanduser()
        elif isinstance(value, BaseModel):
            changed[name] = _with_absolute_paths(value, folder)
    return settings.model_copy(update=changed)
