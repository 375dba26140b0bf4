"""What became of a request's billings, recorded once the answer (or the finding of recovery) is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.billing_rows import RETRIES_EXHAUSTED, BillingStatus
from milepost.ledger.owner import this_process
from milepost.ledger.requests import SENDING, settle_request
from milepost.ledger.tables import billings, requests


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome of one billing; made by `done`, `held`, `failed`, `given_up` or `planned`.

    failures: the rungs of the retry ladder used by now; None where this changes nothing of that.
    """

    billing_id: str
    status: BillingStatus
    invoice_id: str | None = None
    invoice_number: str | None = None
    invoice_status: str | None = None
    invoice_total: Decimal | None = None
    invoice_tax: Decimal | None = None
    code: str | None = None
    why: str | None = None
    fix: str | None = None
    next_attempt_at: datetime | None = None
    failures: int | None = None

    @classmethod
    def done(
        cls,
        billing_id: str,
        *,
        invoice_id: str,
        invoice_number: str | None,
        invoice_status: str | None,
        invoice_total: Decimal | None,
        invoice_tax: Decimal | None,
    ) -> Self:
        """The invoice exists; the sums are Xero's."""
        return cls(
            billing_id,
            BillingStatus.DONE,
            invoice_id=invoice_id,
            invoice_number=invoice_number,
            invoice_status=invoice_status,
            invoice_total=invoice_total,
            invoice_tax=invoice_tax,
        )

    @classmethod
    def held(cls, billing_id: str, *, code: str, why: str, fix: str) -> Self:
        """Xero refused it for a reason that a person must mend. No invoice exists."""
        return cls(billing_id, BillingStatus.HELD, code=code, why=why, fix=fix)

    @classmethod
    def failed(
        cls,
        billing_id: str,
        *,
        why: str,
        fix: str,
        next_attempt_at: datetime | None,
        code: str = "remote_failed",
        failures: int | None = None,
    ) -> Self:
        """A remote was away, and no invoice exists; it may be claimed again."""
        status = BillingStatus.FAILED
        return cls(billing_id, status, code=code, why=why, fix=fix, next_attempt_at=next_attempt_at, failures=failures)

    @classmethod
    def given_up(cls, billing_id: str, *, why: str, fix: str) -> Self:
        """It failed as often as the ladder allows, and no invoice exists."""
        return cls(billing_id, BillingStatus.SKIPPED, code=RETRIES_EXHAUSTED, why=why, fix=fix)

    @classmethod
    def planned(cls, billing_id: str, *, next_attempt_at: datetime | None = None, failures: int | None = None) -> Self:
        """It was not sent after all, or it is certain that no invoice came of it: back to where it was."""
        return cls(billing_id, BillingStatus.PLANNED, next_attempt_at=next_attempt_at, failures=failures)


@dataclass(frozen=True, slots=True)
class AnswerMeta:
    """What is kept of an answer itself."""

    http_status: int | None = None
    correlation_id: str | None = None


async def settle(
    c: AsyncConnection,
    request_id: str,
    outcomes: Sequence[Settled],
    answer_meta: AnswerMeta,
    now: datetime,
    *,
    owner: str | None = None,
) -> list[str]:
    """Record the outcomes and that the request is settled; the ids of the billings recorded.

    owner: who claimed it or took it over, by default this process. None are recorded when the request is settled already or
    another process holds it by now: that one asks Xero itself, and what we saw may no longer be so.
    Raises ValueError when the outcomes are not of exactly the request's billings that are sending.
    """
    async with c.begin_nested():
        meta = (answer_meta.http_status, answer_meta.correlation_id)
        if not await settle_request(c, request_id, *meta, now, owner=owner or this_process()):
            return []
        await _check_complete(c, request_id, {outcome.billing_id for outcome in outcomes})
        await _record(c, request_id, outcomes, now)
    return [outcome.billing_id for outcome in outcomes]


async def settle_some(
    c: AsyncConnection, request_id: str, outcomes: Sequence[Settled], now: datetime, *, owner: str | None = None
) -> list[str]:
    """Record what is known of some billings of a request that stays open for the others; the ids recorded.

    None are recorded when the request is settled already or another process holds it by now.
    """
    held = select(requests.c.id).where(requests.c.id == request_id, requests.c.status == SENDING)
    async with c.begin_nested():
        mine = held.where(requests.c.owner == (owner or this_process())).with_for_update()
        if (await c.execute(mine)).first() is None:
            return []
        await _record(c, request_id, outcomes, now)
    return [outcome.billing_id for outcome in outcomes]


async def _check_complete(c: AsyncConnection, request_id: str, given: set[str]) -> None:
    """A billing left out would stay sending for ever, with no request that anyone recovers."""
    query = select(billings.c.id).where(billings.c.request_id == request_id)
    sending = set((await c.execute(query.where(billings.c.status == BillingStatus.SENDING))).scalars())
    if sending != given:
        raise ValueError(f"request {request_id} carries {len(sending)} billings, outcomes are for {len(given)}")


async def _record(c: AsyncConnection, request_id: str, outcomes: Sequence[Settled], now: datetime) -> None:
    if not outcomes:
        return
    names = list(_columns(outcomes[0], request_id, now))
    statement = (
        update(billings)
        .where(billings.c.id == bindparam("key"), billings.c.request_id == request_id)
        .where(billings.c.status == BillingStatus.SENDING)
        .values({name: bindparam(f"new_{name}") for name in names})
        .values(failures=func.coalesce(bindparam("spent"), billings.c.failures))
    )
    rows = [{"key": o.billing_id, "spent": o.failures, **_prefixed(_columns(o, request_id, now))} for o in outcomes]
    await c.execute(statement, sorted(rows, key=lambda row: str(row["key"])))


def _prefixed(columns: dict[str, Any]) -> dict[str, Any]:
    """Named apart from the table's own columns."""
    return {f"new_{name}": value for name, value in columns.items()}


def _columns(outcome: Settled, request_id: str, now: datetime) -> dict[str, Any]:
    done = outcome.status is BillingStatus.DONE
    unsent = outcome.status is BillingStatus.PLANNED
    return {
        "status": outcome.status,
        "request_id": None if unsent else request_id,
        "invoice_id": outcome.invoice_id,
        "invoice_number": outcome.invoice_number,
        "invoice_status": outcome.invoice_status,
        "invoice_total": outcome.invoice_total,
        "invoice_tax": outcome.invoice_tax,
        "trouble_code": outcome.code,
        "trouble_why": outcome.why,
        "trouble_fix": outcome.fix,
        "next_attempt_at": outcome.next_attempt_at,
        "done_at": now if done else None,
        "updated_at": now,
    }
