"""Texts from outside as a rule book that is written by a program has them: quoted as a value, or inside a comment. Pure."""

import json
import re

_ODD = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML would refuse, or take for the end of a line, though JSON lets it stand."""
_UNFIT = re.compile(r"[^\x20-\x7e\xa0-\u2027\u202f-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_LONGEST = 100


def can_be_written(text: str) -> bool:
    """Whether a rule book may hold this text as a value; a blank one says nothing."""
    return bool(text.strip()) and not _NO_TEXT.search(text)


def quoted(text: str) -> str:
    """The very text between double quotes, on one line; YAML reads JSON's escapes."""
    return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def one_line(text: str) -> str:
    """A text fit for a comment: one line of characters that YAML takes, cut where it is long."""
    shown = " ".join(_UNFIT.sub(" ", text).split())
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
