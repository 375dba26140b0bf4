"""Sends the simulated vendors' webhooks, in order, from a task of its own so that no API call waits."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

_LOG = logging.getLogger(__name__)
GONE = 410


@dataclass(frozen=True)
class Delivery:
    """One webhook as it goes over the wire; `on_gone` is called when the receiver answers 410."""

    url: str
    body: bytes
    headers: dict[str, str]
    on_gone: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True)
class Attempt:
    """What came of one try: `status` is 0 when nobody answered."""

    url: str
    status: int


class Deliveries:
    """A queue of webhooks: `timeout` seconds a try, `attempts` tries, `pause` seconds between them."""

    def __init__(self, *, timeout: float = 10.0, attempts: int = 3, pause: float = 0.05) -> None:
        self.attempts = attempts
        self.timeout = timeout
        self.pause = pause
        self.log: list[Attempt] = []
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    def send(self, delivery: Delivery) -> None:
        """Queue it; it goes out as soon as the sandbox runs."""
        self._queue.put_nowait(delivery)

    async def drain(self) -> None:
        """Wait until everything that was queued has been delivered or given up."""
        await self._queue.join()

    def start(self) -> None:
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response | None:
        """One try, for handshakes too; None when nobody answered in time."""
        try:
            async with httpx.AsyncClient(timeout=self.timeout, trust_env=False) as client:
                answer = await client.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            _LOG.info("no answer to a webhook: %s", type(error).__name__)
            self.log.append(Attempt(url, 0))
            return None
        self.log.append(Attempt(url, answer.status_code))
        return answer

    async def _work(self) -> None:
        while True:
            delivery = await self._queue.get()
            try:
                await self._deliver(delivery)
            finally:
                self._queue.task_done()

    async def _deliver(self, delivery: Delivery) -> None:
        for attempt in range(self.attempts):
            if attempt:
                await asyncio.sleep(self.pause)
            answer = await self.post(delivery.url, delivery.body, delivery.headers)
            if answer is not None and answer.status_code == GONE:
                delivery.on_gone()
                return
            if answer is not None and answer.is_success:
                return
