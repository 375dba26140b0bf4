"""Changes after the fact: a job that changed after its invoice was made, held against that invoice as Xero has it now.

Pure. `milepost.steps.changes` asks, between decide and the writes; `milepost.steps.revise` carries it out.
"""

import datetime as dt
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from milepost.billing.decide import decide
from milepost.billing.decision import Bill, Credit, Draft, Hold, InvoiceLine, Skip
from milepost.billing.facts import Facts, History
from milepost.billing.replay import as_unbilled
from milepost.jobs import Job
from milepost.rules.model import Milestone, RuleBook

CHANGE_CODES = frozenset({"more_due", "over_billed", "negative_total", "zero_total"})
"""Holds of a stage that was billed: the money is another by now."""
EDITED = "draft_edited"
_SHOWN = 4

AnyDecision = TypeVar("AnyDecision", Bill, Credit, Hold, Skip, Bill | Credit | Hold | Skip)
Likeness = Callable[[InvoiceLine], Hashable]


@dataclass(frozen=True, slots=True)
class StandingLine:
    """A line of an invoice as Xero holds it."""

    line_id: str
    description: str
    quantity: Decimal
    unit_amount: Decimal
    account: str | None
    tax_type: str | None
    item: str | None
    tracking: frozenset[tuple[str, str]]
    amount: Decimal


@dataclass(frozen=True, slots=True)
class StandingInvoice:
    """An invoice as Xero holds it now. `paid`: what was paid or credited of it."""

    invoice_id: str
    number: str | None
    status: str
    contact_id: str | None
    reference: str
    date: dt.date | None
    due_date: dt.date | None
    currency: str | None
    line_amount_types: str | None
    total: Decimal
    total_tax: Decimal
    paid: Decimal
    lines: tuple[StandingLine, ...]

    @property
    def is_draft(self) -> bool:
        """Nobody has approved it, and no money stands against it."""
        return self.status in ("DRAFT", "SUBMITTED") and not self.paid

    @property
    def may_be_voided(self) -> bool:
        """Approved, and no money stands against it."""
        return self.status == "AUTHORISED" and not self.paid


@dataclass(frozen=True, slots=True)
class Sent:
    """What we sent of an invoice, and what Xero answered it came to."""

    draft: Draft
    contact_id: str | None
    total: Decimal
    total_tax: Decimal


def decided_anew(job: Job, milestone: Milestone, facts: Facts, book: RuleBook, history: History) -> Bill | None:
    """The stage's last invoice as it would be made of the job now; None where it is not the job's last, or cannot be."""
    last = history.of(milestone.code)
    if last is None or history.billed[-1] is not last:
        return None
    decision = decide(as_unbilled(job), milestone, facts, book, History(billed=history.billed[:-1]))
    return as_sequence(decision, last.sequence) if isinstance(decision, Bill) else None


def as_sequence(decision: AnyDecision, sequence: int) -> AnyDecision:
    """The decision as another invoice of its stage: a mark and a number of its own, for those of voided ones stay taken."""
    if decision.key.sequence == sequence:
        return decision
    key = decision.key.model_copy(update={"sequence": sequence})
    changes: dict[str, object] = {"key": key}
    if isinstance(decision, Bill):
        draft = decision.draft
        number = f"{draft.number}-{sequence}" if draft.number else None
        url = draft.url.replace(str(decision.key.id), str(key.id))
        changes["draft"] = draft.model_copy(update={"number": number, "url": url})
    return decision.model_copy(update=changes)


def edits(standing: StandingInvoice, sent: Sent) -> list[str]:
    """What is not as it was sent, of all that an update would write: in words, empty when nobody has touched it."""
    draft = sent.draft
    heads = (
        ("contact", standing.contact_id, sent.contact_id),
        ("reference", _words(standing.reference), _words(draft.reference)),
        ("date", standing.date, draft.date),
        ("due date", standing.due_date, draft.due_date),
        ("currency", standing.currency, draft.currency),
        ("line amounts", standing.line_amount_types, draft.line_amount_types.value),
        ("number of lines", len(standing.lines), len(draft.lines)),
    )
    found = [_edit(what, theirs, ours) for what, theirs, ours in heads if theirs != ours]
    for place, (theirs_line, ours_line) in enumerate(zip(standing.lines, draft.lines, strict=False), 1):
        found += [f"line {place}: {told}" for told in _line_edits(theirs_line, ours_line)]
    sums = (("tax", standing.total_tax, sent.total_tax), ("total", standing.total, sent.total))
    return found + [_edit(what, theirs, ours) for what, theirs, ours in sums if theirs != ours]


def _edit(what: str, theirs: object, ours: object) -> str:
    return f"its {what} was changed" if what == "contact" else f"{what} is {theirs}, and was {ours}"


def _line_edits(theirs: StandingLine, ours: InvoiceLine) -> Iterator[str]:
    if _words(theirs.description) != _words(ours.description):
        yield "its description was changed"
    figures = [("amount", theirs.amount, ours.amount)]
    if ours.account:
        figures += [("quantity", theirs.quantity, ours.quantity), ("price", theirs.unit_amount, ours.unit_amount)]
    yield from (_edit(what, xero, own) for what, xero, own in figures if xero != own)
    codes = (("account", theirs.account, ours.account), ("tax type", theirs.tax_type, ours.tax_type))
    yield from (_edit(what, xero, own) for what, xero, own in codes if own and xero != own)
    if (theirs.item or None) != (ours.item or None):
        yield _edit("item", theirs.item, ours.item)
    if theirs.tracking != _tracking(ours):
        yield "its tracking was changed"


def _tracking(line: InvoiceLine) -> frozenset[tuple[str, str]]:
    return frozenset((choice.category.casefold(), choice.option.casefold()) for choice in line.tracking)


def _words(text: str) -> str:
    """Without control characters, and with single blanks, as an invoice's page shows it."""
    return " ".join("".join(c for c in text if c >= " " or c in "\n\t").split())[:4000].rstrip()


def line_ids(standing: StandingInvoice, before: Sequence[InvoiceLine], after: Sequence[InvoiceLine]) -> list[str | None]:
    """For each line, the id of the one in Xero that it continues: by the job's line it bills, else by its words.

    before: the lines as they were sent, one by one as they stand in Xero. A line that lacks what the old one had (a
    discount, an item) starts anew, since Xero keeps of a line that is named whatever it is not told.
    """
    free = dict(enumerate(before))
    found: list[str | None] = [None] * len(after)
    for likeness in (_source, _said):
        for place, line in enumerate(after):
            if found[place] is None and (old := _continues(line, free, likeness)) is not None:
                found[place] = standing.lines[old].line_id
                del free[old]
    return found


def _continues(line: InvoiceLine, free: dict[int, InvoiceLine], likeness: Likeness) -> int | None:
    wanted = likeness(line)
    alike = (
        place for place, old in free.items() if wanted is not None and likeness(old) == wanted and _has(old) <= _has(line)
    )
    return next(alike, None)


def _source(line: InvoiceLine) -> Hashable:
    return (line.why.rule, line.why.source_lines) if line.why.source_lines else None


def _said(line: InvoiceLine) -> Hashable:
    return line.description, line.account


def _has(line: InvoiceLine) -> frozenset[str]:
    optional = ("discount_rate", "discount_amount", "account", "tax_type", "item", "tracking")
    return frozenset(name for name in optional if getattr(line, name))


def held_with_edits(hold: Bill | Hold, standing: StandingInvoice, found: Sequence[str]) -> Hold:
    """A draft that somebody changed in Xero is theirs by now; the differences are shown, and nothing is overwritten."""
    shown = "; ".join(found[:_SHOWN]) + (f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
    name = standing.number or "its draft"
    return _hold(
        hold,
        EDITED,
        f"The job has changed since it was billed, and so was {name} in Xero by hand: {shown}.",
        f"Bring {name} up to date by hand, or undo what was changed in it and run again; or undo the change of the job.",
    )


def held_for_reissue(hold: Hold, standing: StandingInvoice, anew: Bill, confirm: str) -> Hold:
    """Approved and unpaid: to be voided and made anew in one step, once a person says so. confirm: the command for it."""
    name = standing.number or standing.invoice_id
    why = (
        f"{hold.why} {name} is approved and unpaid: the planned step voids it ({standing.total}) and bills the stage anew "
        f"by a new invoice of {anew.draft.total}."
    )
    return _hold(hold, hold.code, why, f"To void {name} and bill anew: {confirm}. Or: {hold.fix}")


def held_as_locked(hold: Hold, standing: StandingInvoice, until: dt.date) -> Hold:
    """Approved and unpaid, but Xero voids nothing in a locked period."""
    why = f"{hold.why} {standing.number} is approved, and dated in a period that is locked until {until}."
    return _hold(hold, hold.code, why, f"Move the lock date in Xero and run again. Or: {hold.fix}")


def held_as_paid(hold: Hold, standing: StandingInvoice, anew: Bill) -> Hold:
    """Paid, wholly or partly: the invoice stays; the difference is a supplement or a credit, in numbers."""
    difference = anew.draft.total - standing.total
    owed = f"a supplement of {difference}" if difference > 0 else f"a credit of {-difference}"
    part = "paid" if standing.paid == standing.total else f"paid in part ({standing.paid})"
    why = (
        f"{hold.why} {standing.number} ({standing.total}) is {part} and stays as it is; the job would now come to "
        f"{anew.draft.total} there: {owed} is due, with tax."
    )
    return _hold(hold, hold.code, why, hold.fix)


def _hold(of: Bill | Hold, code: str, why: str, fix: str) -> Hold:
    return Hold(
        key=of.key,
        code=code,
        why=why,
        fix=fix,
        book=of.book,
        book_version=of.book_version,
        fingerprint=of.fingerprint,
    )
