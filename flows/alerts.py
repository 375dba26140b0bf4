"""What a run has to tell the billing team, in the words of notifications; recorded with the run, then sent."""

import logging
import re

from sqlalchemy.ext.asyncio import AsyncConnection

import notifications.outbox
from flows.links import flow_run_url
from milepost.billing.decision import Bill
from milepost.errors import AuthError, MilepostError, RemoteError
from milepost.ledger import alerts, billings, jobs, runs
from milepost.ledger.billing_rows import RETRIES_EXHAUSTED
from milepost.ledger.billings import BillingRow, BillingStatus
from milepost.platforms.protocol import JobProblem
from milepost.steps.compare import PAID
from milepost.steps.lint_books import book_errors, lint_command
from milepost.steps.run import BillingRun, Result, by_status
from milepost.steps.words import why_of
from notifications.troubles import Counts, LinkName, RunSummary, Trouble

_log = logging.getLogger(__name__)

BOOK = "book:"
CONNECTION = "connection"
JOB = "job:"
RECONNECT = "reconnect"
TOTAL = "total:"
_LISTED = 5
_IN_ORDER = (BillingStatus.DONE, BillingStatus.SKIPPED)
_BILLING = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def tell_people(run: BillingRun, trouble: MilepostError | None = None) -> int:
    """Record the run's end and its troubles in one transaction, then send what is due; the number of messages sent.

    `trouble` is what ended the run early. A channel that is away harms nothing: what is due is sent by the next run.
    """
    workspace = run.workspace
    troubles = [*_troubles(run, trouble), *([_connection_trouble(trouble)] if trouble else [])]
    async with workspace.db.write() as c:
        now = workspace.clock()
        cleared = await _cleared(c, workspace.name, stopped=trouble is not None, is_linted=run.chart is not None)
        await notifications.outbox.record(
            c, workspace.name, workspace.connection.alerts, summary_of(run), troubles, cleared, now
        )
        await runs.end_run(c, run.id, run.counts, now)
        if run.changes is not None:
            # A poll is green only when nothing of the connection waits, whether it was due again or not.
            looked_at = [result.billing_id for result in run.results if result.code != RETRIES_EXHAUSTED]
            run.waiting = await billings.waiting_beside(c, workspace.name, looked_at)
        else:
            run.waiting = len(_given_up(run))
    delivery = await notifications.outbox.deliver(workspace.db, workspace.name, workspace.connection.alerts)
    if delivery.error:
        _log.warning("alerts wait for the next run: %s", delivery.error)
    return delivery.sent + delivery.resolved


def summary_of(run: BillingRun) -> RunSummary:
    """The run in a few figures."""
    counts, workspace = run.counts, run.workspace
    return RunSummary(
        connection=workspace.name,
        run_id=run.id,
        rule_book=workspace.connection.rule_book,
        counts=Counts(
            invoiced=counts["done"],
            held=counts["held"],
            failed=counts["failed"] + counts["sending"],
            skipped=counts["skipped"],
            new_contacts=run.new_contacts,
        ),
        totals=run.totals,
        prefect_url=flow_run_url(run.id),
        console_url=f"{workspace.installation.console_url}/runs/{run.id}" if workspace.installation.has_console else None,
    )


async def _cleared(c: AsyncConnection, connection: str, *, stopped: bool, is_linted: bool) -> list[str]:
    """The subjects of standing alerts that are in order by now, whichever run brought that about, and if it lived or not.

    is_linted: the run had a chart, so what it does not say of its rule book is mended.
    """
    told = {row.subject for row in await alerts.open_alerts(c, connection)}
    unread = {f"{JOB}{job_id}" for job_id in await jobs.unread(c, connection)}
    cleared = [subject for subject in told if subject.startswith(JOB) and subject not in unread]
    if not stopped:
        cleared.append(CONNECTION)
    if is_linted:
        cleared += [subject for subject in told if subject.startswith(BOOK)]
    for subject in told:
        billing_id = subject.removeprefix(TOTAL)
        if _BILLING.fullmatch(billing_id):
            row = await billings.get(c, billing_id)
            if row is None or (_is_total_settled(row) if subject.startswith(TOTAL) else await _is_in_order(c, row)):
                cleared.append(subject)
    return cleared


async def _is_in_order(c: AsyncConnection, row: BillingRow) -> bool:
    """Billed or rightly skipped; or its invoice is gone, and a person said so or the stage was billed anew."""
    if row.by_hand is not None:
        return True
    if row.is_gone:
        rows = await billings.rows_of(c, row.connection, [row.job_id])
        later = (one for one in rows if one.milestone == row.milestone and one.sequence > row.sequence)
        return any(one.status is BillingStatus.DONE and not one.is_gone for one in later)
    return row.status in _IN_ORDER and not row.is_given_up


def _is_total_settled(row: BillingRow) -> bool:
    """Whether an invoice that came out at another total than planned was mended, paid or withdrawn, as Xero last said."""
    is_mended = row.total is not None and row.invoice_total == row.total
    return is_mended or row.is_gone or row.by_hand is not None or row.invoice_status == PAID


def _troubles(run: BillingRun, stopped_by: MilepostError | None) -> list[Trouble]:
    """What is wrong, one trouble a subject. What one lost sign-in did to many jobs is told once, of the connection."""
    troubled = by_status(run.results, "held", "failed", "sending") + _given_up(run)
    if isinstance(stopped_by, AuthError):
        troubled = [result for result in troubled if result.code != RECONNECT]
    told = [_trouble(run, result) for result in troubled]
    told += [_different(run, r) for r in run.results if r.note]
    told += _of_the_book(run)
    return told if run.is_of_a_person else told + [_unreadable(run, problem) for problem in run.problems]


def _given_up(run: BillingRun) -> list[Result]:
    """What failed as often as the retry ladder allows: nothing happens to it any more without a person."""
    return [result for result in run.results if result.status == "skipped" and result.code == RETRIES_EXHAUSTED]


def _trouble(run: BillingRun, result: Result) -> Trouble:
    draft = result.decision.draft if isinstance(result.decision, Bill) else None
    return Trouble(
        subject=result.billing_id,
        code=result.code,
        status="held" if result.status == "held" else "failed",
        job_number=result.job.number,
        milestone_name=result.milestone.name,
        why=result.why,
        fix=result.fix,
        links=_links(run, result),
        amount=draft.total if draft else None,
        currency=draft.currency if draft else None,
    )


def _of_the_book(run: BillingRun) -> list[Trouble]:
    """What the rule book names and Xero would refuse: one trouble a book, with the first few of its places and fixes."""
    found = book_errors(run)
    if not found:
        return []
    shown = found[:_LISTED]
    places = "; ".join(f"{issue.where} {issue.trail}: {issue.message}" for issue in shown)
    more = f" And {len(found) - len(shown)} more." if len(found) > len(shown) else ""
    trouble = Trouble(
        subject=f"{BOOK}{run.workspace.connection.rule_book}",
        code="rule_book",
        status="held",
        why=f"Xero would refuse what it names. {places}{more}",
        fix=f"{' '.join(dict.fromkeys(issue.fix for issue in shown))} All of it: {lint_command(run.workspace)}",
    )
    return [trouble]


def _different(run: BillingRun, result: Result) -> Trouble:
    """An invoice that was made, but came out at another total than planned."""
    return _trouble(run, result).model_copy(
        update={
            "subject": f"{TOTAL}{result.billing_id}",
            "code": "total_differs",
            "status": "held",
            "why": result.note,
            "fix": "",
        }
    )


def _unreadable(run: BillingRun, problem: JobProblem) -> Trouble:
    where = f" ({problem.where})" if problem.where else ""
    is_given_up = problem.job_id in run.given_up
    return Trouble(
        subject=f"{JOB}{problem.job_id}",
        code=RETRIES_EXHAUSTED if is_given_up else "job_unreadable",
        status="held" if problem.permanent else "failed",
        job_number=problem.job_number or problem.job_id,
        why=f"{problem.why}{where}{' It is not tried again by itself.' if is_given_up else ''}",
        fix=f"Once that works again: `milepost queue retry {problem.job_id}`." if is_given_up else problem.fix,
    )


def _connection_trouble(error: MilepostError) -> Trouble:
    why, fix = (why_of(error), error.fix) if isinstance(error, RemoteError) else (str(error), "")
    return Trouble(subject=CONNECTION, code=type(error).__name__, status="failed", why=why, fix=fix)


def _links(run: BillingRun, result: Result) -> dict[LinkName, str]:
    links: dict[LinkName, str] = {}
    if run.workspace.installation.has_console:
        links["milepost"] = f"{run.workspace.installation.console_url}/b/{result.billing_id}"
    if result.job.web_url:
        links["job"] = result.job.web_url
    if run_url := flow_run_url(run.id):
        links["prefect"] = run_url
    return links
