"""Whatever people and machines do to a few jobs and their invoices, in any order: after each step the books are right.

Hypothesis draws the steps, against a ledger and a local Xero in this process. MILEPOST_MACHINE_EXAMPLES=200 tries more.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import event

from milepost.ledger.billings import BillingRow
from sandbox.xero.documents import DEAD, Invoice
from sandbox.xero.payments import settled
from tests.integration.steps_world import Steps, steps_world

EXAMPLES = int(os.environ.get("MILEPOST_MACHINE_EXAMPLES", "6"))
REFS = ("A-1", "B-2")
STATES = ("quoted", "accepted", "in_progress", "done", "cancelled")
TAXED = Decimal("1.20")
LOST = ("drop_before", "drop_after")


class Crashed(Exception):
    """The process ends here."""


class Books(RuleBasedStateMachine):
    """A ledger, a Xero and a job system with two jobs, and everybody who does something to them."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.most: dict[str, Decimal] = {}
        self.state: dict[str, str] = {}
        self.is_settled = False

    def wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Let the world go on until this is done."""
        return self.loop.run_until_complete(coroutine)

    @initialize()
    def open(self) -> None:
        """Two jobs are there."""
        home = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.world: Steps = self.wait(self.stack.enter_async_context(steps_world(home)))
        for ref in REFS:
            self._put(ref, "accepted", 10)

    def teardown(self) -> None:
        self.wait(self.stack.aclose())
        self.loop.close()

    @rule(ref=st.sampled_from(REFS), state=st.sampled_from(STATES), hours=st.integers(1, 40))
    def change_the_job(self, ref: str, state: str, hours: int) -> None:
        """It moves on or back, grows or shrinks."""
        self._put(ref, state, hours)

    @rule()
    def bill(self) -> None:
        """A run that goes through."""
        self.wait(self.world.poll())
        self.is_settled = True

    @rule(kind=st.sampled_from(LOST), times=st.integers(1, 3))
    def lose_the_answer(self, kind: str, times: int) -> None:
        """A run whose invoices are sent, and whose answers never come."""
        self.world.fault(kind, times=times)
        self.wait(self.world.poll())
        self.is_settled = False
        self.world.sandbox.xero.faults.clear()

    @rule(when=st.sampled_from(["before_saving", "after_saving"]))
    def break_xero(self, when: str) -> None:
        """A run that Xero answers with an error of its own."""
        self.world.breaks(when)
        self.wait(self.world.poll())
        self.is_settled = False
        self.world.sandbox.xero.state.internal_errors.clear()

    @rule(commit=st.integers(0, 12))
    def crash(self, commit: int) -> None:
        """A run that dies before its n-th commit; the process that comes after it cannot ask it."""
        self.wait(self._crash(commit))
        self.world.later(minutes=11)
        self.is_settled = False

    @rule(minutes=st.sampled_from([3, 70, 1500]))
    def time_passes(self, minutes: int) -> None:
        """Keys are forgotten, leases end, retries are due."""
        self.world.later(minutes=minutes)

    @precondition(lambda self: self._unpaid())
    @rule(data=st.data())
    def void_or_delete(self, data: st.DataObject) -> None:
        """A person does away with an invoice in Xero."""
        invoice = data.draw(st.sampled_from(self._unpaid()))
        dead = "VOIDED" if invoice.status == "AUTHORISED" else "DELETED"
        self._save(replace(invoice, status=dead))

    @precondition(lambda self: self._unpaid())
    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        """A customer pays."""
        invoice = data.draw(st.sampled_from(self._unpaid()))
        self._save(settled(invoice, invoice.date, self.world.sandbox.clock(), paid=invoice.amount_due))

    @invariant()
    def at_most_one_live_invoice_a_billing(self) -> None:
        links = Counter((invoice.url or "").rpartition("/")[2] for invoice in self._live())
        assert [link for link, count in links.items() if count > 1] == []

    @invariant()
    def no_job_is_billed_over_its_price(self) -> None:
        billed: Counter[str] = Counter()
        for invoice in self._live():
            billed[str(invoice.number).rpartition("-")[0]] += invoice.total  # type: ignore[assignment]
        assert [(ref, total, self.most[ref]) for ref, total in billed.items() if total > self.most[ref]] == []

    @invariant()
    def what_is_sending_has_its_request(self) -> None:
        owned = {billing for request in self._waited(self.world.open_requests) for billing in request.billing_ids}
        assert [row.id for row in self._rows() if row.status == "sending" and row.id not in owned] == []

    @invariant()
    def the_ledger_has_what_xero_has(self) -> None:
        """Once a run went through and nothing is unanswered, to the cent."""
        rows = self._rows()
        if not self.is_settled or self._waited(self.world.open_requests):
            return
        kept = {row.invoice_id: row.invoice_total for row in rows if row.status == "done"}
        made = {invoice.id: invoice.total for invoice in self._ours()}
        assert kept == made

    def _put(self, ref: str, state: str, hours: int) -> None:
        self.state[ref] = state
        self.most[ref] = max(self.most.get(ref, Decimal(0)), hours * Decimal(50) * TAXED)
        self.world.job(ref, state, items=[("Labour: joinery", str(hours), "50.00")])

    async def _crash(self, commit: int) -> None:
        passed = 0

        def stop(_connection: object) -> None:
            nonlocal passed
            passed += 1
            if passed > commit:
                raise Crashed

        async with self.world.workspace() as workspace:
            event.listen(workspace.db.engine.sync_engine, "commit", stop)
            try:
                await self.world.poll_in(workspace)
            except Crashed:
                pass
            finally:
                event.remove(workspace.db.engine.sync_engine, "commit", stop)

    def _save(self, invoice: Invoice) -> None:
        self.world.org.invoices.save(replace(invoice, updated=self.world.sandbox.clock()))

    def _ours(self) -> list[Invoice]:
        return [invoice for invoice in self.world.org.invoices if "/b/" in (invoice.url or "")]

    def _live(self) -> list[Invoice]:
        return [invoice for invoice in self._ours() if invoice.status not in DEAD] if hasattr(self, "world") else []

    def _unpaid(self) -> list[Invoice]:
        return [invoice for invoice in self._live() if invoice.status != "PAID"]

    def _rows(self) -> list[BillingRow]:
        return list(self._waited(self.world.rows).values()) if hasattr(self, "world") else []

    def _waited(self, asked: Any) -> Any:
        return self.wait(asked())


def test_after_any_steps_the_books_are_right() -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=14,
            deadline=None,
            derandomize=EXAMPLES <= 6,
            suppress_health_check=list(HealthCheck),
        ),
    )
