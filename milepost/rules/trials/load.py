"""Strict loading of test files: `mappings/<book>/tests/*.yaml`, with every error at its file, line and column."""

from dataclasses import dataclass
from pathlib import Path

from milepost.rules.load import Shape, parse_as, read_text
from milepost.rules.problems import Located, RuleBookErrors
from milepost.rules.trials.organisation import OrganisationGiven
from milepost.rules.trials.trial import Trial, TrialFile

TESTS = "tests"
"""The folder of a book's tests, beside its versions."""
ORGANISATION = "organisation.yaml"
"""The file of that folder that holds the organisation for all of its files."""

_SHAPE = Shape(TrialFile, "test file", {"tests": ("test", "name")})


@dataclass(frozen=True, slots=True)
class LoadedTrials:
    """The tests of a file, with the line of each, and the organisation they are about."""

    path: str
    organisation: OrganisationGiven
    trials: tuple[Trial, ...]
    lines: tuple[int, ...]


def parse_trials(text: str, path: str, shared: OrganisationGiven | None = None) -> LoadedTrials:
    """The tests in this text. `shared` is the organisation where the file has none. Raises RuleBookErrors."""
    file, tree = parse_as(text, path, _SHAPE)
    lines = tuple(tree.mark(("tests", place)).line for place, _ in enumerate(file.tests))
    return LoadedTrials(path, file.organisation or shared or OrganisationGiven(), file.tests, lines)


def trial_files(book_folder: Path) -> list[Path]:
    """The test files of a book, in order; none where it has no tests."""
    found = (path for ending in ("*.yaml", "*.yml") for path in (book_folder / TESTS).glob(ending) if path.is_file())
    return sorted(path for path in found if path.name != ORGANISATION)


def load_trials(paths: list[Path]) -> list[LoadedTrials]:
    """The tests in these files, each with its folder's organisation. Raises RuleBookErrors with the errors of all."""
    loaded: list[LoadedTrials] = []
    errors: list[Located] = []
    for path in paths:
        try:
            loaded.append(parse_trials(read_text(path), _named(path), _shared(path)))
        except RuleBookErrors as problem:
            errors += problem.errors
    if errors:
        raise RuleBookErrors(errors)
    return loaded


def _shared(path: Path) -> OrganisationGiven | None:
    beside = path.parent / ORGANISATION
    return parse_trials(read_text(beside), _named(beside)).organisation if beside.is_file() else None


def _named(path: Path) -> str:
    """The file as it is called from here."""
    here = Path.cwd()
    full = path.absolute()
    return str(full.relative_to(here) if full.is_relative_to(here) else path)
