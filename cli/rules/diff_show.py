"""A BookDiff on the terminal: the sums first, then each job that would be decided otherwise."""

from collections.abc import Sequence

from cli.show import amount, say, table, text
from milepost.rules.book_changes import EntryChange
from milepost.rules.diff import BookDiff, Outcome, StageChange, Total
from milepost.rules.diff_lines import CodedLine, LineChange
from milepost.rules.moves import Move

_WORDS = {None: "not there", "bill": "billed", "credit": "credited", "hold": "held", "skip": "skipped"}


def show_diff(diff: BookDiff, since: str) -> None:
    """Everything; `since` says of which jobs it speaks, and is empty where only the books were compared."""
    say(f"[bold]{text(diff.book)}[/] version {diff.old_version} → {diff.new_version}")
    _show_book(diff.book_changes)
    if not since:
        say("[dim]--connection NAME shows what it does to past jobs.[/]")
        return
    say(f"{diff.jobs} jobs{text(since)}, {diff.stages} stages: [bold]{len(diff.changes)} decided otherwise[/]\n")
    table("Totals", ("", "before", "after", "change"), [row for t in diff.totals for row in _total(t)], right=_RIGHT)
    columns = ("from", "to", "net", "times")
    table("Between accounts", columns, list(map(_move, diff.accounts)), right=columns[2:])
    table("Between taxes", columns, list(map(_move, diff.taxes)), right=columns[2:])
    for change in diff.changes:
        _show_change(change)


_RIGHT = ("before", "after", "change")


def _show_book(changes: Sequence[EntryChange]) -> None:
    if not changes:
        say("[dim]nothing that bills differs between them[/]")
    for change in changes:
        where = f" [dim]({text(change.where)})[/]" if change.where else ""
        say(f"  {change.change} [cyan]{text(change.entry)}[/]{where}")
        for detail in change.details:
            say(f"    {text(detail)}")
    say("")


def _total(total: Total) -> list[tuple[str, ...]]:
    rows = (("net", total.net_before, total.net_after), ("tax", total.tax_before, total.tax_after))
    return [
        (f"{total.currency} {name}", amount(old), amount(new), f"{new - old:+,.2f}" if old != new else "")
        for name, old, new in rows
    ]


def _move(move: Move) -> tuple[str, ...]:
    source, target = (text(name) if name else "[dim]not billed[/]" for name in (move.source, move.target))
    return source, target, amount(move.net, move.currency), str(move.times)


def _show_change(change: StageChange) -> None:
    before, after = change.before, change.after
    outcome = "" if before.action == after.action == "bill" else f": {_outcome(before)} → [bold]{_outcome(after)}[/]"
    sums = f"  {amount(before.total)} → {amount(after.total, after.currency)}" if _is_other_sum(before, after) else ""
    say(f"[bold]job {text(change.job_number)}, {text(change.milestone)}[/]{outcome}{sums}")
    if after.why and not (before.action == after.action and before.code == after.code):
        say(f"  [yellow]{text(after.why)}[/]")
        if after.fix:
            say(f"  [dim]→[/] {text(after.fix)}")
    for line in change.lines:
        _show_line(line)


def _outcome(outcome: Outcome) -> str:
    code = f" ({text(outcome.code)})" if outcome.code else ""
    return f"{_WORDS[outcome.action]}{code}"


def _is_other_sum(before: Outcome, after: Outcome) -> bool:
    return before.action == after.action == "bill" and before.total != after.total


def _show_line(change: LineChange) -> None:
    if len(change.before) == len(change.after) == 1:
        (old,), (new,) = change.before, change.after
        say(f"  {_first(old)}: {_coding(old, change.changed)} → {_coding(new, change.changed)}")
        return
    for sign, lines in (("-", change.before), ("+", change.after)):
        for line in lines:
            say(f"  {sign} {_first(line)}: {_coding(line, ('account', 'tax', 'amount'))}")


def _first(line: CodedLine) -> str:
    return text(line.description.splitlines()[0] if line.description else line.rule)


def _coding(line: CodedLine, changed: Sequence[str]) -> str:
    said = {
        "account": line.account or "no account",
        "tax": f"{line.tax_type or 'no tax'} {amount(line.tax)}",
        "item": f"item {line.item or 'none'}",
        "tracking": ", ".join(line.tracking) or "no tracking",
        "amount": amount(line.net),
        "description": f"'{line.description.splitlines()[0] if line.description else ''}'",
    }
    told = ", ".join(said[name] for name in changed if name in said)
    return f"{text(told)} [dim]({text(line.rule)})[/]"
