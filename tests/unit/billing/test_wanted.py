"""What a share comes to: of the quote or of the job, with its bounds; and progress as the job states it."""

from typing import Any

import pytest

from milepost.jobs import Claims, Job, Quote, Totals
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import amount, billed, book, held, job, labour, material, skipped, totals

LINES = (labour(10, 95), material(3, "16.67"))  # 950.00 and 50.01


def share(said: str, *, invoice: str = "{terms: {days: 14}}", more: str = "") -> RuleBook:
    return book(
        f"""
        - {{code: DEP, name: deposit, on_status: [a], amount: {said}{more}}}
        - {{code: FIN, name: completion, on_status: [Completed]}}
        """,
        invoice=invoice,
    )


def quoted(ex: str | None = None, tax: str | None = None, inc: str | None = None, **said: Any) -> Job:
    quote = Quote(totals=Totals(ex=amount(ex), tax=amount(tax), inc=amount(inc)))
    return job(*LINES, quote=quote, **said)


@pytest.mark.parametrize(
    ("terms", "quote", "net", "base"),
    [
        ("exclusive", quoted(ex="800.00"), "240.00", "800.00"),
        ("exclusive", quoted(inc="920.00"), "240.00", "800.00"),
        ("exclusive", quoted(inc="920.00", tax="100.00"), "246.00", "820.00"),
        ("inclusive", quoted(inc="920.00"), "240.00", "920.00"),
        ("inclusive", quoted(ex="800.00"), "240.00", "920.00"),
        ("no_tax", quoted(inc="920.00"), "276.00", "920.00"),
        ("no_tax", quoted(ex="800.00", tax="120.00"), "276.00", "920.00"),
    ],
)
def test_a_share_of_what_was_quoted_is_in_the_invoices_terms(terms: str, quote: Job, net: str, base: str) -> None:
    bill = billed(quote, share("{percent: 30, of: quoted}", invoice=f"{{line_amounts: {terms}}}"), stage="DEP")
    assert totals(bill)[0] == net
    assert f"30% of {base} quoted is" in bill.sums[-1]


@pytest.mark.parametrize(
    ("terms", "one"),
    [
        ("exclusive", job(*LINES)),
        ("exclusive", quoted(tax="120.00")),
        ("no_tax", quoted(ex="800.00")),
        (
            "exclusive",
            job(labour(1, 100, tax="Five"), labour(1, 100, tax="Ten"), quote=Quote(totals=Totals(inc=amount(215)))),
        ),
    ],
    ids=["no quote", "only tax", "no tax mode", "two rates"],
)
def test_a_quote_that_cannot_be_read_in_the_invoices_terms_is_held(terms: str, one: Job) -> None:
    hold = held(one, share("{percent: 30, of: quoted}", invoice=f"{{line_amounts: {terms}}}"), stage="DEP")
    assert hold.code == "quote_missing"
    assert "'of: current'" in hold.fix


def test_a_share_of_a_quote_is_capped_at_what_is_left_of_the_job() -> None:
    bill = billed(quoted(ex="9000.00"), share("{percent: 30, of: quoted}"), stage="DEP")
    assert totals(bill)[0] == "1000.01"
    assert "30% of 9000.00 quoted is 2700.00, capped at the 1000.01 that is left" in bill.sums[-1]


@pytest.mark.parametrize(
    ("bounds", "net", "said"),
    [
        ("at_least: 400", "400.00", "30% of 1000.01 is 300.00, raised to the least of 400"),
        ("at_least: 300", "300.00", "30% of 1000.01 is 300.00."),
        ("at_most: 250.50", "250.50", "30% of 1000.01 is 300.00, lowered to the most of 250.50"),
        ("at_most: 300", "300.00", "30% of 1000.01 is 300.00."),
        ("at_least: 2000", "1000.01", "raised to the least of 2000, capped at the 1000.01 that is left"),
    ],
)
def test_a_share_keeps_within_its_bounds(bounds: str, net: str, said: str) -> None:
    bill = billed(job(*LINES), share(f"{{percent: 30, {bounds}}}"), stage="DEP")
    assert (totals(bill)[0], said in bill.sums[-1]) == (net, True)


def test_less_than_the_minimum_is_left_to_a_later_stage() -> None:
    skip = skipped(job(*LINES), share("{percent: 30}", more=", minimum: 300.01"), stage="DEP")
    assert skip.code == "below_minimum"
    assert "DEP would bill 300.00, less than its minimum of 300.01." in skip.why
    assert totals(billed(job(*LINES), share("{percent: 30}", more=", minimum: 300"), stage="DEP"))[0] == "300.00"


CLAIM = share("{progress: Done}")
BY_PLATFORM = share("{progress: platform}")


@pytest.mark.parametrize(
    ("text", "net"), [("45", "450.00"), ("45 %", "450.00"), ("45%", "450.00"), (" 12.5 % ", "125.00"), ("100", "1000.01")]
)
def test_progress_is_read_from_a_custom_field(text: str, net: str) -> None:
    assert totals(billed(job(*LINES, custom_fields={"Done": text}), CLAIM, stage="DEP"))[0] == net


@pytest.mark.parametrize("text", ["half", "45,5", "-3", "101", "120 %", "45 % done", "4 5"])
def test_progress_that_cannot_be_read_is_held_and_names_the_field(text: str) -> None:
    hold = held(job(*LINES, custom_fields={"Done": text}), CLAIM, stage="DEP")
    assert hold.code == "progress_unreadable"
    assert f"custom field 'Done' says '{text}'" in hold.why


@pytest.mark.parametrize("fields", [{}, {"Done": ""}, {"Done": "  "}])
def test_progress_that_nobody_stated_yet_bills_nothing(fields: dict[str, str]) -> None:
    skip = skipped(job(*LINES, custom_fields=fields), CLAIM, stage="DEP")
    assert (skip.code, "Custom field 'Done' states no percentage yet" in skip.why) == ("nothing_due", True)


def test_progress_is_the_percentage_that_the_platform_states() -> None:
    assert totals(billed(job(*LINES, claims=Claims(percent=amount(45))), BY_PLATFORM, stage="DEP"))[0] == "450.00"
    assert skipped(job(*LINES), BY_PLATFORM, stage="DEP").code == "nothing_due"
    assert held(job(*LINES, claims=Claims(percent=amount(130))), BY_PLATFORM, stage="DEP").code == "progress_unreadable"
