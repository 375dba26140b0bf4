"""The retry ladder: when work that failed is tried again, and when it is given up. No process sleeps for it.

What failed is kept with the moment of its next try; a poll, or the scheduled flow `retry-due`, takes up what is due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.errors import AuthError, RateLimited, RemoteError
from milepost.ledger import billings, jobs
from milepost.ledger.billing_rows import RETRIES_EXHAUSTED
from milepost.ledger.billings import BillingStatus, Settled, Troubled
from milepost.platforms.protocol import JobProblem
from milepost.steps.words import fix_of, why_of
from milepost.steps.workspace import Workspace

TAKEN_FOR = timedelta(minutes=10)
"""How long what is due belongs to the run that took it; if that run dies, it is due again then."""


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """What becomes of work that failed. at: when it is tried again, None when it is given up. spent: rungs used by now."""

    at: datetime | None
    spent: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Waits in minutes. By default work is tried again 5, 15, 45, 135 and 405 minutes after its first to fifth failure:
    over 10 hours, six tries in all. The sixth failure gives it up.
    """

    minutes: tuple[int, ...]

    def after(
        self, spent: int, now: datetime, *, opens_in: timedelta | None = None, is_limit: bool = False
    ) -> RetryDecision:
        """The decision after one more failure, when `spent` rungs were used before.

        opens_in: how long the remote asked us to wait. is_limit: it was a limit, which moves the time and uses no rung.
        """
        if is_limit:
            return RetryDecision(now + (opens_in if opens_in is not None else self._first), spent)
        if spent >= len(self.minutes):
            return RetryDecision(None, spent)
        return RetryDecision(now + max(timedelta(minutes=self.minutes[spent]), opens_in or timedelta()), spent + 1)

    @property
    def _first(self) -> timedelta:
        return timedelta(minutes=self.minutes[0] if self.minutes else 5)


@dataclass(frozen=True, slots=True)
class Setback:
    """Why a try failed, for a reason that may pass by itself."""

    code: str
    why: str
    fix: str
    opens_in: timedelta | None = None
    is_limit: bool = False


def setback_of(error: RemoteError) -> Setback:
    """The setback that a remote's trouble is."""
    return Setback(failure_code(error), why_of(error), fix_of(error), error.retry_after, isinstance(error, RateLimited))


def failure_code(error: RemoteError) -> str:
    """The kind of a remote trouble, as the ledger names it."""
    if isinstance(error, RateLimited):
        return "rate_limited"
    return "reconnect" if isinstance(error, AuthError) else "remote_failed"


@dataclass(frozen=True, slots=True)
class Retries:
    """The ladder, and how many rungs each of some billings has used."""

    ladder: Ladder
    spent: Mapping[str, int]
    now: datetime

    def settled(self, billing_id: str, setback: Setback) -> Settled:
        """What becomes of a billing that was sent and failed so."""
        decision = self._decide(billing_id, setback)
        if decision.at is None:
            return Settled.given_up(billing_id, why=given_up_why(setback.why, decision.spent), fix=given_up_fix(billing_id))
        return Settled.failed(
            billing_id,
            code=setback.code,
            why=setback.why,
            fix=setback.fix,
            next_attempt_at=decision.at,
            failures=decision.spent,
        )

    def troubled(self, billing_id: str, setback: Setback) -> Troubled:
        """What becomes of a planned billing for which nothing could be sent."""
        decision = self._decide(billing_id, setback)
        if decision.at is None:
            why = given_up_why(setback.why, decision.spent)
            return Troubled(billing_id, BillingStatus.SKIPPED, RETRIES_EXHAUSTED, why, given_up_fix(billing_id))
        failed = Troubled(billing_id, BillingStatus.FAILED, setback.code, setback.why, setback.fix)
        return replace(failed, next_attempt_at=decision.at, failures=decision.spent)

    def _decide(self, billing_id: str, setback: Setback) -> RetryDecision:
        spent = self.spent.get(billing_id, 0)
        return self.ladder.after(spent, self.now, opens_in=setback.opens_in, is_limit=setback.is_limit)


def ladder_of(workspace: Workspace) -> Ladder:
    """The connection's ladder."""
    return Ladder(workspace.connection.retries)


async def retries_of(c: AsyncConnection, workspace: Workspace, billing_ids: Sequence[str]) -> Retries:
    """The ladder as these billings stand on it now."""
    return Retries(ladder_of(workspace), await billings.failures_of(c, billing_ids), workspace.clock())


def given_up_why(why: str, spent: int) -> str:
    """The last failure, and that no more tries follow."""
    return f"It was tried {spent + 1} times and is not tried again by itself. The last time: {why}"


def given_up_fix(name: str) -> str:
    """What a person can do, once what failed works again."""
    return (
        f"Once that works again: `milepost queue retry {name}`. "
        f"Or bill it by hand in Xero and say so: `milepost queue by-hand {name} --reason TEXT`."
    )


async def keep_unread(c: AsyncConnection, workspace: Workspace, problems: Sequence[JobProblem]) -> set[str]:
    """Keep the jobs that could not be read; those that may be read later climb the ladder. The ids of those given up now."""
    now = workspace.clock()
    passing = [problem.job_id for problem in problems if not problem.permanent]
    spent = await jobs.unread_failures(c, workspace.name, passing)
    ladder = ladder_of(workspace)
    decisions = {job_id: ladder.after(spent.get(job_id, 0), now) for job_id in passing}
    tries = {job_id: (decision.spent, decision.at) for job_id, decision in decisions.items()}
    await jobs.save_unread(c, workspace.name, problems, now, tries)
    return {job_id for job_id, decision in decisions.items() if decision.at is None}
