"""What holds for every way through the stages: together they bill the job to the cent, whatever is held back or was paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from milepost.billing.decision import Bill, Hold, InvoiceLine
from milepost.billing.earlier import DEPOSIT, kept_lines
from milepost.jobs import Line, Payment
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import RULES, after, assert_xero_agrees, book, chart, decided, job
from tests.unit.billing.test_properties import LENIENT, SHOWN, by_tax_type, priced_lines

D = Decimal
CHART = chart()
FEW = settings(LENIENT, max_examples=50)
PERCENTS = st.integers(1, 100).map(lambda n: f"{{percent: {n}}}")
FLATS = st.integers(1, 300_000).map(lambda n: f"{{flat: '{D(n) / 100}'}}")
BOUNDED = st.tuples(st.integers(1, 100), st.integers(1, 900)).map(
    lambda n: f"{{percent: {n[0]}, at_least: {n[1]}, at_most: {n[1] * 2}}}"
)
MERGED = st.sampled_from(["", "", ", merge: {by: total}", ", merge: {by: kind}", ", merge: {by: account}"])
KEPT = st.sampled_from(["", ", retention: {percent: 5}", ", retention: {percent: 12.5, account: '235'}"])


@dataclass(frozen=True)
class Way:
    """A book, a way of writing its rules, the job's lines and payments, and the progress that is claimed on the way."""

    stages: str
    invoice: str
    rules: str
    deduct: bool
    lines: Sequence[Line]
    payments: Sequence[Payment]
    claims: Sequence[str]
    releases: bool

    def book(self, rules: str | None = None) -> RuleBook:
        deposits = 'payments: {deposits: deduct, deposit_account: "235"}\n' if self.deduct else ""
        return book(self.stages, rules or self.rules, self.invoice, deposits)

    def bills(self, rules: RuleBook) -> list[Bill] | None:
        """The bills of all stages in turn; None when a deposit is more than the last of them."""
        bills: list[Bill] = []
        steps = [
            ("DEP", ""),
            *(("PRG", claim) for claim in self.claims),
            ("FIN", ""),
            *([("RET", "")] if self.releases else []),
        ]
        for stage, claim in steps:
            one = job(*self.lines, payments=tuple(self.payments), custom_fields={"Done": claim})
            decision = decided(one, rules, stage=stage, history=after(*bills))
            if isinstance(decision, Hold) and decision.code in ("deposit_too_large", "deposit_unclear"):
                return None
            assert not isinstance(decision, Hold), decision.why
            if isinstance(decision, Bill):
                bills.append(decision)
        return bills


@st.composite
def ways(draw: st.DrawFn) -> Way:
    terms = draw(st.sampled_from(["exclusive", "inclusive", "no_tax"]))
    own = draw(st.sampled_from(["", ", account: '235'"]))
    releases = draw(st.booleans())
    stages = f"""
    - {{code: DEP, name: deposit, on_status: [a], amount: {draw(PERCENTS | FLATS | BOUNDED)}{own}{draw(KEPT)}}}
    - {{code: PRG, name: claim, on_status: [b], amount: {{progress: Done}}{draw(KEPT)}}}
    - {{code: FIN, name: completion, on_status: [Completed], amount: remaining{draw(KEPT) if releases else ""}}}
    """
    if releases:
        stages += "- {code: RET, name: release, on_status: [c], amount: retention}\n    "
    cents = draw(st.lists(st.integers(1, 9_000), max_size=2))
    return Way(
        stages=stages,
        invoice=f"{{line_amounts: {terms}{draw(MERGED)}}}",
        rules=draw(st.sampled_from([RULES, SHOWN])),
        deduct=draw(st.booleans()),
        lines=draw(priced_lines(inclusive=terms != "exclusive")),
        payments=[Payment(id=f"p{n}", amount=D(c) / 100, is_deposit=True) for n, c in enumerate(cents)],
        claims=draw(st.lists(st.integers(0, 100).map(str), max_size=3)),
        releases=releases,
    )


def without_deposits(bills: Sequence[Bill]) -> list[Bill]:
    return [b.model_copy(update={"draft": b.draft.model_copy(update={"lines": _of_the_job(b)})}) for b in bills]


def _of_the_job(bill: Bill) -> tuple[InvoiceLine, ...]:
    return tuple(line for line in bill.draft.lines if not line.why.rule.startswith(DEPOSIT))


@FEW
@given(ways())
def test_all_stages_together_bill_the_job_in_net_and_each_tax_less_what_was_paid(way: Way) -> None:
    rules = way.book()
    plain = book(rules=way.rules, invoice=way.invoice)
    at_once = decided(job(*way.lines), plain)
    assume(isinstance(at_once, Bill))
    assert isinstance(at_once, Bill)
    bills = way.bills(rules)
    event("deposit too large" if bills is None else f"{len(bills)} invoices")
    if bills is None:
        return
    paid = sum((p.amount for p in way.payments), D(0)) if way.deduct else D(0)
    assert by_tax_type(*without_deposits(bills)) == by_tax_type(at_once)
    assert sum(bill.draft.total for bill in bills) == at_once.draft.total - paid
    assert kept_lines(after(*bills)) == []
    for bill in bills:
        assert_xero_agrees(bill, CHART)
        assert all(line.why.rule and line.why.where for line in bill.draft.lines)


@FEW
@given(ways(), st.permutations(RULES.splitlines()[:3]))
def test_no_stage_depends_on_the_order_of_rules_that_do_not_meet(way: Way, first: list[str]) -> None:
    assume(isinstance(decided(job(*way.lines), book(invoice=way.invoice)), Bill))
    shuffled = "\n".join([*first, *RULES.splitlines()[3:]]) + "\n"
    one, other = way.bills(way.book(RULES)), way.bills(way.book(shuffled))
    assert (one is None) == (other is None)
    for mine, theirs in zip(one or [], other or [], strict=True):
        bare = [[line.model_copy(update={"why": None}) for line in bill.draft.lines] for bill in (mine, theirs)]
        assert bare[0] == bare[1]
        assert (mine.sums, mine.draft.total) == (theirs.sums, theirs.draft.total)
