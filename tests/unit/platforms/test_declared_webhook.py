"""Webhooks of a declared system: signatures in each described form, and the jobs that a body names."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.platforms.declared.description import Webhook
from milepost.platforms.declared.webhook import changed_jobs, is_genuine
from milepost.platforms.protocol import JobRef, WebhookRequest

BODY = b'{"jobs": [{"id": 7}, {"id": "8"}, {"id": 7}], "at": "2026-07-31"}'
SECRET = "hush"
DIGEST = hmac.new(SECRET.encode(), BODY, hashlib.sha256).digest()
HEX, BASE64 = DIGEST.hex(), base64.b64encode(DIGEST).decode()


def hook(**more: str) -> Webhook:
    settings = {"scheme": "hmac_sha256", "secret": "${s}", "name": "X-Sign", "ids": "jobs[].id"} | more
    return Webhook.model_validate(settings)


@pytest.mark.parametrize(
    ("webhook", "request_", "is_good"),
    [
        (hook(), WebhookRequest(BODY, {"x-sign": HEX}), True),
        (hook(prefix="sha256="), WebhookRequest(BODY, {"x-sign": f"sha256={HEX}"}), True),
        (hook(prefix="sha256="), WebhookRequest(BODY, {"x-sign": HEX}), False),
        (hook(encoding="base64"), WebhookRequest(BODY, {"x-sign": BASE64}), True),
        (hook(encoding="base64"), WebhookRequest(BODY, {"x-sign": HEX}), False),
        (hook(), WebhookRequest(BODY + b" ", {"x-sign": HEX}), False),
        (hook(), WebhookRequest(BODY, {}), False),
        (hook(), WebhookRequest(BODY, {"x-sign": "größe"}), False),
        (hook(scheme="header"), WebhookRequest(BODY, {"x-sign": SECRET}), True),
        (hook(scheme="header"), WebhookRequest(BODY, {"x-sign": "other"}), False),
        (hook(scheme="header"), WebhookRequest(BODY, {}), False),
        (hook(scheme="query", name="token"), WebhookRequest(BODY, {}, {"token": SECRET}), True),
        (hook(scheme="query", name="token"), WebhookRequest(BODY, {}, {"token": ""}), False),
    ],
)
def test_only_a_sender_who_knows_the_secret_is_genuine(webhook: Webhook, request_: WebhookRequest, is_good: bool) -> None:
    assert is_genuine(webhook, SECRET, request_) is is_good
    assert not is_genuine(webhook, "", request_)
    assert not is_genuine(webhook, "another", request_)


@settings(deadline=None)
@given(st.binary(max_size=60), st.text(max_size=80))
def test_no_other_signature_is_taken(body: bytes, signature: str) -> None:
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert is_genuine(hook(), SECRET, WebhookRequest(body, {"x-sign": signature})) is (signature.strip() == expected)


@pytest.mark.parametrize(
    ("webhook", "body", "refs"),
    [
        (hook(), BODY, (JobRef("7"), JobRef("8"))),
        (hook(marker="at"), BODY, (JobRef("7", "2026-07-31"), JobRef("8", "2026-07-31"))),
        (hook(ids="jobs[0].id"), BODY, (JobRef("7"),)),
        (hook(ids="nothing"), BODY, ()),
        (hook(), b"not json", ()),
        (hook(), b"\xff", ()),
        (hook(), b"[" * 100_000, ()),
        (hook(ids="@"), b'{"a": 1}', ()),
        (hook(ids="sum(jobs)"), BODY, ()),
    ],
)
def test_the_jobs_that_a_body_names(webhook: Webhook, body: bytes, refs: tuple[JobRef, ...]) -> None:
    assert changed_jobs(webhook, WebhookRequest(body)) == refs
