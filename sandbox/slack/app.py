"""The simulated Slack over HTTP: the Web API methods and the incoming webhook that alerts use.

Errors of the Web API are HTTP 200 with `ok` false; a webhook answers plain text (Slack docs: "Web API",
"Sending messages using incoming webhooks").
"""

import json
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.forms import form_fields
from sandbox.slack.blocks import problems
from sandbox.slack.state import SlackMessage

if TYPE_CHECKING:
    from sandbox.slack import SlackSandbox

MOST_TEXT = 40_000


class RefusedError(Exception):
    """A Slack error code, with the messages that explain it."""

    def __init__(self, code: str, messages: list[str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.messages = messages or []


class Endpoints:
    """One method an endpoint."""

    def __init__(self, sandbox: "SlackSandbox") -> None:
        self.sandbox = sandbox

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/{method}", self.web_api, methods=["GET", "POST"]),
                Route("/services/{path:path}", self.webhook, methods=["POST"]),
            ]
        )

    async def web_api(self, request: Request) -> Response:
        methods = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
        }
        method = methods.get(request.path_params["method"])
        try:
            if method is None:
                raise RefusedError("unknown_method")
            body = await _arguments(request)
            self._check_token(request, body)
            return JSONResponse({"ok": True, **method(body)})
        except RefusedError as refused:
            return JSONResponse(_refusal(refused))

    async def webhook(self, request: Request) -> Response:
        channel = self.sandbox.settings.webhooks.get(request.path_params["path"])
        if channel is None:
            return PlainTextResponse("no_service", 404)
        try:
            body = json.loads(await request.body())
        except ValueError:
            return PlainTextResponse("invalid_payload", 400)
        try:
            self._check_message(body if isinstance(body, dict) else {})
        except RefusedError as refused:
            return PlainTextResponse(refused.code, 400)
        self.sandbox.state.post(self.sandbox.settings.channels[channel], body, "webhook")
        return PlainTextResponse("ok")

    def _auth_test(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {
            "url": "https://sandbox.example.com/",
            "team": "Sandbox",
            "user": "milepost",
            "team_id": "T0SANDBOX",
            "user_id": "U0SANDBOX",
            "bot_id": "B0SANDBOX",
            "is_enterprise_install": False,
        }

    def _post_message(self, body: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(body)
        self._check_message(body)
        return _posted(self.sandbox.state.post(channel, body, "chat.postMessage"))

    def _update(self, body: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(body)
        message = self.sandbox.state.find(channel, str(body.get("ts", "")))
        if message is None:
            raise RefusedError("message_not_found")
        self._check_message(body)
        message.text = str(body.get("text") or "")
        message.blocks = body.get("blocks") or []
        message.edits += 1
        return {**_posted(message), "text": message.text}

    def _check_token(self, request: Request, body: dict[str, Any]) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token if scheme.lower() == "bearer" else str(body.get("token", ""))
        if not token:
            raise RefusedError("not_authed")
        if token not in self.sandbox.settings.tokens:
            raise RefusedError("invalid_auth")

    def _channel(self, body: dict[str, Any]) -> str:
        """The id of the channel that was named by id or name."""
        channels, named = self.sandbox.settings.channels, str(body.get("channel", ""))
        found = channels.get(named) or channels.get(f"#{named}")
        if named in channels.values():
            found = named
        if not found:
            raise RefusedError("channel_not_found")
        return found

    def _check_message(self, body: dict[str, Any]) -> None:
        text, blocks = body.get("text"), body.get("blocks")
        if not text and (not blocks or self.sandbox.settings.text_required):
            raise RefusedError("no_text")
        if len(str(text)) > MOST_TEXT:
            raise RefusedError("msg_too_long")
        if blocks is None:
            return
        found = problems(blocks)
        if found:
            raise RefusedError("invalid_blocks", found)
        if len(json.dumps(blocks, ensure_ascii=False)) > self.sandbox.settings.most_block_characters:
            raise RefusedError("msg_blocks_too_long")


async def _arguments(request: Request) -> dict[str, Any]:
    """The method's arguments from JSON, a form or the query; `blocks` may be JSON text in the last two."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError:
            raise RefusedError("invalid_json") from None
        if not isinstance(body, dict):
            raise RefusedError("json_not_object")
        return body
    form = await form_fields(request)
    fields: dict[str, Any] = {**dict(request.query_params), **form}
    if "blocks" in fields:
        try:
            fields["blocks"] = json.loads(fields["blocks"])
        except ValueError:
            raise RefusedError("invalid_blocks_format") from None
    return fields


def _posted(message: SlackMessage) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": "message",
        "user": "U0SANDBOX",
        "bot_id": "B0SANDBOX",
        "ts": message.ts,
        "text": message.text,
        "blocks": message.blocks,
    }
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    return {"channel": message.channel, "ts": message.ts, "message": shown}


def _refusal(refused: RefusedError) -> dict[str, Any]:
    body: dict[str, Any] = {"ok": False, "error": refused.code}
    if refused.messages:
        body["errors"] = refused.messages
        body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in refused.messages]}
    return body
