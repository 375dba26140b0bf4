"""Starts runs by event, in the process that received it: what came in by webhook is worked here. The quickest trigger.

    platform   one run at a time for each connection: bill-jobs for all jobs that events named meanwhile
    xero       gathered for a few seconds, then one run of refresh-invoices for each connection concerned

An event is taken from the ledger and finished there: one that a killed process had in hand is worked after the next start.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
from prefect.exceptions import PrefectHTTPStatusError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flows.ahead import bill_ahead
from flows.refresh import refresh_for_tenant
from flows.warm import Warm
from milepost.errors import MilepostError, RemoteError
from milepost.ledger import connections, events
from milepost.ledger.connections import ConnectionStatus
from milepost.ledger.database import Database
from milepost.ledger.events import Event, Waiting
from milepost.steps.workspace import Clock, utcnow

_log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 30.0
"""How often events are looked for that nobody rang for: put back, or left by another process."""
SECONDS_TO_GATHER = 3.0
"""How long Xero's events are gathered, so that many invoices cost one call."""
LATER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
"""When an event is tried again whose job could not even be read. After that, the polls see to the job."""
_BILLING = (ConnectionStatus.PENDING, ConnectionStatus.CONNECTED, ConnectionStatus.ERROR)
"""Connections that may bill. The others' events wait until a person has connected again."""


class EventWorker:
    """Works events until cancelled. `ring` says whose have just come in; nobody need ring for an event not to be lost."""

    def __init__(self, db: Database, warm: Warm, clock: Clock = utcnow, *, gather: float = SECONDS_TO_GATHER) -> None:
        self._db = db
        self._warm = warm
        self._clock = clock
        self._gather = gather
        self._at_work: dict[Waiting, asyncio.Task[None]] = {}
        self._again: set[Waiting] = set()
        self._rung = asyncio.Event()
        self._wanted: set[Waiting] = set()

    def ring(self, whose: Waiting) -> None:
        """Events of these have come in."""
        self._wanted.add(whose)
        self._rung.set()

    async def run(self) -> None:
        """Work what comes in, and first what an earlier process left."""
        async with self._warm:
            try:
                while True:
                    await self._look()
                    await self._start_rung_for()
            finally:
                await _cancelled(list(self._at_work.values()))

    async def _look(self) -> None:
        """See what waits without a ring. A ledger that is busy or away is asked again at the next look."""
        try:
            async with self._db.write() as c:
                now = self._clock()
                await events.take_from_the_dead(c, now)
                await events.prune(c, now)
                self._wanted.update(await events.waiting(c, now))
        except (DBAPIError, PoolTimeout) as error:
            _log.warning("events could not be looked for: %s", type(error).__name__)

    async def _start_rung_for(self) -> None:
        """Start work as it is rung for, until it is time to look again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SECONDS_BETWEEN_LOOKS
        while (patience := until - loop.time()) > 0:
            for whose in self._wanted:
                self._start(whose)
            self._wanted.clear()
            self._rung.clear()
            try:
                await asyncio.wait_for(self._rung.wait(), patience)
            except TimeoutError:
                return

    def _start(self, whose: Waiting) -> None:
        if whose in self._at_work:
            self._again.add(whose)
            return
        self._at_work[whose] = asyncio.create_task(self._work_all(whose))

    async def _work_all(self, whose: Waiting) -> None:
        """Until nothing more of theirs came in meanwhile. Trouble of one connection stops none of the others."""
        try:
            self._again.add(whose)
            while whose in self._again:
                self._again.discard(whose)
                await (self._work_jobs(whose) if whose.source == "platform" else self._work_xero(whose))
        except (DBAPIError, PoolTimeout, MilepostError) as error:
            _log.warning("events wait for the next look: %s", type(error).__name__)
        finally:
            self._at_work.pop(whose, None)

    async def _work_jobs(self, whose: Waiting) -> None:
        async with self._db.write() as c:
            known = {row.name: row.status for row in await connections.list_connections(c)}
            if known.get(whose.connection, ConnectionStatus.PENDING) not in _BILLING:
                return
            taken = await events.take(c, "platform", connection=whose.connection, now=self._clock())
        if taken:
            self._again.add(whose)
            unread = await self._bill(whose.connection, list(dict.fromkeys(event.subject for event in taken)))
            await self._end(taken, unread)

    async def _bill(self, connection: str, job_ids: list[str]) -> set[str]:
        """Run the flow; the jobs that it could not even read. Whatever else became of the others is in the ledger."""
        try:
            run = await bill_ahead(connection, job_ids)
        except (MilepostError, PrefectHTTPStatusError, httpx.TransportError) as error:
            _log.warning("connection %s: no run could be begun for an event (%s)", connection, type(error).__name__)
            return set(job_ids)
        if run.stopped_by is None or not _may_pass(run.stopped_by):
            return set()
        return set(job_ids) - set(run.jobs) - {problem.job_id for problem in run.problems}

    async def _end(self, taken: Sequence[Event], unread: set[str]) -> None:
        late = [event for event in taken if event.subject in unread and event.attempts <= len(LATER)]
        worked = [event.id for event in taken if event not in late]
        async with self._db.write() as c:
            now = self._clock()
            await events.finish(c, worked, now)
            for event in late:
                await events.put_back(c, [event.id], _again_at(event, now))

    async def _work_xero(self, whose: Waiting) -> None:
        await asyncio.sleep(self._gather)
        async with self._db.write() as c:
            taken = await events.take(c, "xero", tenant_id=whose.tenant_id, now=self._clock())
        if taken:
            self._again.add(whose)
            late = await refresh_for_tenant(self._db, whose.tenant_id, taken)
            await self._end(taken, late)


def _may_pass(error: MilepostError) -> bool:
    return isinstance(error, RemoteError) and not error.permanent


def _again_at(event: Event, now: datetime) -> datetime:
    return now + LATER[event.attempts - 1]


async def _cancelled(work: Sequence[asyncio.Task[None]]) -> None:
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
