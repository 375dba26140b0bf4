"""The identity service over HTTP: consent page, token endpoint, revocation, and the list of connections."""

import base64
import binascii
import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.xero.settings import App
from sandbox.xero.state import XeroState
from sandbox.xero.tenant import stable_id
from sandbox.xero.tokens import Connection, Grant, OAuthError
from sandbox.xero.wire import HTML, NOT_FOUND_TEXT, ApiError, problem

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


class Identity:
    """The endpoints; `app` is their ASGI application."""

    def __init__(self, state: XeroState) -> None:
        self.state = state
        routes = [
            Route("/identity/connect/authorize", self.authorize, methods=["GET"]),
            Route("/connect/token", self.token, methods=["POST"]),
            Route("/connect/revocation", self.revocation, methods=["POST"]),
        ]
        for name in ("connections", "Connections"):
            routes.append(Route(f"/{name}", self.connections, methods=["GET"]))
            routes.append(Route(f"/{name}/{{id}}", self.disconnect, methods=["DELETE"]))
        handlers: Any = {404: _not_found, 405: _not_found}
        self.app = Starlette(routes=routes, exception_handlers=handlers)

    async def authorize(self, request: Request) -> Response:
        """Consent at once, or refuse with `deny=1`. `organisations=nz,uk` chooses; errors show a page."""
        query = request.query_params
        app = self.state.app(query.get("client_id", ""))
        if app is None or "authorization_code" not in app.grants:
            return _error_page("unauthorized_client : Unknown client or client not enabled")
        if query.get("redirect_uri") not in app.redirect_uris:
            return _error_page("invalid_request : Invalid redirect_uri")
        scopes = frozenset(query.get("scope", "").split())
        if not scopes or scopes - app.scopes:
            return _error_page("unauthorized_client : Invalid scope for client")
        if query.get("response_type") != "code" or not _challenge_allowed(app, query):
            return _error_page("invalid_request : code challenge required, or response_type is not code")
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(self._outcome(app, scopes, query))}", 302)

    def _outcome(self, app: App, scopes: frozenset[str], query: Any) -> dict[str, str]:
        state = {"state": query["state"]} if "state" in query else {}
        if query.get("deny") == "1":
            return {"error": "access_denied", **state}
        now = self.state.clock()
        chosen = tuple(query.get("organisations", "").split(",")) if query.get("organisations") else None
        grant = self.state.tokens.consent(app, scopes, chosen or self.state.settings.consent, now)
        code = self.state.tokens.new_code(grant, query["redirect_uri"], query.get("code_challenge"), now)
        return {"code": code, "scope": " ".join(sorted(scopes)), **state}

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            answer = self._granted(self._client(request, form), form)
        except OAuthError as refusal:
            return JSONResponse({"error": refusal.error}, refusal.status)
        headers = {"Cache-Control": "no-store", "Xero-Correlation-Id": stable_id(answer["access_token"])}
        return JSONResponse(answer, headers=headers, media_type="application/json; charset=utf-8")

    def _client(self, request: Request, form: dict[str, str]) -> App:
        """The app by Basic or by body credentials; a native app has no secret. Raises OAuthError."""
        client_id, secret = form.get("client_id", ""), form.get("client_secret")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise OAuthError("invalid_client") from None
        app = self.state.app(client_id)
        if app is None or app.client_secret != secret:
            raise OAuthError("invalid_client")
        return app

    def _granted(self, app: App, form: dict[str, str]) -> dict[str, Any]:
        kind, now, tokens = form.get("grant_type", ""), self.state.clock(), self.state.tokens
        if kind not in ("authorization_code", "refresh_token", "client_credentials"):
            raise OAuthError("unsupported_grant_type")
        if kind not in app.grants:
            raise OAuthError("unauthorized_client")
        if kind == "authorization_code":
            redirect_uri, verifier = form.get("redirect_uri", ""), form.get("code_verifier", "")
            if verifier and not _VERIFIER.fullmatch(verifier):
                raise OAuthError("invalid_grant")
            return tokens.exchange(app, form.get("code", ""), redirect_uri, verifier, now)
        if kind == "refresh_token":
            return tokens.rotate(app, form.get("refresh_token", ""), now)
        return tokens.issue(self._custom_grant(app, form.get("scope", "")), now)

    def _custom_grant(self, app: App, scope: str) -> Grant:
        scopes = frozenset(scope.split()) or app.scopes - {"offline_access", "openid", "profile", "email"}
        if scopes - app.scopes:
            raise OAuthError("invalid_scope")
        return Grant(app.client_id, scopes, stable_id(app.client_id, "event"), app.custom_connection)

    async def revocation(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            app = self._client(request, form)
        except OAuthError as refusal:
            return JSONResponse({"error": refusal.error}, refusal.status)
        self.state.tokens.revoke(app, form.get("token", ""))
        return Response(status_code=200)

    async def connections(self, request: Request) -> Response:
        try:
            grant = bearer_grant(self.state, request.headers.get("authorization", ""))
        except ApiError as refusal:
            return Response(refusal.reply.body, refusal.reply.status, refusal.reply.headers, refusal.reply.content_type)
        event = request.query_params.get("authEventId")
        found = [c for c in self._visible(grant) if event in (None, c.auth_event_id)]
        return JSONResponse([self._to_wire(connection) for connection in found])

    def _visible(self, grant: Grant) -> list[Connection]:
        if grant.organisation is None:
            return self.state.tokens.connections_of(grant)
        now = self.state.organisations[grant.organisation].created
        id_ = stable_id(grant.client_id, "connection")
        return [Connection(id_, grant.client_id, grant.organisation, grant.auth_event_id, now, now)]

    def _to_wire(self, connection: Connection) -> dict[str, str]:
        organisation = self.state.organisations[connection.organisation]
        return {
            "id": connection.id,
            "authEventId": connection.auth_event_id,
            "tenantId": organisation.tenant_id,
            "tenantType": "ORGANISATION",
            "tenantName": organisation.name,
            "createdDateUtc": f"{connection.created:%Y-%m-%dT%H:%M:%S.%f}0",
            "updatedDateUtc": f"{connection.updated:%Y-%m-%dT%H:%M:%S.%f}0",
        }

    async def disconnect(self, request: Request) -> Response:
        """204; 404 for an unknown id; 403 for a tenant id, which is not a connection's id."""
        try:
            grant = bearer_grant(self.state, request.headers.get("authorization", ""))
        except ApiError as refusal:
            return Response(refusal.reply.body, refusal.reply.status, refusal.reply.headers, refusal.reply.content_type)
        id_, tokens = request.path_params["id"].lower(), self.state.tokens
        if any(org.tenant_id == id_ for org in self.state.organisations.values()):
            return JSONResponse({"Title": "Forbidden", "Status": 403}, 403)
        if not any(connection.id == id_ for connection in tokens.connections_of(grant)):
            return Response(NOT_FOUND_TEXT, 404, media_type=HTML)
        tokens.connections = [connection for connection in tokens.connections if connection.id != id_]
        return Response(status_code=204)


def bearer_grant(state: XeroState, authorization: str) -> Grant:
    """What the bearer token allows; raises ApiError 401."""
    token = state.tokens.bearer(authorization)
    if token is None:
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise problem(401, "Unauthorized", "AuthenticationUnsuccessful", headers)
    if token.expires <= state.clock():
        raise problem(401, "Unauthorized", f"TokenExpired: token expired at {token.expires:%m/%d/%Y %H:%M:%S}")
    return token.grant


def _challenge_allowed(app: App, query: Any) -> bool:
    """A native app must use PKCE, and S256 is the only method."""
    if "code_challenge" not in query:
        return app.client_secret is not None
    return bool(query.get("code_challenge_method") == "S256")


def _error_page(message: str) -> Response:
    body = f"<html><body><h1>Sorry, something went wrong</h1><p>{html.escape(message)}</p></body></html>"
    return HTMLResponse(body, 400, headers={"X-Frame-Options": "DENY"})


async def _not_found(_request: Request, _error: Exception) -> Response:
    return Response(NOT_FOUND_TEXT, 404, media_type=HTML)
