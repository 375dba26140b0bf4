"""Each step of a run once, for whoever comes first: the flow, or one that works its steps ahead of it (`flows.ahead`)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from milepost.steps.run import BillingRun

P = ParamSpec("P")
R = TypeVar("R")


class SharedSteps:
    """A run whose steps the flow shares with one who is ahead of it: what each step came to, or is still at."""

    def __init__(self, run: BillingRun) -> None:
        self.run = run
        self.steps: dict[tuple[Any, ...], asyncio.Task[Any]] = {}


_shared: ContextVar[SharedSteps | None] = ContextVar("milepost_shared_steps", default=None)


def shared_run() -> BillingRun | None:
    """The run that was begun ahead of this flow, if it was."""
    shared = _shared.get()
    return shared.run if shared else None


@contextmanager
def sharing(run: BillingRun) -> Iterator[None]:
    """Have the steps of this run shared by whatever is started inside."""
    token = _shared.set(SharedSteps(run))
    try:
        yield
    finally:
        _shared.reset(token)


def once(step: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """A step of which all who share the run have the one result, or the one error."""

    @wraps(step)
    async def done_once(*args: P.args, **kwargs: P.kwargs) -> R:
        shared = _shared.get()
        if shared is None:
            return await step(*args, **kwargs)
        key = (step.__name__, *args)
        if key not in shared.steps:
            shared.steps[key] = asyncio.create_task(step(*args, **kwargs))
        result: Awaitable[R] = asyncio.shield(shared.steps[key])
        return await result

    return done_once
