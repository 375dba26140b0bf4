"""The two artifacts of a run in Prefect: a summary in Markdown, and a table with a row for each job and stage.

Ids, counts and codes; names and amounts stay in the ledger. Prefect's UI renders the table's cells as Markdown too.
"""

import re
from collections.abc import Sequence

from milepost.billing.decision import Bill, NewContact
from milepost.steps.lint_books import book_errors, lint_command
from milepost.steps.run import BillingRun, Result
from milepost.xero.invoices import deep_link

WORDS = {
    "done": "invoiced",
    "held": "held",
    "failed": "failed",
    "sending": "unanswered",
    "planned": "planned",
    "skipped": "skipped",
}
"""The words of a billing's status, in the order in which they are told."""
_MARKS = {"planned": "○", "done": "✓", "held": "!", "failed": "✗", "skipped": "–", "sending": "?"}
_NEEDY = ("failed", "sending", "held")
_LISTED = 500
_EXPLAINED = 50
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~])")


def summary(run: BillingRun, heading: str) -> str:
    """The run on one page: outcomes by stage, then what needs a person."""
    parts = [
        f"# {heading}",
        "Planned only: nothing was written." if run.plan_only else "",
        _stages(run),
        _needing(run),
        _rule_book(run),
        _facts(run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(run: BillingRun) -> str:
    told = (
        f"Jobs read: {len(run.jobs)}. New contacts in Xero: {run.new_contacts}. "
        f"Settled from an earlier run: {run.recovered}. Rule book: `{run.workspace.connection.rule_book}`."
    )
    return "\n\n".join((told, *map(_cell, run.remarks)))


def _stages(run: BillingRun) -> str:
    """One row a stage, with a column for each outcome that occurs."""
    shown = [status for status in WORDS if any(result.status == status for result in run.results)]
    rows = [
        (f"{m.name} ({m.code})", *(str(sum(r.status == status for r in run.results_of(m.code))) for status in shown))
        for m in run.milestones
    ]
    return _markdown_table(("stage", *(f"{_MARKS[s]} {WORDS[s]}" for s in shown)), rows) if shown else ""


def _needing(run: BillingRun) -> str:
    """What a person has to look at, each with the command that tells the whole reason and the fix."""
    name = run.workspace.name
    rows = [
        (_cell(p.job_number or p.job_id), "", "! held", "job unreadable", f"`milepost poll {name}`") for p in run.problems
    ]
    rows += [
        (_cell(r.job.number), _cell(r.milestone.name), _marked(r), _reason(r), f"`milepost explain {name} {r.job.number}`")
        for r in _ordered(run.results)
        if r.status in _NEEDY
    ]
    if not rows:
        return ""
    more = f"\n\nAnd {len(rows) - _EXPLAINED} more: see the table." if len(rows) > _EXPLAINED else ""
    columns = ("job", "stage", "outcome", "why", "the whole reason, and the fix")
    return (
        f"## Needs a person\n\n{_markdown_table(columns, rows[:_EXPLAINED])}{more}\n\n"
        "What is **held** is billed by the first run after the job, the rule book or Xero was mended. "
        "What **failed** is tried again by the next run. Nothing is billed twice."
    )


def _rule_book(run: BillingRun) -> str:
    """What the rule book names and Xero would refuse, by its places; the command tells each reason and fix."""
    found = book_errors(run)
    if not found:
        return ""
    rows = [(f"`{issue.where}`", _cell(issue.trail), _cell(issue.code.replace("_", " "))) for issue in found]
    more = f"\n\nAnd {len(rows) - _EXPLAINED} more." if len(rows) > _EXPLAINED else ""
    return (
        f"## Rule book\n\n{_markdown_table(('place', 'entry', 'what Xero would refuse'), rows[:_EXPLAINED])}{more}\n\n"
        f"Jobs that meet these are held. The reasons and the fixes: `{lint_command(run.workspace)}`."
    )


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


async def table(run: BillingRun) -> list[dict[str, str]]:
    """The run's work, what needs a person first; each invoice links into Xero."""
    invoiced = any(result.invoice_id for result in run.results)
    short_code = await run.workspace.short_code() if invoiced else None
    app_url = run.workspace.connection.xero.app_url
    problems = [_row(_cell(p.job_number or p.job_id), "! held", why="job unreadable") for p in run.problems]
    rows = [_result_row(result, app_url, short_code) for result in _ordered(run.results)]
    return [*problems, *rows][:_LISTED]


def _result_row(result: Result, app_url: str, short_code: str | None) -> dict[str, str]:
    invoice = _cell(result.invoice_number or "")
    if result.invoice_id and short_code:
        invoice = f"[{invoice or 'open'}]({deep_link(app_url, short_code, result.invoice_id)})"
    return _row(
        _cell(result.job.number),
        _marked(result),
        stage=_cell(result.milestone.name),
        invoice=invoice,
        contact=_contact(result),
        why=_reason(result),
    )


def _row(job: str, outcome: str, *, stage: str = "", invoice: str = "", contact: str = "", why: str = "") -> dict[str, str]:
    """A row of the table artifact; the UI renders its cells as Markdown."""
    return {
        "job": job,
        "stage": stage,
        "outcome": outcome,
        "invoice in Xero": invoice,
        "contact": contact,
        "why": why,
    }


def _ordered(results: Sequence[Result]) -> list[Result]:
    order = (*_NEEDY, *(status for status in WORDS if status not in _NEEDY))
    return sorted(results, key=lambda result: order.index(result.status))


def _marked(result: Result) -> str:
    return f"{_MARKS[result.status]} {WORDS[result.status]}"


def _reason(result: Result) -> str:
    return _cell("total differs from the plan" if result.note and not result.code else result.code.replace("_", " "))


def _contact(result: Result) -> str:
    if not isinstance(result.decision, Bill):
        return ""
    contact = result.decision.contact
    return "new" if isinstance(contact, NewContact) else f"found by {contact.matched_by.replace('_', ' ')}"


def _cell(text: str) -> str:
    """Text from outside, so that it cannot be Markdown."""
    return _MARKDOWN.sub(r"\\\1", text)
