"""What an entry of the error map is."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Does(StrEnum):
    """What Milepost does about a trouble."""

    HOLD = "hold"
    RETRY = "retry"
    RECONNECT = "reconnect"
    BUG = "bug"
    SKIP = "skip"


MEANING = {
    Does.HOLD: "held until a person has mended it; asked again within the hour",
    Does.RETRY: "tried again by itself, by the retry ladder",
    Does.RECONNECT: "waits until a person has signed in again, or given the user or app what it lacks",
    Does.BUG: "held; Milepost should not have sent it, so please report it",
    Does.SKIP: "not billed, for a stated reason",
}


@dataclass(frozen=True, slots=True)
class Known:
    """A trouble. `says`: the remote's own words, verbatim; `pattern` finds them, and its named groups may stand in `fix`."""

    code: str
    does: Does
    why: str
    fix: str
    pattern: str = ""
    says: tuple[str, ...] = ()

    def match(self, message: str) -> re.Match[str] | None:
        """Where a message says this."""
        return re.search(self.pattern, message, re.IGNORECASE | re.DOTALL)
