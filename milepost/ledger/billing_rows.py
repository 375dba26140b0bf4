"""A billing as a row of the ledger: what it is of, what was decided, what became of it; and how decisions become rows."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy import RowMapping, and_, func, or_

from milepost.billing.decision import Bill, Credit, Decision, Hold, Skip
from milepost.jobs import Job
from milepost.ledger.tables import billings

_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision, config=ConfigDict(hide_input_in_errors=True))


class BillingStatus(StrEnum):
    """Where a billing stands. Held needs a person; failed means that a remote refused or was away."""

    PLANNED = "planned"
    HELD = "held"
    SENDING = "sending"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


LIVE = (BillingStatus.SENDING, BillingStatus.DONE)
"""An invoice exists, or may: no decision touches such a row again."""

CLAIMABLE = (BillingStatus.PLANNED, BillingStatus.FAILED)

GONE_IN_XERO = ("VOIDED", "DELETED")
"""Xero's statuses of an invoice that no longer counts."""

RETRIES_EXHAUSTED = "retries_exhausted"
"""The code of a skipped billing that failed as often as the ladder allows; a person may have it tried again."""
HANDLED_BY_HAND = "handled_by_hand"
"""The code of a skipped billing that a person has billed otherwise."""

# Spelt out, because a statement for many rows at once takes no IN list.
IS_CLAIMABLE = or_(*(billings.c.status == status for status in CLAIMABLE))
IS_OPEN_TO_DECISION = and_(*(billings.c.status != status for status in LIVE), billings.c.by_hand.is_(None))
"""Neither sent nor handled by hand: a decision may change the row."""
IS_GIVEN_UP = and_(billings.c.status == "skipped", billings.c.trouble_code == RETRIES_EXHAUSTED)

HAS_LIVE_INVOICE = and_(billings.c.status.in_(LIVE), func.coalesce(billings.c.invoice_status, "").not_in(GONE_IN_XERO))
"""What history is made of: the condition on rows whose invoice stands in Xero, or may."""


@dataclass(frozen=True, slots=True)
class BillingRow:
    """One milestone of one job. Totals are ours as decided; `invoice_*` are Xero's words and sums.

    attempts: how often it was sent. failures: how many rungs of the retry ladder it has used. by_hand: who said that it is
    billed by hand; with `invoice_id`, by that invoice.
    """

    id: str
    connection: str
    job_id: str
    milestone: str
    sequence: int
    job_number: str
    customer_id: str | None
    status: BillingStatus
    decision: str
    fingerprint: str
    book: str
    book_version: int
    book_sha256: str
    tenant_id: str | None
    contact_id: str | None
    request_id: str | None
    request_place: int | None
    line_amount_types: str | None
    currency: str | None
    sub_total: Decimal | None
    total_tax: Decimal | None
    total: Decimal | None
    invoice_id: str | None
    invoice_number: str | None
    invoice_status: str | None
    invoice_total: Decimal | None
    invoice_tax: Decimal | None
    trouble_code: str | None
    trouble_why: str | None
    trouble_fix: str | None
    attempts: int
    failures: int
    next_attempt_at: datetime | None
    by_hand: str | None
    run_id: str | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    done_at: datetime | None
    written_back_at: datetime | None
    history_noted_at: datetime | None

    def __repr__(self) -> str:
        return f"BillingRow({self.id}, {self.status})"

    @property
    def is_gone(self) -> bool:
        """Whether its invoice was made, and voided or deleted since."""
        return self.status is BillingStatus.DONE and self.invoice_status in GONE_IN_XERO

    @property
    def is_given_up(self) -> bool:
        """Whether it failed as often as the ladder allows."""
        return self.status is BillingStatus.SKIPPED and self.trouble_code == RETRIES_EXHAUSTED

    def decided(self) -> Decision:
        """The decision as it was made; of a row that was sent, the one whose invoice was sent."""
        return decision_from_json(self.decision)


def billing_row(row: RowMapping) -> BillingRow:
    """A row of the billings table."""
    return BillingRow(**{**row, "status": BillingStatus(row["status"])})


def decision_from_json(text: str) -> Decision:
    """A decision as the ledger keeps it (`model_dump_json()`)."""
    return _DECISION.validate_json(text)


def row_of(job: Job, decision: Decision, run_id: str, now: datetime) -> dict[str, Any]:
    """The columns that a decision sets."""
    key = decision.key
    return {
        "id": str(key.id),
        "connection": key.connection,
        "job_id": key.job_id,
        "milestone": key.milestone,
        "sequence": key.sequence,
        "job_number": job.number,
        "customer_id": job.customer.id if job.customer else None,
        "decision": decision.model_dump_json(),
        "fingerprint": decision.fingerprint,
        "book": decision.book,
        "book_version": decision.book_version,
        "next_attempt_at": None,
        "run_id": run_id,
        "created_at": now,
        "updated_at": now,
        **(_of_bill(decision) if isinstance(decision, Bill) else _of_no_bill(decision)),
    }


def _of_bill(bill: Bill) -> dict[str, Any]:
    draft = bill.draft
    return {
        "status": BillingStatus.PLANNED,
        "book_sha256": bill.book_sha256,
        "line_amount_types": draft.line_amount_types,
        "currency": draft.currency,
        "sub_total": draft.sub_total,
        "total_tax": draft.total_tax,
        "total": draft.total,
        "trouble_code": None,
        "trouble_why": None,
        "trouble_fix": None,
    }


def _of_no_bill(decision: Credit | Hold | Skip) -> dict[str, Any]:
    held = not isinstance(decision, Skip)
    return {
        "status": BillingStatus.HELD if held else BillingStatus.SKIPPED,
        "book_sha256": "",
        "line_amount_types": None,
        "currency": None,
        "sub_total": None,
        "total_tax": None,
        "total": None,
        "trouble_code": decision.code,
        "trouble_why": decision.why,
        "trouble_fix": None if isinstance(decision, Skip) else decision.fix,
    }
