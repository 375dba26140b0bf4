"""Xero's own words for what is wrong with a document, and for each a stable code and what a person can do about it.

The texts and what they mean are in `milepost.troubles.documents`; the first that fits counts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from milepost.troubles.calls import UNKNOWN
from milepost.troubles.documents import DOCUMENTS, NAME_TAKEN, NUMBER_TAKEN
from milepost.troubles.kinds import Does, Known

REFUSED = UNKNOWN.code
MEND_AND_BILL = UNKNOWN.fix


@dataclass(frozen=True, slots=True)
class Advice:
    """What to tell a person. `code` is stable; `why` is Xero's text in full; `does`: what becomes of the document."""

    code: str
    why: str
    fix: str
    does: Does = Does.HOLD

    @property
    def retry(self) -> bool:
        """Whether the same document may pass later, with nobody doing anything."""
        return self.does is Does.RETRY


def advise(messages: Sequence[str]) -> Advice:
    """The advice for what Xero said about one document. All of its texts are shown; the first known one gives the code.

    It is tried again only when each text is one that may pass by itself.
    """
    why = " ".join(_sentence(message) for message in messages) or "Xero gave no reason."
    found = [(known, match) for message in messages for known, match in [_first(message)]]
    known_ones = [(known, match) for known, match in found if known and match]
    if not known_ones:
        return Advice(REFUSED, why, MEND_AND_BILL)
    fixes = dict.fromkeys(known.fix.format(**_groups(match)) for known, match in known_ones)
    first = known_ones[0][0]
    may_pass = len(known_ones) == len(found) and all(known.does is Does.RETRY for known, _ in known_ones)
    does = next((known.does for known, _ in known_ones if known.does is not Does.RETRY), Does.HOLD)
    return Advice(first.code, why, " ".join(fixes), Does.RETRY if may_pass else does)


def says_name_taken(message: str) -> bool:
    """Whether an active contact has this name already."""
    return re.search(NAME_TAKEN, message, re.IGNORECASE | re.DOTALL) is not None


def says_number_taken(message: str) -> bool:
    """Whether a contact, active or archived, has this ContactNumber already."""
    return re.search(NUMBER_TAKEN, message, re.IGNORECASE | re.DOTALL) is not None


def _first(message: str) -> tuple[Known | None, re.Match[str] | None]:
    return next(((known, match) for known in DOCUMENTS if (match := known.match(message))), (None, None))


def _groups(match: re.Match[str]) -> dict[str, str]:
    return {name: value or "" for name, value in match.groupdict().items()}


def _sentence(message: str) -> str:
    stripped = message.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."
