"""The messages of the simulated Slack, kept in order with their threads, for tests to read."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass
class SlackMessage:
    """One message as it stands now; `edits` counts chat.update, `via` says how it came in."""

    ts: str
    channel: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None
    via: str
    edits: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class SlackState:
    """Every message posted, oldest first."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.messages: list[SlackMessage] = []
        self._posted = 0

    def post(self, channel: str, body: dict[str, Any], via: str) -> SlackMessage:
        """Keep a message under a `ts` of its own, which grows with every message."""
        self._posted += 1
        seconds = int(self._clock().timestamp())
        message = SlackMessage(
            ts=f"{seconds}.{self._posted:06d}",
            channel=channel,
            text=str(body.get("text") or ""),
            blocks=body.get("blocks") or [],
            thread_ts=body.get("thread_ts"),
            via=via,
        )
        self.messages.append(message)
        return message

    def find(self, channel: str, ts: str) -> SlackMessage | None:
        return next((m for m in self.messages if m.ts == ts and m.channel == channel), None)

    def tops(self) -> list[SlackMessage]:
        """Messages that start a thread or stand alone."""
        return [m for m in self.messages if m.thread_ts is None]

    def replies(self, ts: str) -> list[SlackMessage]:
        return [m for m in self.messages if m.thread_ts == ts]

    def clear(self) -> None:
        self.messages.clear()
