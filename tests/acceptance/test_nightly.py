"""The nightly check: what does not agree with Xero is told once, and that it has cleared; old log entries go."""

from dataclasses import replace
from datetime import timedelta

from flows.nightly import LOG_KEPT, nightly_check
from milepost.ledger import alerts, calllog, connections
from milepost.ledger.calllog import LogEntry
from milepost.ledger.connections import ConnectionStatus
from milepost.ledger.tables import billings
from milepost.steps.workspace import utcnow
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]


async def billed(business: Businesses) -> Business:
    """A builder with one billed job."""
    builder = await business("albion")
    builder.job(ref="AFO-1", state="done", customer="Blackfriars Bar", items=[("Oak stair", "1", "1000.00")])
    await builder.poll()
    assert len(builder.invoices) == 1
    return builder


async def test_a_night_on_which_all_agrees_says_nothing(business: Businesses) -> None:
    builder = await billed(business)
    state = await nightly_check(return_state=True)
    assert (state.name, state.message) == ("Completed", "1 connections verified")
    assert builder.slack == []


async def test_an_invoice_voided_in_xero_is_told_once_and_again_when_it_is_in_order(business: Businesses) -> None:
    builder = await billed(business)
    builder.org.invoices.save(replace(builder.invoices[0], status="VOIDED"))
    for _ in range(2):
        state = await nightly_check(return_state=True)
        assert state.name == "NeedsPerson"
    (message,) = builder.slack
    assert "voided or deleted" in message.text or "voided or deleted" in str(message.blocks)
    async with builder.ledger() as db, db.write() as c:
        await c.execute(billings.update().values(by_hand="somebody"))
    state = await nightly_check(return_state=True)
    assert state.name == "Completed"
    async with builder.ledger() as db, db.read() as c:
        assert await alerts.open_alerts(c, builder.name) == []


async def test_a_connection_that_is_away_stops_none_of_the_others(business: Businesses) -> None:
    away = await business("kauri", xero={"api_url": "http://127.0.0.1:9"})
    away.job(number="1", customer="Somebody", lines=[("Labour", "1", "95.00")])
    await away.poll()
    builder = await billed(business)
    async with builder.ledger() as db, db.write() as c:
        await connections.set_status(c, away.name, ConnectionStatus.CONNECTED, "", utcnow())
    state = await nightly_check(return_state=True)
    assert (state.name, state.message) == ("StillAway", f"not verified: {away.name}")


async def test_log_entries_are_forgotten_when_they_were_kept_long_enough(business: Businesses) -> None:
    builder = await billed(business)
    old = LogEntry(utcnow() - LOG_KEPT - timedelta(days=1), builder.name, "xero", "long-ago", "ok")
    async with builder.ledger() as db, db.write() as c:
        await calllog.append(c, [old])
    await nightly_check(return_state=True)
    async with builder.ledger() as db, db.read() as c:
        kept = [entry.operation for entry in await calllog.recent(c, builder.name, limit=1000)]
    assert kept
    assert "long-ago" not in kept
