"""The retry ladder's decisions, as the numbers of its docstring."""

from datetime import UTC, datetime, timedelta

import pytest

from milepost.connection import Connection
from milepost.errors import AnswerLost, RateLimited, RemoteError
from milepost.ledger.billings import BillingStatus
from milepost.steps.retry import Ladder, Retries, RetryDecision, Setback, setback_of

NOW = datetime(2026, 7, 14, 9, 30, tzinfo=UTC)
LADDER = Ladder((5, 15, 45, 135, 405))
AWAY = Setback("remote_failed", "Xero was away.", "Nothing to do.")


@pytest.mark.parametrize(("spent", "wait"), list(enumerate((5, 15, 45, 135, 405))))
def test_each_failure_waits_three_times_as_long_as_the_one_before(spent: int, wait: int) -> None:
    assert LADDER.after(spent, NOW) == RetryDecision(NOW + timedelta(minutes=wait), spent + 1)


def test_the_sixth_failure_gives_it_up() -> None:
    assert LADDER.after(5, NOW) == RetryDecision(None, 5)


def test_the_default_waits_are_those_of_the_connection_file() -> None:
    assert Connection.model_fields["retries"].default == LADDER.minutes


@pytest.mark.parametrize("spent", [0, 3, 5])
def test_a_limit_moves_the_time_and_uses_no_rung(spent: int) -> None:
    opens = timedelta(hours=7)
    assert LADDER.after(spent, NOW, opens_in=opens, is_limit=True) == RetryDecision(NOW + opens, spent)


def test_a_limit_that_names_no_time_is_asked_again_after_the_first_wait() -> None:
    assert LADDER.after(2, NOW, is_limit=True) == RetryDecision(NOW + timedelta(minutes=5), 2)
    assert Ladder(()).after(0, NOW, is_limit=True) == RetryDecision(NOW + timedelta(minutes=5), 0)


def test_a_remote_that_asks_for_more_time_than_the_rung_gets_it() -> None:
    assert LADDER.after(0, NOW, opens_in=timedelta(hours=1)).at == NOW + timedelta(hours=1)
    assert LADDER.after(2, NOW, opens_in=timedelta(minutes=1)).at == NOW + timedelta(minutes=45)


def test_without_waits_the_first_failure_gives_it_up() -> None:
    assert Ladder(()).after(0, NOW).at is None


def test_work_that_failed_is_due_again_at_its_rung() -> None:
    settled = Retries(LADDER, {"b": 2}, NOW).settled("b", AWAY)
    assert (settled.status, settled.failures, settled.next_attempt_at) == (
        BillingStatus.FAILED, 3, NOW + timedelta(minutes=45),
    )  # fmt: skip


def test_work_that_is_given_up_says_how_often_it_was_tried_and_what_a_person_can_do() -> None:
    settled = Retries(LADDER, {"b": 5}, NOW).settled("b", AWAY)
    assert (settled.status, settled.code) == (BillingStatus.SKIPPED, "retries_exhausted")
    assert settled.why == "It was tried 6 times and is not tried again by itself. The last time: Xero was away."
    assert "milepost queue retry b" in (settled.fix or "")
    troubled = Retries(LADDER, {"b": 5}, NOW).troubled("b", AWAY)
    assert (troubled.status, troubled.code, troubled.why) == (settled.status, settled.code, settled.why)


@pytest.mark.parametrize(
    ("error", "code", "is_limit"),
    [
        (RateLimited("Xero", "a call", "used up", permanent=False, retry_after=timedelta(hours=3)), "rate_limited", True),
        (RemoteError("Xero", "PUT Invoices", "it was away", permanent=False, status=503), "remote_failed", False),
        (AnswerLost("Xero", "PUT Contacts", "no answer", permanent=False), "remote_failed", False),
    ],
)  # fmt: skip
def test_a_remotes_trouble_is_a_setback(error: RemoteError, code: str, is_limit: bool) -> None:
    setback = setback_of(error)
    assert (setback.code, setback.is_limit, setback.opens_in) == (code, is_limit, error.retry_after)
