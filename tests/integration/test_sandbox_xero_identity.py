"""Consent, tokens and connections of the local Xero, as a client meets them over HTTP."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.xero import Switches
from sandbox.xero.tenant import stable_id
from tests.integration.sandbox_xero import API, CLIENT, CUSTOM, NATIVE, OTHER, Local, local_xero

BACK = "http://localhost:9/back"
SCOPES = "openid profile email offline_access accounting.invoices accounting.contacts accounting.settings.read"
BASIC = httpx.BasicAuth("web", "web-secret")


@pytest.fixture
async def xero() -> AsyncIterator[Local]:
    async with local_xero() as local:
        yield local


async def authorize(xero: Local, **changes: str) -> httpx.Response:
    query = {"response_type": "code", "client_id": "web", "redirect_uri": BACK, "scope": SCOPES, "state": "s-1"}
    return await xero.client.get("/identity/connect/authorize", params={**query, **changes})


async def code_for(xero: Local, **changes: str) -> str:
    location = (await authorize(xero, **changes)).headers["location"]
    return parse_qs(urlsplit(location).query)["code"][0]


async def token(xero: Local, auth: Any = BASIC, **form: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=xero.url, trust_env=False) as client:
        return await client.post("/connect/token", data=form, auth=auth)


async def exchange(xero: Local, code: str, **form: str) -> httpx.Response:
    return await token(xero, grant_type="authorization_code", code=code, redirect_uri=BACK, **form)


async def refresh(xero: Local, refresh_token: str) -> httpx.Response:
    return await token(xero, grant_type="refresh_token", refresh_token=refresh_token)


async def test_consent_gives_a_code_that_buys_a_token_set_once(xero: Local) -> None:
    answer = await authorize(xero)
    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer.headers["location"]).query)["state"] == ["s-1"]
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    bought = (await exchange(xero, code)).json()
    assert (bought["token_type"], bought["expires_in"]) == ("Bearer", 1800)
    assert set(bought["scope"].split()) == set(SCOPES.split())
    assert bought["id_token"]
    again = await exchange(xero, code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


async def test_a_code_expires_after_five_minutes(xero: Local) -> None:
    code = await code_for(xero)
    xero.clock.advance(301)
    assert (await exchange(xero, code)).json() == {"error": "invalid_grant"}


async def test_a_cancelled_consent_comes_back_as_access_denied(xero: Local) -> None:
    query = parse_qs(urlsplit((await authorize(xero, deny="1")).headers["location"]).query)
    assert query == {"error": ["access_denied"], "state": ["s-1"]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scope": "openid paymentservices"}, "unauthorized_client : Invalid scope for client"),
        ({"redirect_uri": f"{BACK}/"}, "redirect_uri"),
        ({"client_id": "nobody"}, "unauthorized_client"),
        ({"client_id": "native"}, "code challenge required"),
    ],
)
async def test_a_wrong_consent_request_shows_a_page(xero: Local, changes: dict[str, str], said: str) -> None:
    answer = await authorize(xero, **changes)
    assert answer.status_code == 400
    assert said in answer.text


async def test_a_native_app_proves_itself_by_pkce(xero: Local) -> None:
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    pkce = {"client_id": NATIVE.client_id, "code_challenge": challenge, "code_challenge_method": "S256"}
    form = {"grant_type": "authorization_code", "redirect_uri": BACK, "client_id": NATIVE.client_id}
    wrong = await token(xero, None, **form, code=await code_for(xero, **pkce), code_verifier="w" * 43)
    assert wrong.json() == {"error": "invalid_grant"}
    right = await token(xero, None, **form, code=await code_for(xero, **pkce), code_verifier=verifier)
    assert right.status_code == 200


async def test_credentials_in_the_body_work_as_well_as_basic(xero: Local) -> None:
    form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code": await code_for(xero)}
    answer = await token(xero, None, **form, client_id="web", client_secret="web-secret")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("auth", "form", "error"),
    [
        (("web", "wrong"), {"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_client"),
        (("web", "web-secret"), {"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        (("web", "web-secret"), {"grant_type": "password"}, "unsupported_grant_type"),
        (("web", "web-secret"), {"grant_type": "client_credentials"}, "unauthorized_client"),
        (("custom", "custom-secret"), {"grant_type": "client_credentials", "scope": "nope"}, "invalid_scope"),
    ],
)
async def test_the_token_endpoint_refuses_in_oauths_words(xero: Local, auth: Any, form: Any, error: str) -> None:
    answer = await token(xero, auth, **form)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


async def test_a_refresh_rotates_and_the_old_token_has_thirty_minutes_of_grace(xero: Local) -> None:
    first = xero.token["refresh_token"]
    second = (await refresh(xero, first)).json()["refresh_token"]
    assert second != first
    xero.clock.advance(29 * 60)
    assert (await refresh(xero, first)).status_code == 200
    xero.clock.advance(2 * 60)
    assert (await refresh(xero, first)).json() == {"error": "invalid_grant"}
    assert (await refresh(xero, second)).status_code == 200


async def test_a_refresh_token_dies_unused_after_sixty_days(xero: Local) -> None:
    xero.clock.advance(60 * 24 * 3600)
    assert (await refresh(xero, xero.token["refresh_token"])).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(("mode", "same", "status"), [("same", True, 200), ("new", False, 200), ("invalid", False, 400)])
async def test_what_a_second_refresh_in_grace_gives_is_a_switch(mode: Any, same: bool, status: int) -> None:
    async with local_xero(switches=Switches(second_refresh_in_grace=mode)) as xero:
        first, second = [await refresh(xero, xero.token["refresh_token"]) for _ in range(2)]
        assert second.status_code == status
        assert (first.json() == second.json()) is same


async def test_a_client_without_offline_access_gets_no_refresh_token(xero: Local) -> None:
    code = await code_for(xero, scope="accounting.invoices")
    assert "refresh_token" not in (await exchange(xero, code)).json()


async def test_connections_list_tenants_and_filter_by_auth_event(xero: Local) -> None:
    bought = (await exchange(xero, await code_for(xero, organisations="uk"))).json()
    headers = {"Authorization": f"Bearer {bought['access_token']}"}
    claims = json.loads(base64.urlsafe_b64decode(bought["access_token"].split(".")[1] + "=="))
    listed = (await xero.client.get("/connections", headers=headers)).json()
    assert {c["tenantName"] for c in listed} == {"Kauri Plumbing Demo", "Albion Fit-Out Demo"}
    params = {"authEventId": claims["authentication_event_id"]}
    filtered = (await xero.client.get("/connections", headers=headers, params=params)).json()
    assert [c["tenantName"] for c in filtered] == ["Albion Fit-Out Demo"]
    assert filtered[0]["tenantType"] == "ORGANISATION"
    assert len(filtered[0]["createdDateUtc"]) == len("2019-12-07T18:46:19.5165400")


async def test_a_reconnected_tenant_keeps_its_first_auth_event(xero: Local) -> None:
    before = (await xero.client.get("/connections")).json()[0]["authEventId"]
    await code_for(xero, organisations="nz")
    assert (await xero.client.get("/connections")).json()[0]["authEventId"] == before


async def test_disconnecting_is_by_connection_id_and_leaves_the_token_without_a_tenant(xero: Local) -> None:
    connection = (await xero.client.get("/connections")).json()[0]
    assert (await xero.client.delete(f"/connections/{connection['tenantId']}")).status_code == 403
    assert (await xero.client.delete(f"/connections/{stable_id('nothing')}")).status_code == 404
    assert (await xero.client.delete(f"/connections/{connection['id']}")).status_code == 204
    assert (await xero.client.get("/connections")).json() == []
    refused = await xero.get("Organisation")
    assert (refused.status_code, refused.json()["Detail"]) == (403, "AuthenticationUnsuccessful")


async def test_revoking_takes_tokens_and_connections_of_that_app_only(xero: Local) -> None:
    other = xero.sandbox.state.connect(OTHER.client_id, "nz")
    answer = await xero.client.post(
        "/connect/revocation", data={"token": xero.token["refresh_token"]}, auth=BASIC, headers={"Authorization": ""}
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await refresh(xero, xero.token["refresh_token"])).json() == {"error": "invalid_grant"}
    assert (await xero.get("Organisation")).status_code == 401
    headers = {"Authorization": f"Bearer {other['access_token']}"}
    assert (await xero.get("Organisation", headers)).status_code == 200


async def test_a_custom_connection_needs_no_tenant_header(xero: Local) -> None:
    auth = (CUSTOM.client_id, str(CUSTOM.client_secret))
    answer = (await token(xero, auth, grant_type="client_credentials", scope="accounting.settings.read")).json()
    assert "refresh_token" not in answer
    headers = {"Authorization": f"Bearer {answer['access_token']}", "Accept": "application/json"}
    async with httpx.AsyncClient(base_url=xero.url, headers=headers, trust_env=False) as client:
        organisation = (await client.get(f"{API}/Organisation", headers={"xero-tenant-id": ""})).json()
        assert organisation["Organisations"][0]["Name"] == "Albion Fit-Out Demo"
        assert [c["tenantName"] for c in (await client.get("/connections")).json()] == ["Albion Fit-Out Demo"]
        wrong = await client.get(f"{API}/Organisation", headers={"xero-tenant-id": xero.org.tenant_id})
        assert wrong.status_code == 403


async def test_an_expired_access_token_says_so(xero: Local) -> None:
    xero.clock.advance(1800)
    refused = await xero.get("Organisation")
    assert refused.status_code == 401
    assert refused.json()["Title"] == "Unauthorized"
    assert refused.json()["Detail"].startswith("TokenExpired: token expired at ")
    assert (await refresh(xero, xero.token["refresh_token"])).status_code == 200


async def test_tokens_can_be_expired_at_once(xero: Local) -> None:
    xero.sandbox.state.expire_tokens()
    assert (await xero.get("Organisation")).json()["Detail"].startswith("TokenExpired")


async def test_an_unknown_token_and_a_missing_scope_are_two_kinds_of_401(xero: Local) -> None:
    unknown = await xero.get("Organisation", {"Authorization": "Bearer nonsense"})
    assert (unknown.status_code, unknown.json()["Detail"]) == (401, "AuthenticationUnsuccessful")
    assert 'error="invalid_token"' in unknown.headers["www-authenticate"]
    narrow = xero.sandbox.state.connect(CLIENT.client_id, "nz", scopes=frozenset({"accounting.invoices.read"}))
    headers = {"Authorization": f"Bearer {narrow['access_token']}"}
    assert (await xero.get("Invoices", headers)).status_code == 200
    for method, path in (("PUT", "Invoices"), ("GET", "Contacts")):
        lacking = await xero.ask(method, path, headers=headers)
        assert (lacking.status_code, lacking.json()["Detail"]) == (401, "AuthorizationUnsuccessful")
        assert "insufficient_scope" in lacking.headers["www-authenticate"]


@pytest.mark.parametrize("tenant", ["", "not-a-guid", stable_id("uk", "tenant")])
async def test_a_missing_or_foreign_tenant_is_forbidden(xero: Local, tenant: str) -> None:
    refused = await xero.get("Organisation", {"xero-tenant-id": tenant})
    assert (refused.status_code, refused.json()["Title"]) == (403, "Forbidden")
