"""Texts over many rules at once: for a value, the set of rules it satisfies, as the bits of an integer.

Used by `match`. A text is a glob, or a regular expression between slashes (`patterns`). A glob is fnmatch's: * any text,
? one character, [abc] one of them, [!abc] none of them; case does not matter. Python's translation uses atomic groups, so
no glob can backtrack without end.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache

from milepost.rules.patterns import is_pattern, pattern_test

_MOST_KEPT = 20_000
_SPECIAL = re.compile(r"[*?\[]")

Test = Callable[[str], bool]


@lru_cache(maxsize=4096)
def glob_test(glob: str) -> Test:
    """Whether a casefolded text matches the glob. The usual forms (a*, *a, *a*) need no regex."""
    folded = glob.casefold()
    inner = folded.strip("*")
    if _SPECIAL.search(inner) or not inner:
        pattern = re.compile(translate(folded))
        return lambda text: pattern.match(text) is not None
    open_left, open_right = folded.startswith("*"), folded.endswith("*")
    if open_left and open_right:
        return lambda text: inner in text
    if open_right:
        return lambda text: text.startswith(inner)
    if open_left:
        return lambda text: text.endswith(inner)
    return lambda text: text == inner


def matches(wanted: str, text: str) -> bool:
    """Whether the text matches the glob or the regular expression, without regard to case."""
    return pattern_test(wanted)(text) if is_pattern(wanted) else glob_test(wanted)(text.casefold())


class GlobTable:
    """One condition of all rules: which of them a value satisfies. A rule without the condition takes anything."""

    def __init__(self, wanted: Mapping[int, Sequence[str]], rules: int) -> None:
        """`wanted` maps the place of a rule to its globs and expressions; `rules` is their whole number."""
        self._indifferent = (1 << rules) - 1
        self._exact: dict[str, int] = {}
        by_glob: dict[str, int] = {}
        by_pattern: dict[str, int] = {}
        for place, texts in wanted.items():
            self._indifferent &= ~(1 << place)
            for text in texts:
                table, key = self._table_of(text, by_glob, by_pattern)
                table[key] = table.get(key, 0) | 1 << place
        self._globs = [(glob_test(glob), bits) for glob, bits in by_glob.items()]
        self._patterns = [(pattern_test(pattern), bits) for pattern, bits in by_pattern.items()]
        self._kept: dict[str, int] = {}

    def _table_of(self, text: str, by_glob: dict[str, int], by_pattern: dict[str, int]) -> tuple[dict[str, int], str]:
        if is_pattern(text):
            return by_pattern, text
        return (by_glob if _SPECIAL.search(text) else self._exact), text.casefold()

    def satisfied_by(self, values: tuple[str, ...]) -> int:
        """The rules that one of the values satisfies; with no value, only those that do not ask."""
        bits = self._indifferent
        for value in values:
            known = self._kept.get(value)
            bits |= self._look_up(value) if known is None else known
        return bits

    def _look_up(self, value: str) -> int:
        folded = value.casefold()
        bits = self._exact.get(folded, 0)
        for test, satisfied in self._globs:
            if test(folded):
                bits |= satisfied
        for test, satisfied in self._patterns:
            if test(value):
                bits |= satisfied
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[value] = bits
        return bits
