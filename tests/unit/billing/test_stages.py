"""Deposit, progress and completion: what each bills, and that nothing is billed twice or left behind."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from milepost.billing.facts import History
from milepost.billing.milestones import due_milestones
from milepost.jobs import JobDates, Line
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import (
    BOOK,
    RATES,
    STAGES,
    account,
    after,
    amounts,
    assert_xero_agrees,
    billed,
    book,
    chart,
    decided,
    discount,
    held,
    job,
    labour,
    material,
    skipped,
    totals,
)

THREE = book(STAGES)
LINES = (labour(10, 95), material(3, "16.67"))  # 950.00 and 50.01


def stages(amount: str, *, own: str = "") -> RuleBook:
    """A deposit of this amount, and the rest."""
    return book(f"""
    - {{code: DEP, name: deposit, on_status: [Accepted], amount: {amount}{own}}}
    - {{code: FIN, name: completion, on_status: [Completed]}}
    """)


def test_three_stages_of_one_job() -> None:
    deposit = billed(job(*LINES), THREE, stage="DEP")
    progress = billed(job(*LINES), THREE, stage="PRG", history=after(deposit))
    rest = billed(job(*LINES), THREE, history=after(deposit, progress))
    assert [totals(bill)[0] for bill in (deposit, progress, rest)] == ["300.00", "400.00", "300.01"]
    assert amounts(deposit) == ["285.00", "15.00"]
    assert amounts(rest) == ["950.00", "50.01", "-285.00", "-15.00", "-380.00", "-20.00"]
    assert sum(bill.draft.total_tax for bill in (deposit, progress, rest)) == Decimal("150.00")
    assert rest.draft.lines[2].description == "Less invoiced earlier INV-1: Deposit for job 1482 (Sales, 15% tax)"
    assert rest.sums[:2] == (
        "The job's lines come to 1000.01.",
        "Billed earlier (DEP INV-1, PRG INV-2): 700.00; left: 300.01.",
    )


def test_a_job_that_jumps_straight_to_completion_is_billed_whole() -> None:
    assert [m.code for m in due_milestones(job(*LINES, status="COMPLETED"), THREE, History())] == ["FIN"]
    assert totals(billed(job(*LINES), THREE))[0] == "1000.01"


def test_a_stage_is_due_until_it_has_a_live_invoice() -> None:
    accepted = job(*LINES, status="accepted")
    assert [m.code for m in due_milestones(accepted, THREE, History())] == ["DEP"]
    deposit = billed(accepted, THREE, stage="DEP")
    assert due_milestones(accepted, THREE, after(deposit)) == []


def test_a_stage_that_was_billed_is_never_billed_again_whoever_asks() -> None:
    deposit = billed(job(*LINES), THREE, stage="DEP")
    assert skipped(job(*LINES), THREE, stage="DEP", history=after(deposit)).code == "already_billed"


@pytest.mark.parametrize(
    ("later", "left"),
    [
        ((*LINES, material(2, 100)), "900.01"),  # it grew
        ((labour(4, 95),), "80.00"),  # it shrank
        ((labour(10, 95), material(3, "16.67"), discount(1, "-700.01")), "0.00"),
    ],
)
def test_what_remains_is_counted_from_the_job_as_it_is_then(later: tuple[Line, ...], left: str) -> None:
    deposit = billed(job(*LINES), THREE, stage="DEP")
    decision = decided(job(*later), THREE, history=after(deposit))
    if left == "0.00":
        assert decision.action == "skip"
    else:
        assert totals(billed(job(*later), THREE, history=after(deposit)))[0] == left


def test_more_billed_than_the_job_comes_to_is_for_a_person() -> None:
    deposit = billed(job(*LINES), THREE, stage="DEP")
    hold = held(job(labour(1, 95)), THREE, history=after(deposit))
    assert hold.code == "over_billed"
    assert "95.00, but 300.00 was billed already (INV-1): 205.00 too much" in hold.why


def test_more_tax_billed_than_the_job_has_is_for_a_person() -> None:
    deposit = billed(job(labour(1, 100, tax="Twenty")), stages("{percent: 100}"), stage="DEP")
    assert held(job(labour(1, 101, tax="Free")), stages("{percent: 100}"), history=after(deposit)).code == "negative_total"


@pytest.mark.parametrize(
    ("amount", "net", "said"),
    [
        ("{percent: 30}", "300.00", "30% of 1000.01 is 300.00"),
        ("{percent: 33.33}", "333.30", "33.33% of 1000.01 is 333.30"),
        ("{flat: '500.00'}", "500.00", "a flat 500.00"),
        ("{flat: '5000.00'}", "1000.01", "capped at the 1000.01 that is left"),
    ],
)
def test_a_share_says_how_it_came_about(amount: str, net: str, said: str) -> None:
    bill = billed(job(*LINES), stages(amount), stage="DEP")
    assert totals(bill)[0] == net
    assert said in bill.sums[-1]


def test_a_share_of_almost_nothing_bills_nothing_and_says_so() -> None:
    skip = skipped(job(labour(1, "0.01")), THREE, stage="DEP")
    assert skip.code == "nothing_due"
    assert "30% of 0.01 is 0.00" in skip.why
    assert "left to bill" not in skip.why


def test_a_share_is_split_over_mixed_taxes_in_proportion() -> None:
    mixed = job(labour(1, 100, tax="GST"), labour(1, 300, tax="Free"), material(1, 200, tax="GST"))
    bill = billed(mixed, stages("{percent: 50}"), stage="DEP")
    found = [(line.account, line.tax_type, str(line.amount), str(line.tax)) for line in bill.draft.lines]
    assert found == [
        ("200", "OUTPUT", "50.00", "7.50"),
        ("200", "ZERO", "150.00", "0.00"),
        ("210", "OUTPUT", "100.00", "15.00"),
    ]


def test_the_last_share_shows_the_lines_because_they_alone_give_the_tax_to_the_cent() -> None:
    """25.06, 25.61 and 25.63 have 11.44 tax line by line and 11.45 in one sum."""
    halves = book("""
    - {code: ONE, name: first, on_status: [a], amount: {percent: 50}}
    - {code: TWO, name: second, on_status: [b], amount: {percent: 50}}
    """)
    lines = (labour(1, "25.06"), labour(1, "25.61"), labour(1, "25.63"))
    one = billed(job(*lines), halves, stage="ONE")
    two = billed(job(*lines), halves, stage="TWO", history=after(one))
    assert amounts(two) == ["25.06", "25.61", "25.63", "-38.15"]
    assert one.draft.total_tax + two.draft.total_tax == Decimal("11.44")


def test_a_share_whose_rounded_tax_is_more_than_the_jobs_is_lowered_by_a_cent() -> None:
    lines = (labour(1, "25.06"), labour(1, "25.61"), labour(1, "25.63"))
    whole = stages("{percent: 100}", own=', account: "235"')
    deposit = billed(job(*lines), whole, stage="DEP")
    assert totals(deposit) == ("76.29", "11.44", "87.73")
    assert "less 0.01 so that its tax is not more than the job's" in deposit.sums[-1]
    rest = billed(job(*lines), whole, history=after(deposit))
    assert totals(rest) == ("0.01", "0.00", "0.01")


def test_a_deposit_of_everything_leaves_its_liability_account_when_the_job_is_done() -> None:
    whole = stages("{percent: 100}", own=', account: "235"')
    deposit = billed(job(*LINES), whole, stage="DEP")
    assert {line.account for line in deposit.draft.lines} == {"235"}
    rest = billed(job(*LINES), whole, history=after(deposit))
    assert totals(rest)[2] == "0.00"
    assert [(line.account, str(line.amount)) for line in rest.draft.lines] == [
        ("200", "950.00"), ("210", "50.01"), ("235", "-1000.01"),
    ]  # fmt: skip


def test_everything_billed_by_shares_leaves_nothing_for_the_last_stage() -> None:
    whole = stages("{percent: 100}")
    deposit = billed(job(*LINES), whole, stage="DEP")
    assert skipped(job(*LINES), whole, history=after(deposit)).code == "fully_billed"


def test_nothing_left_in_total_still_moves_what_lies_with_the_wrong_tax() -> None:
    whole = stages("{percent: 100}")
    deposit = billed(job(labour(1, 100, tax="Free")), whole, stage="DEP")
    rest = billed(job(labour(1, 100, tax="Twenty")), whole, history=after(deposit))
    assert totals(rest) == ("0.00", "20.00", "20.00")


def test_a_deposit_with_more_tax_than_the_whole_job_is_held() -> None:
    taxed = stages("{percent: 100}", own=", tax: TWENTY")
    assert held(job(labour(1, 100, tax="Free")), taxed, stage="DEP").code == "over_billed"


@pytest.mark.parametrize(
    ("terms", "said", "code"),
    [
        ("{line_amounts: inclusive}", {}, "terms_changed"),
        ("{line_amounts: no_tax}", {}, "terms_changed"),
        ("{terms: {days: 14}}", {"currency": "AUD"}, "terms_changed"),
    ],
)
def test_stages_that_speak_in_other_terms_are_held(terms: str, said: dict[str, str], code: str) -> None:
    deposit = billed(job(*LINES), THREE, stage="DEP")
    hold = held(job(*LINES, **said), book(STAGES, invoice=terms), history=after(deposit), chart=chart(currencies=("AUD",)))
    assert hold.code == code


def test_a_tax_type_that_has_another_rate_by_now_cannot_be_taken_off() -> None:
    deposit = billed(job(*LINES), THREE, stage="DEP")
    raised = chart(rates=[("OUTPUT", "16"), *RATES[1:]])
    assert held(job(*LINES), THREE, history=after(deposit), chart=raised).code == "tax_changed"


@pytest.mark.parametrize(
    ("now", "code"), [({"status": "ARCHIVED"}, "account_archived"), ({"code": "999"}, "account_unknown")]
)
def test_an_account_of_the_deposit_that_is_gone_is_held_before_xero_refuses(now: dict[str, str], code: str) -> None:
    own = stages("{percent: 30}", own=', account: "240"')
    deposit = billed(job(*LINES), own, stage="DEP", chart=chart(account("240", "Deposits")))
    known = chart(account("240", "Deposits").model_copy(update=now))
    assert held(job(*LINES), own, history=after(deposit), chart=known).code == code


def test_words_of_an_earlier_invoice_are_not_taken_off() -> None:
    twice = book("""
    - {code: ONE, name: first, on_status: [a]}
    - {code: TWO, name: extras, on_status: [b]}
    """)
    first = billed(job(labour(1, 100)), twice, stage="ONE")
    second = billed(job(labour(1, 100), material(1, 30)), twice, stage="TWO", history=after(first))
    assert (amounts(second), totals(second)[0]) == (["100.00", "30.00", "-100.00"], "30.00")
    assert_xero_agrees(second, chart())


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"export_processed": True}, "processed_elsewhere"),
        ({"claims": {"invoiced_to_date": "500.00"}}, "invoiced_elsewhere"),
    ],
)
def test_a_job_that_somebody_else_billed_is_not_billed_again(said: dict[str, object], code: str) -> None:
    said_of_it: dict[str, object] = dict(said)
    assert held(job(*LINES).model_validate({**job(*LINES).model_dump(), **said_of_it})).code == code
    assert held(job(labour(1, 100, already_invoiced=50))).code == "invoiced_elsewhere"


def test_what_the_platform_says_of_our_own_invoices_is_no_obstacle() -> None:
    deposit = billed(job(*LINES), THREE, stage="DEP")
    told = job(*LINES, export_processed=True, claims={"invoiced_to_date": "345.00"})
    assert totals(billed(told, THREE, history=after(deposit)))[0] == "700.01"


UTC_EVENING = datetime(2026, 7, 31, 13, 0, tzinfo=UTC)  # already 1 August in Auckland


@pytest.mark.parametrize(
    ("terms", "zone", "dated", "due"),
    [
        ("{days: 14}", "Pacific/Auckland", date(2026, 8, 1), date(2026, 8, 15)),
        ("{days: 14}", "UTC", date(2026, 7, 31), date(2026, 8, 14)),
        ("{days: 0}", "UTC", date(2026, 7, 31), date(2026, 7, 31)),
        ("{day_of_following_month: 20}", "Pacific/Auckland", date(2026, 8, 1), date(2026, 9, 20)),
        ("{day_of_following_month: 20}", "America/New_York", date(2026, 7, 31), date(2026, 8, 20)),
        ("{day_of_following_month: 31}", "Pacific/Auckland", date(2026, 8, 1), date(2026, 9, 30)),
    ],
)
def test_dates_are_read_on_the_accounts_own_calendar(terms: str, zone: str, dated: date, due: date) -> None:
    done = job(labour(1, 95), dates=JobDates(completed=UTC_EVENING), account_tz=zone)
    draft = billed(done, book(invoice=f"{{terms: {terms}}}")).draft
    assert (draft.date, draft.due_date) == (dated, due)


@pytest.mark.parametrize(
    ("completed", "due"),
    [(date(2026, 12, 5), date(2027, 1, 31)), (date(2027, 1, 5), date(2027, 2, 28)), (date(2028, 1, 5), date(2028, 2, 29))],
)
def test_the_last_of_the_next_month_is_its_own_last_day(completed: date, due: date) -> None:
    moment = datetime(completed.year, completed.month, completed.day, 12, tzinfo=UTC)
    done = job(labour(1, 95), dates=JobDates(completed=moment), account_tz="UTC")
    assert billed(done, book(invoice="{terms: {day_of_following_month: 31}}")).draft.due_date == due


def test_terms_that_ran_out_before_the_invoice_fall_due_with_it() -> None:
    late = billed(job(labour(1, 95)), book(invoice="{date: today, terms: {days: 3}}")).draft
    assert (late.date, late.due_date) == (date(2026, 7, 10), date(2026, 7, 10))


def test_a_job_that_is_not_complete_is_dated_today() -> None:
    draft = billed(job(*LINES, status="Accepted"), THREE, stage="DEP").draft
    assert (draft.date, draft.due_date) == (date(2026, 7, 10), date(2026, 7, 24))


@pytest.mark.parametrize("year", [1, 1999, 2226, 9999])
def test_a_completion_that_cannot_be_meant_is_held(year: int) -> None:
    dates = JobDates(completed=datetime(year, 1, 1, tzinfo=UTC))
    assert held(job(labour(1, 95), dates=dates, account_tz="America/New_York")).code == "date_implausible"
    assert (
        held(job(labour(1, 95), dates=JobDates(completed=datetime(year, 12, 31, 23, tzinfo=UTC)))).code == "date_implausible"
    )


@pytest.mark.parametrize(
    ("status", "until", "is_held"),
    [("AUTHORISED", date(2026, 7, 1), False), ("AUTHORISED", date(2026, 7, 2), True), ("DRAFT", date(2026, 7, 2), False)],
)
def test_an_approved_invoice_cannot_be_dated_in_a_locked_period(status: str, until: date, is_held: bool) -> None:
    decision = decided(job(*LINES), book(invoice=f"{{status: {status}}}"), chart=chart(end_of_year_lock_date=until))
    assert (getattr(decision, "code", None) == "period_locked") == is_held


def test_one_invoice_is_the_default() -> None:
    assert totals(billed(job(*LINES), BOOK))[0] == "1000.01"
