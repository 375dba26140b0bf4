"""The simulated Fieldbook over HTTP: jobs, lines, customers, notes and webhooks under `/v2`."""

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from math import ceil
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.fieldbook.paging import QueryError, Render, after_cursor, cut, linked, matching, numbered
from sandbox.fieldbook.records import STATES, Job
from sandbox.fieldbook.state import Account
from sandbox.fieldbook.wire import answer, customer_json, items_json, job_json, note_json, refuse
from sandbox.forms import form_fields

if TYPE_CHECKING:
    from sandbox.fieldbook import FieldbookSandbox

Handler = Callable[["Endpoints", Request, Account], Awaitable[Response]]
Endpoint = Callable[["Endpoints", Request], Awaitable[Response]]


def authorised(handler: Handler) -> Endpoint:
    """Answer 401, 429 or (for a bad parameter) 422, else call the handler with the account."""

    @wraps(handler)
    async def endpoint(self: "Endpoints", request: Request) -> Response:
        account = self.sandbox.identity.account(request)
        if account is None:
            return refuse(401, "unauthorised", "Send a token: the X-Fieldbook-Token header or a bearer token.")
        wait = self.sandbox.over_limit(account)
        if wait:
            headers = {"retry-after": str(ceil(wait))}
            return refuse(429, "too_many_requests", "Slow down: the limit is per minute.", headers)
        try:
            return await handler(self, request, account)
        except QueryError as error:
            return refuse(422, "invalid_parameter", str(error))

    return endpoint


class Endpoints:
    """One method an endpoint."""

    def __init__(self, sandbox: "FieldbookSandbox") -> None:
        self.sandbox = sandbox

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/oauth/token", self.token, methods=["POST"]),
                Route("/v2/jobs", self.jobs, methods=["GET"]),
                Route("/v2/jobs/cursor", self.jobs_by_cursor, methods=["GET"]),
                Route("/v2/jobs/linked", self.jobs_by_link, methods=["GET"]),
                Route("/v2/jobs/{id}", self.job, methods=["GET", "PATCH"]),
                Route("/v2/jobs/{id}/lines", self.lines, methods=["GET"]),
                Route("/v2/jobs/{id}/notes", self.notes, methods=["GET", "POST"]),
                Route("/v2/customers/{id}", self.customer, methods=["GET"]),
                Route("/v2/hooks", self.hooks, methods=["POST"]),
                Route("/v2/hooks/{id}", self.unhook, methods=["DELETE"]),
            ]
        )

    async def token(self, request: Request) -> Response:
        form = await form_fields(request)
        if form.get("grant_type") != "client_credentials":
            return answer({"error": "unsupported_grant_type"}, 400)
        granted = self.sandbox.identity.token(request, form)
        return answer(granted) if granted else answer({"error": "invalid_client"}, 401)

    @authorised
    async def jobs(self, request: Request, account: Account) -> Response:
        page = cut(matching(account, request.query_params), request.query_params, self._most)
        return numbered(page, self._render(request, account))

    @authorised
    async def jobs_by_cursor(self, request: Request, account: Account) -> Response:
        query = request.query_params
        if query.get("sort", "updatedAt") != "updatedAt":
            raise QueryError("sort: a cursor goes by updatedAt only")
        return after_cursor(matching(account, query), query, self._most, self._render(request, account))

    @authorised
    async def jobs_by_link(self, request: Request, account: Account) -> Response:
        page = cut(matching(account, request.query_params), request.query_params, self._most)
        return linked(request, page, self._render(request, account))

    @authorised
    async def job(self, request: Request, account: Account) -> Response:
        job = account.jobs.get(request.path_params["id"])
        if job is None:
            return _no_such("job")
        if request.method == "PATCH":
            self._patch(account, job, await _json_object(request))
        return answer(self._render(request, account)(job))

    @authorised
    async def lines(self, request: Request, account: Account) -> Response:
        job = account.jobs.get(request.path_params["id"])
        return answer({"items": items_json(job, self.sandbox.money)}) if job else _no_such("job")

    @authorised
    async def notes(self, request: Request, account: Account) -> Response:
        job = account.jobs.get(request.path_params["id"])
        if job is None:
            return _no_such("job")
        if request.method == "GET":
            return answer({"notes": [note_json(note) for note in account.notes[job.id]]})
        text = (await _json_object(request)).get("text")
        if not isinstance(text, str) or not text.strip():
            raise QueryError("text: a note needs some")
        return answer(note_json(account.add_note(job, text)), 201)

    @authorised
    async def customer(self, request: Request, account: Account) -> Response:
        customer = account.customers.get(request.path_params["id"])
        return answer(customer_json(customer)) if customer else _no_such("customer")

    @authorised
    async def hooks(self, request: Request, account: Account) -> Response:
        body = await _json_object(request)
        url, secret = body.get("url"), body.get("secret")
        if not isinstance(url, str) or not isinstance(secret, str) or not url or not secret:
            raise QueryError("url and secret are required")
        hook = self.sandbox.hooks.add(account.name, url, secret)
        return answer({"id": hook.id, "url": hook.url}, 201)

    @authorised
    async def unhook(self, request: Request, account: Account) -> Response:
        hook = self.sandbox.hooks.hooks.get(request.path_params["id"])
        if hook is None or hook.account != account.name:
            return _no_such("hook")
        self.sandbox.hooks.remove(hook.id)
        return Response(status_code=204)

    @property
    def _most(self) -> int:
        return self.sandbox.settings.most_per_page

    def _render(self, request: Request, account: Account) -> Render:
        expand = set(filter(None, request.query_params.get("expand", "").split(",")))
        if expand - {"lines", "customer"}:
            raise QueryError("expand: use lines, customer or both")
        money, web = self.sandbox.money, f"{request.url.scheme}://{request.url.netloc}"
        return lambda job: job_json(account, job, expand, money, web)

    def _patch(self, account: Account, job: Job, body: dict[str, Any]) -> None:
        """`state`, and `billed`, `invoiceNo`, `invoiceUrl` for an accounting link; raises QueryError."""
        if unknown := set(body) - {"state", "billed", "invoiceNo", "invoiceUrl"}:
            raise QueryError(f"{', '.join(sorted(unknown))}: cannot be changed")
        if body.get("state", job.state) not in STATES:
            raise QueryError(f"state: use one of {', '.join(STATES)}")
        job.state = body.get("state", job.state)
        job.billed = bool(body.get("billed", job.billed))
        job.invoice_no = str(body.get("invoiceNo", job.invoice_no))
        job.invoice_url = str(body.get("invoiceUrl", job.invoice_url))
        account.save(job)


def _no_such(what: str) -> Response:
    return refuse(404, "not_found", f"There is no such {what}.")


async def _json_object(request: Request) -> dict[str, Any]:
    """Raises QueryError for anything but a JSON object."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise QueryError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise QueryError("the body is not an object")
    return body
