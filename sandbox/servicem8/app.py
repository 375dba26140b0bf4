"""The simulated ServiceM8 over HTTP: `/api_1.0`, `/oauth` and `/webhook_subscriptions` under one base URL."""

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.forms import form_fields
from sandbox.servicem8.answers import answer, bad_request, done, forbidden, not_found, too_many, unauthorised
from sandbox.servicem8.auth import Caller, GrantError
from sandbox.servicem8.filters import Clause, parse_filter, raw_parameter, sort_rows
from sandbox.servicem8.hooks import EVENTS, Subscription
from sandbox.servicem8.records import REQUIRED, SCOPES, Row, blank
from sandbox.servicem8.state import Account, InvalidRecordError

if TYPE_CHECKING:
    from sandbox.servicem8 import ServiceM8Sandbox

Handler = Callable[["Endpoints", Request, Caller], Awaitable[Response]]
Endpoint = Callable[["Endpoints", Request], Awaitable[Response]]


def authorised(handler: Handler) -> Endpoint:
    """Answer 401 without a good key or token and 429 over the limit, else call the handler."""

    @wraps(handler)
    async def endpoint(self: "Endpoints", request: Request) -> Response:
        caller = self.sandbox.identity.caller(request)
        if caller is None:
            return unauthorised()
        exceeded = self.sandbox.over_limit(caller)
        if exceeded:
            return too_many(exceeded)
        return await handler(self, request, caller)

    return endpoint


class Endpoints:
    """One method an endpoint."""

    def __init__(self, sandbox: "ServiceM8Sandbox") -> None:
        self.sandbox = sandbox

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/oauth/authorize", self.authorize, methods=["GET"]),
                Route("/oauth/access_token", self.token, methods=["POST"]),
                Route("/webhook_subscriptions", self.subscriptions, methods=["GET"]),
                Route("/webhook_subscriptions/{what}", self.subscribe, methods=["POST", "DELETE"]),
                Route("/api_1.0/attachment/{uuid}.file", self.file, methods=["GET", "POST"]),
                Route("/api_1.0/{kind}/{uuid}.json", self.record, methods=["GET", "POST", "DELETE"]),
                Route("/api_1.0/{kind}.json", self.collection, methods=["GET", "POST"]),
            ]
        )

    @authorised
    async def collection(self, request: Request, caller: Caller) -> Response:
        kind = request.path_params["kind"]
        if kind not in SCOPES:
            return not_found()
        scopes = SCOPES[kind]
        scope = scopes.read if request.method == "GET" else scopes.create
        if scope is None or not caller.may(scope):
            return forbidden()
        if request.method == "POST":
            return await self._create(request, caller.account, kind)
        return self._list(request, caller.account, kind)

    @authorised
    async def record(self, request: Request, caller: Caller) -> Response:
        kind, uuid = request.path_params["kind"], request.path_params["uuid"]
        scopes = SCOPES.get(kind)
        if scopes is None or (scopes.change is None and kind != "vendor"):
            return not_found()
        scope = scopes.read if request.method == "GET" else scopes.change
        if scope is None or not caller.may(scope):
            return forbidden()
        row = caller.account.tables[kind].get(uuid)
        if row is None:
            return not_found()
        if request.method == "GET":
            return answer(row)
        fields = {"active": 0} if request.method == "DELETE" else await _json_object(request)
        return self._change(caller.account, kind, uuid, fields)

    @authorised
    async def file(self, request: Request, caller: Caller) -> Response:
        """The bytes of an attachment whose record exists."""
        uuid = request.path_params["uuid"]
        row = caller.account.tables["attachment"].get(uuid)
        if row is None:
            return not_found()
        if request.method == "POST":
            self.sandbox.files[uuid] = await request.body()
            return done(uuid)
        return Response(self.sandbox.files.get(uuid, b""), media_type="application/octet-stream")

    async def authorize(self, request: Request) -> Response:
        """Consents at once, as a person would have."""
        query = request.query_params
        try:
            code = self.sandbox.identity.consent(query.get("client_id", ""), query.get("scope", ""))
        except GrantError as error:
            return answer({"error": str(error)}, 400)
        back = urlencode({"code": code, "state": query.get("state", "")})
        return RedirectResponse(f"{query.get('redirect_uri', '')}?{back}", 302)

    async def token(self, request: Request) -> Response:
        form = await form_fields(request)
        try:
            return answer(self.sandbox.identity.exchange(form))
        except GrantError as error:
            return answer({"error": str(error)}, 401 if str(error) == "invalid_client" else 400)

    @authorised
    async def subscriptions(self, request: Request, caller: Caller) -> Response:  # noqa: ARG002
        mine = [s for s in self.sandbox.hooks.subscriptions if s.account == caller.account.name]
        return answer([s.to_json() for s in mine])

    @authorised
    async def subscribe(self, request: Request, caller: Caller) -> Response:
        what = request.path_params["what"]
        form = await form_fields(request)
        wanted = _subscription(caller.account.name, what, {**dict(request.query_params), **form})
        if wanted is None:
            return bad_request(f"{what} subscription is not valid")
        if request.method == "DELETE":
            self.sandbox.hooks.unsubscribe(wanted)
            return done()
        if caller.scopes is not None and not await self.sandbox.hooks.handshake(wanted.callback_url):
            return bad_request("The callback did not return the challenge")
        self.sandbox.hooks.subscribe(wanted)
        return done()

    def _list(self, request: Request, account: Account, kind: str) -> Response:
        query = request.scope["query_string"]
        clauses = parse_filter(raw_parameter(query, "$filter"), blank(kind))
        rows = _select(account, kind, clauses or [])
        cursor = request.query_params.get("cursor")
        if cursor is None:
            rows = sort_rows(rows, raw_parameter(query, "$sort"))
            return answer(rows[: _top(request, self.sandbox.settings.page_size)])
        return self._page(rows, cursor)

    def _page(self, rows: list[Row], cursor: str) -> Response:
        """Rows in the order of their uuid, after `cursor` (-1 is the beginning)."""
        after = "" if cursor == "-1" else cursor
        ordered = sorted((row for row in rows if row["uuid"] > after), key=lambda row: row["uuid"])
        page = ordered[: self.sandbox.settings.page_size]
        more = len(ordered) > len(page)
        return answer(page, headers={"x-next-cursor": page[-1]["uuid"]} if more else None)

    async def _create(self, request: Request, account: Account, kind: str) -> Response:
        fields = await _json_object(request)
        missing = [name for name in REQUIRED.get(kind, ()) if fields.get(name, "") in ("", None)]
        if missing:
            return bad_request(f"{missing[0]} is a mandatory field and cannot be empty")
        uuid = str(fields.get("uuid") or uuid4())
        if account.tables[kind].get(uuid) is not None:
            return self._change(account, kind, uuid, fields)
        try:
            row = account.create(kind, {**account.writable(kind, fields), "uuid": uuid})
        except InvalidRecordError as error:
            return bad_request(str(error))
        return done(row["uuid"])

    def _change(self, account: Account, kind: str, uuid: str, fields: Row) -> Response:
        fields.pop("uuid", None)
        try:
            account.change(kind, uuid, account.writable(kind, fields))
        except InvalidRecordError as error:
            return bad_request(str(error))
        return done(uuid)


def _select(account: Account, kind: str, clauses: list[Clause]) -> list[Row]:
    table = account.tables[kind]
    quick = next((c for c in clauses if c.op == "eq" and table.is_indexed(c.field)), None)
    rows = table.where(quick.field, quick.value) if quick else list(table)
    return [row for row in rows if all(c.holds(row) for c in clauses)]


def _top(request: Request, page_size: int) -> int:
    top = request.query_params.get("$top", "")
    return min(int(top), page_size) if top.isdigit() else page_size


def _subscription(account: str, what: str, form: dict[str, str]) -> Subscription | None:
    """None when it names nothing that ServiceM8 knows."""
    url, unique = form.get("callback_url", ""), form.get("unique_id", "")[:100]
    if not url:
        return None
    if what == "event" and form.get("event") in EVENTS:
        return Subscription(account, url, unique, event=form["event"])
    if what == "object" and form.get("object") in SCOPES:
        fields = frozenset(filter(None, form.get("fields", "").split(",")))
        return Subscription(account, url, unique, object=form["object"], fields=fields)
    return None


async def _json_object(request: Request) -> dict[str, Any]:
    """The body as an object; an unreadable one counts as empty, as a PHP service takes it."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
