"""The jobs, the faults and the recount of the chaos test. The recount knows the sandbox's own data and nothing of ours."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from sandbox.faults import Fault
from sandbox.server import Sandbox
from sandbox.xero.documents import DEAD, Invoice
from sandbox.xero.state import InternalError

CENT = Decimal("0.01")
VAT = Decimal("0.20")
SHARES = {"DEP": Decimal("0.30"), "PRG": Decimal("0.40")}
STAGE_OF = {"accepted": "DEP", "in_progress": "PRG", "done": "FIN"}
ONWARDS = {"accepted": ("in_progress", "done"), "in_progress": ("done",)}
KINDS = (("accepted", 3), ("in_progress", 2), ("done", 8), ("quoted", 1), ("cancelled", 1), ("unpriced", 1))
INVOICES, CONTACTS, TOKEN, NOTES = "*/Invoices", "*/Contacts", "/connect/token", "*/notes"


@dataclass(slots=True)
class Planned:
    """A job as the test put it there. `state` is `unpriced` for a done job that nobody can bill yet."""

    ref: str
    state: str
    customer: str
    items: list[tuple[str, Decimal, Decimal | None]]

    @property
    def net(self) -> Decimal:
        """Its price before tax."""
        return sum((cents(qty * (rate or 0)) for _, qty, rate in self.items), Decimal(0))

    @property
    def gross(self) -> Decimal:
        """Its price with tax, which Xero rounds line by line."""
        return self.net + sum((cents(cents(qty * (rate or 0)) * VAT) for _, qty, rate in self.items), Decimal(0))


def cents(amount: Decimal) -> Decimal:
    """Rounded as Xero rounds."""
    return amount.quantize(CENT, ROUND_HALF_UP)


@dataclass
class Jobs:
    """Puts jobs into Fieldbook and moves them on, and remembers how they are."""

    sandbox: Sandbox
    random: Random
    of: int
    jobs: dict[str, Planned] = field(default_factory=dict)

    @property
    def are_all_in(self) -> bool:
        """Whether there is none to come."""
        return len(self.jobs) >= self.of

    def add(self, count: int) -> None:
        """So many new jobs of old and new customers."""
        for _ in range(min(count, self.of - len(self.jobs))):
            number = len(self.jobs) + 1
            state = self.random.choices([k for k, _ in KINDS], [weight for _, weight in KINDS])[0]
            customer = f"Chaos & Sons {self.random.randint(1, max(2, self.of // 3))}"
            made = Planned(f"C-{number:03}", state, customer, self._items(state))
            self.jobs[made.ref] = made
            self._put(made)

    def move_on(self, share: float) -> None:
        """A share of those that are not done comes to a later stage."""
        for job in self.jobs.values():
            if job.state in ONWARDS and self.random.random() < share:
                job.state = self.random.choice(ONWARDS[job.state])
                self._put(job)

    def _items(self, state: str) -> list[tuple[str, Decimal, Decimal | None]]:
        lines: list[tuple[str, Decimal, Decimal | None]] = [
            (name, Decimal(self.random.randint(1, 40)) / 4, Decimal(self.random.randint(500, 20_000)) / 100)
            for name in self.random.sample(["Labour: joinery", "Partition", "Skip hire", "Door set", "Making good"], 3)
        ]
        return [*lines, ("Price to come", Decimal(1), None)] if state == "unpriced" else lines

    def _put(self, job: Planned) -> None:
        state = "done" if job.state == "unpriced" else job.state
        done = {"done_at": self.sandbox.clock().isoformat()} if state == "done" else {}
        number = job.customer.rpartition(" ")[2]
        who = {"name": job.customer, "email": f"sons{number}@example.com"}
        items = [{"text": text, "qty": qty, "rate": rate} for text, qty, rate in job.items]
        self.sandbox.fieldbook.job(ref=job.ref, state=state, customer=who, items=items, title=f"Work {job.ref}", **done)


@dataclass
class Faults:
    """Switches on what goes wrong, and counts it by name."""

    sandbox: Sandbox
    random: Random
    tried: Counter[str] = field(default_factory=Counter)

    def strike(self, count: int) -> None:
        """Some of the faults, each within the next calls of its kind."""
        for name, switch in self.random.choices(self._kinds(), k=count):
            switch()
            self.tried[name] += 1

    def end(self) -> None:
        """The world is well again."""
        for vendor in (self.sandbox.xero, self.sandbox.fieldbook):
            vendor.faults.clear()
        self.sandbox.xero.state.internal_errors.clear()

    def _kinds(self) -> list[tuple[str, Callable[[], None]]]:
        ways: list[tuple[str, dict[str, Any]]] = [
            ("dropped before Xero saw the invoices", {"kind": "drop_before", "path": INVOICES, "method": "PUT"}),
            ("dropped after Xero made the invoices", {"kind": "drop_after", "path": INVOICES, "method": "PUT"}),
            ("dropped after Xero made the invoices", {"kind": "drop_after", "path": INVOICES, "method": "PUT"}),
            ("dropped after Xero made the contacts", {"kind": "drop_after", "path": CONTACTS, "method": "PUT"}),
            ("a read dropped", {"kind": "drop_before", "method": "GET", "skip": self.random.randint(0, 3)}),
            ("429 of the minute", self._limited("minute", 1)),
            ("429 of the app's minute", self._limited("appminute", 1)),
            ("429 of the day", self._limited("day", 2)),
            ("429 of concurrency", self._limited("concurrent", None)),
            ("500 at the gate", {"kind": "status", "status": 500, "path": INVOICES}),
            ("503", {"kind": "status", "status": 503, "skip": self.random.randint(0, 2)}),
            ("504 of a gateway", {"kind": "status", "status": 504, "path": INVOICES, "method": "PUT"}),
            ("a slow answer", {"kind": "slow", "seconds": 0.4, "skip": self.random.randint(0, 3)}),
            ("new tokens that never arrive", {"kind": "drop_after", "path": TOKEN}),
        ]
        jobs: list[tuple[str, dict[str, Any]]] = [
            ("the job system's 500", {"kind": "status", "status": 500, "method": "GET"}),
            ("the job system's 429", {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}}),
            ("a list of jobs dropped", {"kind": "drop_before", "method": "GET"}),
            ("dropped after a note was left", {"kind": "drop_after", "method": "POST", "path": NOTES}),
        ]
        xero, fieldbook, errors = self.sandbox.xero, self.sandbox.fieldbook, self.sandbox.xero.state.internal_errors
        return [
            *((name, lambda way=way: xero.faults.add(Fault.from_json(way))) for name, way in ways),
            *((name, lambda way=way: fieldbook.faults.add(Fault.from_json(way))) for name, way in jobs),
            ("Xero broke before saving", lambda: errors.append(InternalError("before_saving", "PUT", INVOICES))),
            ("Xero broke after saving", lambda: errors.append(InternalError("after_saving", "PUT", INVOICES))),
            ("access tokens expired", xero.state.expire_tokens),
        ]

    def _limited(self, problem: str, seconds: int | None) -> dict[str, Any]:
        headers = {"X-Rate-Limit-Problem": problem, **({"Retry-After": str(seconds)} if seconds else {})}
        return {"kind": "status", "status": 429, "headers": headers, "skip": self.random.randint(0, 2)}


@dataclass(frozen=True, slots=True)
class Recount:
    """What Xero holds, by job and stage, and what does not agree with the jobs."""

    total: Decimal
    invoices: int
    wrong: tuple[str, ...]


def recount(jobs: Sequence[Planned], invoices: Sequence[Invoice], excused: frozenset[str]) -> Recount:
    """Every job's live invoices against its price. excused: stages that the ledger gave up, as `C-001 FIN`."""
    live = [invoice for invoice in invoices if invoice.status not in DEAD]
    made: dict[str, list[Invoice]] = defaultdict(list)
    for invoice in live:
        made[str(invoice.number).rpartition("-")[0]].append(invoice)
    wrong = [line for job in jobs for line in _wrong(job, made.pop(job.ref, []), excused)]
    wrong += [f"{ref}: no such job, and {len(strange)} invoices" for ref, strange in made.items()]
    return Recount(sum((i.total for i in live), Decimal(0)), len(live), tuple(wrong))


def _wrong(job: Planned, invoices: Sequence[Invoice], excused: frozenset[str]) -> Iterator[str]:
    stages = Counter(str(invoice.number).rpartition("-")[2] for invoice in invoices)
    total = sum((invoice.total for invoice in invoices), Decimal(0))
    if twice := [stage for stage, count in stages.items() if count > 1]:
        yield f"{job.ref} ({job.state}): billed twice: {twice}"
    if total > job.gross:
        yield f"{job.ref} ({job.state}): {total} billed of {job.gross}"
    due = STAGE_OF.get(job.state)
    if due is None and stages:
        yield f"{job.ref} ({job.state}): billed {dict(stages)}, and nothing is due"
    if due is None or f"{job.ref} {due}" in excused:
        return
    if due not in stages:
        yield f"{job.ref} ({job.state}): no {due} invoice"
    elif due == "FIN" and total != job.gross:
        yield f"{job.ref} (done): {total} billed of {job.gross}"
    for invoice in invoices:
        share = SHARES.get(str(invoice.number).rpartition("-")[2])
        if share and abs(invoice.sub_total - job.net * share) > CENT:
            yield f"{job.ref}: {invoice.number} is {invoice.sub_total} of {job.net}"
