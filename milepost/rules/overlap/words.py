"""Whether there is a text that fits all of some globs and none of others: the exact answer, by their product automaton.

Globs are fnmatch's over casefolded text, as `milepost.rules.globs` matches them. A text that is known has a character at
least. Texts that fit a glob are tried first; only where these do not answer are the automata walked.
"""

import re
from collections.abc import Collection, Sequence
from fnmatch import translate
from functools import lru_cache

MOST_STEPS = 300_000
"""How many steps the automata make, all together, before the answer is "perhaps", that is yes."""

_UNUSUAL = "\ue000"
"""A character that no glob names: it stands for whatever people may write."""


class Glob:
    """One glob as an automaton: bit i of a state is "the first i pieces were read"; a star at i reads anything and stays."""

    __slots__ = ("_reads", "end", "pieces", "stars")

    def __init__(self, text: str) -> None:
        self.pieces, self.stars = _pieces(text.casefold())
        self.end = 1 << len(self.pieces)
        self._reads: dict[str, int] = {}

    def step(self, state: int, char: str) -> int:
        """The state after one more character; 0 when no text that begins so fits."""
        reads = self._reads.get(char)
        if reads is None:
            reads = sum(1 << place for place, piece in enumerate(self.pieces) if _fits(piece, char))
            self._reads[char] = reads
        return (state & reads) << 1 | (state & self.stars)

    def accepts(self, state: int) -> bool:
        """Whether what was read fits."""
        return bool(state & self.end)

    def accepts_for_ever(self, state: int) -> bool:
        """Whether whatever follows fits as well."""
        return bool(state & self.end & self.stars)

    def sample(self, filler: str) -> str:
        """A text that fits, with `filler` where the glob leaves the choice."""
        text = ""
        for place, piece in enumerate(self.pieces):
            text += filler if self.stars >> place & 1 else ""
            text += piece if len(piece) == 1 and piece != "?" else _some(piece, filler)
        return text + (filler if self.stars & self.end else "")


@lru_cache(maxsize=4096)
def glob_of(text: str) -> Glob:
    """The automaton of a glob."""
    return Glob(text)


@lru_cache(maxsize=65536)
def some_text_fits(all_of: frozenset[str], none_of: frozenset[str]) -> bool:
    """Whether a text of one character or more fits all globs of the first set and none of the second."""
    wanted, unwanted = [glob_of(text) for text in sorted(all_of)], [glob_of(text) for text in sorted(none_of)]
    samples = {glob.sample(filler) for glob in wanted for filler in ("", _UNUSUAL)} or {_UNUSUAL}
    for text in filter(None, samples):
        if all(text_fits(glob, text) for glob in all_of) and not any(text_fits(glob, text) for glob in none_of):
            return True
    return _walk(wanted, unwanted)


def text_fits(glob: str, text: str) -> bool:
    """Whether a casefolded text fits the glob."""
    return _compiled(glob).match(text) is not None


@lru_cache(maxsize=4096)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob.casefold()))


def _walk(wanted: Sequence[Glob], unwanted: Sequence[Glob]) -> bool:
    globs = (*wanted, *unwanted)
    alphabet = _alphabet(globs)
    begin = (1,) * len(globs)
    seen, waiting = {begin}, [begin]
    while waiting:
        if len(seen) * len(alphabet) * len(globs) > MOST_STEPS:
            return True
        state = waiting.pop()
        for char in alphabet:
            after = tuple(glob.step(bits, char) for glob, bits in zip(globs, state, strict=True))
            if _is_hopeless(after, wanted, unwanted):
                continue
            if _is_found(after, wanted, unwanted):
                return True
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return False


def _is_hopeless(state: Sequence[int], wanted: Sequence[Glob], unwanted: Sequence[Glob]) -> bool:
    if not all(state[: len(wanted)]):
        return True
    return any(glob.accepts_for_ever(bits) for glob, bits in zip(unwanted, state[len(wanted) :], strict=True))


def _is_found(state: Sequence[int], wanted: Sequence[Glob], unwanted: Sequence[Glob]) -> bool:
    fits = all(glob.accepts(bits) for glob, bits in zip(wanted, state, strict=False))
    return fits and not any(glob.accepts(bits) for glob, bits in zip(unwanted, state[len(wanted) :], strict=True))


def _alphabet(globs: Collection[Glob]) -> list[str]:
    """One character for each way in which the globs can tell characters apart.

    They do so at the characters that they name and right after those (where a range of a set ends), nowhere else. Only
    characters that casefolding leaves as they are can be met.
    """
    named = {char for glob in globs for piece in glob.pieces for char in piece}
    edges = sorted({0, *(code for char in named for code in (ord(char), ord(char) + 1))})
    ends = [*edges[1:], 0x110000]
    stretches = (range(begin, end) for begin, end in zip(edges, ends, strict=True))
    found = (next((char for code in stretch if (char := chr(code)).casefold() == char), None) for stretch in stretches)
    return [char for char in found if char]


def _pieces(glob: str) -> tuple[tuple[str, ...], int]:
    """The pieces of a glob (a character, ?, a set in brackets), and at which places between them stars stand, as bits."""
    pieces: list[str] = []
    stars = place = 0
    while place < len(glob):
        char = glob[place]
        end = _end_of_set(glob, place) if char == "[" else place
        if char == "*":
            stars |= 1 << len(pieces)
        elif char == "[" and end == place:
            pieces.append("[[]")
        else:
            pieces.append(glob[place : end + 1])
        place = end + 1
    return tuple(pieces), stars


def _end_of_set(glob: str, place: int) -> int:
    """Where the set that begins here ends; here, when it does not end and so is a bracket only (as in fnmatch)."""
    begin = place + 1
    begin += glob[begin : begin + 1] == "!"
    begin += glob[begin : begin + 1] == "]"
    end = glob.find("]", begin)
    return place if end < 0 else end


def _fits(piece: str, char: str) -> bool:
    return piece == "?" or (piece == char if len(piece) == 1 else text_fits(piece, char))


def _some(piece: str, filler: str) -> str:
    """A character that the piece reads: the filler where it may be any."""
    if piece == "?":
        return filler or _UNUSUAL
    return next((char for char in (*piece, _UNUSUAL) if _fits(piece, char)), "")
