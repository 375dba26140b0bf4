"""The sandbox's own clock; a test pushes it forward, so that tokens expire and rate windows pass at once."""

from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Call it for the time in UTC; `advance` moves every vendor of one sandbox forward together."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)
