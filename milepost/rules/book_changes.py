"""What differs between two versions of a rule book: rules, rates and stages by their names, all else key by key. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Literal

from pydantic import BaseModel

from milepost.jobs import Record
from milepost.rules.model import Milestone, Rate, Rule, RuleBook

Kind = Literal["added", "removed", "changed", "moved"]
_SECTIONS = ("invoice", "contacts", "taxes", "fallback", "payments")
_NOTHING = "nothing"


class EntryChange(Record):
    """One entry of the book that differs. details: key by key, `then > account: 200 → 201`."""

    entry: str
    change: Kind
    details: tuple[str, ...] = ()
    where: str = ""


def compare_books(old: RuleBook, new: RuleBook) -> tuple[EntryChange, ...]:
    """Everything that differs, in the order of the file: day and organisation, sections, rules, rates, stages."""
    return (
        *_head(old, new),
        *_sections(old, new),
        *_entries(old, new, "lines", "rule"),
        *_entries(old, new, "rates", "rate"),
        *_entries(old, new, "milestones", "milestone"),
    )


def _head(old: RuleBook, new: RuleBook) -> Iterator[EntryChange]:
    for name in ("effective_from", "organisation"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield EntryChange(entry=name, change="changed", details=(f"{before} → {after}",), where=new.where(name))


def _sections(old: RuleBook, new: RuleBook) -> Iterator[EntryChange]:
    for name in _SECTIONS:
        before, after = getattr(old, name), getattr(new, name)
        if details := _details(before, after):
            kind: Kind = "added" if before is None else "removed" if after is None else "changed"
            yield EntryChange(entry=name, change=kind, details=details, where=_where(old, new, name))


def _entries(old: RuleBook, new: RuleBook, section: str, word: str) -> Iterator[EntryChange]:
    before, after = _by_name(getattr(old, section)), _by_name(getattr(new, section))
    for name in before:
        if name not in after:
            yield EntryChange(entry=f"{word} '{name}'", change="removed", where=old.where(f"{section}.{name}"))
    moved = _moved([name for name in before if name in after], [name for name in after if name in before])
    for name, entry in after.items():
        where = new.where(f"{section}.{name}")
        details = _details(before.get(name), entry)
        if name not in before:
            yield EntryChange(entry=f"{word} '{name}'", change="added", details=details, where=where)
        elif details:
            yield EntryChange(entry=f"{word} '{name}'", change="changed", details=details, where=where)
        if name in moved:
            yield EntryChange(entry=f"{word} '{name}'", change="moved", details=(_neighbour(name, after),), where=where)


def _by_name(entries: Sequence[Rule | Rate | Milestone]) -> dict[str, BaseModel]:
    return {entry.code if isinstance(entry, Milestone) else entry.id: entry for entry in entries}


def _moved(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """The names that stand in another order: all but those of the longest runs that kept theirs."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return set(after) - {name for block in blocks for name in after[block.b : block.b + block.size]}


def _neighbour(name: str, entries: Mapping[str, BaseModel]) -> str:
    names = list(entries)
    place = names.index(name)
    return f"now after '{names[place - 1]}'" if place else "now the first"


def _details(before: object, after: object) -> tuple[str, ...]:
    old, new = dict(_flat(before)), dict(_flat(_said(after) if before is None else after))
    return tuple(
        f"{' > '.join(keys)}: {old.get(keys, _NOTHING)} → {new.get(keys, _NOTHING)}"
        for keys in dict.fromkeys((*old, *new))
        if old.get(keys) != new.get(keys)
    )


def _said(entry: object) -> object:
    """Of an entry that is new, only what it says; of two, what one leaves out may be what differs."""
    if not isinstance(entry, BaseModel):
        return entry
    return entry.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"id", "code"})


def _flat(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every value of a section by its way of keys, as the accountant writes them; lists of plain values are one value."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"id", "code"} if not keys else None)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, (*keys, str(key)))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for place, inner in enumerate(value, 1):
            yield from _flat(inner, (*keys, str(place)))
    elif value is not None:
        yield keys, " or ".join(map(str, value)) if isinstance(value, list) else str(value)


def _where(old: RuleBook, new: RuleBook, section: str) -> str:
    book = new if getattr(new, section) is not None else old
    return book.where(section)
