"""What stands in front of every Accounting API call: token, organisation, scope, limits, idempotency."""

import json
import uuid
from dataclasses import replace
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response

from sandbox.faults import FaultMiddleware, Receive, Scope, Send
from sandbox.xero import wire
from sandbox.xero.call import Call
from sandbox.xero.endpoints import SCOPES, route
from sandbox.xero.idempotency import METHODS, fingerprint
from sandbox.xero.identity import bearer_grant
from sandbox.xero.limits import Key
from sandbox.xero.settings import READ_SUFFIX
from sandbox.xero.state import XeroState
from sandbox.xero.tenant import Organisation
from sandbox.xero.tokens import Grant
from sandbox.xero.wire import ApiError, Reply
from sandbox.xero.xml import to_xml

PREFIX = "/api.xro/2.0"
_TOO_MANY = "xero.too_many_in_progress"
_INTERNAL = "An unhandled error with the Xero API occurred. Contact the Xero API team if problems persist"


class Gateway:
    """The Accounting API as an ASGI application."""

    def __init__(self, state: XeroState) -> None:
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        reply = self._answer(request, body)
        headers = {"Xero-Correlation-Id": str(uuid.uuid4()), **reply.headers}
        if reply.body or reply.status not in (204, 304):
            headers["Content-Type"] = reply.content_type
        await Response(reply.body, reply.status, headers)(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Reply:
        now = self.state.clock()
        try:
            grant = bearer_grant(self.state, request.headers.get("authorization", ""))
            organisation = tenant_of(self.state, grant, request.headers.get("xero-tenant-id", ""))
        except ApiError as refusal:
            return refusal.reply
        key = (grant.client_id, organisation.tenant_id)
        refused = self.state.limiter.refusal(key, now, entered=_TOO_MANY not in request.scope)
        reply = refused or self._in_its_format(request, self._guarded(request, body, grant, organisation))
        return replace(reply, headers={**reply.headers, **self.state.limiter.headers(key, now)})

    def _guarded(self, request: Request, body: bytes, grant: Grant, organisation: Organisation) -> Reply:
        """Scope, then idempotency, then the work; a refusal is an answer like any other."""
        switches = self.state.settings.switches
        if len(request.scope["query_string"]) > switches.longest_query:
            return Reply(414, content_type=wire.HTML)
        if len(body) > switches.largest_body:
            return Reply(413, content_type=wire.HTML)
        try:
            segments = _segments(request.scope)
            _check_scope(grant, segments, request.method)
            return self._once(request, body, grant, self._call(request, body, grant, organisation), segments)
        except ApiError as refusal:
            return refusal.reply

    def _once(self, request: Request, body: bytes, grant: Grant, call: Call, segments: tuple[str, ...]) -> Reply:
        """Answers a repeated Idempotency-Key from memory; failures are remembered too."""
        key = request.headers.get("idempotency-key")
        if key is None or request.method not in METHODS:
            return self._worked(call, segments, request.url.path)
        mark = fingerprint(request.method, str(request.url), body)
        store = self.state.idempotency
        held = store.replay(grant.client_id, key, mark, call.now, self.state.settings.switches)
        if held is not None:
            return held
        reply = self._worked(call, segments, request.url.path)
        store.remember(grant.client_id, key, mark, reply, call.now)
        return reply

    def _worked(self, call: Call, segments: tuple[str, ...], path: str) -> Reply:
        internal = self.state.take_internal_error(call.method, path)
        broken = Reply(500, _INTERNAL.encode(), "text/plain; charset=utf-8")
        if internal is not None and internal.when == "before_saving":
            return broken
        try:
            handler, ids = route(segments, call.method)
            reply = handler(replace(call, ids=ids))
        except ApiError as refusal:
            reply = refusal.reply
        return broken if internal is not None else reply

    def _call(self, request: Request, body: bytes, grant: Grant, organisation: Organisation) -> Call:
        app = self.state.app(grant.client_id)
        if app is None:
            raise wire.problem(401, "Unauthorized", "AuthenticationUnsuccessful")
        query = parse_qsl(request.url.query, keep_blank_values=True)
        return Call(
            org=organisation,
            app=app,
            method=request.method,
            ids=(),
            query={name.lower(): value for name, value in query},
            headers=request.headers,
            body=body,
            now=self.state.clock(),
            switches=self.state.settings.switches,
        )

    def _in_its_format(self, request: Request, reply: Reply) -> Reply:
        """JSON when asked for; XML is the API's default."""
        if reply.content_type != wire.JSON or "json" in request.headers.get("accept", "") or not reply.body:
            return reply
        payload = json.loads(reply.body, parse_float=str, parse_int=str)
        return replace(reply, body=to_xml(payload), content_type="text/xml; charset=utf-8")


class InProgress:
    """Counts requests in progress, from before any fault or latency until the answer is out."""

    def __init__(self, app: FaultMiddleware, state: XeroState) -> None:
        self.app = app
        self.state = state

    @property
    def latency(self) -> float:
        """Seconds that every call takes at least."""
        return self.app.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self.app.latency = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = self._key(scope) if scope["type"] == "http" else None
        if key is None:
            await self.app(scope, receive, send)
            return
        if not self.state.limiter.enter(key):
            await self.app({**scope, _TOO_MANY: True}, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self.state.limiter.leave(key)

    def _key(self, scope: Scope) -> Key | None:
        """Whose call it is; None for calls that no organisation's limit counts."""
        if not scope["path"].startswith(PREFIX):
            return None
        headers = Request(scope).headers
        try:
            grant = bearer_grant(self.state, headers.get("authorization", ""))
            organisation = tenant_of(self.state, grant, headers.get("xero-tenant-id", ""))
        except ApiError:
            return None
        return grant.client_id, organisation.tenant_id


def tenant_of(state: XeroState, grant: Grant, header: str) -> Organisation:
    """The organisation that a call is for; raises ApiError 403 when it is missing, wrong or disconnected."""
    connected = {c.organisation for c in state.tokens.connections_of(grant)}
    if grant.organisation is not None:
        connected = {grant.organisation}
        header = header or state.organisations[grant.organisation].tenant_id
    for key in connected:
        if state.organisations[key].tenant_id == header.lower():
            return state.organisations[key]
    raise wire.problem(403, "Forbidden", "AuthenticationUnsuccessful")


def _check_scope(grant: Grant, segments: tuple[str, ...], method: str) -> None:
    """Raises ApiError 401 when the token lacks the scope; `.read` is enough for GET."""
    needed = SCOPES.get(segments[0].lower() if segments else "", ())
    held = {scope.removesuffix(READ_SUFFIX) if method == "GET" else scope for scope in grant.scopes}
    if needed and not held & set(needed):
        headers = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
        raise wire.problem(401, "Unauthorized", "AuthorizationUnsuccessful", headers)


def _segments(scope: Scope) -> tuple[str, ...]:
    """The path's parts after the API's base, each unescaped on its own, so that a part may hold a slash."""
    raw = scope.get("raw_path", scope["path"].encode()).decode("latin-1").split("?", 1)[0]
    rest = raw[raw.index(PREFIX) + len(PREFIX) :]
    return tuple(unquote(part) for part in rest.strip("/").split("/") if part)
