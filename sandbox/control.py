"""A client of the sandbox's control application, for tests and demos in another process."""

from types import TracebackType
from typing import Any

import httpx


class Control:
    """`async with Control(url) as control`: raises httpx.HTTPStatusError with the answer for anything refused."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)

    async def __aenter__(self) -> "Control":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def state(self) -> dict[str, Any]:
        """Counts, invoices, contacts, jobs, notes written back, Slack messages and mail."""
        return dict(await self._call("GET", "/state"))

    async def log(self, vendor: str) -> dict[str, Any]:
        """`counts` by method and first path segment, and every request."""
        return dict(await self._call("GET", f"/log/{vendor}"))

    async def clear_log(self, vendor: str) -> None:
        await self._call("DELETE", f"/log/{vendor}")

    async def add_fault(self, vendor: str, kind: str, **fault: Any) -> None:
        """See `sandbox.faults.Fault` for the fields."""
        await self._call("POST", f"/faults/{vendor}", {"kind": kind, **fault})

    async def clear_faults(self, vendor: str) -> None:
        await self._call("DELETE", f"/faults/{vendor}")

    async def settings(self, vendor: str, **settings: Any) -> None:
        """`latency` in seconds, and `limits` on or off."""
        await self._call("POST", f"/settings/{vendor}", settings)

    async def job(self, system: str, **job: Any) -> dict[str, Any]:
        """Add or change a job of "servicem8" or "fieldbook" by the arguments of that system's builder."""
        return dict(await self._call("POST", f"/jobs/{system}", job))

    async def advance(self, seconds: float) -> None:
        await self._call("POST", "/clock", {"seconds": seconds})

    async def expire_xero_tokens(self) -> None:
        await self._call("POST", "/xero/expire-tokens")

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._client.request(method, path, json=body)
        if answer.is_error:
            raise httpx.HTTPStatusError(
                f"the sandbox's control answered {answer.status_code} to {method} {path}: {answer.text}",
                request=answer.request,
                response=answer,
            )
        return answer.json() if answer.content else None
