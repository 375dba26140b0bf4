"""Retention: what a stage holds back, and the stage that bills it after all, to the cent and with its tax."""

from decimal import Decimal

import pytest

from milepost.billing.decision import Bill
from milepost.jobs import Job
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import (
    RATES,
    account,
    after,
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
RELEASE = "- {code: RET, name: release, on_status: [Warranty over], amount: retention}"


def retaining(more: str = "", *, release: str = RELEASE, own: str = "", invoice: str = "{terms: {days: 14}}") -> RuleBook:
    """A claim and the rest, 5 % held back of both; `own` goes into the retention, `more` into the claim."""
    return book(
        f"""
        - {{code: PRG, name: claim, on_status: [a], amount: {{percent: 40}}, retention: {{percent: 5{own}}}{more}}}
        - {{code: FIN, name: completion, on_status: [Completed], retention: {{percent: 5{own}}}, when_more: bill}}
        {release}
        """,
        invoice=invoice,
    )


def all_stages(one: Job, rules: RuleBook) -> list[Bill]:
    bills: list[Bill] = []
    for milestone in rules.milestones:
        bills.append(billed(one, rules, stage=milestone.code, history=after(*bills)))
        assert_xero_agrees(bills[-1], chart())
    return bills


def test_five_percent_is_held_back_of_each_stage_and_billed_when_the_warranty_is_over() -> None:
    claim, rest, release = bills = all_stages(job(*LINES), retaining())
    assert [totals(bill) for bill in bills] == [
        ("380.00", "57.00", "437.00"),  # 400.00 less 20.00
        ("570.01", "85.49", "655.50"),  # 600.01 less 30.00
        ("50.00", "7.51", "57.51"),
    ]
    assert amounts(claim) == ["380.00", "20.00", "-19.00", "-1.00"]
    assert amounts(rest) == ["950.00", "50.01", "-380.00", "-20.00", "-28.50", "-1.50"]
    assert amounts(release) == ["19.00", "1.00", "28.50", "1.50"]
    assert claim.draft.lines[2].description == "Less retention of 5% (Sales, 15% tax)"
    assert claim.draft.lines[2].why.rule == "retention PRG"
    assert release.draft.lines[0].why.rule == "released PRG"
    assert claim.sums[-1] == "Held back as retention: 5% of 400.00 is 20.00."
    assert "Of what was billed, 20.00 is held back as retention." in rest.sums
    assert release.sums[-1] == "This invoice: the 50.00 that was held back."
    assert sum(bill.draft.total for bill in bills) == billed(job(*LINES)).draft.total


def test_each_retention_is_released_once() -> None:
    bills = all_stages(job(*LINES), retaining())
    again = retaining(release=RELEASE.replace("}", ", when_more: hold}"))
    later = job(*LINES, title="Changed")
    skip = skipped(later, again, stage="RET", history=after(*bills))
    assert "No earlier invoice held anything back." in skip.why


def test_a_release_without_a_retention_bills_nothing() -> None:
    assert skipped(job(*LINES), retaining(), stage="RET").code == "nothing_due"


def test_retention_keeps_each_tax_type_apart() -> None:
    mixed = job(labour(1, 100, tax="Free"), labour(1, 300, tax="Twenty"))
    claim, _, release = bills = all_stages(mixed, retaining())
    assert [(line.tax_type, str(line.amount), str(line.tax)) for line in claim.draft.lines] == [
        ("ZERO", "40.00", "0.00"), ("TWENTY", "120.00", "24.00"), ("ZERO", "-2.00", "0.00"), ("TWENTY", "-6.00", "-1.20"),
    ]  # fmt: skip
    assert totals(release) == ("20.00", "3.00", "23.00")
    assert sum(bill.draft.total_tax for bill in bills) == 60


def test_retention_may_be_kept_in_an_account_of_its_own() -> None:
    rules = retaining(own=', account: "235"')
    bills = all_stages(job(*LINES), rules)
    booked: dict[str | None, str] = {}
    kept = [[str(line.amount) for line in bill.draft.lines if line.account == "235"] for bill in bills]
    assert kept == [["-20.00"], ["-30.00"], ["20.00", "30.00"]]
    for code in ("200", "210", "235"):
        booked[code] = str(sum(line.amount for bill in bills for line in bill.draft.lines if line.account == code))
    assert booked == {"200": "950.00", "210": "50.01", "235": "0.00"}


def test_a_deposit_account_bears_no_part_of_a_retention() -> None:
    rules = book(f"""
    - {{code: DEP, name: deposit, on_status: [x], amount: {{percent: 30}}, account: "235"}}
    - {{code: FIN, name: completion, on_status: [Completed], retention: {{percent: 10}}}}
    {RELEASE}
    """)
    deposit = billed(job(*LINES), rules, stage="DEP")
    rest = billed(job(*LINES), rules, history=after(deposit))
    assert [(line.account, str(line.amount)) for line in rest.draft.lines] == [
        ("200", "950.00"), ("210", "50.01"), ("235", "-300.00"), ("200", "-66.50"), ("210", "-3.50"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "release", ["", RELEASE.replace("amount:", "when: {customer: Nobody}, amount:")], ids=["none", "not for this job"]
)
def test_without_a_stage_to_release_it_what_remains_bills_what_was_held_back(release: str) -> None:
    rules = book(f"""
    - {{code: PRG, name: claim, on_status: [a], amount: {{percent: 40}}, retention: {{percent: 5}}}}
    - {{code: FIN, name: completion, on_status: [Completed]}}
    {release}
    """)
    claim = billed(job(*LINES), rules, stage="PRG")
    rest = billed(job(*LINES), rules, history=after(claim))
    assert totals(rest) == ("620.01", "93.00", "713.01")
    assert amounts(rest) == ["950.00", "50.01", "-380.00", "-20.00", "19.00", "1.00"]
    assert claim.draft.total + rest.draft.total == billed(job(*LINES)).draft.total
    assert skipped(job(*LINES, title="x"), rules, history=after(claim, rest)).code == "already_billed"


@pytest.mark.parametrize(
    "when", ["{custom_fields: {warranty: over}}", "{job_tag: Released}", "{completed: {until: 2026-01-01}}"]
)
def test_a_release_that_waits_for_its_time_keeps_what_remains_from_billing_it(when: str) -> None:
    rules = retaining(release=RELEASE.replace("amount:", f"when: {when}, amount:"))
    claim = billed(job(*LINES), rules, stage="PRG")
    assert totals(billed(job(*LINES), rules, history=after(claim)))[0] == "570.01"


def test_a_supplement_holds_back_its_own_part_where_it_bills() -> None:
    bills = [billed(job(*LINES), retaining())]
    more = billed(job(*LINES, material(1, 200)), retaining(), history=after(*bills))
    assert [(line.account, str(line.amount)) for line in more.draft.lines] == [("210", "200.00"), ("210", "-10.00")]
    release = billed(job(*LINES, material(1, 200)), retaining(), stage="RET", history=after(*bills, more))
    assert totals(release)[0] == "60.00"


@pytest.mark.parametrize(("terms", "claim", "release"), [("inclusive", "437.00", "57.50"), ("no_tax", "437.00", "57.50")])
def test_retention_in_terms_that_hold_tax_is_of_the_whole(terms: str, claim: str, release: str) -> None:
    rules = retaining(invoice=f"{{line_amounts: {terms}}}")
    one = job(labour(10, unit_price_inc="109.25"), material(1, unit_price_inc="57.50"))
    bills = all_stages(one, rules)
    assert [totals(bill)[2] for bill in (bills[0], bills[2])] == [claim, release]
    assert sum(bill.draft.total for bill in bills) == 1150


def test_nothing_is_held_back_that_no_stage_could_release_any_more() -> None:
    rules = retaining()
    bills = all_stages(job(*LINES), rules)
    grown = billed(job(*LINES, labour(1, 500)), rules, history=after(*bills))
    assert amounts(grown) == ["500.00"]
    assert "was released already" in grown.sums[-1]


def test_a_claim_after_the_stage_that_released_all_is_billed_in_full() -> None:
    rules = book(
        """
        - {code: PRG, name: claim, on_status: [a], amount: {progress: Done}, retention: {percent: 5}}
        - {code: FIN, name: completion, on_status: [Completed]}
        """
    )
    claim = billed(job(*LINES, custom_fields={"Done": "50"}), rules, stage="PRG")
    rest = billed(job(*LINES), rules, history=after(claim))
    grown = job(*LINES, labour(1, 500), custom_fields={"Done": "100"})
    late = billed(grown, rules, stage="PRG", history=after(claim, rest))
    assert sum(bill.draft.sub_total for bill in (claim, rest, late)) == Decimal("1500.01")


def test_a_retention_that_was_released_before_the_last_stage_leaves_that_stage_whole() -> None:
    rules = retaining()
    claim = billed(job(*LINES), rules, stage="PRG")
    early = billed(job(*LINES), rules, stage="RET", history=after(claim))
    rest = billed(job(*LINES), rules, history=after(claim, early))
    assert sum(bill.draft.sub_total for bill in (claim, early, rest)) == Decimal("1000.01")


def test_a_retention_that_rounds_to_nothing_leaves_no_line() -> None:
    bill = billed(job(labour(1, "0.20")), retaining(), stage="PRG")
    assert amounts(bill) == ["0.08"]


def test_a_release_below_its_minimum_waits() -> None:
    rules = retaining(release=RELEASE.replace("}", ", minimum: 100}"))
    claim = billed(job(*LINES), rules, stage="PRG")
    assert skipped(job(*LINES), rules, stage="RET", history=after(claim)).code == "below_minimum"


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"rates": [("OUTPUT", "16"), *RATES[1:]]}, "tax_changed"),
        ({"rates": RATES[1:]}, "tax_unknown"),
    ],
)
def test_a_tax_that_changed_since_is_held_before_a_release_is_a_cent_off(
    known: dict[str, list[tuple[str, str]]], code: str
) -> None:
    rules = retaining()
    claim = billed(job(labour(1, 100)), rules, stage="PRG")
    assert held(job(labour(1, 100, tax="Free")), rules, stage="RET", history=after(claim), chart=chart(**known)).code == code


def test_an_account_that_is_not_there_is_named_with_its_place_in_the_book() -> None:
    hold = held(job(*LINES), retaining(own=', account: "240"'), stage="PRG", chart=chart(account("241", "Retentions")))
    assert (hold.code, "book.yaml:" in hold.fix) == ("account_unknown", True)
