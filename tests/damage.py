"""Damage to what a vendor answers: a value of another kind, a row twice or gone, a body cut off or with a byte changed."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.faults import ASGIApp

Message = MutableMapping[str, Any]

JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**60,
    "",
    " ",
    "soon",
    "1,234.50",
    "-7",
    "NaN",
    "1e999",
    "0001-01-01 00:00:00",
    "2999-12-31T23:59:59Z",
    "9999-12-31 23:59:59",
    "2026-02-30 25:61:00",
    "x" * 5000,
    "\x00\x1b[31m\u202e<b>&\U0001f6bf",
    "\ud83d",
    float("nan"),
    float("-inf"),
    [],
    {},
    [None],
    {"a": {"b": [1]}},
    ["1", 2, {"x": None}],
)


def damaged_value(data: Any, chance: Random) -> Any:
    """The data with one place changed: junk instead of a value, a key or row gone, a row twice."""
    places = list(_places(data))
    if not places:
        return chance.choice(JUNK)
    holder, key = chance.choice(places)
    match chance.randrange(5):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.append(holder[key])
        case _:
            holder[key] = chance.choice(JUNK)
    return data


def _places(data: Any) -> Any:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        yield data, key
        yield from _places(value)


def damaged_body(body: bytes, chance: Random) -> bytes:
    """The body with its data damaged, mostly; else cut off, or with some bytes changed."""
    kind = chance.randrange(6)
    if kind == 0:
        return body[: chance.randrange(len(body) + 1)]
    if kind == 1:
        spoiled = bytearray(body)
        for _ in range(chance.randint(1, 3)):
            if spoiled:
                spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        return bytes(spoiled)
    try:
        data = json.loads(body)
    except ValueError:
        return body
    for _ in range(chance.randint(1, 3)):
        data = damaged_value(data, chance)
    return json.dumps(data).encode()


@dataclass
class Damaging:
    """In front of a simulated vendor: hands on each answer as `damage` makes it; None leaves it whole."""

    app: ASGIApp
    damage: Callable[[str, bytes], bytes] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        """Serve a request."""
        if self.damage is None or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self.app(scope, receive, keep)
        start, *rest = kept
        body = self.damage(scope["path"], b"".join(part.get("body", b"") for part in rest))
        about = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await send({**start, "headers": [*about, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})
