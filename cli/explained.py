"""An Explanation on the terminal: the sums, the accounts, and for each line the rule, what it asked and what it saw."""

from collections.abc import Iterator, Sequence

from cli.show import amount, out, say, table, text
from milepost.billing.decision import DepositTaken, Rejected
from milepost.billing.explain import Condition, ExplainedLine, Explanation, Part, Reason, Source
from milepost.money import LineAmountTypes

_TERMS = {
    LineAmountTypes.EXCLUSIVE: "line amounts are before tax",
    LineAmountTypes.INCLUSIVE: "line amounts hold the tax",
    LineAmountTypes.NO_TAX: "no tax",
}
_DEPOSITS = {"note": "not taken off", "deduct": "taken off", "record": "to be recorded as a payment in Xero"}
_FOLDED = 3
"""So many rules that failed alike, in a row, are told in one line."""


def show_explanation(explanation: Explanation) -> None:
    """Everything but the heading, which says where the billing stands."""
    if explanation.why:
        say(f"  [yellow]{text(explanation.why)}[/]")
    if explanation.fix:
        say(f"  [dim]→[/] {text(explanation.fix)}")
    if explanation.held_line and explanation.held_line.description:
        say(f"  the line: {_source(explanation.held_line)}")
    for sentence in (*explanation.sums, *explanation.warnings, *map(_deposit, explanation.deposits)):
        say(f"  {text(sentence)}")
    if explanation.total is not None:
        _show_totals(explanation)
    for line in explanation.lines:
        _show_line(line)
    if not explanation.lines:
        out.print()


def _show_totals(explanation: Explanation) -> None:
    terms = _TERMS[explanation.line_amount_types] if explanation.line_amount_types else ""
    total = amount(explanation.total, explanation.currency)
    say(f"  net {amount(explanation.sub_total)}, tax {amount(explanation.total_tax)}, total [bold]{total}[/] ({terms})")
    if explanation.date:
        contact = f"; contact: {explanation.contact}" if explanation.contact else ""
        say(f"  dated {explanation.date}, due {explanation.due_date}, {text(explanation.status)}{contact}")
    if explanation.credited:
        say(f"  credits {text(', '.join(explanation.credited))}")
    out.print()
    _show_parts("account", explanation.accounts)
    _show_parts("tax type", explanation.taxes)


def _show_parts(title: str, parts: Sequence[Part]) -> None:
    rows = [(f"  {text(part.name)}", amount(part.net), amount(part.tax)) for part in parts]
    table("", (f"  {title}", "net", "tax"), rows, right=("net", "tax"))


def _show_line(line: ExplainedLine) -> None:
    first = line.description.splitlines()[0] if line.description else ""
    if line.is_words:
        say(f"[bold]{text(first)}[/]  [dim]words only, nothing is charged[/]\n")
        return
    say(
        f"[bold]{text(first)}[/]  {amount(line.amount)}, tax {amount(line.tax)} "
        f"→ account [bold]{text(line.account)}[/], tax {text(line.tax_type or 'none')}{text(_more(line))}"
    )
    if not line.parts:
        _show_rule(line)
    sources = (("account", line.account_from), ("tax", line.tax_from), ("amount", line.amount_from))
    say("  " + "; ".join(f"{name} from {text(source)}" for name, source in sources if source))
    _show_made_from(line)
    for part in line.parts:
        _show_rule(part)
        _show_made_from(part)
    out.print()


def _show_rule(reason: Reason) -> None:
    say(f"  rule [cyan]{text(reason.rule)}[/] ({text(reason.where)}, version {reason.version}){_takes_all(reason)}")
    for condition in reason.conditions:
        say(f"    ✓ {text(_asked(condition))}")


def _show_made_from(reason: Reason) -> None:
    """The templates, the job's lines, and the rules that did not take them."""
    for filled in reason.filled:
        say(f"  {text(filled.name)}: {text(filled.template)} [dim]gave[/] {text(filled.result or 'nothing')}")
    if known := [_source(source) for source in reason.sources if source.description]:
        say(f"  from the job's {'line' if len(known) == 1 else 'lines'} {', '.join(known)}")
    for told in _refused(reason.rejected):
        say(f"  [dim]✗ {told}[/]")


def _more(line: ExplainedLine) -> str:
    tracking = [f"{choice.category} {choice.option}" for choice in line.tracking]
    return "".join(f", {told}" for told in (*([f"item {line.item}"] if line.item else ()), *tracking))


def _takes_all(reason: Reason) -> str:
    """A rule of the book without conditions; stages, earlier invoices and the fallback are no rules."""
    is_rule = " " not in reason.rule and reason.account_from != "fallback"
    return " takes every line that no rule before it took" if is_rule and not reason.conditions else ""


def _asked(one: Condition | Rejected) -> str:
    """`code is LAB (asks for AH*)`."""
    return f"{one.condition} is {one.seen or 'not said'} (asks for {one.wanted})"


def _source(source: Source) -> str:
    words = text(source.description.splitlines()[0] if source.description else source.id)
    return f"'{words}'" + (f" ({source.quantity.normalize():f})" if source.quantity is not None else "")


def _deposit(deposit: DepositTaken) -> str:
    on = f" on {deposit.received_on}" if deposit.received_on else ""
    return f"A deposit of {amount(deposit.amount)} was taken on the platform{on}: {_DEPOSITS[deposit.treatment]}."


def _refused(rejected: Sequence[Rejected]) -> Iterator[str]:
    """Why each rule tried before did not fit; neighbours that failed for one and the same reason stand together."""
    groups: list[tuple[Rejected, list[str]]] = []
    for one in rejected:
        if groups and _reason(groups[-1][0]) == _reason(one):
            groups[-1][1].append(one.rule)
        else:
            groups.append((one, [one.rule]))
    for one, rules in groups:
        for some in [rules] if len(rules) >= _FOLDED else [[rule] for rule in rules]:
            yield f"{text(', '.join(some))}: {text(_reason(one))}"


def _reason(one: Rejected) -> str:
    return _asked(one) if one.condition else one.seen
