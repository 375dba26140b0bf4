"""A small real HTTP server for the tests of job systems: it says what a test tells it to and remembers what it heard."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

JSON = "application/json"


@dataclass
class Heard:
    """One request as the server saw it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2]))


@dataclass
class Says:
    """One answer to give; `drop` closes the connection without one."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False


class Server:
    """An HTTP/1.1 server on loopback that gives prepared answers in turn; the last one again and again.

    `reply`, where it is set, answers by what was asked.
    """

    def __init__(self, *answers: Says, reply: Callable[[Heard], Says] | None = None) -> None:
        self.answers = list(answers) or [Says()]
        self.reply = reply
        self.heard: list[Heard] = []
        self.url = ""
        self.busy = 0
        self.most_at_once = 0
        self.delay = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.heard.append(Heard(method, target, headers, body))
        self.busy += 1
        self.most_at_once = max(self.most_at_once, self.busy)
        await asyncio.sleep(self.delay)
        self.busy -= 1
        says = self.reply(self.heard[-1]) if self.reply else self._next()
        if not says.drop:
            sent = {"content-type": JSON, "content-length": str(len(says.body)), "connection": "close"}
            lines = [f"{k}: {v}" for k, v in (sent | says.headers).items()]
            writer.write(f"HTTP/1.1 {says.status} X\r\n".encode())
            writer.write("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + says.body)
        writer.close()

    def _next(self) -> Says:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def serving(*answers: Says, reply: Callable[[Heard], Says] | None = None) -> AsyncIterator[Server]:
    server = Server(*answers, reply=reply)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener:
        yield server


def says_json(data: Any, **headers: str) -> Says:
    return Says(body=json.dumps(data).encode(), headers=headers)
