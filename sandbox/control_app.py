"""The control application: another process reads the sandbox's state and changes it, over plain HTTP and JSON.

Nothing of it exists at a real vendor. `sandbox.control.Control` is its client.
"""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.control_state import summary
from sandbox.faults import Fault

if TYPE_CHECKING:
    from sandbox.server import Sandbox

Handler = Callable[[Request], Awaitable[Response]]


def create_control(sandbox: "Sandbox") -> Starlette:
    control = _Control(sandbox)
    return Starlette(
        routes=[
            Route("/state", _safe(control.state), methods=["GET"]),
            Route("/log/{vendor}", _safe(control.log), methods=["GET", "DELETE"]),
            Route("/faults/{vendor}", _safe(control.faults), methods=["GET", "POST", "DELETE"]),
            Route("/settings/{vendor}", _safe(control.settings), methods=["POST"]),
            Route("/jobs/{system}", _safe(control.jobs), methods=["POST"]),
            Route("/clock", _safe(control.clock), methods=["POST"]),
            Route("/xero/expire-tokens", _safe(control.expire_tokens), methods=["POST"]),
        ]
    )


class _Control:
    """One method an endpoint."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox

    async def state(self, _request: Request) -> Response:
        return _answer(summary(self.sandbox))

    async def log(self, request: Request) -> Response:
        log = self._vendor(request).log
        if request.method == "DELETE":
            log.clear()
            return Response(status_code=204)
        counts = [{"method": m, "what": what, "count": n} for (m, what), n in log.counts().items()]
        return _answer({"counts": counts, "requests": log.to_json()})

    async def faults(self, request: Request) -> Response:
        """POST one fault or a list of them."""
        faults = self._vendor(request).faults
        if request.method == "DELETE":
            faults.clear()
        if request.method == "POST":
            body = await request.json()
            for row in body if isinstance(body, list) else [body]:
                faults.add(Fault.from_json(row))
        return _answer(faults.to_json())

    async def settings(self, request: Request) -> Response:
        """`latency` in seconds, and `limits` on or off."""
        vendor, body = self._vendor(request), await request.json()
        if unknown := set(body) - {"latency", "limits"}:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        if "latency" in body:
            vendor.app.latency = float(body["latency"])
        if "limits" in body:
            set_limits(self.sandbox, request.path_params["vendor"], on=bool(body["limits"]))
        return Response(status_code=204)

    async def jobs(self, request: Request) -> Response:
        """Add or change a job by the arguments of that system's `job` builder."""
        system, body = request.path_params["system"], await request.json()
        if system == "servicem8":
            return _answer(self.sandbox.servicem8.job(**body), 201)
        if system == "fieldbook":
            job = self.sandbox.fieldbook.job(**body)
            return _answer({"id": job.id, "ref": job.ref, "state": job.state}, 201)
        raise KeyError(system)

    async def clock(self, request: Request) -> Response:
        self.sandbox.clock.advance(float((await request.json())["seconds"]))
        return _answer({"now": self.sandbox.clock().isoformat()})

    async def expire_tokens(self, _request: Request) -> Response:
        self.sandbox.xero.state.expire_tokens()
        return Response(status_code=204)

    def _vendor(self, request: Request) -> Any:
        vendors = {
            "xero": self.sandbox.xero,
            "servicem8": self.sandbox.servicem8,
            "fieldbook": self.sandbox.fieldbook,
            "slack": self.sandbox.slack,
        }
        return vendors[request.path_params["vendor"]]


def set_limits(sandbox: "Sandbox", vendor: str, *, on: bool) -> None:
    """Switch a vendor's rate limits; raises KeyError for one that has none."""
    if vendor == "xero":
        sandbox.xero.set_limits(on=on)
    elif vendor == "servicem8":
        sandbox.servicem8.settings.limits = on
    elif vendor == "fieldbook":
        sandbox.fieldbook.settings.limits = on
    else:
        raise KeyError(vendor)


def _safe(handler: Handler) -> Handler:
    """A wrong name or value is answered, with what was wrong."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 404 if _unknown(error) else 422)

    return answered


def _unknown(error: Exception) -> bool:
    return isinstance(error, KeyError)


def _answer(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content, default=str), status, media_type="application/json")
