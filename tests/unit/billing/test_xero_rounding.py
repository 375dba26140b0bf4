"""Xero's rounding: its own published figures, and the totals of random invoices as the local Xero works them out."""

from decimal import Decimal

import pytest

from milepost.billing.decision import Draft
from milepost.jobs import Line
from tests.unit.billing.builders import billed, book, job, material
from tests.unit.billing.random_invoices import TERMS, book_in, by_sandbox, drafts, organisation

D = Decimal
ORG = organisation()
EACH = 3_334
"""Invoices in each of the three terms: 10,000 in all."""


def gst(price: str | None = None, quantity: str = "1", **said: str) -> Line:
    return material(quantity, price, tax="GST", rate=15, **said)


@pytest.mark.parametrize(
    ("terms", "lines", "expected"),
    [
        # "Rounding in Xero": tax to the cent line by line, then added (11.44); the tax of the sum would be 11.45.
        ("exclusive", (gst("25.06"), gst("25.61"), gst("25.63")), ("76.30", "11.44", "87.74")),
        # Amounts that hold tax, as Xero recorded them.
        ("inclusive", (gst(total_inc="89.00"),), ("77.39", "11.61", "89.00")),
        ("inclusive", (gst(total_inc="90.00"),), ("78.26", "11.74", "90.00")),
        ("inclusive", (gst(total_inc="95.50"),), ("83.04", "12.46", "95.50")),
        ("inclusive", (gst(total_inc="89.00"), gst(total_inc="90.00")), ("155.65", "23.35", "179.00")),
        # Xero's staff: 2.165 goes up to 2.17, 2.164 down to 2.16.
        ("no_tax", (material("1", total_ex="2.165"),), ("2.17", "0.00", "2.17")),
        ("no_tax", (material("1", total_ex="2.164"),), ("2.16", "0.00", "2.16")),
        ("no_tax", (material("0.5", "4.33"),), ("2.17", "0.00", "2.17")),
    ],
)
def test_xeros_own_figures(terms: str, lines: tuple[Line, ...], expected: tuple[str, str, str]) -> None:
    draft = billed(job(*lines), book(invoice=f"{{line_amounts: {terms}}}")).draft
    assert (str(draft.sub_total), str(draft.total_tax), str(draft.total)) == expected


@pytest.mark.parametrize("terms", sorted(TERMS))
def test_random_invoices_come_to_what_xero_makes_of_them(terms: str) -> None:
    for draft in drafts(EACH, terms, seed=20_261_120):
        assert_agreed(draft)


@pytest.mark.parametrize("terms", sorted(TERMS))
@pytest.mark.parametrize("by", ["kind", "total"])
def test_random_invoices_of_merged_lines_do_too(terms: str, by: str) -> None:
    for draft in drafts(60, terms, seed=7, more=f", merge: {{by: {by}}}"):
        assert_agreed(draft)


def test_the_random_invoices_hold_what_is_to_be_compared() -> None:
    lines = [line for draft in drafts(100, "exclusive", seed=1) for line in draft.lines]
    assert any(line.discount_rate for line in lines)
    assert any(line.discount_amount for line in lines)
    assert any(line.unit_amount < 0 for line in lines)
    assert any(line.unit_amount != round(line.unit_amount, 3) for line in lines), "four places"
    assert {line.tax_type for line in lines} == {"OUTPUT2", "RROUTPUT", "ZERORATEDOUTPUT"}
    assert book_in("exclusive").lines


def assert_agreed(draft: Draft) -> None:
    theirs, said = by_sandbox(draft, ORG)
    assert not said, said
    assert (draft.sub_total, draft.total_tax, draft.total) == (theirs.sub_total, theirs.total_tax, theirs.total)
