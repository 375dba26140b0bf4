"""The calls of each organisation, counted for all processes of the installation: one row, changed in short turns.

A slot for one call is one write transaction, and its return another; nothing is locked while a call waits or is under way.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.bulk import insert_into
from milepost.ledger.clocks import database_now
from milepost.ledger.database import Database
from milepost.ledger.owner import is_dead, this_process
from milepost.ledger.tables import budgets
from milepost.xero.allowance import Allowance, Limits
from milepost.xero.governor import BudgetsBusy


@dataclass(frozen=True, slots=True)
class Counted:
    """Whose calls are counted together: Xero's limits are of one app on one organisation."""

    api_url: str
    client_id: str
    tenant_id: str

    @property
    def id(self) -> str:
        """The row's key."""
        return f"{self.api_url}|{self.client_id}|{self.tenant_id}"[:300]


@dataclass(frozen=True, slots=True)
class Spent:
    """An organisation's day so far: calls made of those allowed, by Xero's word, and those kept back for people."""

    calls: int
    allowed: int
    kept_back: int
    minute_left: int
    closed_for: float


class LedgerBudgets:
    """`milepost.xero.governor.BudgetStore` over the ledger."""

    def __init__(self, db: Database, counted: Counted) -> None:
        self._db = db
        self._counted = counted
        self._ahead = 0.0

    @property
    def owner(self) -> str:
        """This process."""
        return this_process()

    def now(self) -> float:
        """The moment by the database's clock, as far as the last look told how far it is from ours."""
        return time.time() + self._ahead

    async def look(self, limits: Limits) -> Allowance:
        """The counts as they are now; nothing is locked."""
        async with self._db.read() as c:
            return await self._opened(c, await _kept(c, self._counted), limits)

    @asynccontextmanager
    async def turn(self, limits: Limits) -> AsyncIterator[Allowance]:
        """The counts, with their row locked until the turn ends. Raises BudgetsBusy when others hold it too long."""
        try:
            async with self._db.write() as c:
                allowance = await self._opened(c, await self._locked(c, limits), limits)
                if len(allowance.flying) >= limits.concurrent:
                    allowance.drop(lambda owner: is_dead(owner) is True)
                yield allowance
                await self._keep(c, allowance)
        except (OperationalError, PoolTimeout) as error:
            if not _is_busy(error):
                raise
            raise BudgetsBusy("The ledger is busy: others have held its lock for long. It is tried again.") from error

    async def _locked(self, c: AsyncConnection, limits: Limits) -> str | None:
        kept = await _kept(c, self._counted, lock=True)
        if kept is None:
            state = Allowance(limits, now=self.now()).to_json()
            first = insert_into(c, budgets).values(**self._row(limits, state))
            await c.execute(first.on_conflict_do_nothing())
            kept = await _kept(c, self._counted, lock=True)
        return kept

    async def _opened(self, c: AsyncConnection, kept: str | None, limits: Limits) -> Allowance:
        self._ahead = (await database_now(c)).timestamp() - time.time()
        allowance = Allowance.from_json(kept, limits) if kept else Allowance(limits)
        return allowance.at(self.now())

    async def _keep(self, c: AsyncConnection, allowance: Allowance) -> None:
        row = self._row(allowance.limits, allowance.to_json())
        await c.execute(update(budgets).where(budgets.c.id == row.pop("id")).values(row))

    def _row(self, limits: Limits, state: str) -> dict[str, object]:
        return {
            "id": self._counted.id,
            "client_id": self._counted.client_id[:200],
            "tenant_id": self._counted.tenant_id,
            "per_day": limits.per_day,
            "state": state,
            "updated_at": datetime.fromtimestamp(self.now(), UTC),
        }


async def spent(c: AsyncConnection, tenant_id: str, token_set: str | None) -> Spent | None:
    """The day so far of an organisation, for the app that a connection's tokens are of; None before its first call."""
    rows = (await c.execute(select(budgets).where(budgets.c.tenant_id == tenant_id))).mappings().all()
    row = next((row for row in rows if row["client_id"] in (token_set or "").split("|")), None)
    if row is None:
        return None
    limits = Limits(per_day=row["per_day"])
    allowance = Allowance.from_json(row["state"], limits).at((await database_now(c)).timestamp())
    return Spent(
        calls=max(0, limits.per_day - max(0, allowance.day_left)),
        allowed=limits.per_day,
        kept_back=limits.kept_back,
        minute_left=allowance.minute_left,
        closed_for=allowance.closed_for,
    )


async def _kept(c: AsyncConnection, counted: Counted, *, lock: bool = False) -> str | None:
    """The counts as kept. SQLite's writer holds the only lock there is."""
    query = select(budgets.c.state).where(budgets.c.id == counted.id)
    state: str | None = (await c.execute(query.with_for_update() if lock else query)).scalar()
    return state


def _is_busy(error: OperationalError | PoolTimeout) -> bool:
    return isinstance(error, PoolTimeout) or "locked" in str(error.orig) or "busy" in str(error.orig)
