"""Random invoices, decided by us from random jobs and read by the local Xero, which shares no code with us."""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from milepost.billing.decide import decide
from milepost.billing.decision import Bill, Draft
from milepost.billing.facts import History
from milepost.jobs import Line, LineKind, LineTax
from milepost.rules.model import RuleBook
from milepost.xero import wire
from milepost.xero.invoices import invoice_payload
from sandbox.xero.lines import LineReader
from sandbox.xero.money import Totals, totals
from sandbox.xero.organisations import uk
from sandbox.xero.tenant import Organisation
from tests.unit.billing.builders import account, book, chart, facts, job

TERMS = {"exclusive": "Exclusive", "inclusive": "Inclusive", "no_tax": "NoTax"}
CONTACT = "c0000000-0000-4000-8000-000000000001"

_D = Decimal
_RATES = (("OUTPUT2", "20"), ("RROUTPUT", "5"), ("ZERORATEDOUTPUT", "0"))
_TAXED = (("Standard", "20"), ("Reduced", "5"), ("Zero", "0"))
_KINDS = (LineKind.LABOUR, LineKind.MATERIAL, LineKind.SUBCONTRACT, LineKind.EXPENSE, LineKind.FEE)
_PRICED = ("unit_price_ex", "unit_price_ex", "unit_price_inc", "total_ex", "total_inc")
_KNOWN = facts(chart=chart(account("203", "Service", tax="OUTPUT2"), rates=_RATES, base_currency="GBP"))


def book_in(terms: str, more: str = "") -> RuleBook:
    """Discounts are spread by one rule in two, shown by the other."""
    text = """\
- {id: spread, when: {kind: discount, code: S}, then: {treat: spread}}
- {id: rest, then: {account: "203"}}
"""
    made = book(rules=text, invoice=f"{{line_amounts: {terms}{more}}}")
    taxes = {"Standard": "OUTPUT2", "Reduced": "RROUTPUT", "Zero": "ZERORATEDOUTPUT"}
    return made.model_copy(update={"taxes": taxes})


def drafts(count: int, terms: str, seed: int, more: str = "") -> Iterator[Draft]:
    """So many invoices with the prices, discounts and taxes that job systems send; those that would be held are left out."""
    chance, rules = random.Random(seed), book_in(terms, more)
    while count:
        decision = decide(job(*_lines(chance)), rules.milestones[0], _KNOWN, rules, History())
        if isinstance(decision, Bill):
            count -= 1
            yield decision.draft


def _lines(chance: random.Random) -> list[Line]:
    lines = [_line(chance, place) for place in range(chance.randint(1, 5))]
    if chance.random() < 0.3:
        off = {chance.choice(("total_ex", "total_inc")): -_D(chance.randint(1, 2_000)) / 100}
        tax = LineTax(name="Standard", rate=_D(20))
        code = chance.choice("SL")
        lines.append(Line(id="off", kind=LineKind.DISCOUNT, description="Discount", code=code, tax=tax, **off))
    return lines


def _line(chance: random.Random, place: int) -> Line:
    name, rate = chance.choice(_TAXED)
    said: dict[str, Any] = {chance.choice(_PRICED): _D(chance.randint(1, 5_000_000)) / 10_000}
    discount = chance.random()
    if discount < 0.2:
        said["discount_rate"] = _D(chance.choice(("2.5", "5", "10", "12.5", "33.3333", "100")))
    elif discount < 0.4:
        said["discount_amount"] = _D(chance.randint(1, 500)) / 100
    return Line(
        id=str(place),
        kind=chance.choice(_KINDS),
        description="Work",
        quantity=_D(chance.randint(-5_000, 400_000)) / 10_000 if chance.random() < 0.9 else None,
        tax=LineTax(name=name, rate=_D(rate)),
        **said,
    )


def organisation() -> Organisation:
    """The local Xero's own British organisation."""
    return uk()


def by_sandbox(draft: Draft, org: Organisation) -> tuple[Totals, list[str]]:
    """What the local Xero makes of the very text that is sent, and what it says against it."""
    sent = wire.loads(wire.dumps(invoice_payload(draft, CONTACT)))
    reader = LineReader(org, sent["LineAmountTypes"], places=4, approving=True)
    lines = reader.read(sent["LineItems"])
    return totals([(line.line_amount, line.tax_amount) for line in lines], sent["LineAmountTypes"]), reader.errors
