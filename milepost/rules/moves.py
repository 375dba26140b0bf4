"""Money that moves between accounts, or tax types, when another version decides: net sums, from where to where. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from milepost.jobs import Record
from milepost.money import ZERO
from milepost.rules.diff_lines import CodedLine, Group

NameOf = Callable[[CodedLine], str | None]
Nets = dict[str, Decimal]


class Move(Record):
    """Money that goes from one name to another, before tax; None where it was, or is, not billed at all.

    times: how often, over all stages of all jobs.
    """

    currency: str
    source: str | None
    target: str | None
    net: Decimal
    times: int


@dataclass(frozen=True, slots=True)
class BothBill:
    """A stage that both versions bill: its lines, side by side."""

    currency: str
    groups: Sequence[Group]


def moves_between(stages: Iterable[BothBill], name_of: NameOf) -> tuple[Move, ...]:
    """All moves between what was decided and what would be, the largest first."""
    sums: dict[tuple[str, str | None, str | None], tuple[Decimal, int]] = {}
    for stage in stages:
        for source, target, net in _of_stage(stage.groups, name_of):
            key = (stage.currency, source, target)
            so_far, times = sums.get(key, (ZERO, 0))
            sums[key] = (so_far + net, times + 1)
    moves = [
        Move(currency=currency, source=source, target=target, net=net, times=times)
        for (currency, source, target), (net, times) in sums.items()
        if net
    ]
    return tuple(sorted(moves, key=lambda move: (-move.net, move.currency, move.source or "", move.target or "")))


def _of_stage(groups: Sequence[Group], name_of: NameOf) -> list[tuple[str | None, str | None, Decimal]]:
    """First within the same lines of the job; what those do not explain, as a discount spread anew, between all."""
    moves: list[tuple[str | None, str | None, Decimal]] = []
    left: Nets = {}
    for before, after in groups:
        changes = _changes(_nets(before, name_of), _nets(after, name_of))
        moves += _settle(changes)
        for name, net in changes.items():
            left[name] = left.get(name, ZERO) + net
    moves += _settle(left)
    moves += [(None, name, net) if net > 0 else (name, None, -net) for name, net in left.items() if net]
    return moves


def _nets(lines: Iterable[CodedLine], name_of: NameOf) -> Nets:
    sums: Nets = {}
    for line in lines:
        if line.account and (name := name_of(line)):
            sums[name] = sums.get(name, ZERO) + line.net
    return sums


def _changes(before: Nets, after: Nets) -> Nets:
    return {name: after.get(name, ZERO) - before.get(name, ZERO) for name in sorted({*before, *after})}


def _settle(changes: Nets) -> list[tuple[str | None, str | None, Decimal]]:
    """Fill what is missing from what is over, name by name; `changes` keeps what is left."""
    moves: list[tuple[str | None, str | None, Decimal]] = []
    for target in [name for name, change in changes.items() if change > 0]:
        for source in [name for name, change in changes.items() if change < 0]:
            if part := min(changes[target], -changes[source]):
                moves.append((source, target, part))
                changes[target] -= part
                changes[source] += part
    return moves
