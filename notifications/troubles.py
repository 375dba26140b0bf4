"""What is told: one trouble of one job, and the summary of one run. Values that the outbox keeps until they are sent."""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from notifications.words import money

VERIFY = "verify:"
"""How the subjects of what verify found begin."""

LinkName = Literal["job", "xero", "milepost", "prefect"]


class Told(BaseModel):
    """A frozen value, strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Trouble(Told):
    """Why one job, a rule book or the whole connection needs a person; `why` and `fix` are sentences.

    `subject` is a billing's id, `job:<id>`, `book:<name>`, `verify:<what>` or `connection`. No customer is named, but by
    `job_number`.
    """

    subject: str
    code: str
    status: Literal["held", "failed", "skipped"]
    job_number: str | None = None
    milestone_name: str | None = None
    why: str
    fix: str = ""
    links: Mapping[LinkName, str] = Field(default_factory=dict)
    amount: Decimal | None = None
    currency: str | None = None

    @property
    def key(self) -> str:
        """What is wrong, hashed: the same trouble of a subject is told once. So `why` must not hold times or ids."""
        return sha256(f"{self.code}\x1f{self.why}".encode("utf-8", "replace")).hexdigest()[:32]

    @property
    def amount_text(self) -> str:
        """`NZD 1,234.50`, or nothing."""
        return "" if self.amount is None else money(self.amount, self.currency)

    @property
    def past(self) -> str:
        """What it says of itself once it has cleared: `It was held`."""
        return {"held": "It was held", "failed": "It had failed", "skipped": "It was skipped"}[self.status]

    def whom(self, connection: str) -> str:
        """`job 1482 (completion)`, `connection acme`."""
        if self.job_number:
            return f"job {self.job_number}" + (f" ({self.milestone_name})" if self.milestone_name else "")
        if self.subject.startswith("book:"):
            return f"rule book {self.subject.removeprefix('book:')}"
        is_of_it = self.subject == "connection" or self.subject.startswith(VERIFY)
        return f"connection {connection}" if is_of_it else self.subject

    def headline(self, connection: str) -> str:
        """`Held: job 1482 (completion)`."""
        return f"{self.status.capitalize()}: {self.whom(connection)}"


class Counts(Told):
    """How a run's work came out, each job's milestone counted once, and the contacts it made."""

    invoiced: int = 0
    held: int = 0
    failed: int = 0
    skipped: int = 0
    new_contacts: int = 0


class RunSummary(Told):
    """One run in a few figures; `totals` is what was invoiced, by currency."""

    connection: str
    run_id: str
    rule_book: str
    counts: Counts
    totals: Mapping[str, Decimal] = Field(default_factory=dict)
    prefect_url: str | None = None
    console_url: str | None = None

    @property
    def needs_a_person(self) -> bool:
        """Whether anything is held or has failed."""
        return self.counts.held + self.counts.failed > 0

    @property
    def headline(self) -> str:
        """`42 jobs: 38 invoiced, 3 held, 1 failed`."""
        done = {name: getattr(self.counts, name) for name in ("invoiced", "held", "failed", "skipped")}
        jobs = sum(done.values())
        parts = [f"{count} {name}" for name, count in done.items() if count or name == "invoiced"]
        return f"{jobs} job{'' if jobs == 1 else 's'}: {', '.join(parts)}"

    @property
    def totals_text(self) -> str:
        """`AUD 12.00, NZD 1,234.50`, or nothing."""
        return ", ".join(money(total, currency) for currency, total in sorted(self.totals.items()))
