"""Expected against got: what differs, in words and figures that a person can put side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from milepost.billing.decision import Bill, Credit, Decision, DepositTaken, Hold, InvoiceLine, Skip
from milepost.money import ZERO
from milepost.rules.trials.expected import (
    DepositExpected,
    Expected,
    LineExpected,
    MoneyExpected,
    Refusal,
    Sums,
)

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came otherwise than expected."""

    what: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True)
class Money:
    """What sums are compared with: lines, and the figures of the whole."""

    lines: tuple[InvoiceLine, ...]
    net: Decimal
    tax: Decimal
    total: Decimal


def differences(expected: Expected, got: Decision | None, why_none: str) -> list[Difference]:
    """What differs between expectation and decision. None is no decision: nothing was due, and `why_none` says why."""
    if expected.outcome != outcome_of(got):
        return [Difference("outcome", _wanted(expected), said(got, why_none))]
    if isinstance(got, Bill):
        return list(_of_bill(expected, got))
    if isinstance(got, Credit) and expected.credit:
        invoices = _compared("invoices", expected.credit.invoices, got.invoices)
        return [*_of_money(expected.credit, money_of(got)), *invoices]
    refusal = expected.hold if isinstance(got, Hold) else expected.skip
    return list(_of_refusal(refusal, got)) if refusal and isinstance(got, Hold | Skip) else []


def sums_differ(expected: Sums, all_money: Iterable[Money]) -> list[Difference]:
    """What differs in the sum of several invoices."""
    several = list(all_money)
    whole = Money(
        tuple(line for money in several for line in money.lines),
        sum((money.net for money in several), ZERO),
        sum((money.tax for money in several), ZERO),
        sum((money.total for money in several), ZERO),
    )
    return [Difference(f"together > {one.what}", one.expected, one.got) for one in _of_sums(expected, whole)]


def money_of(decision: Bill | Credit) -> Money:
    """Lines and figures of an invoice or a credit note."""
    source = decision.draft if isinstance(decision, Bill) else decision
    return Money(source.lines, source.sub_total, source.total_tax, source.total)


def outcome_of(decision: Decision | None) -> str:
    """bill, credit, hold, skip or not_due, as `Expected.outcome` has it."""
    return decision.action if decision else "not_due"


def said(decision: Decision | None, why_none: str) -> str:
    """A decision in a few words."""
    if decision is None:
        return f"nothing is due: {why_none}"
    if isinstance(decision, Bill):
        return f"an invoice of {decision.draft.total}"
    if isinstance(decision, Credit):
        return f"a credit note of {decision.total}"
    word = "held" if isinstance(decision, Hold) else "skipped"
    return f"{word}, {decision.code}: {decision.why}"


def _wanted(expected: Expected) -> str:
    words = {"bill": "an invoice", "credit": "a credit note", "not_due": "nothing is due"}
    if expected.outcome in words:
        return words[expected.outcome]
    refusal = expected.hold or expected.skip
    word = "held" if expected.hold else "skipped"
    return ", ".join([word, *([refusal.code] if refusal and refusal.code else [])])


def _of_refusal(expected: Refusal, got: Hold | Skip) -> Iterator[Difference]:
    yield from _compared("code", expected.code, got.code)
    yield from _compared("why", expected.why, got.why)
    yield from _compared("fix", expected.fix, got.fix if isinstance(got, Hold) else "")


def _of_bill(expected: Expected, got: Bill) -> Iterator[Difference]:
    draft = got.draft
    yield from _of_money(expected, money_of(got))
    figures: tuple[tuple[str, Any, Any], ...] = (
        ("date", expected.date, draft.date),
        ("due", expected.due, draft.due_date),
        ("status", expected.status, draft.status),
        ("reference", expected.reference, draft.reference),
        ("currency", expected.currency, draft.currency),
        ("email", expected.email, draft.email),
    )
    for what, wanted, came in figures:
        yield from _compared(what, wanted, came)
    yield from _compared("number", expected.number, draft.number, is_given="number" in expected.model_fields_set)
    yield from _of_texts("sums", expected.sums, got.sums)
    yield from _of_texts("warnings", expected.warnings, got.warnings)
    yield from _of_deposits(expected.deposits, got.deposits)


def _of_money(expected: MoneyExpected, got: Money) -> Iterator[Difference]:
    yield from _all_lines(expected.lines, got.lines)
    yield from _some_lines(expected.some_lines or (), got.lines)
    yield from _of_sums(expected, got)


def _of_sums(expected: Sums, got: Money) -> Iterator[Difference]:
    yield from _compared("net", expected.net, got.net)
    yield from _compared("tax", expected.tax, got.tax)
    yield from _compared("total", expected.total, got.total)
    if expected.accounts is not None:
        yield from _of_parts("accounts", expected.accounts, ((line.account, line.amount) for line in got.lines))
    if expected.taxes is not None:
        yield from _of_parts("taxes", expected.taxes, ((line.tax_type, line.tax) for line in got.lines))


def _of_parts(
    what: str, expected: Mapping[str, Decimal], amounts: Iterable[tuple[str | None, Decimal]]
) -> Iterator[Difference]:
    found: dict[str, Decimal] = {}
    for name, amount in amounts:
        if name:
            found[name] = found.get(name, ZERO) + amount
    for name in sorted(expected.keys() | found.keys()):
        wanted, came = expected.get(name, ZERO), found.get(name, ZERO)
        if wanted != came:
            yield Difference(f"{what} > {name}", shown(wanted), shown(came))


def _all_lines(expected: Sequence[LineExpected] | None, got: Sequence[InvoiceLine]) -> Iterator[Difference]:
    if expected is None:
        return
    for place in range(max(len(expected), len(got))):
        name = f"line {place + 1}"
        if place >= len(got):
            yield Difference(name, _line_wanted(expected[place]), "no such line")
        elif place >= len(expected):
            yield Difference(name, "no such line", _line_got(got[place]))
        else:
            yield from _of_line(name, expected[place], got[place])


def _some_lines(expected: Sequence[LineExpected], got: Sequence[InvoiceLine]) -> Iterator[Difference]:
    """Each expected line is one of those that came, no two of them the same one; else the nearest shows what differs."""
    found = _paired([[place for place, line in enumerate(got) if not [*_of_line("", one, line)]] for one in expected])
    left = [line for place, line in enumerate(got) if place not in found.values()]
    for place, wanted in enumerate(expected):
        if place in found:
            continue
        name = f"some line {place + 1}"
        if not left:
            yield Difference(name, _line_wanted(wanted), "no such line")
            continue
        nearest = min(left, key=lambda line: len(list(_of_line(name, wanted, line))))
        yield from _of_line(name, wanted, nearest)


def _paired(fitting: Sequence[Sequence[int]]) -> dict[int, int]:
    """To as many as can be, one of what fits it, each given once: a general line leaves the special one's to it."""
    giver: dict[int, int] = {}

    def find(one: int, tried: set[int]) -> bool:
        for other in fitting[one]:
            if other not in tried:
                tried.add(other)
                if other not in giver or find(giver[other], tried):
                    giver[other] = one
                    return True
        return False

    for one in range(len(fitting)):
        find(one, set())
    return {one: other for other, one in giver.items()}


def _of_line(name: str, expected: LineExpected, got: InvoiceLine) -> Iterator[Difference]:
    tracking = {choice.category: choice.option for choice in got.tracking}
    came: dict[str, Any] = {
        "rule": got.why.rule,
        "account": got.account,
        "tax": got.tax_type,
        "amount": got.amount,
        "tax_amount": got.tax,
        "description": got.description,
        "quantity": got.quantity,
        "price": got.unit_amount,
        "discount": got.discount_rate,
        "item": got.item,
        "tracking": tracking,
    }
    for key, value in expected:
        if key in expected.model_fields_set:
            yield from _compared(f"{name} > {key}", value, came[key], is_given=True)


def _of_texts(what: str, expected: Sequence[str] | None, got: Sequence[str]) -> Iterator[Difference]:
    """Each of the texts is among those that came; an empty list expects that none came."""
    if expected == () and got:
        yield Difference(what, NOTHING, " ".join(got))
    for wanted in expected or ():
        if not any(_fits(wanted, text) for text in got):
            yield Difference(what, wanted, " ".join(got) or NOTHING)


def _of_deposits(expected: Sequence[DepositExpected] | None, got: Sequence[DepositTaken]) -> Iterator[Difference]:
    if expected is None:
        return
    if len(expected) != len(got):
        yield Difference("deposits", str(len(expected)), str(len(got)))
        return
    for place, (wanted, came) in enumerate(zip(expected, got, strict=True), 1):
        for key, value in wanted:
            yield from _compared(f"deposit {place} > {key}", value, getattr(came, key))


def _compared(what: str, expected: Any, got: Any, *, is_given: bool = False) -> Iterator[Difference]:
    """Nothing expected is nothing compared, unless it `is_given`: `item: null` is that there is none."""
    if (expected is None and not is_given) or _same(expected, got):
        return
    yield Difference(what, shown(expected), shown(got))


def _same(expected: Any, got: Any) -> bool:
    if isinstance(expected, str) and isinstance(got, str):
        return _fits(expected, got)
    return bool(expected == got) or (expected is None and got == {})


def _fits(wanted: str, text: str) -> bool:
    """The very text, or one in which * stands for anything; nothing else of a glob is special."""
    return wanted == text or ("*" in wanted and fnmatchcase(text, wanted.replace("[", "[[]").replace("?", "[?]")))


def _line_wanted(line: LineExpected) -> str:
    return ", ".join(f"{key} {shown(value)}" for key, value in line if key in line.model_fields_set)


def _line_got(line: InvoiceLine) -> str:
    account = f" to {line.account}" if line.account else ""
    return f"'{line.description}' {line.amount}{account}, by rule {line.why.rule}"


def shown(value: Any) -> str:
    """A value as a person reads it."""
    if value is None or value in ("", {}, ()):
        return NOTHING
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
