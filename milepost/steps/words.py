"""What people are told of a remote that was away: the same words each time, so that one trouble is told once.

Correlation ids and waiting times change with every try; they are in the sync log.
"""

import re

from milepost.errors import AnswerLost, RateLimited, RemoteError

NEXT_RUN = "Nothing to do: it is tried again by itself."
FOUND_OUT = "Nothing is sent again before it is known; a run a few minutes from now finds out."
_CHANGING = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b(?=\w*\d)\w{12,}\b", re.IGNORECASE)
_LONGEST = 160


def why_of(error: RemoteError) -> str:
    """What happened, in a sentence that does not change from run to run; what to do about it is `error.fix`."""
    status = f" (HTTP {error.status})" if error.status else ""
    return f"{error.system}: {error.what} failed{status}: {_steady(error.why)}."


def fix_of(error: RemoteError) -> str:
    """What to do about it."""
    if isinstance(error, RateLimited):
        return "Nothing to do: it goes on by itself when the limit opens."
    return error.fix or NEXT_RUN


def not_made(lost: AnswerLost | None) -> str:
    """The answer to a create was lost, by this run or an earlier one, and it is known by now that nothing came of it."""
    return f"{_away(lost) if lost else 'The answer of Xero was lost'}. No invoice was made."


def not_known(lost: AnswerLost | None) -> str:
    """The answer to a create was lost, and nobody knows yet what came of it."""
    began = _away(lost) if lost else "The invoice was sent to Xero by a run that ended before the answer"
    return f"{began}. Whether the invoice was made is not known yet."


def _away(lost: AnswerLost) -> str:
    reason = _steady(lost.why.rpartition("outcome is unknown: ")[2])
    if lost.status is None:
        return f"The connection to {lost.system} broke before its answer"
    if lost.status < 500:
        return f"{lost.system} answered, but {reason}"
    shown = reason if len(reason) <= _LONGEST and reason != "it gave no reason" else ""
    return f"{lost.system} was away (HTTP {lost.status}{f': {shown}' if shown else ''})"


def _steady(text: str) -> str:
    """Without ids and stamps, which differ each time, and without a full stop."""
    return " ".join(_CHANGING.sub("…", text).split()).rstrip(".")
