from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from milepost.errors import RateLimited, RemoteError
from notifications.delivery import Delivery, claim, read_round
from notifications.slack import MessageRef, SlackChannel
from notifications.slack_messages import SlackMessage
from sandbox.faults import Fault
from tests.unit.notifications.builders import summary, trouble

if TYPE_CHECKING:
    from tests.alerts_fixtures import Desk

pytest_plugins = ["tests.alerts_fixtures"]


def blocks_text(message: Any) -> str:
    """The first section's text."""
    return str(next(b for b in message.blocks if b["type"] == "section")["text"]["text"])


async def test_a_run_is_one_summary_with_its_troubles_in_the_thread(desk: Desk) -> None:
    delivery = await desk.run(trouble("1482"), trouble("1490", status="failed", why="Xero is away."))
    assert (delivery.sent, delivery.waiting, delivery.error) == (3, 0, None)
    (top,) = desk.tops
    assert top.text == f"{desk.name}: 42 jobs: 38 invoiced, 3 held, 1 failed"
    assert [reply.thread_ts for reply in desk.replies] == [top.ts, top.ts]
    assert [reply.text.split(".")[0] for reply in desk.replies] == [
        "⏸ Held: job 1482 (completion)",
        "✖ Failed: job 1490 (completion)",
    ]


async def test_a_run_that_needs_nobody_is_silent(desk: Desk) -> None:
    fine = summary(connection=desk.name, counts={"invoiced": 40})
    assert await desk.run(run=fine) == Delivery()
    assert desk.texts == []


async def test_the_same_trouble_is_told_once(desk: Desk) -> None:
    await desk.run(trouble())
    await desk.run(trouble())
    await desk.run(trouble())
    assert len(desk.texts) == 2


async def test_only_what_is_new_is_told_and_the_rest_is_counted(desk: Desk) -> None:
    await desk.run(trouble("1"), trouble("2"))
    await desk.run(trouble("1"), trouble("2"), trouble("3"))
    assert len(desk.replies) == 3
    assert "2 more were told before and still stand." in blocks_text(desk.tops[1])


async def test_a_cleared_trouble_gets_a_reply_and_a_tick(desk: Desk) -> None:
    await desk.run(trouble("1"), trouble("2"))
    delivery = await desk.run(trouble("2"), cleared=["billing-1"])
    assert (delivery.sent, delivery.resolved) == (0, 1)
    summary_message, told, _, reply = desk.slack.messages
    assert told.edits == 1
    assert told.text == "✔ Resolved: job 1 (completion)"
    assert reply.text == "✔ Resolved: job 1 (completion)."
    assert reply.thread_ts == summary_message.ts


async def test_nothing_is_resolved_twice(desk: Desk) -> None:
    await desk.run(trouble("1"))
    for _ in range(3):
        await desk.run(cleared=["billing-1"], run=summary(connection=desk.name, counts={}))
    assert sum(text.startswith("✔ Resolved") for text in desk.texts) == 2


async def test_the_summary_is_ticked_when_everything_in_its_thread_has_cleared(desk: Desk) -> None:
    await desk.run(trouble("1"), trouble("2"))
    await desk.run(trouble("2"), cleared=["billing-1"])
    assert not desk.tops[0].text.startswith("✔")
    await desk.run(cleared=["billing-2"])
    assert desk.tops[0].text.startswith("✔")
    assert "Everything told here is resolved." in blocks_text(desk.tops[0])


async def test_another_trouble_of_the_same_job_is_told_and_the_old_one_points_to_it(desk: Desk) -> None:
    await desk.run(trouble("1"))
    await desk.run(trouble("1", why="Account 200 is archived."))
    assert "It has another trouble now: see its newer message." in desk.texts[-1]
    assert "Account 200 is archived." in desk.texts[-2]


async def test_a_trouble_that_returns_is_told_again(desk: Desk) -> None:
    await desk.run(trouble("1"))
    await desk.run(cleared=["billing-1"])
    delivery = await desk.run(trouble("1"))
    assert delivery.sent == 2


async def test_a_trouble_that_cleared_and_returned_during_an_outage_just_stands(desk: Desk) -> None:
    await desk.run(trouble("1"))
    await desk.record(cleared=["billing-1"])
    await desk.record(trouble("1"))
    delivery = await desk.deliver()
    assert (delivery.sent, delivery.resolved, delivery.waiting) == (0, 0, 0)
    await desk.run(cleared=["billing-1"])
    assert desk.texts[-1] == "✔ Resolved: job 1 (completion)."


async def test_a_trouble_that_clears_before_it_is_told_is_never_told(desk: Desk) -> None:
    await desk.record(trouble("1"))
    await desk.record(cleared=["billing-1"])
    delivery = await desk.deliver()
    assert desk.texts == []
    assert (delivery.waiting, delivery.error) == (0, None)


async def test_the_largest_amounts_come_first_and_twenty_have_a_message(desk: Desk) -> None:
    await desk.run(*(trouble(str(n), amount=n, why=f"Reason {n}.") for n in range(1, 24)))
    replies = [reply.text for reply in desk.replies]
    assert replies[0].startswith("⏸ Held: job 23 ")
    assert replies[19].startswith("⏸ Held: job 4 ")
    assert replies[20:] == [f"{desk.name}: … and 3 more"]


async def test_troubles_without_a_message_are_not_told_later_nor_resolved_aloud(desk: Desk) -> None:
    many = [trouble(str(n), amount=n) for n in range(1, 24)]
    await desk.run(*many)
    await desk.run(*many)
    delivery = await desk.run(*many[1:], cleared=["billing-1"])
    assert (len(desk.texts), delivery.waiting, delivery.resolved) == (22, 0, 0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", times=-1, status=503, body="<html>sorry</html>"),
        Fault("status", times=-1, status=200, body="<html>sorry</html>"),
        Fault("drop_before", times=-1),
        Fault("status", times=-1, status=200, body='{"ok": false, "error": "internal_error"}'),
    ],
    ids=["503", "a page", "dropped", "internal error"],
)
async def test_an_outage_is_reported_and_made_up_later(desk: Desk, fault: Fault) -> None:
    desk.slack.faults.add(fault)
    delivery = await desk.run(trouble("1"), trouble("2"))
    assert (delivery.sent, delivery.waiting) == (0, 3)
    assert delivery.error is not None
    assert delivery.error.startswith("Slack: chat.postMessage failed")
    desk.slack.faults.clear()
    assert await desk.deliver() == Delivery(sent=3)
    assert len(desk.replies) == 2


async def test_a_delivery_that_breaks_off_goes_on_where_it_stopped(desk: Desk) -> None:
    desk.slack.faults.add(Fault("status", skip=2, times=1, status=500, body="no"))
    first = await desk.run(trouble("1"), trouble("2"), trouble("3"))
    second = await desk.deliver()
    assert (first.sent, first.waiting, second.sent, second.waiting) == (2, 2, 2, 0)
    (top,) = desk.tops
    assert [reply.thread_ts for reply in desk.replies] == [top.ts] * 3


async def test_a_lost_answer_repeats_at_most_that_message(desk: Desk) -> None:
    desk.slack.faults.add(Fault("drop_after", skip=1, times=1))
    await desk.run(trouble("1"), trouble("2"))
    await desk.deliver()
    assert [text.split(" (")[0] for text in desk.texts[1:]] == [
        "⏸ Held: job 1",
        "⏸ Held: job 1",
        "⏸ Held: job 2",
    ]


async def test_too_many_messages_is_obeyed(desk: Desk) -> None:
    limit = Fault(
        "status", skip=1, times=1, status=429, headers={"Retry-After": "30"}, body='{"ok": false, "error": "ratelimited"}'
    )
    desk.slack.faults.add(limit)
    delivery = await desk.run(trouble("1"), trouble("2"))
    assert (delivery.sent, delivery.waiting) == (1, 2)
    assert "it asks to wait 30 s" in str(delivery.error)
    assert len(desk.slack.messages) == 1


async def test_an_outage_while_resolving_is_made_up_later(desk: Desk) -> None:
    await desk.run(trouble("1"))
    desk.slack.faults.add(Fault("status", path="*chat.postMessage", status=500, body="no"))
    assert (await desk.run(cleared=["billing-1"])).resolved == 0
    delivery = await desk.deliver()
    assert (delivery.resolved, delivery.waiting) == (1, 0)
    assert sum(text == "✔ Resolved: job 1 (completion)." for text in desk.texts) == 1


async def test_two_deliveries_at_once_tell_everything_once(desk: Desk) -> None:
    await desk.record(*(trouble(str(n)) for n in range(5)))
    await asyncio.gather(desk.deliver(), desk.deliver(), desk.deliver())
    assert len(desk.texts) == 6


async def test_a_row_that_another_process_has_begun_to_tell_is_theirs(desk: Desk) -> None:
    await desk.record(trouble("1"))
    letters = await read_round(desk.db, desk.name, "slack")
    (letter,) = letters.of_run(letters.runs()[0])
    assert [await claim(desk.db, letter.row) for _ in range(2)] == [True, False]


async def test_a_webhook_posts_flat_messages(desk: Desk) -> None:
    desk.alerts = desk.alerts.model_copy(update={"slack": desk.webhook()})
    await desk.run(trouble("1"))
    await desk.run(trouble("1"))
    delivery = await desk.run(cleared=["billing-1"])
    assert (delivery.resolved, delivery.waiting) == (1, 0)
    assert [message.thread_ts for message in desk.slack.messages] == [None] * 3
    assert [text.split(":")[0] for text in desk.texts] == [desk.name, "⏸ Held", "✔ Resolved"]
    assert "in a message of its own" in blocks_text(desk.tops[0])


async def test_a_reply_whose_channel_is_gone_is_posted_where_messages_go_now(desk: Desk) -> None:
    await desk.run(trouble("1"))
    desk.slack.settings.channels = {"#new": "C0NEW"}
    desk.alerts = desk.alerts.model_copy(update={"slack": desk.bot(channel="#new")})
    try:
        delivery = await desk.run(cleared=["billing-1"])
    finally:
        desk.slack.settings.channels = {"#billing": "C0BILLING"}
    assert (delivery.resolved, delivery.error) == (1, None)
    assert (desk.tops[-1].channel, desk.tops[-1].text) == ("C0NEW", "✔ Resolved: job 1 (completion).")


async def test_refused_blocks_are_sent_as_text(desk: Desk) -> None:
    channel = SlackChannel(desk.bot())
    await channel.send(SlackMessage("the text", ({"type": "mystery"},)))
    await SlackChannel(desk.webhook()).send(SlackMessage("the text again", ({"type": "mystery"},)))
    assert [(m.text, m.blocks) for m in desk.slack.messages] == [("the text", []), ("the text again", [])]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"token": "xoxb-wrong"}, "the token is not accepted. Put a valid bot token"),
        ({"channel": "#nowhere"}, "the channel does not exist, or the bot cannot see it. Check the channel's name"),
        ({"api_url": "http://127.0.0.1:9/api/"}, "could not be reached or gave no answer (ConnectionRefusedError)"),
    ],
)
async def test_a_wrong_setting_is_said_with_what_to_do(desk: Desk, changes: dict[str, str], why: str) -> None:
    desk.alerts = desk.alerts.model_copy(update={"slack": desk.bot(**changes)})
    delivery = await desk.run(trouble())
    assert why in str(delivery.error)
    assert "xoxb" not in str(delivery.error).replace("(xoxb-...)", "")


async def test_the_test_of_a_channel_posts_nothing(desk: Desk) -> None:
    await SlackChannel(desk.bot()).test()
    await SlackChannel(desk.webhook()).test()
    assert desk.texts == []


async def test_the_test_of_a_channel_finds_what_is_wrong(desk: Desk) -> None:
    with pytest.raises(RemoteError, match="the token is not accepted") as caught:
        await SlackChannel(desk.bot(token="xoxb-wrong")).test()
    assert caught.value.permanent
    address = SecretStr(f"{desk.url}/services/T0/B0/s3cr3t")
    gone = desk.webhook().model_copy(update={"webhook_url": address})
    with pytest.raises(RemoteError, match="the webhook does not exist any more") as caught:
        await SlackChannel(gone).test()
    assert "s3cr3t" not in str(caught.value)


async def test_a_limit_without_a_time_waits_half_a_minute(desk: Desk) -> None:
    desk.slack.faults.add(Fault("status", status=429, body="slow down"))
    with pytest.raises(RateLimited) as caught:
        await SlackChannel(desk.webhook()).send(SlackMessage("hello"))
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 30


async def test_no_secret_and_no_text_reaches_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk.alerts = desk.alerts.model_copy(update={"slack": desk.webhook()})
    desk.slack.faults.add(Fault("drop_before"))
    await desk.run(trouble(why="A private reason."))
    await desk.deliver()
    told = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("aiosqlite"))
    assert "services/T0" not in told
    assert "private reason" not in told


@pytest.mark.parametrize("text", [None, "", "C1", "C1:"])
def test_what_names_no_message_is_no_reference(text: str | None) -> None:
    assert MessageRef.parse(text) is None


def test_a_reference_is_read_as_it_was_written() -> None:
    assert MessageRef.parse(str(MessageRef("C1", "1.2"))) == MessageRef("C1", "1.2")
