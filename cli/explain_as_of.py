"""`milepost explain --as-of DATE`: a kept job decided by another day's version; and which stages are not due, and why."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cli.explained import show_explanation
from cli.show import amount, as_json, say, text
from milepost.billing.decision import Decision
from milepost.billing.explain import explain_decision
from milepost.billing.milestones import NotDue, why_not_due
from milepost.billing.replay import decide_as_then, presumed_facts
from milepost.chart import Chart
from milepost.errors import UnknownName
from milepost.jobs import Job
from milepost.ledger.billings import BillingRow
from milepost.ledger.database import open_database
from milepost.rules.model import RuleBook
from milepost.settings import installation
from milepost.steps.recall import JobRecalled, recall_chart

_WOULD = {"bill": "would be billed", "credit": "would be credited", "hold": "would be held", "skip": "would be skipped"}


def not_due(known: JobRecalled) -> list[NotDue]:
    """The stages of the job's book that have no billing yet, and why. Empty where no version was published."""
    if not known.shelf:
        return []
    book = known.shelf.in_force(max(_day_of(known.job), known.shelf.first_day))
    decided = {row.milestone for row in known.rows}
    return [reason for reason in why_not_due(known.job, book, known.history) if reason.milestone not in decided]


def show_not_due(job: Job, reason: NotDue) -> None:
    """One line for a stage that waits."""
    say(f"[bold]job {text(job.number)}, {text(reason.milestone)}[/] [dim]– not due:[/] {text(reason.why)}")


def not_due_document(job: Job, reason: NotDue) -> dict[str, Any]:
    """The same as JSON."""
    return {"job": job.number, "milestone": reason.milestone, "status": "not_due", "code": reason.code, "why": reason.why}


def explain_as_of(connection: str, name: str, known: JobRecalled | None, day: date, *, json: bool) -> None:
    """Explain what the version in force on a day makes of a job as it is known now. Nothing is written, nobody is asked."""
    if known is None:
        raise UnknownName(
            f"job {name} of {connection} was never read, so it cannot be explained as of {day}. "
            f"Read and plan it first: milepost plan {connection} --job {name}"
        )
    book = known.shelf.in_force(day)
    decisions = _decided(known, book, asyncio.run(_chart(known)))
    if json:
        waiting = [not_due_document(known.job, reason) for reason in _waiting(known, book, decisions)]
        as_json([*(_document(known, decision, day) for decision in decisions), *waiting])
        return
    say(f"[bold]as of {day}[/] by version {book.version} of rule book {text(book.origin.book)}; nothing is written")
    for decision in decisions:
        _show(known, decision)
    for reason in _waiting(known, book, decisions):
        show_not_due(known.job, reason)


async def _chart(known: JobRecalled) -> Chart:
    async with open_database(installation()) as db, db.read() as c:
        return await recall_chart(c, known.connection)


def _decided(known: JobRecalled, book: RuleBook, chart: Chart) -> list[Decision]:
    today = datetime.now(UTC).astimezone(ZoneInfo(known.job.account_tz)).date()
    facts = presumed_facts(known.connection.name, chart, known.job, today, known.contact)
    return decide_as_then(known.job, book, facts, known.history)


def _billed_rows(known: JobRecalled, milestone: str) -> list[BillingRow]:
    return [row for row in known.rows if row.milestone == milestone and row.invoice_id]


def _show(known: JobRecalled, decision: Decision) -> None:
    milestone = decision.key.milestone
    say(f"[bold]job {text(known.job.number)}, {text(milestone)}[/] [cyan]{_WOULD[decision.action]}[/]")
    billed = "; ".join(map(_billed, _billed_rows(known, milestone))) or "nothing"
    say(f"  what was billed: {text(billed)}")
    show_explanation(explain_decision(decision, known.job))


def _billed(row: BillingRow) -> str:
    return f"{row.invoice_number or 'an invoice'}, {amount(row.total, row.currency)}, by version {row.book_version}"


def _document(known: JobRecalled, decision: Decision, day: date) -> dict[str, Any]:
    return {
        "as_of": day.isoformat(),
        "job": known.job.number,
        "milestone": decision.key.milestone,
        "book_version": decision.book_version,
        "billed": [
            {
                "invoice_number": row.invoice_number,
                "book_version": row.book_version,
                "currency": row.currency,
                "total": row.total,
            }
            for row in _billed_rows(known, decision.key.milestone)
        ],
        "explanation": explain_decision(decision, known.job).model_dump(mode="json"),
        "decision": decision.model_dump(mode="json"),
    }


def _day_of(job: Job) -> date:
    return job.completed_on or datetime.now(UTC).astimezone(ZoneInfo(job.account_tz)).date()


def _waiting(known: JobRecalled, book: RuleBook, decisions: Sequence[Decision]) -> list[NotDue]:
    shown = {decision.key.milestone for decision in decisions}
    return [reason for reason in why_not_due(known.job, book, known.history) if reason.milestone not in shown]
