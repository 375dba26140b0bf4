"""Slack hears of each trouble once and of its end once, whatever Slack itself does; and a plan writes nothing at all."""

from decimal import Decimal

import pytest

from flows.polling import deliver_alerts
from milepost.steps.run import BillingRun
from sandbox.faults import Fault
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

LABOUR = ("Labour", "1", "95.00")
UNPRICED = ("Dishwasher hose 3 m", "1", None, "HOSE3")


async def test_a_trouble_is_told_once_over_three_polls_and_its_end_once(business: Businesses) -> None:
    plumber = await business("kauri")
    plumber.job(number="1490", lines=[LABOUR, UNPRICED])
    plumber.job(number="1491", lines=[LABOUR])
    for _ in range(3):
        await plumber.poll()
    summary, trouble = plumber.slack
    assert summary.thread_ts is None
    assert trouble.thread_ts == summary.ts
    assert "1490" in trouble.text
    told = str(trouble.blocks)
    assert "What to do" in told
    assert "1490" not in summary.text
    assert [invoice.reference for invoice in plumber.invoices] == ["1491"]

    plumber.job(number="1490", lines=[LABOUR, ("Dishwasher hose 3 m", "1", "12.50", "HOSE3")])
    await plumber.poll()
    *_, resolved = plumber.slack
    assert len(plumber.slack) == 3
    assert "Resolved" in resolved.text
    assert resolved.thread_ts == summary.ts
    await plumber.poll()
    assert len(plumber.slack) == 3


@pytest.mark.parametrize("made_up_by", ["the next poll", "deliver-alerts"])
async def test_a_slack_that_is_away_harms_no_billing_and_is_told_later(business: Businesses, made_up_by: str) -> None:
    plumber = await business("kauri")
    plumber.sandbox.slack.faults.add(Fault("status", times=-1, status=503))
    plumber.job(number="1490", lines=[LABOUR, UNPRICED])
    plumber.job(number="1491", lines=[LABOUR])
    run = await plumber.poll()
    assert run.counts["done"] == run.counts["held"] == 1
    assert plumber.slack == []
    assert len(plumber.notes) == 1
    assert (await plumber.row("1491")).status == "done"

    plumber.sandbox.slack.faults.clear()
    if made_up_by == "deliver-alerts":
        assert (await deliver_alerts(return_state=True)).is_completed()
    else:
        await plumber.poll()
    assert [bool(message.thread_ts) for message in plumber.slack] == [False, True]
    assert "1490" in plumber.slack[1].text
    await plumber.poll()
    assert len(plumber.slack) == 2


def decided(run: BillingRun) -> list[tuple[str, str, str, str, Decimal | None]]:
    """What a run decided, apart from what came of it."""
    return sorted(
        (r.job.number, r.milestone.code, r.decision.action, r.code if r.decision.action != "bill" else "", r.total)
        for r in run.results
    )


async def test_a_plan_writes_nothing_and_decides_what_the_run_then_does(business: Businesses) -> None:
    builder = await business("albion")
    _mixed_morning(builder)
    contacts, changes = len(builder.org.contacts), builder.sandbox.xero.log
    plan = await builder.plan()

    assert {result.status for result in plan.results} == {"planned", "held"}
    assert await builder.rows() == []
    assert builder.invoices == []
    assert len(builder.org.contacts) == contacts
    assert builder.notes == []
    assert builder.slack == []
    assert {entry.method for entry in changes.entries if "/api.xro/" in entry.path} == {"GET"}
    assert {entry.method for entry in builder.system.log.entries} == {"GET"}

    run = await builder.poll()
    assert decided(run) == decided(plan)
    assert run.counts["done"] == plan.counts["planned"] == 3
    assert (await builder.verify()).findings == ()


def _mixed_morning(builder: Business) -> None:
    """A new customer's deposit, a completion, a price without lines, and a job whose price is missing."""
    oak = [("Oak stair", "1", "1000.00")]
    builder.job(ref="AFO-1", state="accepted", customer="Blackfriars Bar", items=oak)
    builder.job(ref="AFO-2", customer="Thornbury Dental Practice", items=oak)
    builder.job(ref="AFO-3", customer="Quayside Studios", items=[], quoted_total="640.00", title="Survey")
    builder.job(ref="AFO-4", customer="Quayside Studios", items=[("Door", "1", None)])
