"""Invoice lines of one stage under two versions, held side by side by the job's lines they were made from. Pure.

Lines are made from the same lines of the job whatever a book says, so these tell which belong together: a line that one
version merges with others is compared with all of them.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from milepost.billing.decision import InvoiceLine
from milepost.jobs import Record
from milepost.money import LineAmountTypes, net_of

Sources = tuple[str, ...]


class CodedLine(Record):
    """An invoice line as far as versions may differ in it; net is before tax."""

    description: str
    rule: str
    where: str
    account: str | None
    tax_type: str | None
    item: str | None
    tracking: tuple[str, ...]
    net: Decimal
    tax: Decimal
    sources: Sources


class LineChange(Record):
    """Lines of the job whose coding differs: how they stand on the invoice by one version, and by the other.

    changed: account, tax, item, tracking, amount, description; `treatment` where they are no longer, or newly, billed, or
    are put together otherwise.
    """

    changed: tuple[str, ...]
    before: tuple[CodedLine, ...]
    after: tuple[CodedLine, ...]


_COMPARED: dict[str, Callable[[CodedLine], object]] = {
    "account": lambda line: line.account,
    "tax": lambda line: (line.tax_type, line.tax),
    "item": lambda line: line.item,
    "tracking": lambda line: line.tracking,
    "amount": lambda line: line.net,
    "description": lambda line: line.description,
}


def coded(line: InvoiceLine, types: LineAmountTypes) -> CodedLine:
    """What is compared of an invoice line."""
    return CodedLine(
        description=line.description,
        rule=line.why.rule,
        where=line.why.where,
        account=line.account,
        tax_type=line.tax_type,
        item=line.item,
        tracking=tuple(f"{choice.category}: {choice.option}" for choice in line.tracking),
        net=net_of(line.amount, line.tax, types),
        tax=line.tax,
        sources=line.why.source_lines,
    )


Group = tuple[tuple[CodedLine, ...], tuple[CodedLine, ...]]
"""Lines by one version and by the other that share lines of the job."""


def compared(group: Group) -> LineChange | None:
    """What differs within a group, if anything."""
    before, after = group
    if len(before) != len(after):
        changed: tuple[str, ...] = ("treatment",)
    else:
        pairs = list(zip(before, after, strict=True))
        changed = tuple(name for name, of in _COMPARED.items() if any(of(old) != of(new) for old, new in pairs))
    return LineChange(changed=changed, before=before, after=after) if changed else None


def side_by_side(before: Sequence[CodedLine], after: Sequence[CodedLine]) -> list[Group]:
    """The lines in groups that share no line of the job with another group."""
    group_of = _joined([_keys(line) for line in (*before, *after)])
    groups: dict[str, tuple[list[CodedLine], list[CodedLine]]] = {}
    for side, lines in enumerate((before, after)):
        for line in lines:
            groups.setdefault(group_of[_keys(line)[0]], ([], []))[side].append(line)
    return [(tuple(old), tuple(new)) for old, new in groups.values()]


def _keys(line: CodedLine) -> Sources:
    """What a line is known by under both versions; one made from no line of the job, by what made it."""
    kind = "less " if line.rule.startswith("less ") else ""
    return tuple(f"{kind}{source}" for source in line.sources) or (f"made by {line.rule}",)


def _joined(keys: Iterable[Sources]) -> dict[str, str]:
    """For every key the name of its group; keys given together are of one group."""
    root: dict[str, str] = {}

    def find(key: str) -> str:
        while root.setdefault(key, key) != key:
            root[key] = key = root[root[key]]
        return key

    for together in keys:
        first = find(together[0])
        for other in together[1:]:
            root[find(other)] = first
    return {key: find(key) for key in list(root)}
