"""The run at hand, shared by a flow, its subflows and its tasks without passing through Prefect.

Prefect records the parameters of flows and tasks; jobs and amounts must not be among them, so only names and ids are passed
and the rest is found here. Whoever starts a flow in this process may watch it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from milepost.errors import RemoteError
from milepost.steps.run import BillingRun


class Watcher(Protocol):
    """Someone in this process who looks on: a command with a progress bar, the demo."""

    def progress(self, step: str, done: int, of: int | None) -> None:
        """A step has come this far."""

    def finished(self, run: BillingRun) -> None:
        """The run is over; all its results are there."""


class _Nobody:
    """The watcher of a run that nobody in this process looks at."""

    def progress(self, step: str, done: int, of: int | None) -> None:
        """Ignored."""

    def finished(self, run: BillingRun) -> None:
        """Ignored."""


_current: ContextVar[BillingRun] = ContextVar("milepost_run")
_kept_back: ContextVar[list[RemoteError]] = ContextVar("milepost_kept_back")
_watcher: ContextVar[Watcher] = ContextVar("milepost_watcher", default=_Nobody())  # noqa: B039  it has no state


def current_run() -> BillingRun:
    """The billing run that this flow or task belongs to."""
    return _current.get()


def kept_back() -> list[RemoteError]:
    """What remotes told the steps of this run, in their own words, which Prefect must not see. The last is at the end."""
    return _kept_back.get([])


def watcher() -> Watcher:
    """Who looks on."""
    return _watcher.get()


@contextmanager
def as_current(run: BillingRun) -> Iterator[None]:
    """Make a run the one that tasks and subflows work on."""
    token, kept = _current.set(run), _kept_back.set([])
    try:
        yield
    finally:
        _current.reset(token)
        _kept_back.reset(kept)


@contextmanager
def watched_by(who: Watcher) -> Iterator[None]:
    """Let `who` look on at the flows started inside."""
    token = _watcher.set(who)
    try:
        yield
    finally:
        _watcher.reset(token)
