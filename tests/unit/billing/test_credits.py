"""A job that is cancelled after it was billed: a credit for a person to confirm, over just what stands in Xero."""

from decimal import Decimal

from milepost.billing.decision import Bill, Credit
from milepost.billing.facts import History
from milepost.jobs import Job, Payment
from tests.unit.billing.builders import after, billed, book, decided, held, job, labour, material, skipped

LINES = (labour(10, 95), material(3, "16.67"))  # 950.00 and 50.01
RULES = book(
    """
    - {code: DEP, name: deposit, on_status: [Accepted], amount: {percent: 30}, account: "235"}
    - {code: PRG, name: claim, on_status: [Under way], amount: {percent: 20}, retention: {percent: 10}}
    - {code: FIN, name: completion, on_status: [Completed]}
    - {code: RET, name: release, on_status: [Warranty over], amount: retention}
    - {code: CRD, name: cancellation, on_status: [Cancelled], amount: credit}
    """,
    more='payments: {deposits: deduct, deposit_account: "235"}\n',
)
CANCELLED = job(status="Cancelled", customer=None)


def credited(history: History, one: Job = CANCELLED) -> Credit:
    decision = decided(one, RULES, stage="CRD", history=history)
    assert isinstance(decision, Credit), decision
    return decision


def figures(credit: Credit) -> list[tuple[str | None, str, str]]:
    return [(line.account, str(line.amount), str(line.tax)) for line in credit.lines]


def stages(*codes: str, one: Job | None = None) -> list[Bill]:
    bills: list[Bill] = []
    for code in codes:
        bills.append(billed(one or job(*LINES), RULES, stage=code, history=after(*bills)))
    return bills


def assert_adds_up(credit: Credit, bills: list[Bill]) -> None:
    assert credit.total == sum(bill.draft.total for bill in bills)
    assert (credit.sub_total, credit.total_tax) == (
        sum((line.amount for line in credit.lines), Decimal(0)),
        sum((line.tax for line in credit.lines), Decimal(0)),
    )


def test_a_deposit_of_a_cancelled_job_is_a_credit_that_a_person_confirms() -> None:
    """The job has lost its lines and its customer by then; the invoice that was sent still says everything."""
    bills = stages("DEP")
    credit = credited(after(*bills))
    assert (credit.code, credit.invoices, str(credit.total)) == ("credit_due", ("INV-1",), "345.00")
    assert credit.why == "The job is 'Cancelled', and INV-1 (345.00) was billed."
    assert credit.fix == "Credit INV-1 (345.00) in Xero, or keep the amount as a cancellation fee."
    assert figures(credit) == [("235", "300.00", "45.00")]
    assert_adds_up(credit, bills)


def test_a_credit_over_several_invoices_keeps_what_is_held_back_out() -> None:
    bills = stages("DEP", "PRG")
    credit = credited(after(*bills))
    assert credit.why == "The job is 'Cancelled', and INV-1 (345.00), INV-2 (207.00) were billed."
    assert figures(credit) == [
        ("235", "300.00", "45.00"), ("200", "190.00", "28.50"), ("210", "10.00", "1.50"),
        ("200", "-19.00", "-2.85"), ("210", "-1.00", "-0.15"),
    ]  # fmt: skip
    assert_adds_up(credit, bills)


def test_what_a_last_invoice_took_off_again_is_credited_once() -> None:
    bills = stages("DEP", "PRG", "FIN", "RET")
    credit = credited(after(*bills))
    assert figures(credit) == [("200", "950.00", "142.50"), ("210", "50.01", "7.50")]
    assert_adds_up(credit, bills)


def test_a_deposit_that_was_taken_off_is_not_credited() -> None:
    paid = job(*LINES, payments=(Payment(id="p1", amount=Decimal(115), is_deposit=True),))
    bills = stages("FIN", one=paid)
    credit = credited(after(*bills))
    assert figures(credit)[-1] == ("235", "-100.00", "-15.00")
    assert_adds_up(credit, bills)


def test_nothing_billed_is_nothing_to_credit() -> None:
    assert skipped(CANCELLED, RULES, stage="CRD").code == "nothing_billed"


def test_invoices_in_two_currencies_are_for_a_person_one_by_one() -> None:
    history = after(*stages("DEP", "PRG"))
    abroad = history.billed[1].model_copy(update={"currency": "AUD"})
    hold = held(CANCELLED, RULES, stage="CRD", history=History(billed=(history.billed[0], abroad)))
    assert (hold.code, "INV-2 (207.00) in AUD" in hold.why) == ("terms_changed", True)
