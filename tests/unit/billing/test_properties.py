"""What holds for every job: stages add up to the cent, Xero agrees with our totals, and deciding never fails."""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from milepost.billing.decide import decide
from milepost.billing.decision import Bill, ContactDraft, Decision, Hold, NewContact, Skip, Undecided
from milepost.billing.facts import History
from milepost.chart import Chart
from milepost.jobs import Claims, Job, JobDates, Line, LineKind, LineTax, Quote, Stage, TaxMode, Totals
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import (
    KNOWN,
    RULES,
    TODAY,
    after,
    assert_xero_agrees,
    book,
    chart,
    customer,
    decided,
    facts,
    job,
)

CHART = chart()
TAXED = [("Free", "0"), ("Five", "5"), ("Ten", "10"), ("GST", "15"), ("Twenty", "20")]
PLACES = st.integers(0, 3_000_000).map(lambda n: D(n) / 10_000)
KINDS = [LineKind.LABOUR, LineKind.MATERIAL, LineKind.SUBCONTRACT, LineKind.FEE]
SHOWN = RULES.replace("{treat: spread}", '{treat: line, account: "200"}')
LENIENT = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)

D = Decimal


@st.composite
def priced_lines(draw: st.DrawFn, *, inclusive: bool) -> list[Line]:
    lines = []
    for place in range(draw(st.integers(1, 6))):
        name, rate = draw(st.sampled_from(TAXED))
        price = draw(PLACES)
        lines.append(
            Line(
                id=str(place),
                kind=draw(st.sampled_from(KINDS)),
                description="Work",
                quantity=draw(PLACES),
                unit_price_ex=None if inclusive else price,
                unit_price_inc=price if inclusive else None,
                discount_rate=draw(st.sampled_from([None, D(5), D("12.5")])),
                tax=LineTax(name=name, rate=D(rate)),
            )
        )
    if draw(st.booleans()):
        off = -D(draw(st.integers(1, 20_000))) / 100
        tax = LineTax(name="GST", rate=D(15))
        said: dict[str, Any] = {"total_inc": off} if inclusive else {"total_ex": off}
        lines.append(Line(id="off", kind=LineKind.DISCOUNT, description="Discount", tax=tax, **said))
    return lines


@st.composite
def staged_books(draw: st.DrawFn, *, inclusive: bool) -> RuleBook:
    shares = st.integers(1, 100).map(lambda n: f"percent: {n}") | st.integers(1, 900_000).map(
        lambda n: f"flat: '{D(n) / 100}'"
    )
    own = draw(st.sampled_from(["", ", account: '235'"]))
    stages = f"""
    - {{code: DEP, name: deposit, on_status: [a], amount: {{{draw(shares)}}}{own}}}
    - {{code: PRG, name: progress, on_status: [b], amount: {{{draw(shares)}}}}}
    - {{code: FIN, name: completion, on_status: [Completed], amount: remaining}}
    """
    terms = "inclusive" if inclusive else "exclusive"
    return book(stages, draw(st.sampled_from([RULES, SHOWN])), f"{{line_amounts: {terms}}}")


def by_tax_type(*bills: Bill) -> dict[str | None, tuple[D, D]]:
    sums: dict[str | None, tuple[D, D]] = defaultdict(lambda: (D(0), D(0)))
    for line in (line for bill in bills for line in bill.draft.lines):
        amount, tax = sums[line.tax_type]
        sums[line.tax_type] = (amount + line.amount, tax + line.tax)
    return {tax_type: sums[tax_type] for tax_type in sums if any(sums[tax_type])}


@LENIENT
@given(st.booleans(), st.data())
def test_stages_add_up_to_the_job_billed_at_once_in_net_tax_and_each_tax_type(inclusive: bool, data: st.DataObject) -> None:
    stages = data.draw(staged_books(inclusive=inclusive))
    lines = data.draw(priced_lines(inclusive=inclusive))
    at_once = decided(job(*lines), stages)
    event(f"at once: {at_once.action}")
    assume(isinstance(at_once, Bill))
    assert isinstance(at_once, Bill)
    history, bills = History(), list[Bill]()
    for stage in data.draw(st.sampled_from([["DEP", "PRG", "FIN"], ["DEP", "FIN"], ["PRG", "FIN"]])):
        decision = decided(job(*lines), stages, stage=stage, history=history)
        assert not isinstance(decision, Hold), decision.why
        if isinstance(decision, Bill):
            assert_xero_agrees(decision, CHART)
            bills.append(decision)
            history = after(*bills)
    for part in ("sub_total", "total_tax", "total"):
        assert sum(getattr(bill.draft, part) for bill in bills) == getattr(at_once.draft, part)
    assert by_tax_type(*bills) == by_tax_type(at_once)
    kept = sum(line.amount for bill in bills for line in bill.draft.lines if line.account == "235")
    assert kept == 0, "a deposit account is empty once the job is done"


NUMBERS = (
    st.none()
    | st.decimals(-1000, 1000, places=4)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from([D(0), D("-0"), D("0.005"), D("1E+30"), D("1E-30"), D("9999999999.99"), D(-100), D(100)])
)
TEXTS = st.sampled_from(["", " ", "Labour", "GST", "Free", "no such", "x" * 5000, "\n", "LAB", "\x1c"])
MAYBE_TEXT = st.none() | TEXTS
DATES = st.none() | st.datetimes(timezones=st.just(UTC)) | st.just(datetime(2026, 7, 1, tzinfo=UTC))


def any_line(numbers: st.SearchStrategy[Any], texts: st.SearchStrategy[str]) -> st.SearchStrategy[Line]:
    maybe = st.none() | texts
    return st.builds(
        Line,
        id=st.sampled_from(["1", "2", ""]),
        kind=st.sampled_from(LineKind),
        description=TEXTS,
        code=maybe,
        quantity=numbers,
        unit_price_ex=numbers,
        unit_price_inc=numbers,
        discount_rate=numbers,
        discount_amount=numbers,
        total_ex=numbers,
        total_inc=numbers,
        unit_cost=numbers,
        tax=st.none() | st.builds(LineTax, name=maybe, rate=numbers, amount=numbers),
        billable=st.booleans(),
        already_invoiced=st.none() | numbers,
    )


def likely_line() -> st.SearchStrategy[Line]:
    """Lines that agree with themselves, so that most of their jobs come to be billed."""
    price = st.decimals(0, 500, places=4) | st.sampled_from([D(0), D("33.333")])
    priced = st.sampled_from(["unit_price_ex", "unit_price_inc", "total_ex", "total_inc"]).flatmap(
        lambda field: st.fixed_dictionaries({field: price})
    )
    return st.builds(
        lambda said, **more: Line(**said, **more),
        priced,
        id=st.sampled_from(["1", "2"]),
        kind=st.sampled_from(LineKind),
        description=TEXTS,
        quantity=st.sampled_from([None, D(1), D("2.5"), D("0.3333"), D("1.23456"), D(-1)]),
        discount_rate=st.none() | st.just(D(10)),
        tax=st.none() | st.sampled_from(TAXED).map(lambda t: LineTax(name=t[0], rate=D(t[1]))),
    )


ANY_LINE = any_line(NUMBERS, TEXTS)
TOTALS = st.builds(Totals, ex=NUMBERS, tax=NUMBERS, inc=NUMBERS)
ANY_JOB = st.builds(
    Job,
    platform=st.just("test"),
    id=st.sampled_from(["j1", ""]),
    number=TEXTS,
    raw_status=st.just("Completed"),
    stage=st.sampled_from(Stage),
    title=TEXTS,
    reference=MAYBE_TEXT,
    customer=st.none() | st.just(customer()) | st.just(customer(currency="AUD", name="")),
    dates=st.builds(JobDates, completed=DATES),
    account_tz=st.sampled_from(["UTC", "Pacific/Auckland", "America/New_York"]),
    currency=st.sampled_from([None, "NZD", "nzd", "AUD", ""]),
    tax_mode=st.sampled_from(TaxMode),
    lines=st.lists(ANY_LINE, max_size=4).map(tuple),
    quote=st.none() | st.builds(Quote, totals=TOTALS),
    reported_totals=TOTALS,
    claims=st.none() | st.builds(Claims, invoiced_to_date=NUMBERS),
    export_processed=st.sampled_from([None, False, True]),
)
LIKELY_JOB = st.builds(
    lambda more, **said: job(*more, **said),
    more=st.lists(likely_line(), max_size=4) | st.lists(ANY_LINE, max_size=2),
    stage=st.sampled_from(Stage),
    title=TEXTS,
    reference=MAYBE_TEXT,
    tax_mode=st.sampled_from(TaxMode),
    reported_totals=st.builds(Totals, ex=st.none() | st.just(D(640)), inc=st.none() | st.just(D(736))),
)
CONTACTS = st.sampled_from(
    [
        None,
        KNOWN,
        NewContact(customer_id="c1", draft=ContactDraft(number="c1", name="Ngaio Cafe")),
        Undecided(customer_id="c1", why="Two.", fix="Choose."),
    ]
)
CHARTS = st.sampled_from(
    [
        CHART,
        CHART.model_copy(update={"currencies": ("NZD", "AUD")}),
        CHART.model_copy(update={"items": ()}),
        chart(rates=()),
        chart(rates=[("OUTPUT", "-100"), ("ZERO", "1E+30")]),
        chart(currencies=("AUD",), period_lock_date=date(2026, 7, 2)),
        Chart(organisation=CHART.organisation),
    ]
)
AMOUNTS = ["remaining", "{percent: 30}", "{percent: 100}", "{flat: '500.00'}", "{flat: '1E+30'}"]
BOOKS = st.sampled_from(
    [
        book(f"- {{code: FIN, name: f, on_status: [Completed], amount: {amount}{own}}}", rules, invoice, fallback)
        for amount in AMOUNTS
        for own in ("", ", account: '235', tax: FIVE")
        for rules in (RULES, SHOWN, '- {id: all, then: {treat: on_bill, account: "200", item: "{{ line.code }}"}}')
        for invoice in (
            "{line_amounts: inclusive, number: '{{ job.reference }}'}",
            "{line_amounts: no_tax, terms: {day_of_following_month: 31}, tracking: {Region: '{{ job.title }}'}}",
            "{status: AUTHORISED, date: completion, terms: {days: 365}, reference: '{{ job.site.name }}'}",
        )
        for fallback in ("", "fallback: {account: '200'}")
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_JOB | LIKELY_JOB | LIKELY_JOB, BOOKS, CHARTS, st.just(KNOWN) | CONTACTS, st.booleans())
def test_deciding_never_fails_and_always_explains_itself(
    any_job: Job, any_book: RuleBook, known: Chart, contact: Any, billed_before: bool
) -> None:
    earlier = decided(job(Line(id="1", kind=LineKind.FEE, description="Earlier", total_ex=D(40))), STAGED, stage="DEP")
    history = after(earlier) if billed_before else History()
    said = facts(chart=known, contact=contact)
    decision: Decision = decide(any_job, any_book.milestones[0], said, any_book, history)
    event(decision.action if not isinstance(decision, Hold) else decision.code)
    if isinstance(decision, Bill):
        assert_xero_agrees(decision, known)
        assert decision.sums
    else:
        assert isinstance(decision, Hold | Skip)
        assert decision.why
        assert not isinstance(decision, Hold) or decision.fix
    assert decision == decide(any_job, any_book.milestones[0], said, any_book, history)


PLAIN_BOOKS = st.sampled_from(
    [
        book(f"- {{code: FIN, name: f, on_status: [Completed], amount: {amount}{own}}}", rules, f"{{line_amounts: {terms}}}")
        for amount in AMOUNTS
        for own in ("", ", account: '235'")
        for rules in (RULES, SHOWN)
        for terms in ("exclusive", "inclusive", "no_tax")
    ]
)


@settings(LENIENT, max_examples=300)
@given(st.lists(likely_line(), min_size=1, max_size=5), PLAIN_BOOKS)
def test_every_invoice_comes_to_what_xero_makes_of_its_lines(lines: list[Line], plain: RuleBook) -> None:
    decision = decided(job(*lines, reported_totals=Totals(inc=D(1))), plain)
    event(decision.action if not isinstance(decision, Hold) else decision.code)
    if isinstance(decision, Bill):
        assert_xero_agrees(decision, CHART)


STAGED = book("- {code: DEP, name: deposit, on_status: [a], amount: {percent: 50}}")


@LENIENT
@given(priced_lines(inclusive=False), st.permutations(["labour", "material", "subcontract", "discount", "fee"]))
def test_the_order_of_rules_that_do_not_meet_is_without_effect(lines: list[Line], order: list[str]) -> None:
    then = dict.fromkeys(order, "{account: '200'}") | {"discount": "{treat: spread}", "material": "{account: '210'}"}
    rules = [f"- {{id: {kind}, when: {{kind: {kind}}}, then: {then[kind]}}}" for kind in order]
    shuffled, plain = (
        decide(job(*lines), b.milestones[0], facts(), b, History())
        for b in (book(rules="\n".join(rules)), book(rules="\n".join(sorted(rules))))
    )
    assert type(shuffled) is type(plain)
    if isinstance(shuffled, Bill) and isinstance(plain, Bill):
        bare = [[line.model_copy(update={"why": None}) for line in b.draft.lines] for b in (shuffled, plain)]
        assert bare[0] == bare[1]
        assert shuffled.draft.total == plain.draft.total
    assert facts().today == TODAY
