"""The Slack channel: messages by a bot, which threads and edits, or by an incoming webhook, which can do neither."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from milepost.connection import SlackSettings
from notifications.slack_calls import SlackRefusal, call_api, call_webhook
from notifications.slack_messages import SlackMessage

log = logging.getLogger(__name__)

_BLOCKS_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_payload"})
_PLACE_GONE = frozenset(
    {
        "cannot_reply_to_message",
        "channel_not_found",
        "invalid_thread_ts",
        "is_archived",
        "not_in_channel",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)
_CANNOT_EDIT = _PLACE_GONE | {"cant_update_message", "edit_window_closed", "message_not_found", "update_failed"}
_EMPTY_BUT_KNOWN = frozenset({"no_text", "invalid_payload", "missing_text_or_fallback_or_attachments"})


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A posted message. The channel is its id: chat.update takes no name (Slack docs, "chat.update > channel")."""

    channel: str
    ts: str

    def __str__(self) -> str:
        return f"{self.channel}:{self.ts}"

    @classmethod
    def parse(cls, text: str | None) -> "MessageRef | None":
        """Back from str(); None for no message."""
        channel, _, ts = (text or "").partition(":")
        return cls(channel, ts) if ts else None


class SlackChannel:
    """Sends messages where the settings say. Everything raises RemoteError when Slack refuses or is away."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings

    @property
    def threads(self) -> bool:
        """Whether messages can be replied to and edited: with a bot token, not with a webhook."""
        return self._settings.token is not None

    async def send(self, message: SlackMessage, *, thread: MessageRef | None = None) -> MessageRef | None:
        """Post a message, in a thread where one is given and still there; a webhook gives no reference back."""
        body = _body(message)
        if not self.threads:
            await self._post_webhook(body)
            return None
        if thread is not None:
            try:
                return await self._post({**body, "channel": thread.channel, "thread_ts": thread.ts})
            except SlackRefusal as refusal:
                if refusal.code not in _PLACE_GONE:
                    raise
                log.warning("slack: a thread is gone (%s), so the reply is posted by itself", refusal.code)
        return await self._post({**body, "channel": self._settings.channel})

    async def update(self, message: SlackMessage, ref: MessageRef) -> None:
        """Put a message in the place of a posted one; one that is gone or locked stays as it is."""
        try:
            await self._call("chat.update", {**_body(message), "channel": ref.channel, "ts": ref.ts})
        except SlackRefusal as refusal:
            if refusal.code not in _CANNOT_EDIT:
                raise
            log.warning("slack: a message could not be edited (%s)", refusal.code)

    async def resolve(
        self,
        reply: SlackMessage,
        settled: SlackMessage,
        ref: MessageRef | None,
        thread: MessageRef | None,
    ) -> None:
        """Say that a trouble cleared: its own message becomes `settled`, and `reply` goes into its thread.

        The edit comes first: if we fall in between, making it again does no harm, while a reply would stand twice.
        """
        if ref is not None and self.threads:
            await self.update(settled, ref)
        await self.send(reply, thread=thread or ref)

    async def test(self) -> None:
        """Ask whether we may post, without posting: auth.test, or an empty post that a known webhook refuses as such."""
        if self._settings.token is not None:
            await self._call("auth.test", {})
            return
        try:
            await self._post_webhook({})
        except SlackRefusal as refusal:
            if refusal.code not in _EMPTY_BUT_KNOWN:
                raise

    async def _post(self, body: Mapping[str, Any]) -> MessageRef:
        answer = await self._call("chat.postMessage", body)
        return MessageRef(str(answer["channel"]), str(answer["ts"]))

    async def _call(self, method: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        token = self._settings.token
        assert token is not None
        secret = token.get_secret_value()
        try:
            return await call_api(secret, self._settings.api_url, method, body)
        except SlackRefusal as refusal:
            if refusal.code not in _BLOCKS_REFUSED or "blocks" not in body:
                raise
            log.warning("slack: blocks were refused (%s), so only the text is sent", refusal.code)
        return await call_api(secret, self._settings.api_url, method, _without_blocks(body))

    async def _post_webhook(self, body: Mapping[str, Any]) -> None:
        url = self._settings.webhook_url
        assert url is not None
        try:
            await call_webhook(url.get_secret_value(), body)
        except SlackRefusal as refusal:
            if refusal.code not in _BLOCKS_REFUSED or "blocks" not in body:
                raise
            log.warning("slack: blocks were refused (%s), so only the text is sent", refusal.code)
            await call_webhook(url.get_secret_value(), _without_blocks(body))


def _body(message: SlackMessage) -> dict[str, Any]:
    """Links in the text are not unfurled: a preview of an invoice has no place in a channel."""
    body: dict[str, Any] = {"text": message.text, "unfurl_links": False, "unfurl_media": False}
    return {**body, "blocks": list(message.blocks)} if message.blocks else body


def _without_blocks(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "blocks"}
