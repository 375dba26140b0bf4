"""Which stages are due, and the reason of those that are not."""

import pytest

from milepost.billing.facts import History
from milepost.billing.milestones import due_milestones, why_not_due
from milepost.jobs import Totals
from tests.unit.billing.builders import after, amount, billed, book, customer, job, labour

STAGES = book("""
- {code: DEP, name: deposit, on_status: [Accepted], when: {job_total: {over: 500}}, amount: {percent: 30}}
- {code: PRG, name: claim, on_status: [Accepted, Under way], when: {customer: "*school*"}, amount: {progress: Done}}
- {code: FIN, name: completion, on_status: [Completed]}
- {code: CRD, name: cancelled, on_status: [Cancelled], amount: credit}
""")
LARGE = Totals(ex=amount("500.01"))


@pytest.mark.parametrize(
    ("status", "total", "name", "due"),
    [
        ("Accepted", "500.01", "Ngaio Cafe", ["DEP"]),
        ("Accepted", "500.00", "Ngaio Cafe", []),
        ("Accepted", None, "Ngaio Cafe", []),
        ("ACCEPTED", "500.01", "Ngaio School", ["DEP", "PRG"]),
        ("under way", "500.01", "Ngaio School", ["PRG"]),
        ("Completed", None, "Ngaio Cafe", ["FIN"]),
        ("Cancelled", "500.01", "Ngaio Cafe", []),
        ("Parked", "500.01", "Ngaio School", []),
    ],
)
def test_a_stage_is_due_for_its_statuses_and_the_jobs_its_conditions_hold_of(
    status: str, total: str | None, name: str, due: list[str]
) -> None:
    one = job(labour(1, 95), status=status, customer=customer(name=name), reported_totals=Totals(ex=amount(total)))
    assert [milestone.code for milestone in due_milestones(one, STAGES, History())] == due


def test_whoever_asks_learns_why_a_stage_is_not_due() -> None:
    small = job(labour(1, 95), status="Accepted", reported_totals=Totals(ex=amount(95)))
    deposit, claim, final, credit = why_not_due(small, STAGES, History())
    assert (deposit.code, deposit.milestone) == ("condition", "DEP")
    assert deposit.rejected is not None
    assert (deposit.rejected.rule, deposit.rejected.condition, deposit.rejected.seen) == ("DEP", "job_total", "95")
    assert "job_total is to be over 500, and is 95" in deposit.why
    assert "customer is to be *school*, and is Ngaio Cafe" in claim.why
    assert (final.code, final.why) == ("status", "The job is 'Accepted'; FIN is due at 'Completed'.")
    assert credit.code == "status"


def test_a_cancelled_job_is_due_for_credit_once_something_was_billed() -> None:
    cancelled = job(labour(1, 95), status="Cancelled", reported_totals=LARGE)
    (*_, credit) = why_not_due(cancelled, STAGES, History())
    assert (credit.code, credit.why) == ("nothing_billed", "Nothing was billed of the job, so CRD has nothing to credit.")
    deposit = billed(job(labour(1, 95)), STAGES, stage="DEP")
    assert [milestone.code for milestone in due_milestones(cancelled, STAGES, after(deposit))] == ["CRD"]


@pytest.mark.parametrize(
    ("amount", "when_more", "due"),
    [
        ("remaining", "", True),
        ("remaining", ", when_more: bill", True),
        ("remaining", ", when_more: ignore", False),
        ("{percent: 30}", "", False),
        ("{percent: 30}", ", when_more: hold", True),
        ("{flat: 50}", "", False),
    ],
)
def test_a_billed_stage_is_looked_at_again_only_when_its_job_has_changed(amount: str, when_more: str, due: bool) -> None:
    stage = book(f"- {{code: FIN, name: f, on_status: [Completed], amount: {amount}{when_more}}}")
    before, later = job(labour(1, 95)), job(labour(2, 95))
    history = after(billed(before, stage))
    (unchanged,) = why_not_due(before, stage, history)
    assert unchanged.code == "already_billed"
    assert "FIN was billed already by INV-1" in unchanged.why
    assert bool(due_milestones(later, stage, history)) is due
    assert bool(why_not_due(later, stage, history)) is not due
