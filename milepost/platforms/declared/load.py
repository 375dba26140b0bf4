"""Reads the description of a job system strictly: every problem at once, each with file, line and column."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from milepost.errors import ConfigError
from milepost.platforms.declared.description import Description
from milepost.platforms.declared.schema import description_schema
from milepost.platforms.declared.wording import in_words, known_keys
from milepost.rules.problems import Located, did_you_mean, keys_of
from milepost.rules.yaml_text import Path as Place
from milepost.rules.yaml_text import Tree, read_yaml


class DescriptionErrors(ConfigError):
    """A description cannot be loaded. `errors` are all its problems in the order of the file; `str` has one a line."""

    def __init__(self, errors: Iterable[Located]) -> None:
        self.errors = tuple(sorted(set(errors), key=lambda e: (e.line, e.column, e.message)))
        super().__init__("\n".join(str(error) for error in self.errors))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A description and the places of its keys, so that later problems can point into the file."""

    description: Description
    path: str
    tree: Tree

    def where(self, *place: str | int) -> str:
        """`fieldbook.yaml:31:9`, of a key or of the nearest section around it."""
        mark = self.tree.key_mark(self.tree.place_of(place))
        return f"{self.path}:{mark.line}:{mark.column}"

    def problem(self, place: Place, message: str) -> Located:
        """A problem at a place of the description."""
        return _located(self.tree, self.path, self.tree.place_of(place), message)


def load_description(path: Path, *, draft: bool = False) -> Loaded:
    """The description in a file. Raises DescriptionErrors. A `draft` may leave required fields unfilled."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        near = did_you_mean(path.name, (p.name for p in path.parent.glob("*.y*ml")))
        raise ConfigError(f"{path}: there is no such file{near}") from error
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ConfigError(f"{path}: the description cannot be read: {why}") from error
    return parse_description(text, str(path), draft=draft)


def parse_description(text: str, path: str, *, draft: bool = False) -> Loaded:
    """The description in a text; `path` is for its errors. Raises DescriptionErrors."""
    tree = read_yaml(text, "description")
    problems = [Located(path, *fault.mark, "", keys_of(fault.path), fault.message) for fault in tree.faults]
    if tree.complete and isinstance(tree.value, dict):
        try:
            loaded = Loaded(Description.model_validate(tree.value), path, tree)
        except ValidationError as error:
            problems += [_problem(path, tree, detail) for detail in error.errors(include_url=False)]
        else:
            problems += [] if draft else unfilled(loaded)
            if not problems:
                return loaded
    elif tree.complete:
        problems.append(_located(tree, path, (), "a description is a section of keys: name, base_url, ..."))
    raise DescriptionErrors(problems)


def unfilled(loaded: Loaded) -> list[Located]:
    """The required fields that nothing fills."""
    about = loaded.description
    targets = {place: section.targets for place, section in about.sections()}
    return [loaded.problem(place, f"'{name}' is missing: {targets[place][name].about}") for place, name in about.unfilled()]


def _problem(path: str, tree: Tree, detail: ErrorDetails) -> Located:
    place = tree.place_of(detail["loc"])
    known = known_keys(description_schema(), detail["loc"])
    return _located(tree, path, place, in_words(detail, known), of_key=detail["type"] == "extra_forbidden")


def _located(tree: Tree, path: str, place: Place, message: str, *, of_key: bool = True) -> Located:
    mark = tree.key_mark(place) if of_key else tree.mark(place)
    return Located(path, *mark, "", keys_of(place), message)
