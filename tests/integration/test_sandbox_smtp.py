"""The loopback SMTP server, by aiosmtplib as a client."""

from email.message import EmailMessage

import aiosmtplib
import pytest

from sandbox.smtp import SmtpSink


def message(text: str = "Two jobs are held.") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "milepost@example.com", "billing@example.org", "Held: 2 jobs é"
    mail.set_content(text)
    return mail


async def send(sink: SmtpSink, mail: EmailMessage, **login: str) -> None:
    await aiosmtplib.send(mail, hostname=sink.host, port=sink.port, start_tls=False, timeout=5, **login)  # type: ignore[arg-type]


async def test_a_message_is_kept_with_its_envelope() -> None:
    async with SmtpSink() as sink:
        await send(sink, message("first line\n.a line that begins with a dot\n..two dots\n"))
    (mail,) = sink.mails
    assert (mail.sender, mail.recipients) == ("milepost@example.com", ("billing@example.org",))
    assert mail.message["subject"] == "Held: 2 jobs é"
    assert mail.message.get_content().splitlines() == ["first line", ".a line that begins with a dot", "..two dots"]


async def test_two_messages_over_one_connection() -> None:
    async with SmtpSink() as sink, aiosmtplib.SMTP(hostname=sink.host, port=sink.port, start_tls=False) as client:
        await client.send_message(message("one"))
        await client.send_message(message("two"))
        assert [mail.message.get_content().strip() for mail in sink.mails] == ["one", "two"]


@pytest.mark.parametrize(("answer", "code"), [("451 4.3.0 Later", 451), ("554 5.7.1 No", 554)])
async def test_a_refusal_comes_once(answer: str, code: int) -> None:
    async with SmtpSink() as sink:
        sink.refuse_next(answer)
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await send(sink, message())
        await send(sink, message())
    assert (refused.value.code, len(sink.mails)) == (code, 1)


async def test_a_password_is_asked_for_and_checked() -> None:
    async with SmtpSink(user="milepost", password="right") as sink:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await send(sink, message(), username="milepost", password="wrong")
        with pytest.raises(aiosmtplib.SMTPResponseException):
            await send(sink, message())
        await send(sink, message(), username="milepost", password="right")
    assert len(sink.mails) == 1
