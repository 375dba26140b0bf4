from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from pydantic import SecretStr

from milepost.connection import AlertSettings, EmailSettings
from milepost.errors import RemoteError
from notifications.delivery import read_round
from notifications.email import EmailChannel
from sandbox.faults import Fault
from sandbox.smtp import SmtpSink
from tests.unit.notifications.builders import trouble

if TYPE_CHECKING:
    from tests.alerts_fixtures import Desk

pytest_plugins = ["tests.alerts_fixtures"]


@pytest_asyncio.fixture(loop_scope="session")
async def post(desk: Desk) -> Desk:
    """A connection that is told by e-mail alone."""
    desk.alerts = AlertSettings(email=desk.mailbox())
    return desk


async def test_a_run_is_one_mail_in_text_and_html(post: Desk) -> None:
    delivery = await post.run(trouble("1"), trouble("2", why='A < B & "C"', amount=None))
    assert (delivery.sent, delivery.waiting, delivery.error) == (1, 0, None)
    (mail,) = post.mail.mails
    assert mail.recipients == ("billing@example.com",)
    assert mail.message["Subject"] == f"{post.name}: 42 jobs: 38 invoiced, 3 held, 1 failed"
    text, html = (mail.message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert 'A < B & "C"' in text.get_content()
    assert "A &lt; B &amp; &#34;C&#34;" in html.get_content()


async def test_the_same_trouble_is_mailed_once(post: Desk) -> None:
    await post.run(trouble("1"))
    await post.run(trouble("1"))
    assert len(post.mail.mails) == 1


async def test_what_cleared_is_a_reply_to_the_mail_that_told_it(post: Desk) -> None:
    await post.run(trouble("1"), trouble("2"))
    delivery = await post.run(cleared=["billing-1", "billing-2"])
    assert (delivery.sent, delivery.resolved, delivery.waiting) == (0, 2, 0)
    first, second = (mail.message for mail in post.mail.mails)
    assert second["Subject"] == f"{post.name}: resolved: 2 troubles"
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]


async def test_troubles_above_twenty_are_counted_in_the_mail_and_closed_without_one(post: Desk) -> None:
    await post.run(*(trouble(str(n), amount=n) for n in range(1, 24)))
    (mail,) = post.mail.mails
    body = mail.message.get_body(("plain",))
    assert body is not None
    assert body.get_content().count("Held: job") == 20
    assert "… and 3 more." in body.get_content()
    delivery = await post.run(cleared=["billing-1"])
    assert (delivery.resolved, delivery.waiting, len(post.mail.mails)) == (0, 0, 1)


@pytest.mark.parametrize("answer", ["451 4.3.0 Try again later", "554 5.7.1 Refused"])
async def test_a_refused_mail_waits_and_is_made_up_later(post: Desk, answer: str) -> None:
    post.mail.refuse_next(answer)
    delivery = await post.run(trouble("1"))
    assert (delivery.sent, delivery.waiting) == (0, 2)
    assert f"the server answers {answer[:3]}" in str(delivery.error)
    assert (await post.deliver()).sent == 1


async def test_a_mail_that_is_sent_again_after_a_crash_has_the_same_id(post: Desk) -> None:
    await post.record(trouble("1"))
    letters = await read_round(post.db, post.name, "email")
    before = f"<{letters.summaries[letters.runs()[0]].row.id}@milepost.invalid>"
    await post.deliver()
    assert [mail.message["Message-ID"] for mail in post.mail.mails] == [before]


async def test_slack_away_does_not_keep_the_mail_back(desk: Desk) -> None:
    desk.alerts = AlertSettings(slack=desk.bot(), email=desk.mailbox())
    desk.slack.faults.add(Fault("status", times=-1, status=500, body="no"))
    delivery = await desk.run(trouble("1"))
    assert (delivery.sent, delivery.waiting, len(desk.mail.mails)) == (1, 2, 1)
    desk.slack.faults.clear()
    assert (await desk.deliver()).sent == 2
    assert len(desk.mail.mails) == 1


async def test_a_summary_in_slack_is_ticked_only_when_it_stands_nowhere(desk: Desk) -> None:
    desk.alerts = AlertSettings(slack=desk.bot())
    await desk.run(trouble("2"))
    desk.alerts = AlertSettings(slack=desk.bot(), email=desk.mailbox())
    await desk.run(trouble("1"), trouble("2"))
    await desk.run(trouble("2"), cleared=["billing-1"])
    assert not desk.tops[1].text.startswith("✔")
    await desk.run(cleared=["billing-2"])
    assert [top.text[0] for top in desk.tops] == ["✔", "✔"]


async def test_an_unreachable_server_is_an_error_without_addresses(desk: Desk) -> None:
    settings = desk.mailbox().model_copy(update={"port": 9})
    with pytest.raises(RemoteError, match="the server was not reached or refused") as caught:
        await EmailChannel(settings).test()
    assert not caught.value.permanent
    assert "@" not in str(caught.value)


async def test_a_login_is_made_and_a_wrong_one_is_permanent() -> None:
    async with SmtpSink(user="milepost", password="right") as sink:

        def settings(password: str) -> EmailSettings:
            return EmailSettings(
                host=sink.host,
                port=sink.port,
                sender="milepost@example.com",
                to=("a@example.com",),
                username="milepost",
                password=SecretStr(password),
                starttls=False,
            )

        await EmailChannel(settings("right")).test()
        with pytest.raises(RemoteError, match="the server answers 535") as caught:
            await EmailChannel(settings("wrong")).test()
    assert caught.value.permanent
    assert "wrong" not in str(caught.value)


async def test_a_server_without_starttls_is_refused_when_starttls_is_asked_for(desk: Desk) -> None:
    settings = desk.mailbox().model_copy(update={"starttls": True})
    with pytest.raises(RemoteError):
        await EmailChannel(settings).test()
    assert desk.mail.mails == []
