"""Explain: a decision laid out for people: sums, and for every line its rule, conditions, templates and source. Pure.

One value feeds the command, the console, Slack (`in_brief`) and the invoice's history in Xero (`history_note`).
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

from milepost.billing.decision import (
    Bill,
    Credit,
    Decision,
    DepositTaken,
    Draft,
    ExistingContact,
    Filled,
    Hold,
    InvoiceLine,
    NewContact,
    Rejected,
    TrackingChoice,
    Why,
)
from milepost.jobs import Job, Line, Record
from milepost.money import ZERO, LineAmountTypes, net_of

_ANYTHING = "anything"


class Condition(Record):
    """A condition of the rule that coded the line: what it asks for, and the value it saw."""

    condition: str
    wanted: str
    seen: str


class Source(Record):
    """A line of the job that an invoice line was made from. Only its id is known where the job is not at hand."""

    id: str
    description: str = ""
    kind: str | None = None
    quantity: Decimal | None = None


class Part(Record):
    """What an account or a tax type gets of the invoice; net is before tax."""

    name: str
    net: Decimal
    tax: Decimal


class Reason(Record):
    """How a line came about: its rule and where it stands, the conditions, templates before and after, where all is from.

    rejected: the rules tried before, each with the first condition that did not hold.
    """

    rule: str
    version: int
    where: str
    conditions: tuple[Condition, ...]
    rejected: tuple[Rejected, ...]
    filled: tuple[Filled, ...]
    account_from: str
    tax_from: str
    amount_from: str
    sources: tuple[Source, ...]


class ExplainedLine(Reason):
    """An invoice line and all that is known of how it came about.

    parts: of a line that several were merged into, the reason of each of them; the conditions stand there.
    """

    description: str
    quantity: Decimal
    unit_amount: Decimal
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    amount: Decimal
    tax: Decimal
    account: str | None
    tax_type: str | None
    item: str | None
    tracking: tuple[TrackingChoice, ...]
    parts: tuple[Reason, ...] = ()

    @property
    def is_words(self) -> bool:
        """Whether it says something and charges nothing."""
        return self.account is None


class Explanation(Record):
    """Why one stage of one job was billed, credited, held or skipped as it was.

    sums: how the amount came about, sentence by sentence. code, why, fix: of what is not simply billed.
    """

    action: Literal["bill", "credit", "hold", "skip"]
    job_id: str
    job_number: str | None = None
    milestone: str
    sequence: int = 1
    book: str
    book_version: int
    code: str | None = None
    why: str | None = None
    fix: str | None = None
    held_line: Source | None = None
    sums: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    contact: str | None = None
    deposits: tuple[DepositTaken, ...] = ()
    credited: tuple[str, ...] = ()
    status: str | None = None
    number: str | None = None
    reference: str | None = None
    date: dt.date | None = None
    due_date: dt.date | None = None
    line_amount_types: LineAmountTypes | None = None
    currency: str | None = None
    sub_total: Decimal | None = None
    total_tax: Decimal | None = None
    total: Decimal | None = None
    accounts: tuple[Part, ...] = ()
    taxes: tuple[Part, ...] = ()
    lines: tuple[ExplainedLine, ...] = ()


def explain_decision(decision: Decision, job: Job | None = None) -> Explanation:
    """The decision explained; with the job at hand, the lines it was made from are named in its own words."""
    key = decision.key
    begun = Explanation(
        action=decision.action,
        job_id=key.job_id,
        job_number=job.number if job else None,
        milestone=key.milestone,
        sequence=key.sequence,
        book=decision.book,
        book_version=decision.book_version,
    )
    if isinstance(decision, Bill):
        return begun.model_copy(update=_of_bill(decision, job))
    told: dict[str, object] = {"code": decision.code, "why": decision.why}
    if isinstance(decision, Credit):
        told |= {"fix": decision.fix, "credited": decision.invoices, "sums": decision.sums} | _of_lines(decision, job)
    if isinstance(decision, Hold):
        told |= {"fix": decision.fix, "held_line": _source(decision.line, job) if decision.line else None}
    return begun.model_copy(update=told)


def _of_bill(bill: Bill, job: Job | None) -> dict[str, object]:
    draft = bill.draft
    return {
        "sums": bill.sums,
        "warnings": bill.warnings,
        "contact": _contact(bill.contact),
        "deposits": bill.deposits,
        "status": draft.status,
        "number": draft.number,
        "reference": draft.reference,
        "date": draft.date,
        "due_date": draft.due_date,
        **_of_lines(draft, job),
    }


def _of_lines(draft: Draft | Credit, job: Job | None) -> dict[str, object]:
    types, lines = draft.line_amount_types, draft.lines
    return {
        "line_amount_types": types,
        "currency": draft.currency,
        "sub_total": draft.sub_total,
        "total_tax": draft.total_tax,
        "total": draft.total,
        "accounts": _parts(lines, types, lambda line: line.account),
        "taxes": _parts(lines, types, lambda line: line.tax_type),
        "lines": tuple(_line(line, job) for line in lines),
    }


def _contact(contact: ExistingContact | NewContact) -> str:
    if isinstance(contact, NewContact):
        return "new"
    restored = ", restored from the archive" if contact.restore else ""
    return f"found by {contact.matched_by.replace('_', ' ')}{restored}"


def _parts(
    lines: Iterable[InvoiceLine], types: LineAmountTypes, name_of: Callable[[InvoiceLine], str | None]
) -> tuple[Part, ...]:
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for line in lines:
        if name := name_of(line):
            net, tax = sums.get(name, (ZERO, ZERO))
            sums[name] = (net + net_of(line.amount, line.tax, types), tax + line.tax)
    return tuple(Part(name=name, net=net, tax=tax) for name, (net, tax) in sorted(sums.items()))


def _line(line: InvoiceLine, job: Job | None) -> ExplainedLine:
    kept = ("description", "quantity", "unit_amount", "discount_rate", "discount_amount", "amount", "tax")
    coded = ("account", "tax_type", "item", "tracking")
    return ExplainedLine(
        **{name: getattr(line, name) for name in (*kept, *coded)},
        **_reason(line.why, job),
        parts=tuple(Reason(**_reason(part, job)) for part in line.why.parts),
    )


def _reason(why: Why, job: Job | None) -> dict[str, Any]:
    told = ("rule", "version", "where", "rejected", "filled", "account_from", "tax_from", "amount_from")
    return {
        **{name: getattr(why, name) for name in told},
        "conditions": () if why.parts else _conditions(why.wanted, why.matched),
        "sources": tuple(_source(line_id, job) for line_id in why.source_lines),
    }


def _conditions(wanted: dict[str, str], seen: dict[str, str]) -> tuple[Condition, ...]:
    return tuple(
        Condition(condition=name, wanted=wanted.get(name, _ANYTHING), seen=seen.get(name, ""))
        for name in dict.fromkeys((*wanted, *seen))
    )


def _source(line_id: str, job: Job | None) -> Source:
    found = _line_of(job.lines, line_id) if job else None
    if found is None:
        return Source(id=line_id)
    return Source(id=line_id, description=found.description, kind=found.kind.value, quantity=found.quantity)


def _line_of(lines: Sequence[Line], line_id: str) -> Line | None:
    return next((line for line in lines if line.id == line_id), None)
