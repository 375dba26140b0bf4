"""One call to Slack, by its Web API or an incoming webhook, and what its refusals mean for a person.

slack-sdk's own asynchronous client needs aiohttp, so its plain client runs in a thread; its retries are off, since a
message that may have been posted must not be posted again behind our back.
"""

import asyncio
import http.client
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.client import WebClient
from slack_sdk.webhook.client import WebhookClient

from milepost.errors import RateLimited, RemoteError

SYSTEM = "Slack"
TIMEOUT = 10  # seconds
_TOO_MANY = 429
_SERVER_ERROR = 500
_PATIENCE = timedelta(seconds=30)

# The SDK would log bodies and the webhook's address; what went wrong is in the errors raised here.
_sdk_log = logging.getLogger(f"{__name__}.sdk")
_sdk_log.setLevel(logging.CRITICAL)

_MEND_BOT = "Put a valid bot token (xoxb-...) with the scope chat:write into the connection's Slack alerts."
_MEND_CHANNEL = "Check the channel's name in the connection's Slack alerts and invite the bot to it (/invite)."
_MEND_HOOK = "Make a new incoming webhook in Slack and put its address into the connection's Slack alerts."

# Slack docs, "chat.postMessage > Errors" and "Sending messages using incoming webhooks > Handling errors".
_MEANINGS: dict[str, tuple[str, str]] = {
    "not_authed": ("the token is missing", _MEND_BOT),
    "invalid_auth": ("the token is not accepted", _MEND_BOT),
    "account_inactive": ("the token's bot or workspace is gone", _MEND_BOT),
    "token_revoked": ("the token was revoked", _MEND_BOT),
    "token_expired": ("the token has expired", _MEND_BOT),
    "missing_scope": ("the token lacks a permission", _MEND_BOT),
    "channel_not_found": ("the channel does not exist, or the bot cannot see it", _MEND_CHANNEL),
    "not_in_channel": ("the bot is not in the channel", _MEND_CHANNEL),
    "is_archived": ("the channel is archived", _MEND_CHANNEL),
    "channel_is_archived": ("the webhook's channel is archived", _MEND_HOOK),
    "no_service": ("the webhook does not exist any more", _MEND_HOOK),
    "no_active_hooks": ("the webhook is switched off", _MEND_HOOK),
    "invalid_token": ("the webhook's address is not accepted", _MEND_HOOK),
    "action_prohibited": ("an administrator forbids this webhook to post", _MEND_HOOK),
}
_PASSING = frozenset({"fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org"})


class SlackRefusal(RemoteError):
    """Slack said no, by a code of its documentation."""

    def __init__(self, code: str, what: str, status: int | None = None) -> None:
        self.code = code
        why, fix = _MEANINGS.get(code, (f"it answers '{code}'", ""))
        passing = code in _PASSING or (status or 0) >= _SERVER_ERROR
        super().__init__(SYSTEM, what, why, permanent=not passing, fix=fix, status=status)


async def call_api(token: str, api_url: str, method: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Call a method of the Web API with a JSON body. Raises RateLimited, SlackRefusal or RemoteError."""
    client = WebClient(token=token, base_url=api_url, timeout=TIMEOUT, retry_handlers=[], logger=_sdk_log)
    client.proxy = None  # urllib then takes the environment's proxy and, unlike the SDK, its exceptions
    try:
        answer = await asyncio.to_thread(client.api_call, method, json=dict(body))
    except SlackApiError as error:
        raise _refusal(error, method) from None
    except (OSError, http.client.HTTPException, SlackClientError, ValueError) as error:
        raise _away(error, method) from None
    return answer.data if isinstance(answer.data, dict) else {}


async def call_webhook(url: str, body: Mapping[str, Any]) -> None:
    """Post a JSON body to an incoming webhook. Raises RateLimited, SlackRefusal or RemoteError."""
    what = "posting to the webhook"
    client = WebhookClient(url, timeout=TIMEOUT, retry_handlers=[], logger=_sdk_log)
    client.proxy = None
    try:
        answer = await asyncio.to_thread(client.send_dict, dict(body))
    except (OSError, http.client.HTTPException, SlackClientError, ValueError) as error:
        raise _away(error, what) from None
    if answer.status_code == _TOO_MANY:
        raise _limited(answer.headers, what)
    if answer.body.strip() != "ok":
        raise SlackRefusal(_code(answer.body, answer.status_code), what, answer.status_code)


def _refusal(error: SlackApiError, method: str) -> RemoteError:
    answer = error.response
    if answer.status_code == _TOO_MANY or answer.get("error") in {"ratelimited", "rate_limited"}:
        return _limited(answer.headers, method)
    code = _code(str(answer.get("error", "")), answer.status_code)
    return SlackRefusal(code, method, answer.status_code)


def _code(text: str, status: int) -> str:
    """Slack's error code; anything else that stands there (a proxy's page, say) is not repeated."""
    text = text.strip()
    return text if text.isidentifier() and text.isascii() else f"HTTP {status}"


def _limited(headers: Mapping[str, Any], what: str) -> RateLimited:
    given = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    wait = timedelta(seconds=int(given)) if given.isascii() and given.isdigit() else _PATIENCE
    return RateLimited(
        SYSTEM,
        what,
        f"too many messages, it asks to wait {wait.total_seconds():.0f} s",
        permanent=False,
        fix="Nothing to do: the rest is sent by a later run.",
        status=_TOO_MANY,
        retry_after=wait,
    )


def _away(error: Exception, what: str) -> RemoteError:
    # Only the kind: the text of these errors can hold the webhook's address, which is a secret.
    reason = getattr(error, "reason", error)
    kind = type(reason if isinstance(reason, Exception) else error).__name__
    return RemoteError(
        SYSTEM,
        what,
        f"it could not be reached or gave no answer ({kind})",
        permanent=False,
        fix="Nothing to do: what is due is sent by a later run.",
    )
