"""A small loopback SMTP server that keeps what it is sent (RFC 5321, as far as an alert needs)."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType

_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Mail:
    """One message as it was accepted: the envelope, and the message itself."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


class SmtpSink:
    """An async context manager. `password` asks for AUTH; `refuse_next` makes the next message fail."""

    def __init__(self, *, port: int = 0, user: str = "", password: str = "") -> None:
        self.mails: list[Mail] = []
        self.host = "127.0.0.1"
        self.port = port
        self.user = user
        self.password = password
        self._refusals: list[str] = []
        self._server: asyncio.Server | None = None

    def refuse_next(self, answer: str = "451 4.3.0 Try again later") -> None:
        """Answer the next message's DATA so: 4xx is temporary, 5xx for good."""
        self._refusals.append(answer)

    def take_refusal(self) -> str:
        return self._refusals.pop(0) if self._refusals else ""

    async def __aenter__(self) -> "SmtpSink":
        self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Conversation(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@dataclass
class _Conversation:
    """One connection, command by command."""

    sink: SmtpSink
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    is_authenticated: bool = False

    async def run(self) -> None:
        await self._say("220 sandbox ESMTP")
        while line := await self.reader.readline():
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            if verb.upper() == "QUIT":
                await self._say("221 Bye")
                return
            await self._command(verb.upper(), rest)

    async def _command(self, verb: str, rest: str) -> None:
        commands: dict[str, Callable[[str], str]] = {
            "EHLO": self._ehlo,
            "HELO": lambda _rest: "250 sandbox",
            "NOOP": lambda _rest: "250 OK",
            "RSET": self._reset,
            "MAIL": self._mail,
            "RCPT": self._recipient,
        }
        if verb == "DATA":
            await self._say(await self._data())
        elif verb == "AUTH":
            await self._say(await self._auth(rest))
        elif verb in commands:
            await self._say(commands[verb](rest))
        else:
            await self._say("502 5.5.2 Command not recognised")

    def _ehlo(self, _rest: str) -> str:
        auth = "250-AUTH PLAIN LOGIN\r\n" if self.sink.password else ""
        return f"250-sandbox\r\n{auth}250-SIZE {_LIMIT}\r\n250 8BITMIME"

    def _reset(self, _rest: str) -> str:
        self.sender, self.recipients = "", []
        return "250 OK"

    def _mail(self, rest: str) -> str:
        if self.sink.password and not self.is_authenticated:
            return "530 5.7.0 Authentication required"
        self.sender, self.recipients = _address(rest), []
        return "250 2.1.0 OK"

    def _recipient(self, rest: str) -> str:
        self.recipients.append(_address(rest))
        return "250 2.1.5 OK"

    async def _data(self) -> str:
        if not self.recipients:
            return "503 5.5.1 RCPT first"
        await self._say("354 End with <CRLF>.<CRLF>")
        raw = b"".join([line async for line in self._lines()])
        if refusal := self.sink.take_refusal():
            return refusal
        message = message_from_bytes(raw, policy=policy.default)
        self.sink.mails.append(Mail(self.sender, tuple(self.recipients), message))
        self._reset("")
        return "250 2.0.0 OK: kept"

    async def _lines(self) -> AsyncIterator[bytes]:
        while (line := await self.reader.readuntil(b"\n")).rstrip(b"\r\n") != b".":
            yield line[1:] if line.startswith(b".") else line

    async def _auth(self, rest: str) -> str:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = [*_decoded(initial or await self._ask("")).split("\0"), "", "", ""][:3]
        else:
            user = _decoded(initial or await self._ask("Username:"))
            password = _decoded(await self._ask("Password:"))
        self.is_authenticated = (user, password) == (self.sink.user, self.sink.password)
        return "235 2.7.0 Accepted" if self.is_authenticated else "535 5.7.8 Credentials invalid"

    async def _ask(self, prompt: str) -> str:
        await self._say(f"334 {base64.b64encode(prompt.encode()).decode()}")
        return (await self.reader.readline()).decode().strip()

    async def _say(self, text: str) -> None:
        self.writer.write(f"{text}\r\n".encode())
        await self.writer.drain()


def _address(rest: str) -> str:
    """The address of `FROM:<a@b> SIZE=1` or `TO:<a@b>`."""
    return rest.partition("<")[2].partition(">")[0]


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
