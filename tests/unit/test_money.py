"""Xero's arithmetic by its own published figures, and the allocation of cents."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.money import CENT, LineAmountTypes, allocate, line_amount, line_tax, net_of, round2, round4

D = Decimal
EX, INC, NONE = LineAmountTypes.EXCLUSIVE, LineAmountTypes.INCLUSIVE, LineAmountTypes.NO_TAX
CENTS = st.integers(-(10**9), 10**9).map(lambda cents: D(cents) / 100)


def test_tax_is_rounded_for_each_line_and_then_added() -> None:
    """The figures of Xero's page "Rounding in Xero": 11.44, where the tax of the sum would be 11.45."""
    lines = [D("25.06"), D("25.61"), D("25.63")]
    taxes = [line_tax(line, D(15), EX) for line in lines]
    assert taxes == [D("3.76"), D("3.84"), D("3.84")]
    assert (sum(lines), sum(taxes), sum(lines) + sum(taxes)) == (D("76.30"), D("11.44"), D("87.74"))
    assert line_tax(sum(lines, D(0)), D(15), EX) == D("11.45")


@pytest.mark.parametrize(
    ("gross", "tax", "net"), [("89.00", "11.61", "77.39"), ("90.00", "11.74", "78.26"), ("95.50", "12.46", "83.04")]
)
def test_tax_within_an_amount_is_what_xero_recorded(gross: str, tax: str, net: str) -> None:
    found = line_tax(D(gross), D(15), INC)
    assert (found, net_of(D(gross), found, INC)) == (D(tax), D(net))


@pytest.mark.parametrize(
    ("exact", "cents"),
    [("2.165", "2.17"), ("2.164", "2.16"), ("0.005", "0.01"), ("-0.005", "-0.01"), ("-2.165", "-2.17"), ("0.0049", "0.00")],
)
def test_half_a_cent_goes_away_from_zero(exact: str, cents: str) -> None:
    assert str(round2(D(exact))) == cents


@pytest.mark.parametrize(
    ("quantity", "unit", "rate", "off", "amount"),
    [
        ("3", "33.33", None, None, "99.99"),
        ("2.5", "95", None, None, "237.50"),
        ("3", "0.33335", None, None, "1.00"),  # the price is rounded to 0.3334 first: 1.0002
        ("1000", "0.33335", None, None, "333.40"),
        ("2.00005", "100", None, None, "200.01"),
        ("3", "74.80", "12.5", None, "196.35"),
        ("1", "100", None, "11.50", "88.50"),
        ("1", "100", "0", "11.50", "88.50"),  # a rate of nothing is none
        ("1", "-75.00", None, None, "-75.00"),
        ("0", "75.00", None, None, "0.00"),
    ],
)
def test_a_line_amount_is_quantity_times_rounded_price_less_its_discount(
    quantity: str, unit: str, rate: str | None, off: str | None, amount: str
) -> None:
    found = line_amount(D(quantity), D(unit), D(rate) if rate else None, D(off) if off else None)
    assert str(found) == amount


def test_an_invoice_without_tax_has_none() -> None:
    assert line_tax(D(100), D(15), NONE) == 0
    assert net_of(D(100), D(0), NONE) == D(100)


def test_prices_and_quantities_keep_four_places() -> None:
    assert round4(D("1.00005")) == D("1.0001")


@given(CENTS, st.sampled_from([D(0), D(5), D(10), D(15), D(20)]), st.sampled_from([EX, INC]))
def test_taking_off_a_line_takes_off_its_tax_too(amount: D, rate: D, types: LineAmountTypes) -> None:
    assert line_tax(-amount, rate, types) == -line_tax(amount, rate, types)


@given(CENTS, st.lists(st.integers(0, 10**8).map(lambda c: D(c) / 100), min_size=1, max_size=30).filter(any))
def test_shares_add_up_exactly_and_each_is_within_a_cent_of_its_due(total: D, weights: list[D]) -> None:
    shares = allocate(total, weights)
    whole = sum(weights, D(0))
    assert sum(shares) == total
    assert all(abs(s - total * w / whole) <= CENT + D("1e-12") for s, w in zip(shares, weights, strict=True))
    assert all(share == round2(share) for share in shares)


@given(st.lists(CENTS, min_size=1, max_size=12).filter(lambda weights: sum(weights) != 0), CENTS)
def test_shares_add_up_exactly_where_weights_take_off(weights: list[D], total: D) -> None:
    assert sum(allocate(total, weights)) == total


@given(st.lists(st.integers(1, 10**6).map(D), min_size=1, max_size=12), st.data())
def test_no_share_of_a_part_is_more_than_its_weight(weights: list[D], data: st.DataObject) -> None:
    total = D(data.draw(st.integers(0, int(sum(weights)) * 100))) / 100
    assert all(0 <= s <= w for s, w in zip(allocate(total, weights), weights, strict=True))


def test_the_cent_left_over_goes_to_the_largest_remainder_and_the_first_of_equals() -> None:
    assert allocate(D("1.00"), [D(1), D(1), D(1)]) == [D("0.34"), D("0.33"), D("0.33")]
    assert allocate(D("0.05"), [D(1), D(2), D(4)]) == [D("0.01"), D("0.01"), D("0.03")]
    assert allocate(D("-1.00"), [D(1), D(1), D(1)]) == [D("-0.34"), D("-0.33"), D("-0.33")]


def test_without_a_proportion_nothing_can_be_split() -> None:
    with pytest.raises(ValueError, match="sum to zero"):
        allocate(D(1), [D(1), D(-1)])
