"""Keeps what a remote says out of Prefect, which shows every error of a task to whoever may see runs.

A refusal may repeat what was sent: a customer's name, a street. The run keeps the error itself, for the alert, the ledger
and the command line; Prefect gets who refused what, the status and our own advice.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flows.current import kept_back
from milepost.errors import MilepostError, RemoteError

P = ParamSpec("P")
R = TypeVar("R")


class Refused(MilepostError):
    """A RemoteError without the remote's words: the only form of it that leaves a task."""


def quiet(error: RemoteError) -> Refused:
    """Who, what (method and path, no query), which status, our advice."""
    status = f" (HTTP {error.status})" if error.status else ""
    return Refused(f"{error.system}: {error.what.partition('?')[0]} failed{status}. {error.fix}".rstrip())


def quietly(step: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """A step that raises Refused for a RemoteError, which it leaves with the run."""

    @wraps(step)
    async def quieted(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await step(*args, **kwargs)
        except RemoteError as error:
            kept_back().append(error)
            refused = quiet(error)
        raise refused  # here, so that not even its context holds the remote's words

    return quieted


def in_full(error: MilepostError) -> MilepostError:
    """The error that a step left with the run, where this is its quiet form."""
    return kept_back()[-1] if isinstance(error, Refused) else error
