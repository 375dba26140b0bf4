"""The e-mail channel: one mail at a time through SMTP."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib

from milepost.connection import EmailSettings
from milepost.errors import RemoteError
from notifications.mails import Mail

SYSTEM = "SMTP"
TIMEOUT = 15.0  # seconds
IMPLICIT_TLS_PORT = 465
_PERMANENT_REPLY = 500  # RFC 5321 4.2.1: 5yz is a permanent negative reply
_LATER = "Nothing to do: what is due is sent by a later run."
_SETTINGS = "Check host, port, username, password and addresses in the connection's e-mail alerts."


class EmailChannel:
    """Sends mails where the settings say. Everything raises RemoteError when the server refuses or is away."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    async def send(self, mail: Mail, *, message_id: str | None = None, in_reply_to: str | None = None) -> str:
        """Send a mail and give its Message-ID. The same id given again lets mail programs see a duplicate as one."""
        message = self._message(mail, message_id, in_reply_to)
        async with _session(self._settings, "sending a mail") as session:
            await session.send_message(message)
        return str(message["Message-ID"])

    async def resolve(self, mail: Mail, in_reply_to: str | None) -> None:
        """Send the mail that says what cleared, as a reply to the mail that told it."""
        await self.send(mail, in_reply_to=in_reply_to)

    async def test(self) -> None:
        """Connect, log in and say NOOP; nothing is sent."""
        async with _session(self._settings, "connecting") as session:
            await session.noop()

    def _message(self, mail: Mail, message_id: str | None, in_reply_to: str | None) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = mail.subject
        message["From"] = self._settings.sender
        message["To"] = ", ".join(self._settings.to)
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = message_id or make_msgid(domain="milepost.invalid")
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
        if in_reply_to:
            message["In-Reply-To"] = message["References"] = in_reply_to
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message


@asynccontextmanager
async def _session(settings: EmailSettings, what: str) -> AsyncIterator[aiosmtplib.SMTP]:
    """A logged-in SMTP session, whose errors become RemoteError without the addresses they mention."""
    implicit_tls = settings.port == IMPLICIT_TLS_PORT
    client = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        use_tls=implicit_tls,
        start_tls=settings.starttls and not implicit_tls,
        timeout=TIMEOUT,
    )
    try:
        async with client:
            yield client
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _trouble(error, what) from None


def _trouble(error: Exception, what: str) -> RemoteError:
    code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None
    permanent = (code or 0) >= _PERMANENT_REPLY or isinstance(
        error, aiosmtplib.SMTPRecipientsRefused | ssl.SSLCertVerificationError
    )
    why = f"the server answers {code}" if code else f"the server was not reached or refused ({type(error).__name__})"
    return RemoteError(SYSTEM, what, why, permanent=permanent, fix=_SETTINGS if permanent else _LATER)
