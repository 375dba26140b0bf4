"""The keys by which contacts are looked up in our mirror of them: names and e-mails that a person would call the same."""

import re
import unicodedata

_KEY_LENGTH = 500
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII | re.IGNORECASE)
_DROPPED = dict.fromkeys(map(ord, "'’‘`´."))


def name_key(name: str) -> str:
    """A name without case, accents and punctuation, "&" as "and": equal keys are worth comparing, no more.

    A name of nothing but punctuation keeps it, so that no two such names are taken for one.
    """
    plain = _without_accents(name).casefold().replace("&", " and ").replace("+", " and ").translate(_DROPPED)
    words = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain).split()
    return (" ".join(words) or " ".join(name.casefold().split()))[:_KEY_LENGTH]


def _without_accents(text: str) -> str:
    """The letters alone: combining accents of Latin, Greek and Cyrillic go, the vowel signs of other scripts stay."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def email_key(email: str | None) -> str | None:
    """An e-mail address without case and spaces around it; None for what is none."""
    stripped = (email or "").strip()
    return stripped.casefold() if is_email(stripped) else None


def is_email(text: str) -> bool:
    """Whether Xero would take it: something@a.domain, at most 255 characters, no umlauts (its docs on contacts)."""
    return text.isascii() and len(text) <= 255 and _EMAIL.fullmatch(text) is not None
