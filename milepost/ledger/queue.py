"""What waits: billings that are held, failed, unanswered or given up, jobs that could not be read; what people do to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger import jobs
from milepost.ledger.billing_rows import (
    HANDLED_BY_HAND,
    IS_GIVEN_UP,
    BillingRow,
    BillingStatus,
    billing_row,
)
from milepost.ledger.bulk import chunks
from milepost.ledger.jobs import UnreadJob
from milepost.ledger.tables import billings
from milepost.ledger.tables import jobs as jobs_table

LEFT_TO_PEOPLE = ("ambiguous", "other_organisation")
"""Why a request waits that no run can settle: a person who has looked may say what became of it."""

_WAITS = or_(IS_GIVEN_UP, billings.c.status.in_((BillingStatus.HELD, BillingStatus.FAILED, BillingStatus.SENDING)))
_MAY_BE_TAKEN = or_(
    IS_GIVEN_UP,
    billings.c.status.in_((BillingStatus.PLANNED, BillingStatus.HELD, BillingStatus.FAILED)),
    and_(billings.c.status == BillingStatus.SENDING, billings.c.trouble_code.in_(LEFT_TO_PEOPLE)),
)


@dataclass(frozen=True, slots=True)
class ByHand:
    """An invoice that a person made, as Xero has it."""

    invoice_id: str
    number: str | None
    status: str | None
    contact_id: str | None
    tenant_id: str
    currency: str
    line_amount_types: str
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal


async def waiting(c: AsyncConnection, connection: str) -> list[BillingRow]:
    """A connection's billings that wait, by next try, then by age."""
    query = select(billings).where(billings.c.connection == connection, _WAITS)
    query = query.order_by(billings.c.next_attempt_at.is_(None), billings.c.next_attempt_at, billings.c.created_at)
    return [billing_row(row) for row in (await c.execute(query.order_by(billings.c.id))).mappings()]


async def named(c: AsyncConnection, name: str, connection: str | None) -> tuple[list[BillingRow], list[UnreadJob]]:
    """What waits under a billing's id, a job's number or a job's id."""
    fits = or_(billings.c.id == name, billings.c.job_number == name, billings.c.job_id == name)
    query = select(billings).where(fits, _MAY_BE_TAKEN)
    if connection is not None:
        query = query.where(billings.c.connection == connection)
    rows = [billing_row(row) for row in (await c.execute(query.order_by(billings.c.connection, billings.c.id))).mappings()]
    return rows, await jobs.unread_named(c, name, connection)


async def climb_anew(c: AsyncConnection, billing_ids: Sequence[str], now: datetime) -> None:
    """Let these begin the retry ladder at its foot, those given up among them; they are due at once."""
    again = or_(IS_GIVEN_UP, billings.c.status == BillingStatus.FAILED)
    for some in chunks(billing_ids):
        due = update(billings).where(billings.c.id.in_(some), again)
        await c.execute(due.values(status=BillingStatus.FAILED, failures=0, next_attempt_at=now, updated_at=now))


async def is_linked(c: AsyncConnection, tenant_id: str, invoice_id: str) -> str | None:
    """The billing that an invoice belongs to already."""
    query = select(billings.c.id).where(billings.c.tenant_id == tenant_id, billings.c.invoice_id == invoice_id)
    return (await c.execute(query.limit(1))).scalar()


async def take_by_hand(
    c: AsyncConnection, billing: BillingRow, who: str, reason: str, invoice: ByHand | None, now: datetime
) -> bool:
    """Take a billing out of the runs' hands, with or without the invoice that a person made. False: a run was first."""
    kept = select(jobs_table.c.fingerprint).where(
        jobs_table.c.connection == billing.connection, jobs_table.c.job_id == billing.job_id
    )
    fingerprint = (await c.execute(kept)).scalar() or billing.fingerprint
    values: dict[str, Any] = {
        "status": BillingStatus.DONE if invoice else BillingStatus.SKIPPED,
        "by_hand": who,
        "trouble_code": HANDLED_BY_HAND,
        "trouble_why": f"Billed by hand, says {who}: {reason}",
        "trouble_fix": None,
        "next_attempt_at": None,
        "request_id": None,
        "updated_at": now,
    }
    if invoice:
        values |= _of_invoice(invoice, now) | {"fingerprint": fingerprint}
    taken = update(billings).where(billings.c.id == billing.id, _MAY_BE_TAKEN, billings.c.by_hand.is_(None))
    return bool((await c.execute(taken.values(**values))).rowcount)


def _of_invoice(invoice: ByHand, now: datetime) -> dict[str, Any]:
    return {
        "tenant_id": invoice.tenant_id,
        "contact_id": invoice.contact_id,
        "invoice_id": invoice.invoice_id,
        "invoice_number": invoice.number,
        "invoice_status": invoice.status,
        "invoice_total": invoice.total,
        "invoice_tax": invoice.total_tax,
        "line_amount_types": invoice.line_amount_types,
        "currency": invoice.currency,
        "sub_total": invoice.sub_total,
        "total_tax": invoice.total_tax,
        "total": invoice.total,
        "sent_at": now,
        "done_at": now,
        "history_noted_at": now,  # the origin that such a note tells is not this invoice's
    }
