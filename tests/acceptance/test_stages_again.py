"""A stage billed more than once, held back, or taken back, through the real flows: each invoice once, nothing left open."""

from decimal import Decimal

from milepost.billing.decision import Credit
from tests.flow_fixtures import PROJECT, Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

LABOUR = ("Labour", "10", "95.00")
VALVE = ("Isolating valve", "2", "50.00")
CLAIMS = """
milestones:
  - {code: DEP, name: deposit, on_status: [Quote], amount: {percent: 30}}
  - {code: PRG, name: progress claim, on_status: [Work Order], amount: {progress: claimed}, retention: {percent: 5},
     description: "Claim {{ milestone.sequence }}, job {{ job.number }}"}
  - {code: FIN, name: completion, on_status: [Completed], when_more: WHEN}
  - {code: RET, name: retention release, on_status: [Completed], when: {custom_fields: {warranty: over}}, amount: retention}
  - {code: CRD, name: cancellation, on_status: [Unsuccessful], amount: credit}
"""
STATUSES = {"statuses": ["Completed", "Work Order", "Quote", "Unsuccessful"]}


async def plumber_with(business: Businesses, when_more: str = "hold") -> Business:
    text = (PROJECT / "mappings/kauri-plumbing/v0001.yaml").read_text()
    book = (
        text[: text.index("milestones:")]
        .replace("number: xero", 'number: "{{ job.number }}-{{ milestone.code }}"')
        .replace("status: DRAFT", "status: AUTHORISED")
    )
    return await business("kauri", book=book + CLAIMS.replace("WHEN", when_more), platform=STATUSES)


async def statuses(plumber: Business) -> list[tuple[str, int, str]]:
    return [(row.milestone, row.sequence, row.status.value) for row in await plumber.rows()]


async def test_progress_claims_the_rest_and_the_retention_are_each_billed_once(business: Businesses) -> None:
    """20 %, then 60 % of 1000.00 at 15 %: 200.00 and 400.00 less 5 % of each; then 400.00; then the 30.00 held back."""
    plumber = await plumber_with(business)
    lines = [LABOUR, ("Tap", "1", "50.00")]
    for status, fields in (
        ("Work Order", {"customfield_claimed": "20"}),
        ("Work Order", {"customfield_claimed": "60 %"}),
        ("Completed", {}),
        ("Completed", {"customfield_warranty": "over"}),
    ):
        plumber.job(number="1482", status=status, lines=lines, extra=fields)
        await plumber.poll()
        run = await plumber.poll()  # nothing changed since: nothing is looked at again
        assert (run.results, run.needs_a_person) == ([], False)
    assert await statuses(plumber) == [("PRG", 1, "done"), ("PRG", 2, "done"), ("FIN", 1, "done"), ("RET", 1, "done")]
    assert [invoice.sub_total for invoice in plumber.invoices] == [Decimal(n) for n in ("190", "380", "400", "30")]
    assert sum(invoice.total for invoice in plumber.invoices) == Decimal("1150.00")
    assert "Claim 2, job 1482" in (plumber.invoices[1].lines[0].description or "")
    assert len({invoice.number for invoice in plumber.invoices}) == 4
    assert plumber.slack == []
    assert (await plumber.verify()).findings == ()


async def test_a_variation_after_the_final_invoice_waits_for_a_person_and_clears_when_it_is_undone(
    business: Businesses,
) -> None:
    plumber = await plumber_with(business)
    plumber.job(number="1482", lines=[LABOUR])
    await plumber.poll()
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    run = await plumber.poll()
    assert (run.counts["held"], len(plumber.invoices)) == (1, 1)
    held = (await plumber.rows())[1]
    assert (held.sequence, held.trouble_code) == (2, "more_due")
    assert "115.00 with tax more is due" in (held.trouble_why or "")
    assert "1482" in plumber.slack[-1].text
    told = len(plumber.slack)
    await plumber.poll()
    assert len(plumber.slack) == told

    plumber.job(number="1482", lines=[LABOUR])
    run = await plumber.poll()
    assert not run.needs_a_person
    assert await statuses(plumber) == [("FIN", 1, "done"), ("FIN", 2, "skipped")]
    assert "Resolved" in plumber.slack[-1].text


async def test_a_variation_is_billed_by_a_second_invoice_where_the_book_says_so(business: Businesses) -> None:
    plumber = await plumber_with(business, "bill")
    plumber.job(number="1482", lines=[LABOUR])
    await plumber.poll()
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    await plumber.poll()
    await plumber.poll()
    assert [invoice.total for invoice in plumber.invoices] == [Decimal("1092.50"), Decimal("115.00")]
    assert await statuses(plumber) == [("FIN", 1, "done"), ("FIN", 2, "done")]
    assert len({invoice.url for invoice in plumber.invoices}) == 2
    assert (await plumber.verify()).findings == ()


async def test_a_billed_job_that_changes_without_its_money_is_left_in_peace(business: Businesses) -> None:
    plumber = await plumber_with(business)
    plumber.job(number="1482", lines=[LABOUR])
    await plumber.poll()
    plumber.job(number="1482", lines=[("Labour, as discussed", "10", "95.00")])
    run = await plumber.poll()
    assert ([result.code for result in run.results], run.needs_a_person) == (["already_billed"], False)
    assert await statuses(plumber) == [("FIN", 1, "done")]
    assert (await plumber.poll()).results == []
    assert plumber.slack == []


async def test_a_job_cancelled_after_its_deposit_asks_a_person_to_credit_it(business: Businesses) -> None:
    plumber = await plumber_with(business)
    plumber.job(number="1482", status="Quote", lines=[LABOUR])
    plumber.job(number="1483", status="Unsuccessful", lines=[LABOUR])
    await plumber.poll()
    (deposit,) = plumber.invoices
    plumber.job(number="1482", status="Unsuccessful", lines=[LABOUR])
    run = await plumber.poll()
    assert run.counts["held"] == 1
    row = (await plumber.rows())[1]
    assert (row.milestone, row.status, row.trouble_code) == ("CRD", "held", "credit_due")
    credit = row.decided()
    assert isinstance(credit, Credit)
    assert (credit.total, credit.invoices) == (deposit.total, (deposit.number,))
    said = str(plumber.slack[-1].text) + str(plumber.slack[-1].blocks)
    assert "1482" in said
    assert f"Credit {deposit.number} ({deposit.total})" in said
    assert plumber.state is not None
    assert plumber.state.name == "NeedsPerson"
    assert {row.job_number for row in await plumber.rows()} == {"1482"}

    plumber.job(number="1482", status="Quote", lines=[LABOUR])  # taken up again after all
    assert not (await plumber.poll()).needs_a_person
    assert (await plumber.row("1482", "CRD")).status == "skipped"
