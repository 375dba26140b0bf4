"""docs/rule-book.md says what is so: its books load, its templates give what it says, its worked numbers come out."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from milepost.billing.decide import decide
from milepost.billing.decision import Bill, BillingKey, ExistingContact
from milepost.billing.facts import Billed, Facts, History
from milepost.chart import Account, Chart, Organisation, TaxRate
from milepost.jobs import Job, Line, LineKind, LineTax
from milepost.rules.load import parse_book
from milepost.rules.model import Milestone, RuleBook
from milepost.rules.templates import render
from tests.unit.rules.books import job, line

PAGE = (Path(__file__).parents[3] / "docs" / "rule-book.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
BASE = yaml.safe_load(BLOCKS[0])


def _book(fragment: str) -> RuleBook:
    """The page's first book, with these sections in place of its own."""
    sections = BASE | yaml.load(fragment, Loader=yaml.BaseLoader)
    text = yaml.safe_dump({key: str(value) if key == "effective_from" else value for key, value in sections.items()})
    return parse_book(text, "docs", "acme")


def test_the_first_book_of_the_page_loads_as_it_stands() -> None:
    assert parse_book(BLOCKS[0], "docs", "acme").organisation == "Acme Plumbing"


@pytest.mark.parametrize("fragment", BLOCKS, ids=lambda text: text.split(":")[0])
def test_every_section_of_the_page_loads(fragment: str) -> None:
    assert _book(fragment).milestones


def test_every_section_of_a_book_is_on_the_page() -> None:
    for name in RuleBook.model_fields:
        assert f"`{name}`" in PAGE or f"\n{name}:" in PAGE
    for step in ("when", "then"):
        section = RuleBook.model_fields["lines"].annotation.__args__[0].model_fields[step].annotation  # type: ignore[union-attr]
        assert [key for key in section.model_fields if f"`{key}`" not in PAGE] == []
    assert [key for key in Milestone.model_fields if f"`{key}`" not in PAGE] == []


def _templates() -> list[tuple[str, str]]:
    table = PAGE.split("| template | gives |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|$", table, re.MULTILINE)
    return [(template.replace(r"\|", "|"), gives) for template, gives in rows]


EXAMPLE = job(
    line(description="Fit tap", quantity=Decimal("2.50"), unit_price_ex=Decimal("1234.5"), code="AH1"),
    custom_fields={"cost centre": "Plumbing"},
).model_copy(update={"tags": ("trade", "vip")})
IN_WORDS = {
    "the order number, else 1482": "1482",
    "the first two characters": "AH",
    "the code, where there is one": "AH1: Fit tap",
}


@pytest.mark.parametrize(("template", "gives"), _templates())
def test_a_template_gives_what_the_page_says(template: str, gives: str) -> None:
    finish = Milestone(code="FIN", name="completion", on_status=("Completed",))
    text = render(template, {"job": EXAMPLE, "line": EXAMPLE.lines[0], "milestone": finish})
    assert text == IN_WORDS.get(gives, gives)


CHART = Chart(
    organisation=Organisation(organisation_id="o", name="Acme", base_currency="GBP"),
    accounts=tuple(
        Account(code=code, account_id=code, name=code, type=kind, klass=klass, tax_type="OUTPUT2")
        for code, kind, klass in (("210", "REVENUE", "REVENUE"), ("235", "CURRLIAB", "LIABILITY"))
    ),
    tax_rates=(
        TaxRate(tax_type="OUTPUT2", name="20%", effective_rate=Decimal(20)),
        TaxRate(tax_type="RROUTPUT", name="5%", effective_rate=Decimal(5)),
    ),
)
FACTS = Facts(
    connection="acme",
    chart=CHART,
    contact=ExistingContact(customer_id="c1", contact_id="x1", matched_by="link"),
    today=date(2026, 7, 2),
    console_url="http://127.0.0.1:1",
)


def _staged_job(*amounts: tuple[str, str]) -> Job:
    lines = [
        Line(
            id=f"l{n}",
            kind=LineKind.MATERIAL,
            description=f"part {n}",
            quantity=Decimal(1),
            unit_price_ex=Decimal(amount),
            tax=LineTax(name=f"VAT{rate}", rate=Decimal(rate)),
        )
        for n, (amount, rate) in enumerate(amounts)
    ]
    return job(*lines, currency="GBP")


def _decided(job_: Job, book: RuleBook, code: str, history: History) -> Bill:
    milestone = book.milestone(code)
    assert milestone is not None
    decision = decide(job_, milestone, FACTS, book, history)
    assert isinstance(decision, Bill), decision
    return decision


def _billed(bill: Bill) -> Billed:
    draft = bill.draft
    return Billed(
        milestone=bill.key.milestone,
        number=None,
        line_amount_types=draft.line_amount_types,
        currency=draft.currency,
        lines=draft.lines,
        sub_total=draft.sub_total,
        total_tax=draft.total_tax,
        total=draft.total,
    )


def _figures(bill: Bill) -> list[str]:
    """Net, net at 20 %, net at 5 %, VAT, as the page's table writes them."""
    by_tax = [sum(one.amount for one in bill.draft.lines if one.tax_type == tax) for tax in ("OUTPUT2", "RROUTPUT")]
    return [f"{amount:,.2f}" for amount in (bill.draft.sub_total, *by_tax, bill.draft.total_tax)]


def test_the_job_in_three_stages_comes_out_as_the_page_says() -> None:
    milestones = next(block for block in BLOCKS if block.startswith("milestones:"))
    book = _book(f"{milestones}taxes: {{VAT20: OUTPUT2, VAT5: RROUTPUT}}\n")
    before, grown = (("8000", "20"), ("2000", "5")), (("8000", "20"), ("2000", "5"), ("1000", "20"))
    history = History()
    found = []
    for code, amounts in (("DEP", before), ("PRG", grown), ("FIN", grown)):
        bill = _decided(_staged_job(*amounts), book, code, history)
        assert bill.key == BillingKey(connection="acme", job_id="j1", milestone=code)
        history = History(billed=(*history.billed, _billed(bill)))
        found.append(_figures(bill))
    assert found == [_documented(stage) for stage in ("deposit", "progress", "completion")]


def _documented(stage: str) -> list[str]:
    """The same figures, from the row of the page's table: "30 % = 3,000.00" and three cells more."""
    row = next(row for row in PAGE.splitlines() if re.match(rf"\| {stage} \| \d", row))
    return [cell.split()[-1] for cell in row.strip("| ").split("|")[2:]]


def test_a_spread_discount_comes_out_as_the_page_says() -> None:
    fragment = next(block for block in BLOCKS if block.startswith("lines:"))
    book = _book(fragment.replace('"260"', '"210"').replace('"200"', '"210"') + "taxes: {VAT20: OUTPUT2}\n")
    priced = [(LineKind.LABOUR, "300"), (LineKind.FEE, "100"), (LineKind.DISCOUNT, "-20")]
    tax = LineTax(name="VAT20", rate=Decimal(20))
    lines = [
        Line(id=str(n), kind=kind, description="x", quantity=Decimal(1), unit_price_ex=Decimal(price), tax=tax)
        for n, (kind, price) in enumerate(priced)
    ]
    bill = _decided(job(*lines, currency="GBP"), book, "FIN", History())
    shown = re.search(r"Spread: labour ([\d.]+) and parts ([\d.]+),", PAGE)
    assert shown is not None
    assert [f"{one.amount:.2f}" for one in bill.draft.lines] == list(shown.groups())
