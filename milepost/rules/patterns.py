"""Regular expressions of a rule book, written between slashes: /hot ?water|boiler/. Run by RE2, in time linear to the text.

RE2 has no look-around and no back-references, the two that need backtracking (github.com/google/re2/wiki/Syntax).
"""

from collections.abc import Callable
from functools import lru_cache

import re2

MAX_PATTERN = 500
"""Characters a regular expression may have."""
_MAX_MEMORY = 1 << 20


def is_pattern(text: str) -> bool:
    """Whether a text of a condition is a regular expression; all others are globs."""
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def check_pattern(text: str) -> str:
    """The text as it is. Raises ValueError, in plain words, for a regular expression that cannot be used."""
    if not is_pattern(text):
        return text
    if len(text) > MAX_PATTERN:
        raise ValueError(f"is longer than {MAX_PATTERN} characters; split it into several texts")
    try:
        _compiled(text[1:-1])
    except re2.error as error:
        raise ValueError(f"is not a regular expression: {_said(error)}") from error
    return text


@lru_cache(maxsize=4096)
def pattern_test(text: str) -> Callable[[str], bool]:
    """Whether the regular expression is found anywhere in a text, without regard to case."""
    compiled = _compiled(text[1:-1])
    return lambda value: compiled.search(value) is not None


def _compiled(pattern: str) -> "re2._Regexp[str]":
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    return re2.compile(pattern, options)


def _said(error: re2.error) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
