"""What is wrong with a rule book, each problem with its place. Made by `load`, shown by the command and the console."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from milepost.errors import ConfigError

_LEAST_BEGINNING = 3
"""Letters that a word must have to be taken for the beginning of another."""


@dataclass(frozen=True, slots=True)
class Located:
    """One problem.

    `line` and `column` count from 1; `entry` is a rule or milestone by its id, `keys` lead on from there.
    """

    path: str
    line: int
    column: int
    entry: str
    keys: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        trail = " > ".join(part for part in (self.entry, *self.keys) if part)
        said = f"{trail}: {self.message}" if trail else self.message
        return f"{self.path}:{self.line}:{self.column}: {' '.join(said.splitlines())}"


def keys_of(place: Sequence[str | int]) -> tuple[str, ...]:
    """A place as people read it; what stands in a list is counted from 1."""
    return tuple(f"item {step + 1}" if isinstance(step, int) else step for step in place)


class RuleBookErrors(ConfigError):
    """A rule book cannot be loaded. `errors` are all its problems in the order of the file; `str` has one a line."""

    def __init__(self, errors: Iterable[Located]) -> None:
        self.errors = tuple(sorted(set(errors), key=lambda e: (e.path, e.line, e.column, e.keys, e.message)))
        super().__init__("\n".join(str(error) for error in self.errors))


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that was probably meant by `word`: like it, or the only one that begins so. Any case will do."""
    by_fold = {candidate.casefold(): candidate for candidate in words}
    close = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    begun = [candidate for candidate in by_fold if len(word) >= _LEAST_BEGINNING and candidate.startswith(word.casefold())]
    if not close and len(begun) == 1:
        close = begun
    return by_fold[close[0]] if close else None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean 'category'?`, or nothing when no word is near."""
    found = nearest(word, words)
    return f"; did you mean '{found}'?" if found else ""
