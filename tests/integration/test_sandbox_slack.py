"""The simulated Slack: by Slack's own SDK, by plain HTTP, and every Block Kit limit at its edge."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from sandbox.faults import Fault
from sandbox.server import Sandbox
from sandbox.slack.blocks import problems

TOKEN = "xoxb-sandbox-token"


def sdk(world: Sandbox, token: str = TOKEN) -> WebClient:
    return WebClient(token=token, base_url=f"{world.urls['slack']}/api/", timeout=5)


def section(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": "Open"}, **more}


async def test_slacks_own_sdk_posts_threads_and_updates(world: Sandbox) -> None:
    client = sdk(world)
    assert (await asyncio.to_thread(client.auth_test))["team"] == "Sandbox"
    top = await asyncio.to_thread(client.chat_postMessage, channel="#billing", text="Run", blocks=[section()])
    reply = await asyncio.to_thread(client.chat_postMessage, channel="C0BILLING", text="Job 1", thread_ts=top["ts"])
    await asyncio.to_thread(client.chat_update, channel=top["channel"], ts=top["ts"], text="Run, resolved")
    (kept,) = world.slack.state.tops()
    assert (kept.text, kept.edits, kept.channel) == ("Run, resolved", 1, "C0BILLING")
    assert [message.ts for message in world.slack.state.replies(top["ts"])] == [reply["ts"]]
    assert float(reply["ts"]) > float(top["ts"])


@pytest.mark.parametrize(
    ("token", "message", "error"),
    [
        ("xoxb-wrong", {"channel": "#billing", "text": "x"}, "invalid_auth"),
        (TOKEN, {"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        (TOKEN, {"channel": "#billing"}, "no_text"),
        (TOKEN, {"channel": "#billing", "blocks": [section()]}, "no_text"),
        (TOKEN, {"channel": "#billing", "text": "x" * 40_001}, "msg_too_long"),
        (TOKEN, {"channel": "#billing", "text": "x", "blocks": [section("y" * 3001)]}, "invalid_blocks"),
        (TOKEN, {"channel": "#billing", "text": "x", "blocks": [section("y" * 3000)] * 5}, "msg_blocks_too_long"),
    ],
)
@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")
async def test_a_refusal_carries_slacks_code(world: Sandbox, token: str, message: dict[str, Any], error: str) -> None:
    with pytest.raises(SlackApiError) as refused:
        await asyncio.to_thread(sdk(world, token).chat_postMessage, **message)
    assert refused.value.response["error"] == error
    assert world.slack.messages == []


async def test_updating_a_message_that_is_not_there_is_refused(world: Sandbox) -> None:
    with pytest.raises(SlackApiError, match="message_not_found"):
        await asyncio.to_thread(sdk(world).chat_update, channel="C0BILLING", ts="1.1", text="x")


async def test_invalid_blocks_say_where(world: Sandbox, http: httpx.AsyncClient) -> None:
    body = {"channel": "#billing", "text": "x", "blocks": [section(), section("y" * 3001)]}
    headers = {"authorization": f"Bearer {TOKEN}"}
    answer = (await http.post(f"{world.urls['slack']}/api/chat.postMessage", headers=headers, json=body)).json()
    problem = "must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    assert answer == {
        "ok": False,
        "error": "invalid_blocks",
        "errors": [problem],
        "response_metadata": {"messages": [f"[ERROR] {problem}"]},
    }


@pytest.mark.parametrize(
    "block",
    [
        section(),
        section("y" * 3000),
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "f" * 2000}] * 10},
        section(accessory=button(url="https://example.com/" + "u" * 2980)),
        section(block_id="b" * 255),
        {"type": "header", "text": {"type": "plain_text", "text": "h" * 150}},
        {"type": "divider"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}] * 10},
        {"type": "context", "elements": [{"type": "image", "image_url": "https://example.com/i.png", "alt_text": "i"}]},
        {"type": "actions", "elements": [button(value="v" * 2000, action_id=str(n)) for n in range(25)]},
        {"type": "image", "image_url": "https://example.com/i.png", "alt_text": "i"},
        {"type": "markdown", "text": "**bold**"},
        {"type": "rich_text", "elements": []},
    ],
)
def test_a_block_within_its_limits_is_good(block: dict[str, Any]) -> None:
    assert problems([block]) == []


@pytest.mark.parametrize(
    ("block", "place"),
    [
        (section(""), "/text/text"),
        (section("y" * 3001), "/text/text"),
        ({"type": "section"}, ""),
        ({"type": "section", "text": "plain"}, "/text"),
        ({"type": "section", "text": {"type": "html", "text": "x"}}, "/text/type"),
        ({"type": "section", "fields": [{"type": "mrkdwn", "text": "f"}] * 11}, "/fields"),
        ({"type": "section", "fields": [{"type": "mrkdwn", "text": "f" * 2001}]}, "/fields/0/text"),
        (section(accessory=button(url="u" * 3001)), "/accessory/url"),
        (section(accessory=button(url="example.com")), "/accessory/url"),
        (section(accessory=button(style="loud")), "/accessory/style"),
        (section(accessory={"type": "lever"}), "/accessory/type"),
        (section(block_id="b" * 256), "/block_id"),
        ({"type": "header", "text": {"type": "plain_text", "text": "h" * 151}}, "/text/text"),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "h"}}, "/text/type"),
        ({"type": "header"}, "/text"),
        ({"type": "context", "elements": []}, "/elements"),
        ({"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}] * 11}, "/elements"),
        ({"type": "context", "elements": [button()]}, "/elements/0/type"),
        ({"type": "actions", "elements": [button()] * 26}, "/elements"),
        ({"type": "actions", "elements": [button(value="v" * 2001)]}, "/elements/0/value"),
        (
            {"type": "actions", "elements": [{"type": "button", "text": {"type": "mrkdwn", "text": "x"}}]},
            "/elements/0/text/type",
        ),
        ({"type": "actions", "elements": [button(text={"type": "plain_text", "text": "t" * 76})]}, "/elements/0/text/text"),
        ({"type": "image", "image_url": "https://example.com/i.png"}, "/alt_text"),
        ({"type": "banner"}, "/type"),
        ("text", "/type"),
    ],
)
def test_a_block_over_a_limit_is_refused_at_its_place(block: Any, place: str) -> None:
    assert any(problem.endswith(f"[json-pointer:/blocks/0{place}]") for problem in problems([block]))


def test_a_message_takes_50_blocks_with_ids_of_their_own() -> None:
    assert problems([section()] * 50) == []
    assert problems([section()] * 51) == ["no more than 50 items allowed [json-pointer:/blocks]"]
    assert problems([section(block_id="a"), section(block_id="a")]) == [
        "block_id a already exists [json-pointer:/blocks/1/block_id]"
    ]


async def test_an_incoming_webhook_keeps_the_message_and_gives_no_ts(world: Sandbox) -> None:
    client = WebhookClient(f"{world.urls['slack']}/services/T0/B0/secret")
    answer = await asyncio.to_thread(client.send, text="Run", blocks=[section()])
    assert (answer.status_code, answer.body) == (200, "ok")
    assert [(message.channel, message.via) for message in world.slack.messages] == [("C0BILLING", "webhook")]


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("T0/B0/wrong", '{"text": "x"}', 404, "no_service"),
        ("T0/B0/secret", "not json", 400, "invalid_payload"),
        ("T0/B0/secret", "{}", 400, "no_text"),
        ("T0/B0/secret", json.dumps({"text": "x", "blocks": [{"type": "banner"}]}), 400, "invalid_blocks"),
    ],
)
async def test_a_webhook_refuses_in_plain_text(
    world: Sandbox, http: httpx.AsyncClient, path: str, body: str, status: int, text: str
) -> None:
    answer = await http.post(f"{world.urls['slack']}/services/{path}", content=body)
    assert (answer.status_code, answer.text) == (status, text)


async def test_blocks_may_come_as_text_in_a_form(world: Sandbox, http: httpx.AsyncClient) -> None:
    url = f"{world.urls['slack']}/api/chat.postMessage"
    form = {"token": TOKEN, "channel": "billing", "text": "x", "blocks": json.dumps([section("from a form")])}
    assert (await http.post(url, data=form)).json()["ok"] is True
    bad = await http.post(url, data={**form, "blocks": "[{"})
    assert bad.json()["error"] == "invalid_blocks_format"
    assert world.slack.messages[0].blocks[0]["text"]["text"] == "from a form"


async def test_what_is_posted_is_kept_as_it_came(world: Sandbox) -> None:
    """So that a test can look whether a sender escaped its text."""
    await asyncio.to_thread(sdk(world).chat_postMessage, channel="#billing", text="<script>&<!channel>")
    assert world.slack.messages[0].text == "<script>&<!channel>"


async def test_a_fault_answers_429_with_retry_after(world: Sandbox) -> None:
    limited = '{"ok": false, "error": "ratelimited"}'
    headers = {"Retry-After": "30", "Content-Type": "application/json"}
    world.slack.faults.add(Fault("status", path="/api/chat.postMessage", status=429, body=limited, headers=headers))
    with pytest.raises(SlackApiError) as refused:
        await asyncio.to_thread(sdk(world).chat_postMessage, channel="#billing", text="x")
    assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (429, "30")
