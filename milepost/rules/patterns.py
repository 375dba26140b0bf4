"""Regular expressions of a rule book, written between slashes: /hot ?water|boiler/. Run by RE2, in time linear to the text.

RE2 has no look-around and no back-references, the two that need backtracking (github.com/google/re2/wiki/Syntax).
"""

from collections.abc import Callable
from functools import lru_cache

import re2

MAX_PATTERN = 500
"""Characters a regular expression may have."""
_MAX_MEMORY = 1 << 20
"""Bytes that a compiled expression and its search may take."""

_SAID = (
    ("invalid perl operator: (?i", "a '(?' is not closed"),
    ("invalid perl operator: (?", "it looks ahead or behind, or back at what it found, which no expression here can"),
    ("invalid escape sequence", "the backslash before '{}' means nothing here; a backslash itself is written twice"),
    ("missing )", "a ( is not closed"),
    ("unexpected )", "a ) closes nothing"),
    ("missing ]", "a [ is not closed"),
    ("no argument for repetition", "nothing stands before '{}' to be repeated"),
    ("bad repetition operator", "'{}' repeats a repetition"),
    ("invalid repetition size", "'{}' repeats too often; 1,000 is the most, all nested together"),
    ("pattern too large", "it is too large; write it shorter, or repeat less"),
    ("invalid character class range", "'{}' is no range or class of characters"),
)
"""RE2's own messages (ErrorCode in re2.h) in plain words; {} is the piece that it names."""


def is_pattern(text: str) -> bool:
    """Whether a text of a condition is a regular expression; all others are globs."""
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def check_pattern(text: str) -> str:
    """The text as it is. Raises ValueError, in plain words, for one that fits nothing or cannot be used."""
    if not text.strip():
        raise ValueError("is empty, and would fit nothing; what is not said is taken by a 'not' of \"*\"")
    if not is_pattern(text):
        return text
    if len(text) > MAX_PATTERN:
        raise ValueError(f"is longer than {MAX_PATTERN} characters; split it into several texts")
    try:
        _compiled(text[1:-1])
    except re2.error as error:
        raise ValueError(f"is not a regular expression: {_said(error)}") from error
    except UnicodeEncodeError as error:
        raise ValueError("is not a regular expression: it holds half a character") from error
    return text


@lru_cache(maxsize=4096)
def pattern_test(text: str) -> Callable[[str], bool]:
    """Whether the regular expression is found anywhere in a text, without regard to case; a dot also is a line's end."""
    compiled = _compiled(text[1:-1])
    return lambda value: compiled.search(_encodable(value)) is not None


def _compiled(pattern: str) -> "re2._Regexp[str]":
    options = re2.Options()
    options.case_sensitive = False
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    return re2.compile(pattern, options)


def _encodable(value: str) -> str:
    """RE2 reads UTF-8, which has no place for the half characters that JSON can hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="replace").decode()
    return value


def _said(error: re2.error) -> str:
    said = error.args[0] if error.args else ""
    words = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    piece = words.partition(": ")[2]
    return next((plain.format(piece) for begin, plain in _SAID if words.startswith(begin)), words)
