"""The outbox of alerts: told once while the trouble stands, called resolved once it clears."""

import pytest

from milepost.ledger.alerts import (
    AlertRow,
    AlertStatus,
    NewAlert,
    claim_attempt,
    due,
    mark_resolved,
    mark_sent,
    open_alerts,
    raise_alerts,
    resolve,
)
from milepost.ledger.database import Database
from tests.ledger_values import NOW, minutes

pytest_plugins = ["tests.ledger_fixtures"]
LATER = NOW + minutes(5)


def alert(subject: str = "b1", trouble: str = "no price") -> NewAlert:
    return NewAlert(subject, trouble, {"why": trouble})


async def told(ledger: Database, *alerts: NewAlert) -> list[AlertRow]:
    """Alerts that were raised and sent."""
    async with ledger.write() as c:
        await raise_alerts(c, "acme", "slack", "run-1", alerts, NOW)
        rows = await due(c, "acme", "slack")
        for row in rows:
            await mark_sent(c, row.id, f"ts-{row.subject}", "ts-summary", NOW)
    return rows


async def test_alerts_are_due_in_the_order_they_were_raised(ledger: Database) -> None:
    subjects = ["run:1", *(f"b{n}" for n in (7, 3, 9, 1))]
    async with ledger.write() as c:
        assert await raise_alerts(c, "acme", "slack", "run-1", [alert(x) for x in subjects], NOW) == 5
        assert await raise_alerts(c, "acme", "slack", "run-2", [alert("b0")], LATER) == 1
        rows = await due(c, "acme", "slack")
    assert [row.subject for row in rows] == [*subjects, "b0"]
    assert (rows[0].payload, rows[0].status, rows[0].attempts) == ({"why": "no price"}, AlertStatus.PENDING, 0)


@pytest.mark.parametrize("sent", [False, True])
async def test_the_same_trouble_is_raised_once_while_it_stands(ledger: Database, sent: bool) -> None:
    async with ledger.write() as c:
        await raise_alerts(c, "acme", "slack", "run-1", [alert()], NOW)
    if sent:
        await told(ledger)
    async with ledger.write() as c:
        assert await raise_alerts(c, "acme", "slack", "run-2", [alert(), alert()], LATER) == 0
        assert len(await open_alerts(c, "acme")) == 1


@pytest.mark.parametrize(
    ("connection", "channel", "news"),
    [
        ("acme", "slack", alert("b2")),
        ("acme", "slack", alert(trouble="no tax")),
        ("acme", "email", alert()),
        ("bolt", "slack", alert()),
    ],
    ids=["subject", "trouble", "channel", "connection"],
)
async def test_another_subject_trouble_channel_or_connection_is_news(
    ledger: Database, connection: str, channel: str, news: NewAlert
) -> None:
    await told(ledger, alert())
    async with ledger.write() as c:
        assert await raise_alerts(c, connection, channel, "run-2", [news], LATER) == 1


async def test_a_told_trouble_that_clears_is_called_resolved_once(ledger: Database) -> None:
    await told(ledger, alert())
    async with ledger.write() as c:
        assert await resolve(c, "acme", ["b1"], LATER) == 1
        assert await resolve(c, "acme", ["b1"], LATER) == 0
        (row,) = await due(c, "acme", "slack")
        assert (row.status, row.message_ref, row.thread_ref, row.sent_at) == ("resolving", "ts-b1", "ts-summary", NOW)
        await mark_resolved(c, row.id, LATER)
        assert await due(c, "acme", "slack") == await open_alerts(c, "acme") == []


async def test_a_trouble_that_clears_before_it_was_told_is_never_told(ledger: Database) -> None:
    async with ledger.write() as c:
        await raise_alerts(c, "acme", "slack", "run-1", [alert()], NOW)
        assert await resolve(c, "acme", ["b1"], LATER) == 1
        assert await due(c, "acme", "slack") == await open_alerts(c, "acme") == []


async def test_the_trouble_that_is_still_current_is_kept(ledger: Database) -> None:
    await told(ledger, alert(trouble="no price"), alert(trouble="no tax"), alert("b2"))
    async with ledger.write() as c:
        assert await resolve(c, "acme", ["b1"], LATER, keep={"b1": "no tax"}) == 1
        assert [(row.subject, row.trouble) for row in await due(c, "acme", "slack")] == [("b1", "no price")]


async def test_a_trouble_that_is_back_before_resolved_was_told_stands_on_in_silence(ledger: Database) -> None:
    await told(ledger, alert())
    async with ledger.write() as c:
        await resolve(c, "acme", ["b1"], LATER)
        assert await raise_alerts(c, "acme", "slack", "run-2", [alert()], LATER) == 0
        assert await due(c, "acme", "slack") == []
        (row,) = await open_alerts(c, "acme")
    assert row.status is AlertStatus.SENT


async def test_a_trouble_that_comes_back_after_it_was_resolved_is_told_again(ledger: Database) -> None:
    (row,) = await told(ledger, alert())
    async with ledger.write() as c:
        await resolve(c, "acme", ["b1"], LATER)
        await mark_resolved(c, row.id, LATER)
        assert await raise_alerts(c, "acme", "slack", "run-3", [alert()], LATER) == 1
        assert [again.run_id for again in await open_alerts(c, "acme")] == ["run-3"]


async def test_a_trouble_that_cleared_while_it_was_being_told_is_called_resolved_next(ledger: Database) -> None:
    async with ledger.write() as c:
        await raise_alerts(c, "acme", "slack", "run-1", [alert()], NOW)
        (row,) = await due(c, "acme", "slack")
        await resolve(c, "acme", ["b1"], NOW)
        await mark_sent(c, row.id, "ts-1", None, LATER)
        (row,) = await due(c, "acme", "slack")
        assert (row.status, row.message_ref) == (AlertStatus.RESOLVING, "ts-1")
        await mark_resolved(c, row.id, LATER)
        assert await due(c, "acme", "slack") == []


async def test_of_two_that_would_tell_the_same_row_one_does(ledger: Database) -> None:
    async with ledger.write() as c:
        await raise_alerts(c, "acme", "slack", "run-1", [alert()], NOW)
        (row,) = await due(c, "acme", "slack")
        assert await claim_attempt(c, row)
        assert not await claim_attempt(c, row)
        (row,) = await due(c, "acme", "slack")
        assert row.attempts == 1
        assert await claim_attempt(c, row)
