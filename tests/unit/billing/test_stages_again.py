"""What a stage does when its job has changed after it was billed: a further invoice, a hold, or nothing at all."""

from typing import Any

import pytest

from milepost.billing.decision import Bill, Undecided
from milepost.jobs import Job, Line
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import (
    RATES,
    RULES,
    after,
    amounts,
    assert_xero_agrees,
    billed,
    book,
    chart,
    discount,
    held,
    job,
    labour,
    material,
    skipped,
    totals,
    words,
)

LINES = (labour(10, 95), material(3, "16.67"))  # 950.00 and 50.01
VARIATION = material(1, 100, description="Extra valve")


def final(more: str = "", **said: str) -> RuleBook:
    return book(f"- {{code: FIN, name: completion, on_status: [Completed]{more}}}", **said)


HOLDS, BILLS = final(), final(", when_more: bill")


def claims(**said: str) -> RuleBook:
    stages = """
    - {code: PRG, name: progress claim, on_status: [Under way], amount: {progress: Done},
       description: "Claim {{ milestone.sequence }} for job {{ job.number }}"}
    - {code: FIN, name: completion, on_status: [Completed]}
    """
    return book(stages, **said)


def done(percent: str, *lines: Line) -> Job:
    return job(*(lines or LINES), custom_fields={"Done": percent})


def test_a_variation_after_the_final_invoice_is_held_with_the_difference_and_the_ways_out() -> None:
    first = billed(job(*LINES), HOLDS)
    hold = held(job(*LINES, VARIATION), HOLDS, history=after(first))
    assert (hold.code, hold.key.sequence) == ("more_due", 2)
    assert "The job has changed since FIN was billed by INV-1: 115.00 with tax more is due." in hold.why
    assert "Billed earlier (FIN INV-1): 1000.01; left: 100.00." in hold.why
    assert "'when_more: bill' at book.yaml:" in hold.fix
    assert "by hand in Xero" in hold.fix
    assert "undo the change on the platform" in hold.fix


def test_a_variation_is_billed_as_a_supplement_that_shows_only_what_changed() -> None:
    first = billed(job(words("As agreed"), *LINES), BILLS)
    more = billed(job(words("As agreed"), *LINES, VARIATION, words("Fitted on Friday")), BILLS, history=after(first))
    assert (more.key.sequence, more.key.id == first.key.id) == (2, False)
    assert totals(more) == ("100.00", "15.00", "115.00")
    assert [line.description for line in more.draft.lines] == ["Extra valve", "Fitted on Friday"]
    assert more.sums[-1] == "This invoice: what changed since, 100.00."


def test_a_second_supplement_starts_from_the_first() -> None:
    first = billed(job(*LINES), BILLS)
    second = billed(job(*LINES, VARIATION), BILLS, history=after(first))
    dearer = job(*LINES, material(1, 140, description="Extra valve"))
    third = billed(dearer, BILLS, history=after(first, second))
    assert third.key.sequence == 3
    assert amounts(third) == ["140.00", "-100.00"]
    assert third.draft.lines[1].description == "Less invoiced earlier INV-2: Extra valve"
    fourth = billed(job(*LINES, material(1, 150, description="Extra valve")), BILLS, history=after(first, second, third))
    assert amounts(fourth) == ["150.00", "-140.00"]
    for bill in (second, third, fourth):
        assert_xero_agrees(bill, chart())


@pytest.mark.parametrize("rules", [HOLDS, BILLS])
@pytest.mark.parametrize(
    "later",
    [
        job(labour(10, 95, description="Fit boiler"), material(3, "16.67")),
        job(*LINES, title="Another title"),
        job(*reversed(LINES)),
        job(material(1, "1000.01")),  # the same money, on another account
        job(*LINES, words("Thank you")),
    ],
    ids=["reworded", "retitled", "reordered", "recoded", "more words"],
)
def test_a_change_that_moves_no_money_holds_nothing(rules: RuleBook, later: Job) -> None:
    skip = skipped(later, rules, history=after(billed(job(*LINES), rules)))
    assert skip.code == "already_billed"
    assert "The job still comes to what was billed." in skip.why


@pytest.mark.parametrize("rules", [HOLDS, BILLS])
def test_less_than_was_billed_is_for_a_person(rules: RuleBook) -> None:
    hold = held(job(LINES[0]), rules, history=after(billed(job(*LINES), rules)))
    assert (hold.code, hold.key.sequence) == ("over_billed", 2)
    assert "950.00, but 1000.01 was billed already (INV-1): 50.01 too much" in hold.why


def test_taxes_that_changed_without_the_net_bill_or_credit_the_tax_alone() -> None:
    free, taxed = job(labour(1, 100, tax="Free")), job(labour(1, 100, tax="Twenty"))
    more = billed(taxed, BILLS, history=after(billed(free, BILLS)))
    assert totals(more) == ("0.00", "20.00", "20.00")
    assert "20.00 with tax more is due" in held(taxed, HOLDS, history=after(billed(free, HOLDS))).why
    less = held(free, HOLDS, history=after(billed(taxed, HOLDS)))
    assert (less.code, "20.00 with tax was billed too much" in less.why) == ("over_billed", True)
    assert held(free, BILLS, history=after(billed(taxed, BILLS))).code == "negative_total"


def test_a_small_difference_below_the_minimum_is_left() -> None:
    rules = final(", minimum: 20")
    first = billed(job(*LINES), rules)
    skip = skipped(job(*LINES, material(1, "19.99")), rules, history=after(first))
    assert (skip.code, "FIN would bill 19.99, less than its minimum of 20" in skip.why) == ("below_minimum", True)
    assert held(job(*LINES, material(1, 20)), rules, history=after(first)).code == "more_due"


def test_a_discount_given_afterwards_with_more_work_is_billed_together() -> None:
    rules = final(", when_more: bill", rules=RULES.replace("{treat: spread}", '{treat: line, account: "200"}'))
    first = billed(job(*LINES), rules)
    more = billed(job(*LINES, VARIATION, discount(1, -30)), rules, history=after(first))
    assert (amounts(more), totals(more)[0]) == (["100.00", "-30.00"], "70.00")


def test_three_progress_claims_on_one_status_and_the_rest() -> None:
    """20 %, 45 % and 90 % of 1000.01: 200.00, 250.00 and 450.01; then 100.00."""
    rules = claims()
    bills: list[Bill] = []
    for percent in ("20", "45 %", "90%"):
        bills.append(billed(done(percent), rules, stage="PRG", history=after(*bills)))
    bills.append(billed(done("100"), rules, history=after(*bills)))
    assert [totals(bill)[0] for bill in bills] == ["200.00", "250.00", "450.01", "100.00"]
    assert [(bill.key.milestone, bill.key.sequence) for bill in bills] == [("PRG", 1), ("PRG", 2), ("PRG", 3), ("FIN", 1)]
    assert bills[1].draft.lines[0].description == "Claim 2 for job 1482 (Sales, 15% tax)"
    assert bills[1].sums[-1] == "This invoice: 45% of 1000.01 is 450.00, less 200.00 billed earlier."
    assert sum(bill.draft.total for bill in bills) == billed(job(*LINES), rules).draft.total


def test_a_claim_at_all_of_the_job_shows_its_lines() -> None:
    rules = claims()
    first = billed(done("50"), rules, stage="PRG")
    last = billed(done("100"), rules, stage="PRG", history=after(first))
    assert amounts(last) == ["950.00", "50.01", "-475.00", "-25.01"]
    assert skipped(done("100", *LINES), rules, history=after(first, last)).code == "fully_billed"


@pytest.mark.parametrize(("percent", "code"), [("50", "nothing_due"), ("40", "nothing_due"), ("", "nothing_due")])
def test_progress_that_does_not_go_on_bills_nothing(percent: str, code: str) -> None:
    rules = claims()
    first = billed(done("50"), rules, stage="PRG")
    changed = done(percent, *LINES, words("note"))
    assert skipped(changed, rules, stage="PRG", history=after(first)).code == code


def test_a_share_that_is_to_be_held_says_how_much_more_it_would_be_now() -> None:
    rules = book("""
    - {code: DEP, name: deposit, on_status: [a], amount: {percent: 30}, when_more: hold}
    - {code: FIN, name: completion, on_status: [Completed]}
    """)
    first = billed(job(labour(1, 1000)), rules, stage="DEP")
    hold = held(job(labour(1, 2000)), rules, stage="DEP", history=after(first))
    assert hold.code == "more_due"
    assert "345.00 with tax more is due" in hold.why
    assert "30% of 2000.00 is 600.00, less the 300.00 that DEP billed" in hold.why
    smaller = skipped(job(labour(1, 900)), rules, stage="DEP", history=after(first))
    assert smaller.code == "already_billed"


@pytest.mark.parametrize(
    ("number", "numbers"),
    [
        ("{{ job.number }}-{{ milestone.code }}", ["1482-PRG", "1482-PRG-2", "1482-PRG-3"]),
        (
            "{{ job.number }}-{{ milestone.code }}{{ milestone.sequence }}",
            ["1482-PRG1", "1482-PRG2", "1482-PRG3"],
        ),
        ("xero", [None, None, None]),
    ],
)
def test_each_claim_has_a_number_of_its_own(number: str, numbers: list[str | None]) -> None:
    rules = claims(invoice=f'{{number: "{number}"}}')
    bills: list[Bill] = []
    for percent in ("20", "45", "90"):
        bills.append(billed(done(percent), rules, stage="PRG", history=after(*bills)))
    assert [bill.draft.number for bill in bills] == numbers


def test_a_number_that_another_stage_used_is_held_all_the_same() -> None:
    rules = claims(invoice='{number: "{{ job.number }}"}')
    first = billed(done("20"), rules, stage="PRG")
    assert billed(done("40"), rules, stage="PRG", history=after(first)).draft.number == "1482-2"
    assert held(done("40"), rules, history=after(first)).code == "number_taken"


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (job(*LINES, customer=None), {}),
        (job(*LINES, title="x"), {"contact": Undecided(customer_id="c1", why="Two fit.", fix="Choose.")}),
        (job(*LINES, words("x"), currency="AUD", reported_totals={"inc": "1150.01"}), {}),
        (
            job(*LINES, words("x"), reported_totals={"inc": "1150.01"}),
            {"chart": chart(rates=[("OUTPUT", "16"), *RATES[1:]])},
        ),
        (job(labour(1, 95, tax="Unheard of"), reported_totals={"ex": "1000.01"}), {}),
    ],
    ids=["no customer", "contact undecided", "another currency", "another rate", "a tax that nobody mapped"],
)
def test_a_billed_job_that_could_not_be_billed_now_holds_nobody_up_while_its_money_is_the_same(
    later: Job, said: dict[str, Any]
) -> None:
    assert skipped(later, HOLDS, history=after(billed(job(*LINES), HOLDS)), **said).code == "already_billed"


@pytest.mark.parametrize(
    ("later", "code"),
    [
        (job(*LINES, VARIATION, customer=None), "customer_missing"),
        (job(labour(1, 95, tax="Unheard of"), reported_totals={"ex": "1000.02"}), "tax_unmapped"),
        (job(labour(1, 95, tax="Unheard of")), "tax_unmapped"),
    ],
)
def test_a_billed_job_with_more_to_bill_tells_what_is_in_the_way(later: Job, code: str) -> None:
    assert held(later, HOLDS, history=after(billed(job(*LINES), HOLDS))).code == code
