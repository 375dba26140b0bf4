import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from notifications.slack_messages import (
    SlackMessage,
    more_message,
    resolved_message,
    settled_message,
    summary_message,
    trouble_message,
)
from notifications.words import utf16_length
from sandbox.slack.blocks import problems
from tests.unit.notifications.builders import summary, trouble

NASTY = [
    "<!channel> <!here> <@U1> <https://evil.example.com|Open the job>",
    "quote \" and \\ and ' and {{ job }} {% raw %}",
    "line\nbreak\r\n*bold* _it_ ~no~ `code` ```block``` > quote",
    "مرحبا \u202eabc\u202c שלום",
    "word " * 2_000,
    "x" * 10_000,
    "&" * 10_000,
    "💥" * 10_000,
    "",
    " \n\t ",
    "\ud800",
]
ANY_TEXT = st.text() | st.sampled_from(NASTY)


def all_messages(text: str) -> list[SlackMessage]:
    """Every message with the text in each of its places."""
    links = dict.fromkeys(("job", "xero", "milepost", "prefect"), text)
    told = trouble(job=text, why=text, fix=text, milestone_name=text, currency=text, links=links, subject=text)
    run = summary(run_id=text, connection=text, rule_book=text, totals={text: "1"}, prefect_url=text, console_url=text)
    return [
        summary_message(run, threaded=True, told_before=2),
        summary_message(run, threaded=False, resolved=True),
        trouble_message(told, text),
        resolved_message(told, text, still_in_trouble=True),
        settled_message(told, text),
        more_message(3, text, text),
    ]


def texts(blocks: Any) -> Iterator[str]:
    """Every text of a text object."""
    if isinstance(blocks, dict):
        if blocks.get("type") in {"mrkdwn", "plain_text"}:
            yield blocks["text"]
        blocks = list(blocks.values())
    if isinstance(blocks, list | tuple):
        for part in blocks:
            yield from texts(part)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(summary_message(summary(), threaded=True), id="summary"),
        pytest.param(summary_message(summary(totals={}), threaded=False, told_before=1), id="summary-webhook"),
        pytest.param(summary_message(summary(), threaded=True, resolved=True), id="summary-resolved"),
        pytest.param(trouble_message(trouble(), "kauri"), id="held"),
        pytest.param(trouble_message(trouble(status="failed", amount=None, fix="", links={}), "kauri"), id="failed"),
        pytest.param(
            trouble_message(trouble(subject="connection", job_number=None, status="failed"), "kauri"),
            id="connection",
        ),
        pytest.param(resolved_message(trouble(), "kauri", still_in_trouble=False), id="resolved"),
        pytest.param(resolved_message(trouble(), "kauri", still_in_trouble=True), id="resolved-other"),
        pytest.param(settled_message(trouble(), "kauri"), id="settled"),
        pytest.param(more_message(23, "kauri", "http://127.0.0.1:4280"), id="more"),
        pytest.param(more_message(1, "kauri", None), id="more-without-console"),
    ],
)
def test_messages_look_as_they_did(message: SlackMessage, snapshot: SnapshotAssertion) -> None:
    assert {"text": message.text, "blocks": list(message.blocks)} == snapshot


@given(ANY_TEXT)
def test_any_text_gives_blocks_that_slack_takes(text: str) -> None:
    for message in all_messages(text):
        assert problems(list(message.blocks)) == []
        assert 0 < utf16_length(message.text) < 4_000


@given(ANY_TEXT)
def test_no_text_can_mention_anyone_or_break_out_of_its_place(text: str) -> None:
    for message in all_messages(text):
        for shown in (message.text, *texts(list(message.blocks))):
            assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", shown)


@pytest.mark.parametrize("text", NASTY)
def test_the_structure_of_a_message_does_not_depend_on_its_texts(text: str) -> None:
    shapes = [[block["type"] for block in message.blocks] for message in all_messages(text)]
    usual = [[block["type"] for block in message.blocks] for message in all_messages("plain")]
    assert shapes == usual


@given(ANY_TEXT)
def test_a_reason_starts_and_ends_on_its_own_line(text: str) -> None:
    section = trouble_message(trouble(why=text), "kauri").blocks[0]["text"]["text"]
    assert len(section.split("\n")) == 3


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "ftp://x", "https://a b", "https://a\nb", "https://x/" + "y" * 3_000, "", "//x"],
)
def test_a_link_that_is_no_web_address_makes_no_button(address: str) -> None:
    blocks = trouble_message(trouble(links={"job": address}), "kauri").blocks
    assert [block["type"] for block in blocks] == ["section"]


def test_blocks_stay_under_the_size_that_slack_takes() -> None:
    for message in all_messages("&" * 10_000):
        assert len(json.dumps(message.blocks)) < 13_000
