"""The redirect of a sign-in, received on loopback: one GET of the browser, answered with a page that says how it went."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from html import escape
from urllib.parse import parse_qs, urlsplit

from milepost.errors import ConfigError

PATH = "/callback"
_SECONDS_FOR_A_REQUEST = 10
Answer = dict[str, str]


@asynccontextmanager
async def receiver(port: int, state: str) -> AsyncIterator["asyncio.Future[Answer]"]:
    """Listen for the redirect that answers `state`; its query is the future's result. Raises ConfigError: port taken.

    A redirect with another state is refused and changes nothing: it is not an answer to this sign-in.
    """
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    try:
        server = await asyncio.start_server(lambda r, w: _receive(r, w, state, answer), "localhost", port)
    except OSError as error:
        raise ConfigError(
            f"Port {port} is taken or not allowed, and Xero's redirect is to come there. Stop what listens on it, or choose "
            "another one with --port and register http://localhost:PORT/callback with the app on developer.xero.com."
        ) from error
    async with server:
        yield answer


async def _receive(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: str, answer: "asyncio.Future[Answer]"
) -> None:
    try:
        line = (await asyncio.wait_for(reader.readline(), _SECONDS_FOR_A_REQUEST)).decode("latin-1").split(" ")
    except (TimeoutError, ValueError, OSError):
        writer.close()
        return
    target = urlsplit(line[1] if len(line) > 1 else "")
    query = {key: values[0] for key, values in parse_qs(target.query).items()}
    status, words = _verdict(target.path, query, state)
    body = f"<!doctype html><meta charset=utf-8><title>Milepost</title><p>{escape(words)}".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nReferrer-Policy: no-referrer\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    with suppress(OSError):  # the browser has gone; its answer is here all the same
        await writer.drain()
    writer.close()
    if status.startswith("200") and not answer.done():
        answer.set_result(query)


def _verdict(path: str, query: Answer, state: str) -> tuple[str, str]:
    if path != PATH:
        return "404 Not Found", "Nothing is here."
    if query.get("state") != state:
        return (
            "400 Bad Request",
            "This does not answer the sign-in that Milepost waits for. Start it again from the terminal.",
        )
    if "code" not in query:
        return "200 OK", "Xero did not give its consent. You may close this page; the terminal says more."
    return "200 OK", "Milepost has what it needs. You may close this page."
