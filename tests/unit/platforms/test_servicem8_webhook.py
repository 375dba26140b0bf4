"""A webhook is a doorbell: proven by the secret in its URL, and read in whatever wrapping it comes."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from milepost.platforms.protocol import Challenge, JobRef, WebhookRequest
from milepost.platforms.servicem8.webhook import is_genuine, read_webhook
from sandbox.servicem8.hooks import sign_jwt

JOB = "6c0b1f0e-2f4e-4a6f-9a0b-23eb246cb2eb"
OTHER = "0a7b1f0e-2f4e-4a6f-9a0b-23eb246cb2eb"
SECRET = SecretStr("an-unguessable-secret")
DOORBELL: dict[str, Any] = {
    "object": "job",
    "entry": [{"uuid": JOB, "changed_fields": ["status"], "time": "2026-11-18 03:40:00"}],
    "resource_url": f"https://api.servicem8.com/api_1.0/job/{JOB}.json",
}
JWT = sign_jwt({"eventVersion": "1.0", "eventName": "x", "eventArgs": DOORBELL}, "app-secret")


@pytest.mark.parametrize(
    ("query", "secret", "genuine"),
    [
        ({"secret": "an-unguessable-secret"}, SECRET, True),
        ({"secret": "an-unguessable-secreT"}, SECRET, False),
        ({"secret": "ünguessable"}, SECRET, False),
        ({}, SECRET, False),
        ({"secret": ""}, None, False),
        ({"secret": "anything"}, None, False),
    ],
)
def test_only_the_secret_in_the_callback_url_proves_a_webhook(
    query: dict[str, str], secret: SecretStr | None, genuine: bool
) -> None:
    assert is_genuine(WebhookRequest(b"", query=query), secret) is genuine


@pytest.mark.parametrize(
    "request_",
    [
        WebhookRequest(b"mode=subscribe&challenge=abc%2B1"),
        WebhookRequest(b"", query={"mode": "subscribe", "challenge": "abc+1"}),
    ],
)
def test_the_handshake_is_answered_with_exactly_its_challenge(request_: WebhookRequest) -> None:
    assert read_webhook(request_) == Challenge("abc+1")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(DOORBELL),
        urlencode({**DOORBELL, "entry": json.dumps(DOORBELL["entry"])}),
        urlencode({JWT: ""}),
        JWT,
        json.dumps({"eventName": "webhook_subscription", "eventArgs": DOORBELL}),
        json.dumps({"eventArgs": json.dumps(DOORBELL)}),
        json.dumps({"event_type": "job.updated", "timestamp": "2026-11-18T03:40:00Z", "data": {"uuid": JOB}}),
        json.dumps({"object": "job", "entry": {"uuid": JOB.upper()}}),
        json.dumps({"resource_url": DOORBELL["resource_url"]}),
        urlencode({"object": "job", "uuid": JOB}),
    ],
    ids=["json", "form", "form-jwt", "bare-jwt", "event", "event-text", "described", "single", "url", "flat"],
)
def test_the_job_is_found_in_every_wrapping(body: str) -> None:
    assert read_webhook(WebhookRequest(body.encode())) == (JobRef(JOB),)


def test_each_job_is_named_once_and_in_order() -> None:
    entries = [{"uuid": OTHER}, {"uuid": JOB}, {"uuid": OTHER}, {"uuid": "../vendor"}, "odd", {"uuid": 5}]
    body = json.dumps({"object": "job", "entry": entries})
    assert read_webhook(WebhookRequest(body.encode())) == (JobRef(OTHER), JobRef(JOB))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[1, 2]",
        b"\xff\xfe",
        b"a.b.c",
        json.dumps({"object": "company", "entry": [{"uuid": JOB}]}).encode(),
        json.dumps({"event_type": "company.updated", "data": {"uuid": JOB}}).encode(),
        b"mode=subscribe",
        b"[" * 100_000,
        b"x" * 2_000_000,
    ],
)
def test_a_body_that_speaks_of_no_job_is_nothing(body: bytes) -> None:
    assert read_webhook(WebhookRequest(body)) == ()


@given(st.binary(max_size=300))
def test_no_body_breaks_the_reading(body: bytes) -> None:
    read_webhook(WebhookRequest(body))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(["object", "entry", "uuid", "eventArgs", "data", "resource_url", "event_type"]), v
            )
        ),
    )
)
def test_no_json_breaks_the_reading(data: Any) -> None:
    claims = base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=")
    for body in (json.dumps(data).encode(), b"a." + claims + b".b"):
        read_webhook(WebhookRequest(body))
