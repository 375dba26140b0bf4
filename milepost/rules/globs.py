"""Texts over many rules at once: for a value, the set of rules it satisfies, as the bits of an integer.

Used by `match`. A text is a glob, or a regular expression between slashes (`patterns`). A glob is fnmatch's: * any text,
? one character, [abc] one of them, [!abc] none of them; case does not matter. Python's translation uses atomic groups, so
no glob can backtrack without end.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Literal

from milepost.rules.patterns import is_pattern, pattern_test

_MOST_KEPT = 20_000
_SPECIAL = re.compile(r"[*?\[]")

Test = Callable[[str], bool]


@lru_cache(maxsize=4096)
def glob_test(glob: str) -> Test:
    """Whether a casefolded text matches the glob. The usual forms (a*, *a, *a*) need no regex."""
    form, inner = _form_of(glob)
    if form == "prefix":
        return lambda text: text.startswith(inner)
    if form == "suffix":
        return lambda text: text.endswith(inner)
    if form == "part":
        return lambda text: inner in text
    if form == "whole":
        return lambda text: text == inner
    pattern = re.compile(translate(inner))
    return lambda text: pattern.match(text) is not None


def _form_of(glob: str) -> tuple[Literal["whole", "prefix", "suffix", "part", "other"], str]:
    """What sort of glob it is, and the casefolded text that is looked for; of any other sort, the whole glob."""
    folded = glob.casefold()
    inner = folded.strip("*")
    if _SPECIAL.search(inner) or not inner:
        return "other", folded
    if folded.startswith("*"):
        return ("part" if folded.endswith("*") else "suffix"), inner
    return ("prefix" if folded.endswith("*") else "whole"), inner


def matches(wanted: str, text: str) -> bool:
    """Whether the text matches the glob or the regular expression, without regard to case."""
    return pattern_test(wanted)(text) if is_pattern(wanted) else glob_test(wanted)(text.casefold())


class GlobTable:
    """One condition of all rules: which of them a value satisfies. A rule without the condition takes anything.

    Whole texts, beginnings and ends are looked up; only the others are tried one after the other.
    """

    def __init__(self, wanted: Mapping[int, Sequence[str]], rules: int) -> None:
        """`wanted` maps the place of a rule to its globs and expressions; `rules` is their whole number."""
        self._indifferent = (1 << rules) - 1
        self._whole: dict[str, int] = {}
        self._prefixes: dict[int, dict[str, int]] = {}
        self._suffixes: dict[int, dict[str, int]] = {}
        others: dict[str, int] = {}
        for place, texts in wanted.items():
            self._indifferent &= ~(1 << place)
            for text in texts:
                table, key = self._table_of(text, others)
                table[key] = table.get(key, 0) | 1 << place
        self._globs = [(glob_test(glob), bits) for glob, bits in others.items() if not is_pattern(glob)]
        self._patterns = [(pattern_test(text), bits) for text, bits in others.items() if is_pattern(text)]
        self._kept: dict[str, int] = {}

    def _table_of(self, text: str, others: dict[str, int]) -> tuple[dict[str, int], str]:
        if is_pattern(text):
            return others, text
        form, inner = _form_of(text)
        if form == "whole":
            return self._whole, inner
        if form == "prefix":
            return self._prefixes.setdefault(len(inner), {}), inner
        if form == "suffix":
            return self._suffixes.setdefault(len(inner), {}), inner
        return others, text

    def satisfied_by(self, values: tuple[str, ...]) -> int:
        """The rules that one of the values satisfies; with no value, only those that do not ask."""
        bits = self._indifferent
        for value in values:
            known = self._kept.get(value)
            bits |= self._look_up(value) if known is None else known
        return bits

    def _look_up(self, value: str) -> int:
        folded = value.casefold()
        bits = self._whole.get(folded, 0)
        for length, prefixes in self._prefixes.items():
            bits |= prefixes.get(folded[:length], 0)
        for length, suffixes in self._suffixes.items():
            bits |= suffixes.get(folded[-length:], 0)
        for tests, text in ((self._globs, folded), (self._patterns, value)):
            for test, satisfied in tests:
                if test(text):
                    bits |= satisfied
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[value] = bits
        return bits
