"""An explanation in few words: for Slack, and for the invoice's history in Xero. Last step on the way of a job, and pure.

Neither names a customer nor repeats a line's text: both stand where more people read than the job's own.
"""

from collections.abc import Sequence
from decimal import Decimal

from milepost.billing.explain import ExplainedLine, Explanation

LONGEST_NOTE = 2500
"""Characters of a history record's Details (Xero OpenAPI, HistoryRecord)."""
_RUN = 3
"""So many lines in a row of one coding are told as a range."""


def amount_words(amount: Decimal, currency: str | None = None) -> str:
    """`NZD 1,234.50`: the one way in which amounts are told."""
    return f"{currency} {amount:,.2f}" if currency else f"{amount:,.2f}"


def in_brief(explanation: Explanation) -> str:
    """Two lines at most: what was decided, and by which rules."""
    head = f"Job {explanation.job_number or explanation.job_id} {_stage(explanation)}"
    if explanation.total is None or explanation.action != "bill":
        return f"{head}: {explanation.action}. {explanation.why or ''}".strip()
    parts = ", ".join(f"{part.name} {amount_words(part.net)}" for part in explanation.accounts)
    rules = ", ".join(dict.fromkeys(one.rule for line in explanation.lines for one in line.parts or (line,)))
    return (
        f"{head}: {amount_words(explanation.total, explanation.currency)} by {_book(explanation)}; {parts}\nRules: {rules}"
    )


def history_note(explanation: Explanation, run_id: str | None = None) -> str:
    """`Milepost: job 1001 FIN, rule book kauri v3; lines: 1 labour→200, 2 materials→210; run ...`, never over the limit."""
    head = (
        f"Milepost: job {explanation.job_number or explanation.job_id} {_stage(explanation)}, rule book {_book(explanation)}"
    )
    tail = f"; run {run_id}." if run_id else "."
    return f"{head}; lines: {_fitting(_codings(explanation.lines), LONGEST_NOTE - len(head) - len(tail) - 9)}{tail}"


def _stage(explanation: Explanation) -> str:
    return explanation.milestone + (f"-{explanation.sequence}" if explanation.sequence > 1 else "")


def _book(explanation: Explanation) -> str:
    return f"{explanation.book} v{explanation.book_version}"


def _codings(lines: Sequence[ExplainedLine]) -> list[str]:
    """The lines' codings with their numbers as the invoice has them; three and more alike in a row become `2-9`."""
    runs: list[tuple[int, int, str]] = []
    for number, line in enumerate(lines, 1):
        coding = "words" if line.is_words else f"{line.rule}→{line.account}"
        if runs and runs[-1][2] == coding:
            runs[-1] = (runs[-1][0], number, coding)
        else:
            runs.append((number, number, coding))
    return [told for first, last, coding in runs for told in _run(first, last, coding)]


def _run(first: int, last: int, coding: str) -> list[str]:
    if last - first + 1 >= _RUN:
        return [f"{first}-{last} {coding}"]
    return [f"{number} {coding}" for number in range(first, last + 1)]


def _fitting(codings: Sequence[str], room: int) -> str:
    """As many codings as fit, and how many are left out."""
    whole = ", ".join(codings)
    if len(whole) <= room:
        return whole
    for kept in range(len(codings) - 1, 0, -1):
        told = f"{', '.join(codings[:kept])} and {len(codings) - kept} more"
        if len(told) <= room:
            return told
    return f"{len(codings)} lines"
