"""The rules of a proposed book: special ones where an account's name speaks of a code or category, then one a kind. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from milepost.chart import Account
from milepost.jobs import LineKind
from milepost.rules.likely import likely_account, named_account
from milepost.rules.tally import Seen, SeenCode, Tally, often
from milepost.rules.written import one_line, quoted

_OFTEN = 3
"""How often a code or category must be seen to get a rule of its own."""
_MOST_LISTED = 8
_NAMES = {
    LineKind.LABOUR: "labour",
    LineKind.MATERIAL: "materials",
    LineKind.SUBCONTRACT: "subcontractors",
    LineKind.EXPENSE: "expenses",
    LineKind.FEE: "fees",
}
_PASSED_ON = frozenset({LineKind.SUBCONTRACT, LineKind.EXPENSE})
_LAST = "everything-else"
_PLAIN = re.compile(r"[^*?\[\]/\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]{1,100}")
"""A text that stands for itself where a glob or an expression is read."""


@dataclass(frozen=True, slots=True)
class _Special:
    """Codes of a kind, or categories, that one account is named after."""

    kind: LineKind | None
    account: Account
    values: tuple[str, ...]
    seen: Seen

    @property
    def when(self) -> str:
        """Its conditions in YAML."""
        listed = ", ".join(quoted(value) for value in self.values)
        value = listed if len(self.values) == 1 else f"[{listed}]"
        return f"{{kind: {self.kind.value}, code: {value}}}" if self.kind else f"{{category: {value}}}"


def rule_lines(accounts: Sequence[Account], tally: Tally) -> Iterator[str]:
    """The section `lines`."""
    yield "# Each line of a job is coded by the first rule that fits it, so the special rules stand above the general ones."
    yield "lines:"
    taken = {*_NAMES.values(), "discounts", _LAST}
    for special in (*_by_code(accounts, tally), *_by_category(accounts, tally)):
        name = _free(_slug(special.account.name), taken)
        yield f"  - id: {name}  # DECIDE: {_named(special.account)}? {special.seen}"
        yield f"    when: {special.when}"
        yield f"    then: {{account: {quoted(special.account.code or '')}}}"
    for kind in _NAMES:
        if kind in tally.kinds:
            yield from _of_kind(kind, accounts, tally)
    if LineKind.DISCOUNT in tally.kinds:
        yield f"  - id: discounts  # {tally.kinds[LineKind.DISCOUNT]}"
        yield "    when: {kind: discount}"
        yield "    then: {treat: spread}  # DECIDE: the other lines bear it; or {treat: line, account: ...} shows it"
    yield f"  - id: {_LAST}  # DECIDE: take this rule out, and a line that no rule above fits holds its job"
    yield f"    then: {{account: {quoted(accounts[0].code or '')}}}  # {_named(accounts[0])}"
    yield ""


def _of_kind(kind: LineKind, accounts: Sequence[Account], tally: Tally) -> Iterator[str]:
    likely = likely_account(accounts, kind)
    treat = "treat: on_bill, " if kind in _PASSED_ON else ""
    yield f"  - id: {_NAMES[kind]}  # {tally.kinds[kind]}"
    if codes := _codes(kind, tally):
        yield f"    # its codes: {codes}"
    others = ", ".join(_named(account) for account in accounts[:_MOST_LISTED] if account is not likely.account)
    if others and not likely.is_named:
        yield f"    # DECIDE: no account is named after it; beside this one there are {others}"
    yield f"    when: {{kind: {kind.value}}}"
    yield f"    then: {{{treat}account: {quoted(likely.account.code or '')}}}  # {_named(likely.account)}"


def _codes(kind: LineKind, tally: Tally) -> str:
    seen = often((code, one.lines) for (of_kind, code), one in tally.codes.items() if of_kind is kind)
    more = f" and {len(seen) - _MOST_LISTED} more" if len(seen) > _MOST_LISTED else ""
    return ", ".join(f"{one_line(code)} ({count})" for code, count in seen[:_MOST_LISTED]) + more


def _by_code(accounts: Sequence[Account], tally: Tally) -> list[_Special]:
    groups: dict[tuple[LineKind, str], list[tuple[str, SeenCode]]] = {}
    for (kind, code), seen in sorted(tally.codes.items()):
        if kind not in _NAMES or seen.lines < _OFTEN or not _PLAIN.fullmatch(code):
            continue
        texts = (code, *(words for words, _ in often(seen.words.items())[:1]))
        account = named_account(accounts, texts, likely_account(accounts, kind).account)
        if account:
            groups.setdefault((kind, account.code or ""), []).append((code, seen))
    by_code = {account.code or "": account for account in accounts}
    return [_grouped(kind, by_code[code], found) for (kind, code), found in sorted(groups.items())]


def _by_category(accounts: Sequence[Account], tally: Tally) -> list[_Special]:
    """A category holds lines of every kind, so an account that is named after a kind is none of a category's."""
    likely = [likely_account(accounts, kind) for kind in _NAMES]
    of_kinds = {one.account.code for one in likely if one.is_named}
    free = [account for account in accounts if account.code not in of_kinds] or [accounts[0]]
    groups: dict[str, list[tuple[str, Seen]]] = {}
    for category, seen in sorted(tally.categories.items()):
        if seen.lines >= _OFTEN and _PLAIN.fullmatch(category) and (own := named_account(free, [category], accounts[0])):
            groups.setdefault(own.code or "", []).append((category, seen))
    by_code = {account.code or "": account for account in accounts}
    return [_grouped(None, by_code[code], found) for code, found in sorted(groups.items())]


def _grouped(kind: LineKind | None, account: Account, found: Sequence[tuple[str, Seen]]) -> _Special:
    together = Seen(sum(seen.lines for _, seen in found), {job for _, seen in found for job in seen.jobs})
    return _Special(kind, account, tuple(value for value, _ in found), together)


def _named(account: Account) -> str:
    return one_line(f"{account.code} {account.name}")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:40] or "special"


def _free(name: str, taken: set[str]) -> str:
    free = next(n for n in (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))) if n not in taken)
    taken.add(free)
    return free
