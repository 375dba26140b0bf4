"""A billing run as the command shows it: a table for people, a document for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from cli.show import LOOKS, amount, is_wide, out, say, table, text
from milepost.billing.decision import Bill, NewContact
from milepost.steps.lint_books import book_errors
from milepost.steps.run import BillingRun, Result

NEEDS_WORDS = ("held", "failed", "sending")
"""The statuses that are explained: a person is needed, or is told to wait."""
_WORDS = {
    "planned": "planned",
    "done": "invoiced",
    "held": "held",
    "failed": "failed",
    "skipped": "skipped",
    "sending": "unanswered",
}
_COLUMNS = ("job", "customer", "stage", "outcome", "invoice", "contact", "total")


def show_run(run: BillingRun, known: Mapping[str, str] | None = None) -> None:
    """A run as a table: each result, totals, then why and what to do about those that need a person.

    known: the reasons already shown, by billing; what has not changed since is only counted.
    """
    known = known or {}
    if run.before_live:
        say(f"[dim]{len(run.before_live)} jobs were completed before {run.live_from} (live_from): they are never billed.[/]")
    news = [result for result in run.results if known.get(result.billing_id) != seen(result)]
    for remark in run.remarks:
        say(f"[yellow]![/] {text(remark)}")
    if not (run.results or run.problems):
        if not run.stopped_by:
            say(f"[bold]{text(run.workspace.name)}:[/] nothing is due.")
        return
    if news:
        table(_heading(run), _COLUMNS, [_row(r) for r in news], right=("total",), whole=("job", "outcome", "invoice"))
        _tell_of_book(run)
    if still := [result.job.number for result in run.results if result not in news]:
        say(f"[bold]{text(run.workspace.name)}:[/] [dim]as before: {', '.join(map(text, still))}[/]")
    for result in (r for r in news if r.status in NEEDS_WORDS or r.note):
        _explain(result.job.number, result.milestone.name, result.why or result.note, result.fix)
    for problem in run.problems:
        _explain(problem.job_number or problem.job_id, "", problem.why, problem.fix)
    if run.problems or any(result.status in NEEDS_WORDS for result in news):
        out.print()


def seen(result: Result) -> str:
    """What was shown of a result, to tell whether there is news."""
    return f"{result.status} {result.code} {result.why}"


def show_accounts(run: BillingRun) -> None:
    """What the run's bills come to by account and tax."""
    rows = [
        (text(line["account"]), text(line["tax_type"]), amount(line["net"], line["currency"]), amount(line["tax"]))
        for line in accounts_of(run)
    ]
    table("By account and tax", ("account", "tax type", "net", "tax"), rows, right=("net", "tax"))


def _heading(run: BillingRun) -> str:
    made = f", {run.new_contacts} contact{'s' if run.new_contacts > 1 else ''} made" if run.new_contacts else ""
    sums = ", ".join(amount(total, currency) for currency, total in totals_of(run).items())
    dry = ", nothing written" if run.plan_only else ""
    return f"{text(run.workspace.name)}: {in_words(run.counts)}{made}{f'; {sums}' if sums else ''}{dry}"


def in_words(counts: Mapping[str, int]) -> str:
    """`38 invoiced, 3 held, 1 failed`."""
    return ", ".join(f"{counts[status]} {word}" for status, word in _WORDS.items() if counts.get(status)) or "nothing"


def totals_of(run: BillingRun) -> dict[str, Decimal]:
    """What was invoiced, or would be, with tax, by currency."""
    totals: dict[str, Decimal] = {}
    for bill in _bills(run):
        totals[bill.draft.currency] = totals.get(bill.draft.currency, Decimal(0)) + bill.draft.total
    return totals


def accounts_of(run: BillingRun) -> list[dict[str, Any]]:
    """Net and tax of what was invoiced, or would be, by currency, account and tax type."""
    sums: dict[tuple[str, str, str], list[Decimal]] = {}
    for bill in _bills(run):
        inclusive = bill.draft.line_amount_types.value == "Inclusive"
        for line in bill.draft.lines:
            entry = sums.setdefault((bill.draft.currency, line.account or "", line.tax_type or ""), [Decimal(0), Decimal(0)])
            entry[0] += line.amount - line.tax if inclusive else line.amount
            entry[1] += line.tax
    return [
        {"currency": currency, "account": account or None, "tax_type": tax_type or None, "net": net, "tax": tax}
        for (currency, account, tax_type), (net, tax) in sorted(sums.items())
    ]


def _bills(run: BillingRun) -> Sequence[Bill]:
    return [r.decision for r in run.results if r.status in ("done", "planned") and isinstance(r.decision, Bill)]


def _tell_of_book(run: BillingRun) -> None:
    """What the rule book names and Xero would refuse, whether a job has met it yet or not."""
    for issue in book_errors(run):
        say(f"[yellow]![/] {text(issue.where)} {text(issue.trail)}: {text(issue.message)}")
        say(f"  [dim]→[/] {text(issue.fix)}")


def _explain(job: str, stage: str, why: str, fix: str) -> None:
    say(f"[yellow]![/] job {text(job)}{f' ({text(stage)})' if stage else ''}: {text(why)}")
    if fix:
        say(f"  [dim]→[/] {text(fix)}")


def _row(result: Result) -> tuple[str, ...]:
    bill = result.decision if isinstance(result.decision, Bill) else None
    customer = result.job.customer.name if result.job.customer else ""
    return (
        text(result.job.number),
        text(customer) if is_wide() else "",
        text(result.milestone.name),
        LOOKS[result.status],
        text(result.invoice_number or ""),
        text(_contact(bill).removeprefix("found ")),
        amount(bill.draft.total, bill.draft.currency) if bill else "",
    )


def _contact(bill: Bill | None) -> str:
    if bill is None:
        return ""
    return "new" if isinstance(bill.contact, NewContact) else f"found by {bill.contact.matched_by.replace('_', ' ')}"


def as_document(run: BillingRun) -> dict[str, Any]:
    """A run as JSON: counts, totals by currency and by account, and each result with its reason."""
    return {
        "connection": run.workspace.name,
        "run": run.id,
        "plan": run.plan_only,
        "counts": run.counts,
        "new_contacts": run.new_contacts,
        "recovered": run.recovered,
        "totals": {currency: str(total) for currency, total in totals_of(run).items()},
        "accounts": accounts_of(run),
        "results": [_result(result) for result in run.results],
        "unreadable": [
            {"job": p.job_number or p.job_id, "why": p.why, "fix": p.fix, "where": p.where} for p in run.problems
        ],
        "rule_book_remarks": run.remarks,
        "rule_book_issues": [{**asdict(issue), "text": str(issue)} for issue in book_errors(run)],
        "stopped_by": str(run.stopped_by) if run.stopped_by else None,
    }


def _result(result: Result) -> dict[str, Any]:
    bill = result.decision if isinstance(result.decision, Bill) else None
    return {
        "job": result.job.number,
        "job_id": result.job.id,
        "milestone": result.milestone.code,
        "status": result.status,
        "invoice_number": result.invoice_number,
        "invoice_id": result.invoice_id,
        "contact": _contact(bill) or None,
        "currency": bill.draft.currency if bill else None,
        "sub_total": str(bill.draft.sub_total) if bill else None,
        "total_tax": str(bill.draft.total_tax) if bill else None,
        "total": str(bill.draft.total) if bill else None,
        "code": result.code or None,
        "why": result.why or result.note or None,
        "fix": result.fix or None,
    }
