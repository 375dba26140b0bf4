"""Lines shown as one: per section, kind or account, or all of the invoice. Between discounts and stages.

Only lines that share account, tax type and tracking become one, so that every amount stays where its rule coded it.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from milepost.billing.coding import Coding, is_words
from milepost.billing.decision import Filled, InvoiceLine, TrackingChoice, Why
from milepost.billing.figures import LARGEST_AMOUNT
from milepost.billing.filling import fill
from milepost.billing.trouble import Trouble
from milepost.billing.words import LONGEST_DESCRIPTION
from milepost.jobs import Line, LineKind
from milepost.money import ZERO, line_tax
from milepost.rules.fields import Group
from milepost.rules.invoice import Merge
from milepost.rules.match import match_line
from milepost.rules.templates import TemplateProblem

ONE = Decimal(1)
_MOST_SUMMED = 8
"""How many amounts are written out where lines were summed."""

Namer = Callable[[InvoiceLine], str]


@dataclass(frozen=True, slots=True)
class _Key:
    """What lines have in common that become one: the name of their group, and how they are coded."""

    name: str
    account: str
    tax_type: str | None
    tracking: tuple[TrackingChoice, ...]


def merge_lines(coding: Coding, lines: Sequence[InvoiceLine]) -> tuple[InvoiceLine, ...] | Trouble:
    """The invoice's lines with each group as one line of quantity 1, where the first of the group stood.

    Texts stay where they are, and so do lines without a section where lines are merged by section. A group of one line is
    shown like the others; one whose lines cancel each other is kept at 0.00, as its lines would be.
    """
    merge = coding.settings.merge
    if merge is None:
        return tuple(lines)
    shown: list[InvoiceLine | Trouble] = []
    for key, parts in _grouped(lines, _namer(coding, merge, lines)):
        shown += parts if key is None else [_merged(coding, merge, key, parts)]
    trouble = next((line for line in shown if isinstance(line, Trouble)), None)
    return trouble or tuple(line for line in shown if isinstance(line, InvoiceLine))


def _grouped(lines: Iterable[InvoiceLine], named: Namer) -> list[tuple[_Key | None, list[InvoiceLine]]]:
    """The lines by what they have in common, in the order of each group's first; a line that stays by itself has no key."""
    groups: dict[_Key | int, tuple[_Key | None, list[InvoiceLine]]] = {}
    for place, line in enumerate(lines):
        name = named(line) if line.account else ""
        key = _Key(name, line.account, line.tax_type, _in_order(line.tracking)) if name and line.account else None
        groups.setdefault(key or place, (key, []))[1].append(line)
    return list(groups.values())


def _in_order(tracking: Iterable[TrackingChoice]) -> tuple[TrackingChoice, ...]:
    """Rules may name the same categories in another order."""
    return tuple(sorted(tracking, key=lambda choice: choice.category))


def _namer(coding: Coding, merge: Merge, lines: Sequence[InvoiceLine]) -> Namer:
    """How the group of a line is called; empty text for a line that stays by itself."""
    if merge.by == "total":
        name = coding.job.title.strip() or f"Job {coding.job.number}"
        return lambda _: name
    if merge.by == "account":
        return lambda line: _account_name(coding, line)
    sources = {id(line): source for line, source in zip(lines, _sources(coding, lines), strict=True)}
    if merge.by == "kind":
        return lambda line: _kind_name(sources[id(line)])
    return lambda line: _section_name(sources[id(line)])


def _account_name(coding: Coding, line: InvoiceLine) -> str:
    account = coding.chart.account(line.account or "")
    return account.name if account else line.account or ""


def _kind_name(source: Line | None) -> str:
    """The one line of a job without lines is a service."""
    return (source.kind if source else LineKind.FEE).value.capitalize()


def _section_name(source: Line | None) -> str:
    return (source.section or "").strip() if source else ""


def _sources(coding: Coding, lines: Sequence[InvoiceLine]) -> list[Line | None]:
    """The job's line of each invoice line. Platforms that read lines from several lists may give two the same id; then they
    are told apart by the rules that coded them, and by their order."""
    billed = [line for line in coding.job.lines if line.billable and (line.description.strip() or not is_words(line))]
    by_id: dict[str, list[Line]] = defaultdict(list)
    for line in billed:
        by_id[line.id].append(line)
    by_rule: dict[tuple[str, str], deque[Line]] = defaultdict(deque)
    for line in (line for same in by_id.values() if len(same) > 1 for line in same):
        rule = match_line(coding.book.lines, coding.job, line).rule
        by_rule[line.id, rule.id if rule else "text"].append(line)
    return [_source(line.why, by_id, by_rule) for line in lines]


def _source(why: Why, by_id: Mapping[str, Sequence[Line]], by_rule: Mapping[tuple[str, str], deque[Line]]) -> Line | None:
    found = by_id.get(why.source_lines[0], ()) if why.source_lines else ()
    if len(found) < 2:
        return found[0] if found else None
    same = by_rule.get((why.source_lines[0], why.rule))
    return same.popleft() if same else None


def _merged(coding: Coding, merge: Merge, key: _Key, parts: Sequence[InvoiceLine]) -> InvoiceLine | Trouble:
    amount = sum((part.amount for part in parts), ZERO)
    if abs(amount) > LARGEST_AMOUNT:
        return _too_large(key.name, _where(coding))
    filled = list[Filled]()
    group = Group(name=key.name, descriptions=tuple(part.description for part in parts))
    try:
        words = fill("description", merge.description, {**coding.values(), "group": group}, filled)
    except TemplateProblem as problem:
        where = _where(coding)
        return Trouble(
            "template", f"The description of 'merge' at {where} cannot be filled: {problem}.", f"Correct it at {where}."
        )
    rate = coding.chart.tax_rate(key.tax_type) if key.tax_type else None
    return InvoiceLine(
        description=(words or key.name)[:LONGEST_DESCRIPTION],
        quantity=ONE,
        unit_amount=amount,
        account=key.account,
        tax_type=key.tax_type,
        tracking=key.tracking,
        amount=amount,
        tax=line_tax(amount, rate.effective_rate, coding.types) if rate else ZERO,
        why=_why(coding, parts, tuple(filled)),
    )


def _where(coding: Coding) -> str:
    """Where the book says so: at the milestone, where it has a `merge` of its own."""
    milestone = coding.milestone
    return coding.book.where(f"milestones.{milestone.code}" if milestone.invoice.merge else "invoice")


def _why(coding: Coding, parts: Sequence[InvoiceLine], filled: tuple[Filled, ...]) -> Why:
    """The reason of the whole, with those of its parts; what all of them share is said of the whole, too."""
    whys = [part.why for part in parts]
    first = whys[0]
    if len(parts) == 1:
        own = tuple(one for one in first.filled if one.name != "description") if filled else first.filled
        return first.model_copy(update={"filled": (*own, *filled), "amount_from": f"{first.amount_from}, shown as one"})
    alike = all(why.rule == first.rule for why in whys)
    return Why(
        rule=first.rule if alike else "merged",
        version=coding.book.version,
        where=first.where if alike else _where(coding),
        wanted=first.wanted if alike else {},
        filled=filled,
        account_from=_shared(whys, "account_from"),
        tax_from=_shared(whys, "tax_from"),
        amount_from=_sum_words([part.amount for part in parts]),
        source_lines=tuple(dict.fromkeys(line for why in whys for line in why.source_lines)),
        parts=tuple(whys),
    )


def _shared(whys: Sequence[Why], name: str) -> str:
    said = {str(getattr(why, name)) for why in whys}
    return said.pop() if len(said) == 1 else "the rules of its lines"


def _sum_words(amounts: Sequence[Decimal]) -> str:
    listed = " + ".join(str(amount) for amount in amounts[:_MOST_SUMMED])
    more = f" + {len(amounts) - _MOST_SUMMED} more" if len(amounts) > _MOST_SUMMED else ""
    return f"{len(amounts)} lines shown as one: {listed}{more}".replace("+ -", "- ")


def _too_large(name: str, where: str) -> Trouble:
    return Trouble(
        "amount_too_large",
        f"The lines shown as '{name}' by 'merge' at {where} come to more than Xero takes, {LARGEST_AMOUNT}.",
        f"Correct their prices on the platform, or merge fewer lines at {where}.",
    )
