"""All tests of a book, run on one of its versions: for `milepost rules test`, and before a version is published."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from milepost.rules.model import RuleBook
from milepost.rules.problems import RuleBookErrors
from milepost.rules.trials.load import LoadedTrials, load_trials, trial_files
from milepost.rules.trials.run import TrialResult, run_trials
from milepost.rules.trials.touched import untouched


@dataclass(frozen=True, slots=True)
class Suite:
    """The results of a book's tests, and the entries of the book that none of them reaches, where all were run."""

    results: tuple[TrialResult, ...]
    untouched: tuple[str, ...]

    @property
    def failed(self) -> tuple[TrialResult, ...]:
        """The tests that came otherwise than expected."""
        return tuple(result for result in self.results if not result.passed)


def run_suite(book: RuleBook, files: Sequence[LoadedTrials], only: str = "") -> Suite:
    """Run the tests of these files, or those whose name holds a text."""
    results = tuple(result for file in files for result in run_trials(book, file, only))
    touched = (entry for result in results for entry in result.touched)
    return Suite(results, () if only else tuple(untouched(book, touched)))


def failed_trials(book: RuleBook, folder: Path) -> list[str]:
    """Why a version may not be published: each failed test, or each error of its test files, in one line.

    `folder` is the book's own, mappings/acme. Empty where all pass, and where there are none.
    """
    try:
        files = load_trials(trial_files(folder))
    except RuleBookErrors as problem:
        return [str(error) for error in problem.errors]
    return list(_sentences(run_suite(book, files).failed))


def _sentences(failed: Sequence[TrialResult]) -> Iterator[str]:
    for result in failed:
        more = f" (and {len(result.differences) - 1} more)" if len(result.differences) > 1 else ""
        yield f"{result.where}: {result.name}: {result.differences[0]}{more}"
