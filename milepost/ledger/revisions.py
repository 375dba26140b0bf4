"""Revisions: invoices that were made and are changed, each by a frozen request. Committed before the first byte is sent.

While one is under way its billing is `sending` again, so that no other stage is billed on what it said before; its old
decision stands until Xero is known to hold the new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.billing.decision import Bill
from milepost.ledger.billing_rows import GONE_IN_XERO, HAS_LIVE_INVOICE, BillingRow, BillingStatus, decision_from_json
from milepost.ledger.bulk import chunks, unique, upsert
from milepost.ledger.claims import ClaimLost, one_claim_at_a_time
from milepost.ledger.owner import this_process
from milepost.ledger.requests import NewRequest, record_request, settle_request
from milepost.ledger.settling import AnswerMeta
from milepost.ledger.tables import awaited_changes, billings, revisions
from milepost.xero.invoice_outcomes import InvoiceOutcome

OPERATION = "revise-invoices"
Kind = Literal["update", "void"]


@dataclass(frozen=True, slots=True)
class Revision:
    """An invoice of ours that is to be updated or voided: its billing as it is, and the bill it is to become."""

    kind: Kind
    row: BillingRow
    bill: Bill
    contact_id: str | None = None

    @property
    def replaced(self) -> Bill:
        """The bill that its invoice was made of."""
        bill = self.row.decided()
        assert isinstance(bill, Bill)
        return bill


@dataclass(frozen=True, slots=True)
class Revised:
    """What became of a revision. `outcome`: Xero's figures when it was done; None when it was not, as is certain."""

    billing_id: str
    outcome: InvoiceOutcome | None


async def revise(c: AsyncConnection, wanted: Sequence[Revision], request: NewRequest, now: datetime) -> None:
    """Freeze the request and make these billings sending again. Raises ClaimLost, with nothing changed.

    Lost is one that is not as it was read, or after which another invoice of its job was made.
    """
    async with c.begin_nested():
        await one_claim_at_a_time(c, request.connection)
        await record_request(c, request, now)
        lost = [one.row.id for place, one in enumerate(wanted) if not await _take(c, one, place, request, now)]
        if lost:
            raise ClaimLost(lost)
        await c.execute(insert(revisions), [_row(one, place, request, now) for place, one in enumerate(wanted)])


async def _take(c: AsyncConnection, one: Revision, place: int, request: NewRequest, now: datetime) -> bool:
    if await _has_later(c, one.row):
        return False
    row = one.row
    is_as_read = (
        billings.c.id == row.id,
        billings.c.status == BillingStatus.DONE,
        billings.c.decision == row.decision,
        billings.c.invoice_id == row.invoice_id,
        func.coalesce(billings.c.invoice_status, "").not_in(GONE_IN_XERO),
    )
    taken = update(billings).where(*is_as_read)
    taken = taken.values(
        status=BillingStatus.SENDING, request_id=request.id, request_place=place, run_id=request.run_id, updated_at=now
    )
    return bool((await c.execute(taken)).rowcount)


async def _has_later(c: AsyncConnection, row: BillingRow) -> bool:
    """Whether an invoice of the job stands, or may, that was sent after this one, and so builds on it."""
    query = select(billings.c.id).where(billings.c.connection == row.connection, billings.c.job_id == row.job_id)
    is_later = or_(billings.c.sent_at > row.sent_at, billings.c.status == BillingStatus.SENDING)
    query = query.where(HAS_LIVE_INVOICE, billings.c.id != row.id, is_later)
    return (await c.execute(query.limit(1))).first() is not None


def _row(one: Revision, place: int, request: NewRequest, now: datetime) -> dict[str, Any]:
    return {
        "request_id": request.id,
        "billing_id": one.row.id,
        "connection": one.row.connection,
        "job_id": one.row.job_id,
        "milestone": one.row.milestone,
        "sequence": one.row.sequence,
        "kind": one.kind,
        "status": "sending",
        "place": place,
        "decision": one.bill.model_dump_json(),
        "replaced": one.row.decision,
        "contact_id": one.contact_id,
        "sent_at": now,
    }


async def under_way(c: AsyncConnection, request_id: str) -> list[Revision]:
    """The revisions of a request whose outcome is open, in the order of its body."""
    query = select(revisions.c.kind, revisions.c.decision, revisions.c.contact_id.label("new_contact"), billings)
    query = query.join(billings, billings.c.id == revisions.c.billing_id)
    query = query.where(revisions.c.request_id == request_id, revisions.c.status == "sending")
    query = query.where(billings.c.request_id == request_id, billings.c.status == BillingStatus.SENDING)
    return [_revision(row) for row in (await c.execute(query.order_by(revisions.c.place))).all()]


def _revision(row: Any) -> Revision:
    kind, decision, contact_id, *rest = row
    bill = decision_from_json(decision)
    assert isinstance(bill, Bill)
    values = dict(zip((column.name for column in billings.columns), rest, strict=True))
    return Revision(kind, BillingRow(**{**values, "status": BillingStatus(values["status"])}), bill, contact_id)


async def settle_revisions(
    c: AsyncConnection,
    request_id: str,
    wanted: Sequence[Revision],
    settled: Sequence[Revised],
    meta: AnswerMeta,
    now: datetime,
) -> bool:
    """Record what became of a request's revisions; it stays open while any of those wanted is not among them.

    False, and nothing recorded, when another process holds the request by now.
    """
    outcomes = {one.billing_id: one.outcome for one in settled}
    async with c.begin_nested():
        if len(outcomes) == len(wanted) and not await settle_request(
            c, request_id, meta.http_status, meta.correlation_id, now, owner=this_process()
        ):
            return False
        for one in (one for one in wanted if one.row.id in outcomes):
            await _settle_one(c, request_id, one, outcomes[one.row.id], now)
    return True


async def _settle_one(
    c: AsyncConnection, request_id: str, one: Revision, outcome: InvoiceOutcome | None, now: datetime
) -> None:
    mine = (billings.c.id == one.row.id, billings.c.request_id == request_id, billings.c.status == BillingStatus.SENDING)
    values = {"status": BillingStatus.DONE, "updated_at": now, **(_columns(one, outcome) if outcome else {})}
    await c.execute(update(billings).where(*mine).values(values))
    of_it = (revisions.c.request_id == request_id, revisions.c.billing_id == one.row.id, revisions.c.status == "sending")
    status = "done" if outcome else "undone"
    await c.execute(update(revisions).where(*of_it).values(status=status, settled_at=now))
    if outcome:
        await c.execute(delete(awaited_changes).where(awaited_changes.c.billing_id == one.row.id))


def _columns(one: Revision, outcome: InvoiceOutcome) -> dict[str, Any]:
    """What the billing says of its invoice from now on."""
    if one.kind == "void":
        return {"invoice_status": outcome.status}
    bill, draft = one.bill, one.bill.draft
    return {
        "decision": bill.model_dump_json(),
        "fingerprint": bill.fingerprint,
        "book": bill.book,
        "book_version": bill.book_version,
        "book_sha256": bill.book_sha256,
        "contact_id": one.contact_id,
        "line_amount_types": draft.line_amount_types,
        "currency": draft.currency,
        "sub_total": draft.sub_total,
        "total_tax": draft.total_tax,
        "total": draft.total,
        "invoice_status": outcome.status,
        "invoice_total": outcome.total,
        "invoice_tax": outcome.total_tax,
        "history_noted_at": None,
    }


async def retired(c: AsyncConnection, connection: str, job_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """By job and milestone: the last of its invoices that was voided to be made anew. The next takes a number after it."""
    found: dict[tuple[str, str], int] = {}
    key = (revisions.c.job_id, revisions.c.milestone)
    for some in chunks(unique(job_ids)):
        query = select(*key, func.max(revisions.c.sequence)).where(revisions.c.connection == connection)
        query = query.where(revisions.c.job_id.in_(some), revisions.c.kind == "void", revisions.c.status == "done")
        found.update(((job, code), last) for job, code, last in await c.execute(query.group_by(*key)))
    return found


async def await_change(c: AsyncConnection, billing_id: str, fingerprint: str, now: datetime) -> datetime:
    """Since when the job of a billing is seen as it is now; from now on, when it was another before."""
    query = select(awaited_changes).where(awaited_changes.c.billing_id == billing_id)
    known = (await c.execute(query)).mappings().first()
    if known and known["fingerprint"] == fingerprint:
        since: datetime = known["since"]
        return since
    await upsert(c, awaited_changes, [{"billing_id": billing_id, "fingerprint": fingerprint, "since": now}])
    return now
