"""A BookDiff as Markdown, for a pull request: sums, counts and job numbers; no text of a line, since many may read it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from milepost.rules.book_changes import EntryChange
from milepost.rules.diff import BookDiff, StageChange, Total
from milepost.rules.moves import Move

_MOST_JOBS = 20
_NOT_BILLED = "*not billed*"


def diff_markdown(diff: BookDiff, since: str = "") -> str:
    """The whole document; `since` says of which jobs it speaks."""
    return "\n".join(_document(diff, since)) + "\n"


def _document(diff: BookDiff, since: str) -> Iterator[str]:
    yield f"## Rule book {diff.book}: version {diff.old_version} → {diff.new_version}"
    yield ""
    if diff.jobs or since:
        yield f"{diff.jobs} jobs{since}, {diff.stages} stages, **{len(diff.changes)} decided otherwise**."
        yield ""
    yield from _section("In the book", ("entry", "change", "detail"), [_entry(change) for change in diff.book_changes])
    yield from _section("Totals", ("currency", "net", "", "tax", ""), [_total(total) for total in diff.totals])
    yield from _section("Between accounts", ("from", "to", "net", "times"), [_move(move) for move in diff.accounts])
    yield from _section("Between taxes", ("from", "to", "net", "times"), [_move(move) for move in diff.taxes])
    yield from _section("Newly held", ("reason", "stages", "jobs"), _held(diff.newly_held, before=False))
    yield from _section("No longer held", ("reason", "stages", "jobs"), _held(diff.newly_free, before=True))


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield f"### {title}"
    yield ""
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _entry(change: EntryChange) -> tuple[str, ...]:
    return _cell(change.entry), change.change, "<br>".join(map(_cell, change.details))


def _total(total: Total) -> tuple[str, ...]:
    net, tax = (total.net_before, total.net_after), (total.tax_before, total.tax_after)
    return total.currency, _step(*net), _sign(net[1] - net[0]), _step(*tax), _sign(tax[1] - tax[0])


def _step(before: Decimal, after: Decimal) -> str:
    return f"{before:,.2f}" if before == after else f"{before:,.2f} → {after:,.2f}"


def _sign(change: Decimal) -> str:
    return f"{change:+,.2f}" if change else ""


def _move(move: Move) -> tuple[str, ...]:
    source, target = (_cell(name) if name else _NOT_BILLED for name in (move.source, move.target))
    return source, target, f"{move.currency} {move.net:,.2f}", str(move.times)


def _held(changes: Sequence[StageChange], *, before: bool) -> list[tuple[str, ...]]:
    jobs: dict[str, list[str]] = {}
    for change in changes:
        code = (change.before if before else change.after).code or ""
        jobs.setdefault(code, []).append(_cell(change.job_number))
    return [(f"`{code}`", str(len(numbers)), _some(list(dict.fromkeys(numbers)))) for code, numbers in jobs.items()]


def _some(numbers: Sequence[str]) -> str:
    more = f" and {len(numbers) - _MOST_JOBS} more" if len(numbers) > _MOST_JOBS else ""
    return ", ".join(numbers[:_MOST_JOBS]) + more


def _cell(text: str) -> str:
    """Text from outside, so that it is neither a column more nor a link."""
    shown = " ".join(text.split())
    for sign in "\\|`*_[]<":
        shown = shown.replace(sign, f"\\{sign}")
    return shown
