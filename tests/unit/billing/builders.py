"""Jobs, charts and books said briefly, so that a test reads like `bill(job(labour(2.5, 95), material(3, "33.33")))`."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from textwrap import dedent
from typing import Any

from milepost.billing.decide import decide
from milepost.billing.decision import Bill, Decision, ExistingContact, Hold, InvoiceLine, Resolution, Skip
from milepost.billing.facts import Billed, Facts, History
from milepost.chart import Account, BrandingTheme, Chart, Item, Organisation, TaxRate, TrackingCategory, TrackingOption
from milepost.jobs import Customer, Job, JobDates, Line, LineKind, LineTax, Stage
from milepost.money import ZERO, LineAmountTypes, line_amount, line_tax, net_of, round4
from milepost.rules.load import parse_book
from milepost.rules.model import RuleBook

Number = Decimal | float | int | str | None
TODAY = date(2026, 7, 10)
KNOWN = ExistingContact(customer_id="c1", contact_id="contact-1", matched_by="link")

ACCOUNTS = (
    ("200", "Sales", "REVENUE", "OUTPUT"),
    ("210", "Materials", "REVENUE", "OUTPUT"),
    ("230", "Subcontract", "REVENUE", "OUTPUT"),
    ("235", "Customer deposits", "LIABILITY", "OUTPUT"),
    ("260", "Zero rated sales", "REVENUE", "ZERO"),
)
RATES = (("OUTPUT", "15"), ("FIVE", "5"), ("TEN", "10"), ("TWENTY", "20"), ("ZERO", "0"))

RULES = """\
- {id: labour, when: {kind: labour}, then: {account: "200"}}
- {id: material, when: {kind: material}, then: {account: "210"}}
- {id: subcontract, when: {kind: subcontract}, then: {treat: on_bill, account: "230"}}
- {id: discount, when: {kind: discount}, then: {treat: spread}}
- {id: rest, then: {account: "200"}}
"""
ONE_STAGE = "- {code: FIN, name: completion, on_status: [Completed]}"
STAGES = """\
- {code: DEP, name: deposit, on_status: [Accepted], amount: {percent: 30}}
- {code: PRG, name: progress, on_status: [Under way], amount: {percent: 40}}
- {code: FIN, name: completion, on_status: [Completed], amount: remaining}
"""
TAXES = "{GST: OUTPUT, Five: FIVE, Ten: TEN, Twenty: TWENTY, Free: ZERO}"


def amount(value: Number) -> Decimal | None:
    """A number as a Decimal; the unknown stays unknown."""
    return None if value is None else Decimal(str(value))


def line(kind: LineKind, quantity: Number = None, price: Number = None, *, tax: str | None = None, **said: Any) -> Line:
    """A line at a price before tax; `rate` is its tax in percent, numbers may be written as people write them."""
    rate = amount(said.pop("rate", None))
    decimals = {
        "unit_price_inc",
        "total_ex",
        "total_inc",
        "unit_cost",
        "discount_rate",
        "discount_amount",
        "already_invoiced",
    }
    numbers = {name: amount(said.pop(name)) for name in sorted(decimals & set(said))}
    fields: dict[str, Any] = {"id": f"{kind}-{price}", "description": kind.value.capitalize(), **said, **numbers}
    return Line(
        kind=kind,
        quantity=amount(quantity),
        unit_price_ex=amount(price),
        tax=LineTax(name=tax, rate=rate) if tax or rate is not None else None,
        **fields,
    )


def labour(hours: Number = None, price: Number = None, **said: Any) -> Line:
    """Hours at a price."""
    return line(LineKind.LABOUR, hours, price, **said)


def material(quantity: Number = None, price: Number = None, **said: Any) -> Line:
    """Goods at a price."""
    return line(LineKind.MATERIAL, quantity, price, **said)


def subcontract(quantity: Number = None, price: Number = None, **said: Any) -> Line:
    """Somebody else's work."""
    return line(LineKind.SUBCONTRACT, quantity, price, **said)


def discount(quantity: Number = None, price: Number = None, **said: Any) -> Line:
    """A discount, as a line of the job."""
    return line(LineKind.DISCOUNT, quantity, price, **said)


def fee(quantity: Number = None, price: Number = None, **said: Any) -> Line:
    """A charge."""
    return line(LineKind.FEE, quantity, price, **said)


def words(text: str, **said: Any) -> Line:
    """A line of words."""
    return line(LineKind.TEXT, description=text, **said)


def customer(**said: Any) -> Customer:
    """Ngaio Cafe."""
    return Customer(**{"id": "c1", "name": "Ngaio Cafe", **said})


def job(*lines: Line, status: str = "Completed", **said: Any) -> Job:
    """Job 1482, completed on 2 July 2026 in Auckland, which is still 1 July in UTC."""
    fields: dict[str, Any] = {
        "platform": "test",
        "id": "j1",
        "number": "1482",
        "stage": Stage.COMPLETED if status == "Completed" else Stage.IN_PROGRESS,
        "title": "Replace tap",
        "customer": customer(),
        "dates": JobDates(completed=datetime(2026, 7, 1, 13, 0, tzinfo=UTC) if status == "Completed" else None),
        "account_tz": "Pacific/Auckland",
        **said,
    }
    return Job(raw_status=status, lines=lines, **fields)


def account(code: str, name: str, klass: str = "REVENUE", tax: str | None = "OUTPUT", **said: Any) -> Account:
    """An account of the chart."""
    return Account(
        **{"code": code, "account_id": f"a-{code}", "name": name, "type": klass, "klass": klass, "tax_type": tax, **said}
    )


def chart(*more: Account, rates: Sequence[tuple[str, str]] = RATES, **said: Any) -> Chart:
    """A small New Zealand organisation; `said` are fields of the organisation, or of the chart where it has them."""
    of_chart: dict[str, Any] = {
        name: said.pop(name) for name in ("currencies", "tracking", "items", "branding") if name in said
    }
    region = TrackingCategory(
        category_id="t1",
        name="Region",
        options=(
            TrackingOption(option_id="o1", name="North"),
            TrackingOption(option_id="o2", name="South", status="ARCHIVED"),
        ),
    )
    fields: dict[str, Any] = {"tracking": (region,), "items": (Item(code="LAB", item_id="i1"),), **of_chart}
    return Chart(
        organisation=Organisation(**{"organisation_id": "org", "name": "Acme", "base_currency": "NZD", **said}),
        accounts=(*(account(*row) for row in ACCOUNTS), *more),
        tax_rates=tuple(TaxRate(tax_type=t, name=f"{r}% tax", effective_rate=Decimal(r)) for t, r in rates),
        branding=fields.pop("branding", (BrandingTheme(theme_id="b1", name="Standard"),)),
        **fields,
    )


def book(milestones: str = ONE_STAGE, rules: str = RULES, invoice: str = "{terms: {days: 14}}", more: str = "") -> RuleBook:
    """A book from the items of `milestones` and `lines`, the value of `invoice`, and what else there is to say."""
    head = f"version: 1\neffective_from: 2026-01-01\norganisation: Acme\ninvoice: {invoice}\ntaxes: {TAXES}\n"
    return parse_book(f"{head}lines:\n{dedent(rules)}\nmilestones:\n{dedent(milestones)}\n{more}", "book.yaml", "acme")


def facts(**said: Any) -> Facts:
    """What is known on 10 July 2026."""
    contact: Resolution | None = said.pop("contact", KNOWN)
    return Facts(
        **{"connection": "acme", "chart": chart(), "contact": contact, "today": TODAY, "console_url": "http://c", **said}
    )


def decided(job: Job, book: RuleBook, *, stage: str = "FIN", history: History | None = None, **said: Any) -> Decision:
    """The decision for one stage."""
    milestone = book.milestone(stage)
    assert milestone is not None
    return decide(job, milestone, facts(**said), book, history or History())


def billed(job: Job, book: RuleBook | None = None, **said: Any) -> Bill:
    """The decision, which must be to bill."""
    decision = decided(job, book or BOOK, **said)
    assert isinstance(decision, Bill), f"{decision.action}: {decision.why}"
    return decision


def held(job: Job, book: RuleBook | None = None, **said: Any) -> Hold:
    """The decision, which must be to hold."""
    decision = decided(job, book or BOOK, **said)
    assert isinstance(decision, Hold), decision
    return decision


def skipped(job: Job, book: RuleBook, **said: Any) -> Skip:
    """The decision, which must be to skip."""
    decision = decided(job, book, **said)
    assert isinstance(decision, Skip), decision
    return decision


def after(*bills: Decision) -> History:
    """The history that these decisions leave, in their order; holds and skips leave nothing."""
    made = [(b.key, b.draft, b.fingerprint) for b in bills if isinstance(b, Bill)]
    return History(
        billed=tuple(
            Billed(
                milestone=key.milestone,
                sequence=key.sequence,
                number=draft.number or f"INV-{place}",
                fingerprint=fingerprint,
                **{
                    n: getattr(draft, n)
                    for n in ("line_amount_types", "currency", "lines", "sub_total", "total_tax", "total")
                },
            )
            for place, (key, draft, fingerprint) in enumerate(made, 1)
        )
    )


def totals(bill: Bill) -> tuple[str, str, str]:
    """Net, tax and total, as text."""
    return str(bill.draft.sub_total), str(bill.draft.total_tax), str(bill.draft.total)


def amounts(bill: Bill) -> list[str]:
    """The amount of each line, as text."""
    return [str(line.amount) for line in bill.draft.lines]


def assert_xero_agrees(bill: Bill, known: Chart) -> None:
    """Xero, given only what is sent, would come to the draft's very totals, and take every line."""
    draft = bill.draft
    sums = [_by_xero(line, draft.line_amount_types, known) for line in draft.lines]
    whole, tax = sum((a for a, _ in sums), ZERO), sum((t for _, t in sums), ZERO)
    net = net_of(whole, tax, draft.line_amount_types)
    assert (draft.sub_total, draft.total_tax, draft.total) == (net, tax, net + tax)
    assert draft.total >= 0
    assert draft.due_date >= draft.date


def _by_xero(line: InvoiceLine, types: LineAmountTypes, known: Chart) -> tuple[Decimal, Decimal]:
    assert line.quantity >= 0
    assert 0 < len(line.description) <= 4000
    assert (round4(line.quantity), round4(line.unit_amount)) == (line.quantity, line.unit_amount), "4 places at most"
    rate = known.tax_rate(line.tax_type) if line.tax_type else None
    amount = line_amount(line.quantity, line.unit_amount, line.discount_rate, line.discount_amount)
    tax = line_tax(amount, rate.effective_rate, types) if rate else ZERO
    assert (line.amount, line.tax) == (amount, tax), line
    return amount, tax


BOOK = book()
