"""The numbers of docs/billing.md: change one of the two, and change the other."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from milepost.jobs import JobDates, Line
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import (
    BOOK,
    RULES,
    STAGES,
    after,
    amounts,
    billed,
    book,
    discount,
    held,
    job,
    labour,
    material,
    subcontract,
    totals,
)

PAGE = (Path(__file__).parents[3] / "docs/billing.md").read_text()
SHOWN = book(rules=RULES.replace("{treat: spread}", '{treat: line, account: "200"}'))
THREE = book(STAGES)
ROUNDED = (labour(1, "25.06"), labour(1, "25.61"), labour(1, "25.63"))
STAGED = (labour(10, 95), material(3, "16.67"))


def on_the_page(*texts: str) -> None:
    """Each of these is written on the page, wherever its lines break."""
    plain = " ".join(PAGE.replace("**", "").split())
    for text in texts:
        assert re.sub(r"\s+", " ", text) in plain, f"docs/billing.md does not say {text!r}"


@pytest.mark.parametrize(
    ("line", "row", "amount"),
    [
        (labour("2.5", 95), "| 2.5 h at 95.00 | 2.5 x 95.00 | {} |", "237.50"),
        (material(3, "74.80", discount_rate="12.5"), "| 3 at 74.80, 12.5 % off | 3 x 74.80, 12.5 % off | {} |", "196.35"),
        (material(3000, "0.33333"), "| 3000 at 0.33333 | 1 x 999.99 (0.3333 would give 999.90) | {} |", "999.99"),
        (material(3, "33.33", total_ex=100), "1 x 100.00: the total is what the customer agreed to | {} |", "100.00"),
        (material(1, unit_price_inc=115), "| 1 at 115.00 with tax | 1 x 100.00 | {} |", "100.00"),
        (material(-2, 50), "2 x -50.00: Xero takes no negative quantity | {} |", "-100.00"),
        (subcontract(unit_cost=590), "1 x 590.00 (`treat: on_bill`) | {} |", "590.00"),
    ],
)
def test_the_lines_of_the_page(line: Line, row: str, amount: str) -> None:
    assert amounts(billed(job(line, labour(1, 1000))))[0] == amount
    on_the_page(row.format(amount))


def test_the_taxes_of_the_page() -> None:
    assert totals(billed(job(*ROUNDED))) == ("76.30", "11.44", "87.74")
    inclusive = billed(job(material(1, unit_price_inc=89)), book(invoice="{line_amounts: inclusive}"))
    assert totals(inclusive) == ("77.39", "11.61", "89.00")
    on_the_page("come to 76.30 net, 11.44 tax and 87.74", "89.00 holds 11.61 and leaves 77.39")


@pytest.mark.parametrize("off", [30, -30])
@pytest.mark.parametrize(
    ("rules", "row"),
    [(BOOK, "| `treat: spread` | 180.00 and 90.00 |"), (SHOWN, "| `treat: line` | 200.00, 100.00 and -30.00 |")],
)
def test_the_discounts_of_the_page(rules: RuleBook, row: str, off: int) -> None:
    bill = billed(job(labour(1, 200), material(1, 100), discount(1, off)), rules)
    *first, last = amounts(bill)
    assert f"| {', '.join(first)} and {last} |" in row
    assert totals(bill) == ("270.00", "40.50", "310.50")
    on_the_page(f"{row} 270.00 | 40.50 | 310.50 |")


def test_the_spread_cents_of_the_page() -> None:
    even = billed(job(labour(1, 10), material(1, 10), labour(1, 10), discount(1, -10)))
    assert amounts(even) == ["6.66", "6.67", "6.67"]
    mixed = billed(job(labour(1, 100, tax="Free"), material(1, 300), discount(1, -40)))
    assert (amounts(mixed), totals(mixed)[1]) == (["90.00", "270.00"], "40.50")
    on_the_page("leaves 6.66, 6.67 and 6.67", "leaves 90.00 and 270.00, with 40.50 tax")


def test_the_stages_of_the_page() -> None:
    deposit = billed(job(*STAGED), THREE, stage="DEP")
    progress = billed(job(*STAGED), THREE, stage="PRG", history=after(deposit))
    rest = billed(job(*STAGED), THREE, history=after(deposit, progress))
    grown = billed(job(*STAGED, labour(1, 200)), THREE, history=after(deposit, progress))
    assert (amounts(deposit), totals(deposit)[:2]) == (["285.00", "15.00"], ("300.00", "45.00"))
    assert (amounts(progress), totals(progress)[:2]) == (["380.00", "20.00"], ("400.00", "60.00"))
    assert (amounts(rest)[:2], totals(rest)[:2]) == (["950.00", "50.01"], ("300.01", "45.00"))
    assert amounts(rest)[2:] == ["-285.00", "-15.00", "-380.00", "-20.00"]
    assert totals(grown)[0] == "500.01"
    on_the_page(
        "| deposit, 30 % | 285.00 and 15.00 | 300.00 | 45.00 |",
        "| progress, 40 % | 380.00 and 20.00 | 400.00 | 60.00 |",
        "| completion | 950.00 and 50.01, less 285.00, 15.00, 380.00 and 20.00 | 300.01 | 45.00 |",
        "| together | | 1000.01 | 150.00 |",
        "the last invoice would be 500.01",
    )


def test_the_shrunken_job_of_the_page() -> None:
    deposit = billed(job(*STAGED), THREE, stage="DEP")
    assert (
        "95.00, but 300.00 was billed already (INV-1): 205.00 too much"
        in held(job(labour(1, 95)), THREE, history=after(deposit)).why
    )
    on_the_page("95.00 against 300.00 billed is 205.00 to credit")


def test_the_whole_deposits_of_the_page() -> None:
    whole = book("""
    - {code: DEP, name: deposit, on_status: [a], amount: {percent: 100}, account: "235"}
    - {code: FIN, name: completion, on_status: [Completed]}
    """)
    deposit = billed(job(*ROUNDED), whole, stage="DEP")
    assert totals(deposit)[:2] == ("76.29", "11.44")
    assert totals(billed(job(*ROUNDED), whole, history=after(deposit)))[2] == "0.01"
    all_of_it = billed(job(*STAGED), whole, stage="DEP")
    assert totals(billed(job(*STAGED), whole, history=after(all_of_it)))[2] == "0.00"
    on_the_page("is 76.29 and 11.44, and the last stage bills the 0.01", "still has a last invoice, of 0.00")


def test_the_dates_of_the_page() -> None:
    done = job(labour(1, 95), dates=JobDates(completed=datetime(2026, 7, 31, 13, tzinfo=UTC)))
    fourteen, twentieth = "{terms: {days: 14}}", "{terms: {day_of_following_month: 20}}"
    due = [billed(done, book(invoice=terms)).draft.due_date for terms in (fourteen, twentieth)]
    assert due == [date(2026, 8, 15), date(2026, 9, 20)]
    on_the_page("14 days make it due on 15 August; the 20th of the following month is 20 September")
