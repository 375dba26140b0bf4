"""Invoices seen in Xero that carry the mark of a billing, whoever made them: this ledger, another one, or a restored one.

What is seen here is never made again; `swept_until` says how far the looking has come.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.billing_rows import IS_CLAIMABLE, BillingStatus
from milepost.ledger.bulk import chunks, unique, upsert
from milepost.ledger.tables import billings, sightings, sweeps


@dataclass(frozen=True, slots=True)
class Sighting:
    """An invoice as Xero had it when it was seen."""

    invoice_id: str
    billing_id: str
    contact_id: str | None
    number: str | None
    status: str | None
    total: Decimal | None
    total_tax: Decimal | None


async def swept_until(c: AsyncConnection, connection: str, tenant_id: str) -> datetime | None:
    """How far this ledger has looked; None when it never did."""
    query = select(sweeps.c.swept_until).where(sweeps.c.connection == connection, sweeps.c.tenant_id == tenant_id)
    return (await c.execute(query)).scalar()


async def save_sightings(
    c: AsyncConnection, connection: str, tenant_id: str, seen: Sequence[Sighting], until: datetime
) -> None:
    """Keep what was seen, newest state last, and how far the looking has come."""
    rows = {s.invoice_id: {"tenant_id": tenant_id, **asdict(s), "seen_at": until} for s in seen}
    await upsert(c, sightings, list(rows.values()))
    await upsert(c, sweeps, [{"connection": connection, "tenant_id": tenant_id, "swept_until": until}])


async def seen_of(c: AsyncConnection, tenant_id: str, billing_ids: Sequence[str]) -> dict[str, list[Sighting]]:
    """The invoices seen of these billings, by billing id."""
    found: dict[str, list[Sighting]] = defaultdict(list)
    columns = [sightings.c[name] for name in Sighting.__dataclass_fields__]
    for some in chunks(unique(billing_ids)):
        query = select(*columns).where(sightings.c.tenant_id == tenant_id, sightings.c.billing_id.in_(some))
        for row in (await c.execute(query.order_by(sightings.c.invoice_id))).mappings():
            found[row["billing_id"]].append(Sighting(**row))
    return dict(found)


async def adopt(c: AsyncConnection, tenant_id: str, adopted: Sequence[Sighting], run_id: str, now: datetime) -> list[str]:
    """Make planned billings done by the invoices that exist for them already; the ids of those that still were planned."""
    ids = [sighting.billing_id for sighting in adopted]
    query = select(billings.c.id).where(billings.c.id.in_(ids), IS_CLAIMABLE).with_for_update()
    claimable = set((await c.execute(query)).scalars())
    statement = (
        update(billings)
        .where(billings.c.id == bindparam("key"), IS_CLAIMABLE)
        .values(
            status=BillingStatus.DONE,
            tenant_id=tenant_id,
            contact_id=bindparam("contact"),
            invoice_id=bindparam("invoice"),
            invoice_number=bindparam("number"),
            invoice_status=bindparam("state"),
            invoice_total=bindparam("all"),
            invoice_tax=bindparam("tax"),
            request_id=None,
            trouble_code=None,
            trouble_why=None,
            trouble_fix=None,
            next_attempt_at=None,
            run_id=run_id,
            sent_at=now,
            done_at=now,
            updated_at=now,
        )
    )
    rows = [
        {
            "key": s.billing_id,
            "contact": s.contact_id,
            "invoice": s.invoice_id,
            "number": s.number,
            "state": s.status,
            "all": s.total,
            "tax": s.total_tax,
        }
        for s in adopted
        if s.billing_id in claimable
    ]
    if rows:
        await c.execute(statement, rows)
    return [str(row["key"]) for row in rows]
