"""Deposits: billed ones rest in a liability account until the last stage; those the platform took are noted or taken off."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.billing.decision import Bill
from milepost.jobs import Job, Payment
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import (
    ONE_STAGE,
    STAGES,
    account,
    after,
    amount,
    amounts,
    assert_xero_agrees,
    billed,
    book,
    chart,
    held,
    job,
    labour,
    material,
    skipped,
    totals,
)

LINES = (labour(10, 95), material(3, "16.67"))  # 950.00 and 50.01


def paid(value: object, payment_id: str = "p1", **said: Any) -> Payment:
    return Payment(
        **{"id": payment_id, "amount": amount(str(value)), "received_on": date(2026, 6, 1), "is_deposit": True, **said}
    )


def with_deposits(*payments: Payment, lines: Sequence[Any] = LINES, **said: Any) -> Job:
    return job(*lines, payments=payments, **said)


def treating(deposits: str, *, stages: str = ONE_STAGE, invoice: str = "{terms: {days: 14}}") -> RuleBook:
    return book(stages, invoice=invoice, more=f"payments: {{deposits: {deposits}}}\n")


DEDUCT = 'deduct, deposit_account: "235"'


def booked(*bills: Bill) -> dict[tuple[str | None, str | None], str]:
    sums: defaultdict[tuple[str | None, str | None], Decimal] = defaultdict(lambda: Decimal(0))
    for line in (line for bill in bills for line in bill.draft.lines):
        sums[line.account, line.tax_type] += line.amount
    return {key: str(value) for key, value in sums.items()}


def test_a_deposit_on_a_liability_account_is_cleared_by_account_and_tax_type() -> None:
    """1,000.00 at 20 % and 500.00 free of tax: 30 % are 300.00 and 150.00, on 235 until the job is done."""
    rules = book("""
    - {code: DEP, name: deposit, on_status: [x], amount: {percent: 30}, account: "235"}
    - {code: FIN, name: completion, on_status: [Completed]}
    """)
    one = job(labour(10, 100, tax="Twenty"), material(5, 100, tax="Free"))
    deposit = billed(one, rules, stage="DEP")
    rest = billed(one, rules, history=after(deposit))
    assert booked(deposit) == {("235", "TWENTY"): "300.00", ("235", "ZERO"): "150.00"}
    assert totals(deposit) == ("450.00", "60.00", "510.00")
    assert totals(rest) == ("1050.00", "140.00", "1190.00")
    assert booked(deposit, rest) == {
        ("235", "TWENTY"): "0.00", ("235", "ZERO"): "0.00", ("200", "TWENTY"): "1000.00", ("210", "ZERO"): "500.00",
    }  # fmt: skip


def test_a_deposit_that_the_platform_took_is_noted_unless_the_book_says_otherwise() -> None:
    bill = billed(with_deposits(paid("200.00", method="card")), book(STAGES))
    assert totals(bill)[0] == "1000.01"
    assert bill.warnings == (
        "The job system took a deposit of 200.00 on 2026-06-01 by card; the invoice bills the job in full.",
    )
    assert [(taken.payment_id, taken.treatment) for taken in bill.deposits] == [("p1", "note")]


def test_only_deposits_count_and_only_on_the_last_stage() -> None:
    mixed = with_deposits(paid(200), paid(300, "p2", is_deposit=False), paid(0, "p3"))
    assert [taken.payment_id for taken in billed(mixed, book(STAGES)).deposits] == ["p1"]
    deposit = billed(mixed, book(STAGES), stage="DEP")
    assert (deposit.deposits, deposit.warnings) == ((), ())


def test_a_deducted_deposit_takes_off_what_was_paid_tax_included() -> None:
    bill = billed(with_deposits(paid("345.00")), treating(DEDUCT))
    assert totals(bill) == ("700.01", "105.00", "805.01")
    line = bill.draft.lines[-1]
    assert (line.account, line.tax_type, str(line.amount), str(line.tax)) == ("235", "OUTPUT", "-300.00", "-45.00")
    assert (line.description, line.why.rule) == ("Less deposit received 2026-06-01", "deposit p1")
    assert bill.sums[-1] == "The job system took a deposit of 345.00 on 2026-06-01; it is taken off this invoice."
    assert [(taken.treatment, taken.account) for taken in bill.deposits] == [("deduct", "235")]
    assert_xero_agrees(bill, chart())


@pytest.mark.parametrize(
    ("terms", "own", "line"),
    [
        ("exclusive", "", ("OUTPUT", "-100.00", "-15.00")),
        ("exclusive", ", deposit_tax: ZERO", ("ZERO", "-115.00", "0.00")),
        ("inclusive", "", ("OUTPUT", "-115.00", "-15.00")),
        ("no_tax", "", (None, "-115.00", "0.00")),
    ],
)
def test_a_deduction_speaks_in_the_invoices_terms(terms: str, own: str, line: tuple[str | None, str, str]) -> None:
    bill = billed(with_deposits(paid("115.00")), treating(DEDUCT + own, invoice=f"{{line_amounts: {terms}}}"))
    last = bill.draft.lines[-1]
    assert (last.tax_type, str(last.amount), str(last.tax)) == line
    assert_xero_agrees(bill, chart())


def test_a_sum_that_no_single_line_gives_with_its_tax_takes_a_cent_more() -> None:
    """At 15 %, 0.03 comes to 0.03 and 0.04 to 0.05: 0.04 needs two lines."""
    bill = billed(with_deposits(paid("0.04")), treating(DEDUCT))
    assert amounts(bill)[2:] == ["-0.03", "-0.01"]
    assert billed(with_deposits(), treating(DEDUCT)).draft.total - bill.draft.total == Decimal("0.04")
    assert [line.why.rule for line in bill.draft.lines[2:]] == ["deposit p1", "deposit p1"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 25_000), min_size=1, max_size=4), st.sampled_from(["exclusive", "inclusive", "no_tax"]))
def test_the_last_invoice_is_lower_by_just_what_was_paid(cents: list[int], terms: str) -> None:
    payments = [paid(Decimal(n) / 100, f"p{place}") for place, n in enumerate(cents)]
    rules = treating(DEDUCT, invoice=f"{{line_amounts: {terms}}}")
    bill = billed(with_deposits(*payments), rules)
    assert billed(with_deposits(), rules).draft.total - bill.draft.total == sum(p.amount for p in payments)
    assert_xero_agrees(bill, chart())


@pytest.mark.parametrize(("value", "is_held"), [("1150.01", False), ("1150.02", True)])
def test_more_paid_than_the_last_invoice_comes_to_is_held(value: str, is_held: bool) -> None:
    one = with_deposits(paid(value))
    if not is_held:
        assert totals(billed(one, treating(DEDUCT)))[2] == "0.00"
        return
    hold = held(one, treating(DEDUCT))
    assert hold.code == "deposit_too_large"
    assert "took deposits of 1150.02, and the job's last invoice comes to 1150.01: 0.01 more" in hold.why


def test_each_deposit_is_taken_off_once_and_is_no_part_of_what_was_billed() -> None:
    stages = ONE_STAGE.replace("}", ", when_more: bill}")
    rules = treating(DEDUCT, stages=stages)
    first = billed(with_deposits(paid("345.00")), rules)
    more = with_deposits(paid("345.00"), lines=(*LINES, material(1, 100)))
    second = billed(more, rules, history=after(first))
    assert totals(second) == ("100.00", "15.00", "115.00")
    assert second.deposits == ()
    assert "Billed earlier (FIN INV-1): 1000.01; left: 100.00." in second.sums
    assert "count as paid, not as billed" in " ".join(second.sums)
    another = with_deposits(paid("345.00"), paid("23.00", "p2"), lines=(*LINES, material(1, 100)))
    assert totals(billed(another, rules, history=after(first)))[2] == "92.00"


def test_a_deduction_after_earlier_invoices_asks_whether_it_paid_one_of_them() -> None:
    rules = treating(DEDUCT, stages=STAGES)
    one = with_deposits(paid("115.00"))
    deposit = billed(one, rules, stage="DEP")
    rest = billed(one, rules, history=after(deposit))
    assert totals(rest)[0] == "600.01"
    assert "make sure that none of them paid an earlier invoice (INV-1)" in rest.warnings[0]


def test_a_deposit_of_the_very_sum_of_an_earlier_invoice_is_held_rather_than_taken_off_twice() -> None:
    rules = treating(DEDUCT, stages=STAGES)
    one = with_deposits(paid("345.00"))
    deposit = billed(one, rules, stage="DEP")
    hold = held(one, rules, history=after(deposit))
    assert hold.code == "deposit_unclear"
    assert "INV-1 came to just that" in hold.why
    assert "book.yaml:" in hold.fix
    noted = treating("note", stages=STAGES)
    assert totals(billed(one, noted, history=after(deposit)))[0] == "700.01"


def test_a_deposit_on_a_job_that_has_nothing_left_is_held() -> None:
    rules = treating(DEDUCT, stages=STAGES.replace("percent: 30", "percent: 100"))
    deposit = billed(with_deposits(), rules, stage="DEP")
    assert skipped(with_deposits(), rules, history=after(deposit)).code == "fully_billed"
    assert held(with_deposits(paid(50)), rules, history=after(deposit)).code == "deposit_too_large"


RECORD = "record"


@pytest.mark.parametrize(
    ("method", "in_account", "warns"),
    [
        ("card", "090", False),
        ("Card", "090", False),
        ("Bank transfer", "091", False),
        ("cheque", None, True),
        (None, None, True),
    ],
)
def test_a_recorded_deposit_names_the_account_of_its_method(method: str | None, in_account: str | None, warns: bool) -> None:
    rules = book(more='payments: {deposits: record, accounts: {card: "090", bank_transfer: "091"}}\n')
    bill = billed(with_deposits(paid("200.00", method=method)), rules)
    assert totals(bill)[0] == "1000.01"
    (taken,) = bill.deposits
    assert (taken.treatment, taken.account, taken.amount) == ("record", in_account, Decimal("200.00"))
    assert "is to be recorded in Xero as a payment" in bill.sums[-1]
    assert any("has no account for" in warning for warning in bill.warnings) is warns


@pytest.mark.parametrize("deposits", ["note", "record"])
def test_a_deposit_is_told_of_once(deposits: str) -> None:
    rules = treating(deposits, stages=ONE_STAGE.replace("}", ", when_more: bill}"))
    first = billed(with_deposits(paid(200)), rules)
    second = billed(with_deposits(paid(200), lines=(*LINES, material(1, 100))), rules, history=after(first))
    assert (len(first.deposits), second.deposits) == (1, ())


def test_an_account_for_deposits_that_is_gone_is_held() -> None:
    gone = account("240", "Deposits").model_copy(update={"status": "ARCHIVED"})
    rules = treating('deduct, deposit_account: "240"')
    assert held(with_deposits(paid(50)), rules, chart=chart(gone)).code == "account_archived"
    assert billed(with_deposits(), rules, chart=chart(gone)).deposits == ()


def test_the_platforms_own_total_is_compared_with_the_job_and_not_with_what_is_left_to_pay() -> None:
    told = {"reported_totals": {"inc": "1150.01"}}
    one = Job.model_validate({**with_deposits(paid("345.00")).model_dump(), **told})
    assert billed(one, treating(DEDUCT)).warnings == ()
