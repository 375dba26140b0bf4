"""Small, complete values for the ledger's tests, and the processes that some of them race."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cryptography.fernet import Fernet

from milepost.billing.decision import Bill, BillingKey, Draft, ExistingContact, Hold, InvoiceLine, Skip, Why
from milepost.jobs import Customer, Job, Stage
from milepost.ledger.owner import this_process
from milepost.ledger.requests import NewRequest
from milepost.money import LineAmountTypes
from milepost.settings import Installation

NOW = datetime(2026, 7, 14, 9, 30, tzinfo=UTC)
LEASE = timedelta(minutes=2)
KEY = Fernet.generate_key()


def minutes(count: float) -> timedelta:
    """So that tests read `NOW + minutes(5)`."""
    return timedelta(minutes=count)


def installed(home: Path, url: str | None = None) -> Installation:
    """An installation; by default with a SQLite ledger in its home."""
    return Installation(
        home=home, database_url=url or f"sqlite:///{home / 'ledger.db'}", secret_key=KEY, console_url="http://127.0.0.1"
    )


def start_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process that runs `code`; it prints `ready` once it has imported what it needs, and waits for a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise AssertionError(process.communicate()[1])
    return process


def let_go(*processes: subprocess.Popen[str]) -> list[str]:
    """Let all of them go at the same moment; what each printed. Fails when one of them failed."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=30) for process in processes]
    assert [errors for _, errors in ended] == [""] * len(processes)
    return [printed for printed, _ in ended]


def job(job_id: str = "j1", *, number: str | None = None, title: str = "Hot water cylinder") -> Job:
    """A completed job."""
    return Job(
        platform="fieldbook",
        id=job_id,
        number=number or job_id.upper(),
        raw_status="Completed",
        stage=Stage.COMPLETED,
        title=title,
        customer=Customer(id=f"c-{job_id}", name="Ngaio Cafe"),
    )


def key(of: Job, milestone: str = "FIN", *, connection: str = "acme", sequence: int = 1) -> BillingKey:
    """The key of a billing."""
    return BillingKey(connection=connection, job_id=of.id, milestone=milestone, sequence=sequence)


def invoice_line(amount: Decimal, description: str = "Labour") -> InvoiceLine:
    """A line of 15 % tax."""
    return InvoiceLine(
        description=description,
        quantity=Decimal(1),
        unit_amount=amount,
        account="200",
        tax_type="OUTPUT2",
        amount=amount,
        tax=(amount * Decimal("0.15")).quantize(Decimal("0.01")),
        why=Why(rule="labour", version=3, where="mappings/acme/v0003.yaml:12", matched={"kind": "labour"}),
    )


def bill(
    of: Job, milestone: str = "FIN", *, amount: str = "100.00", connection: str = "acme", sequence: int = 1, lines: int = 1
) -> Bill:
    """A decision to bill `amount` before tax, as `lines` equal lines."""
    drawn = tuple(invoice_line(Decimal(amount) / lines) for _ in range(lines))
    sub_total, tax = sum((x.amount for x in drawn), Decimal(0)), sum((x.tax for x in drawn), Decimal(0))
    return Bill(
        key=key(of, milestone, connection=connection, sequence=sequence),
        contact=ExistingContact(customer_id=f"c-{of.id}", contact_id=f"x-{of.id}", matched_by="link"),
        draft=Draft(
            date=date(2026, 7, 14),
            due_date=date(2026, 7, 28),
            line_amount_types=LineAmountTypes.EXCLUSIVE,
            currency="NZD",
            status="AUTHORISED",
            reference=of.number,
            url="http://127.0.0.1/billings/1",
            lines=drawn,
            sub_total=sub_total,
            total_tax=tax,
            total=sub_total + tax,
        ),
        sums=(f"{amount} remains of {amount}",),
        book="acme",
        book_version=3,
        book_sha256="5" * 64,
        fingerprint=of.fingerprint,
    )


def hold(of: Job, milestone: str = "FIN", *, code: str = "no_lines", why: str = "It has no lines.") -> Hold:
    """A decision to hold."""
    return Hold(
        key=key(of, milestone),
        code=code,
        why=why,
        fix="Add a line to the job.",
        book="acme",
        book_version=3,
        fingerprint=of.fingerprint,
    )


def skip(of: Job, milestone: str = "FIN") -> Skip:
    """A decision that there is nothing to bill."""
    return Skip(key=key(of, milestone), code="nothing_left", why="Everything was billed before.")


def new_request(
    request_id: str = "r1", *, owner: str | None = None, lease_until: datetime = NOW + LEASE, connection: str = "acme"
) -> NewRequest:
    """A request to create invoices, held by this process unless `owner` says otherwise."""
    return NewRequest(
        id=request_id,
        connection=connection,
        tenant_id="t1",
        operation="create-invoices",
        method="PUT",
        path="Invoices?summarizeErrors=false&unitdp=4",
        body='{"Invoices":[{"Total":115.00}]}',
        idempotency_key=f"milepost-{request_id}",
        owner=owner or this_process(),
        lease_until=lease_until,
        run_id="run-1",
    )
