"""The rule books of a run, held against the chart that it was given: before each run, and again for the command.

What cannot post is held job by job in any case; this says it once for the book, with the line to mend.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from milepost.chart import Chart
from milepost.errors import AuthError, RemoteError
from milepost.ledger import charts, connections
from milepost.rules.chart_lint import lint_chart
from milepost.rules.issues import Issue, Severity, in_order
from milepost.rules.model import RuleBook
from milepost.steps.gather import fresh_chart
from milepost.steps.run import BillingRun
from milepost.steps.workspace import Workspace

_MOST_KEPT = 32
_kept: dict[tuple[str, str, Chart], tuple[Issue, ...]] = {}
"""What was found, by the hash of a book's text, its file and the chart: most runs meet the same again."""


@dataclass(frozen=True, slots=True)
class ReadChart:
    """The chart that a book is held against. `why_kept`: why Xero could not be asked now, where it could not."""

    chart: Chart
    read_at: datetime
    why_kept: str = ""


def book_errors(run: BillingRun) -> list[Issue]:
    """What the books of the run's due jobs name and Xero would refuse; nothing before the run has its chart."""
    chart = run.chart
    if chart is None:
        return []
    return in_order(issue for book in _books_of(run) for issue in errors_of(book, chart))


def lint_command(workspace: Workspace) -> str:
    """What tells the reasons and fixes of the connection's book."""
    return f"milepost rules lint {workspace.connection.rule_book} --connection {workspace.name}"


def errors_of(book: RuleBook, chart: Chart) -> list[Issue]:
    """What a book names and Xero would refuse."""
    return [issue for issue in issues_of(book, chart) if issue.severity is Severity.ERROR]


def issues_of(book: RuleBook, chart: Chart) -> Sequence[Issue]:
    """The issues of a book against a chart; found once for the same text and chart."""
    key = (book.origin.sha256, book.origin.path, chart)
    known = _kept.get(key) if book.origin.sha256 else None
    if known is not None:
        return known
    found = tuple(lint_chart(book, chart))
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[key] = found
    return found


async def chart_to_lint(workspace: Workspace) -> ReadChart:
    """The chart, read anew; where Xero is away for the moment, as it was last read. Raises RemoteError without either."""
    try:
        return ReadChart(await fresh_chart(workspace), workspace.clock())
    except AuthError:
        raise
    except RemoteError as error:
        kept = await kept_chart(workspace)
        if kept is None:
            raise
        return ReadChart(kept.chart, kept.read_at, f"{error.what}: {error.why}")


async def kept_chart(workspace: Workspace) -> ReadChart | None:
    """The chart as it was last read; Xero is not asked for anything."""
    async with workspace.db.read() as c:
        tenant_id = (await connections.get_connection(c, workspace.name)).tenant_id
        kept = await charts.get_chart(c, tenant_id) if tenant_id else None
    return ReadChart(*kept) if kept else None


def _books_of(run: BillingRun) -> Iterable[RuleBook]:
    return {(due.book.origin.path, due.book.origin.sha256): due.book for due in run.due}.values()
