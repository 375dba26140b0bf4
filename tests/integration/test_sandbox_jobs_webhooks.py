"""Webhooks of the simulated job systems: handshake, wrapping, signature, retries and unsubscribing."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from sandbox.server import Sandbox
from tests.sandbox_fixtures import Receiver

KEY = {"x-api-key": "servicem8-key-kauri"}
TOKEN = {"x-fieldbook-token": "fieldbook-token-albion"}


async def app_token(http: httpx.AsyncClient, world: Sandbox) -> dict[str, str]:
    base, app = world.urls["servicem8"], {"client_id": "servicem8-app", "client_secret": "servicem8-secret"}
    query = {"client_id": "servicem8-app", "scope": "read_jobs", "redirect_uri": "http://localhost/cb"}
    consent = await http.get(f"{base}/oauth/authorize", params=query)
    code = parse_qs(urlsplit(consent.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, **app}
    token = (await http.post(f"{base}/oauth/access_token", data=form)).json()["access_token"]
    return {"authorization": f"Bearer {token}"}


async def subscribe(
    http: httpx.AsyncClient, world: Sandbox, headers: dict[str, str], what: str = "event", **form: str
) -> httpx.Response:
    url = f"{world.urls['servicem8']}/webhook_subscriptions/{what}"
    return await http.post(url, headers=headers, data={"unique_id": "acme", **form})


@pytest.mark.parametrize(("is_echoing", "status", "kept"), [(True, 200, 1), (False, 400, 0)])
async def test_an_app_must_answer_the_challenge(
    world: Sandbox, http: httpx.AsyncClient, receiver: Receiver, is_echoing: bool, status: int, kept: int
) -> None:
    receiver.is_echoing = is_echoing
    answer = await subscribe(http, world, await app_token(http, world), event="job.completed", callback_url=receiver.url)
    assert (answer.status_code, len(world.servicem8.hooks.subscriptions)) == (status, kept)


async def test_an_api_key_skips_the_handshake(world: Sandbox, http: httpx.AsyncClient) -> None:
    answer = await subscribe(http, world, KEY, event="job.completed", callback_url="http://127.0.0.1:9/nobody")
    listed = await http.get(f"{world.urls['servicem8']}/webhook_subscriptions", headers=KEY)
    assert answer.status_code == 200
    assert [row["event"] for row in listed.json()] == ["job.completed"]


@pytest.mark.parametrize(
    "form", [{"event": "job.exploded", "callback_url": "http://127.0.0.1:9/"}, {"event": "job.completed"}]
)
async def test_an_unknown_event_or_no_url_is_refused(world: Sandbox, http: httpx.AsyncClient, form: dict[str, str]) -> None:
    assert (await subscribe(http, world, KEY, **form)).status_code == 400


async def test_a_completed_job_rings_with_its_id_only(world: Sandbox, http: httpx.AsyncClient, receiver: Receiver) -> None:
    await subscribe(http, world, KEY, event="job.completed", callback_url=receiver.url)
    job = world.servicem8.job(number="1", status="Work Order", lines=[])
    world.servicem8.job(number="1", status="Completed", customer=None)
    await world.servicem8.deliveries.drain()
    ((_, body),) = receiver.arrived
    payload = json.loads(body)
    assert payload["object"] == "job"
    assert payload["entry"][0]["uuid"] == job["uuid"]
    assert payload["resource_url"] == f"{world.urls['servicem8']}/api_1.0/job/{job['uuid']}.json"


@pytest.mark.parametrize(("fields", "rings"), [("payment_processed", 1), ("badges", 0), ("", 2)])
async def test_an_object_subscription_rings_for_its_fields(
    world: Sandbox, http: httpx.AsyncClient, receiver: Receiver, fields: str, rings: int
) -> None:
    job = world.servicem8.job(number="1", lines=[])
    await subscribe(http, world, KEY, "object", object="job", fields=fields, callback_url=receiver.url)
    url = f"{world.urls['servicem8']}/api_1.0/job/{job['uuid']}.json"
    for change in ({"payment_processed": 1}, {"job_description": "again"}):
        await http.post(url, headers=KEY, json=change)
    await world.servicem8.deliveries.drain()
    assert len(receiver.arrived) == rings


async def test_a_written_note_rings(world: Sandbox, http: httpx.AsyncClient, receiver: Receiver) -> None:
    job = world.servicem8.job(number="1", lines=[])
    await subscribe(http, world, KEY, event="job.note_added", callback_url=receiver.url)
    note = {"related_object": "job", "related_object_uuid": job["uuid"], "note": "hello"}
    await http.post(f"{world.urls['servicem8']}/api_1.0/note.json", headers=KEY, json=note)
    await world.servicem8.deliveries.drain()
    assert [json.loads(body)["entry"][0]["uuid"] for _, body in receiver.arrived] == [job["uuid"]]


def from_form(body: bytes) -> Any:
    fields = dict(parse_qsl(body.decode()))
    return {"object": fields["object"], "entry": json.loads(fields["entry"])}


def from_jwt(body: bytes) -> Any:
    """The first key of the form is the token; its signature must hold."""
    token = parse_qsl(body.decode(), keep_blank_values=True)[0][0]
    head, claims, signature = token.split(".")
    good = hmac.new(b"servicem8-app-secret", f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == good
    return json.loads(base64.urlsafe_b64decode(claims + "=="))["eventArgs"]


@pytest.mark.parametrize(("wrapping", "opened"), [("json", json.loads), ("form", from_form), ("jwt", from_jwt)])
async def test_the_doorbell_comes_in_each_wrapping(
    world: Sandbox, http: httpx.AsyncClient, receiver: Receiver, wrapping: Any, opened: Any
) -> None:
    world.servicem8.settings.webhook_body = wrapping
    await subscribe(http, world, KEY, event="job.created", callback_url=receiver.url)
    job = world.servicem8.job(number="1", status="Quote", lines=[])
    await world.servicem8.deliveries.drain()
    ((_, body),) = receiver.arrived
    payload = opened(body)
    assert (payload["object"], payload["entry"][0]["uuid"]) == ("job", job["uuid"])


@pytest.mark.parametrize(("status", "tries", "kept"), [(200, 1, 1), (500, 3, 1), (410, 1, 0)])
async def test_a_failed_delivery_is_tried_again_and_410_unsubscribes(
    world: Sandbox, http: httpx.AsyncClient, receiver: Receiver, status: int, tries: int, kept: int
) -> None:
    world.servicem8.deliveries.pause = 0
    receiver.status = status
    await subscribe(http, world, KEY, event="job.created", callback_url=receiver.url)
    world.servicem8.job(number="1", lines=[])
    await world.servicem8.deliveries.drain()
    assert (len(receiver.arrived), len(world.servicem8.hooks.subscriptions)) == (tries, kept)


async def test_unsubscribing_stops_the_bell(world: Sandbox, http: httpx.AsyncClient, receiver: Receiver) -> None:
    await subscribe(http, world, KEY, event="job.created", callback_url=receiver.url)
    gone = {"event": "job.created", "callback_url": receiver.url, "unique_id": "acme"}
    await http.delete(f"{world.urls['servicem8']}/webhook_subscriptions/event", headers=KEY, params=gone)
    world.servicem8.job(number="1", lines=[])
    await world.servicem8.deliveries.drain()
    assert receiver.arrived == []


async def hook(http: httpx.AsyncClient, world: Sandbox, url: str) -> str:
    body = {"url": url, "secret": "shared-secret"}
    answer = await http.post(f"{world.urls['fieldbook']}/v2/hooks", headers=TOKEN, json=body)
    assert answer.status_code == 201
    return str(answer.json()["id"])


async def test_fieldbook_signs_the_raw_body(world: Sandbox, http: httpx.AsyncClient, receiver: Receiver) -> None:
    await hook(http, world, receiver.url)
    job = world.fieldbook.job(ref="A-1", items=[])
    await world.fieldbook.deliveries.drain()
    ((headers, body),) = receiver.arrived
    digest = hmac.new(b"shared-secret", body, hashlib.sha256).hexdigest()
    assert headers["x-fieldbook-signature"] == f"sha256={digest}"
    assert {key: json.loads(body)[key] for key in ("event", "jobId", "jobRef", "state")} == {
        "event": "job.changed",
        "jobId": job.id,
        "jobRef": "A-1",
        "state": "done",
    }


async def test_fieldbook_rings_only_for_the_account_that_asked(
    world: Sandbox, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    hook_id = await hook(http, world, receiver.url)
    world.fieldbook.job(account="southern", ref="S-1", items=[])
    await http.delete(f"{world.urls['fieldbook']}/v2/hooks/{hook_id}", headers=TOKEN)
    world.fieldbook.job(ref="A-1", items=[])
    await world.fieldbook.deliveries.drain()
    assert receiver.arrived == []


async def test_a_hook_needs_a_url_and_a_secret(world: Sandbox, http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{world.urls['fieldbook']}/v2/hooks", headers=TOKEN, json={"url": "http://127.0.0.1:9/"})
    assert answer.status_code == 422
