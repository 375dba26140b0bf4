"""Signing in to Xero over real HTTP: consent, rotation, races between processes, and what a person is told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from milepost.errors import AuthError, ConfigError, MilepostError, RemoteError
from milepost.xero.grants import by_refresh
from milepost.xero.oauth import (
    SCOPES,
    StoredTokens,
    Tenant,
    Tokens,
    TokenSet,
    authorize_url,
    choose_tenant,
    delete_connection,
    exchange_code,
    list_tenants,
    new_pkce,
    revoke,
)
from sandbox.xero.settings import Switches
from tests.integration.xero_world import TOKEN_SET, KeptTokens, World, xero_world

BACK = "http://localhost:8765/oauth/callback"
TOKEN = "/connect/token"


@pytest.fixture
async def xero() -> AsyncIterator[World]:
    async with xero_world() as world:
        yield world


def expired(world: World) -> None:
    """Half an hour passes."""
    world.clock.advance(timedelta(minutes=31).total_seconds())


def told(error: MilepostError, world: World) -> str:
    """The error's text, which holds no secret."""
    text = f"{error} {error!r} {error.__cause__!r} {error.__context__!r}"
    assert not [secret for secret in world.secrets if secret in text]
    return text


async def consented(world: World, **more: str) -> dict[str, str]:
    """What the browser brings back from the consent page."""
    url = authorize_url(world.settings, BACK, "state-1", **more)
    answer = await world.http.get(url, follow_redirects=False)
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {key: values[0] for key, values in query.items()}


async def test_consent_ends_in_a_token_set_that_works(xero: World) -> None:
    verifier, challenge = new_pkce()
    back = await consented(xero, code_challenge=challenge)
    assert back["state"] == "state-1"
    tokens = await exchange_code(xero.settings, xero.http, back["code"], BACK, verifier, xero.clock)
    assert set(tokens.scope.split()) == set(SCOPES)
    assert timedelta(minutes=29) < tokens.expires_at - xero.clock() <= timedelta(minutes=30)
    tenants = await list_tenants(xero.settings, xero.http, tokens.access_token.get_secret_value())
    assert [(tenant.name, tenant.tenant_id) for tenant in tenants] == [(xero.org.name, xero.org.tenant_id)]


async def test_a_code_used_twice_is_said_to_be_used_up(xero: World) -> None:
    code = (await consented(xero))["code"]
    await exchange_code(xero.settings, xero.http, code, BACK)
    with pytest.raises(AuthError, match="used up") as caught:
        await exchange_code(xero.settings, xero.http, code, BACK)
    assert code not in told(caught.value, xero)


async def test_a_code_is_never_sent_twice_when_the_answer_is_lost(xero: World) -> None:
    code = (await consented(xero))["code"]
    xero.fault("drop_after", path=TOKEN)
    with pytest.raises(RemoteError):
        await exchange_code(xero.settings, xero.http, code, BACK)
    assert xero.requests("POST", TOKEN) == 1


async def test_the_wrong_verifier_is_refused(xero: World) -> None:
    _, challenge = new_pkce()
    code = (await consented(xero, code_challenge=challenge))["code"]
    other, _ = new_pkce()
    with pytest.raises(AuthError):
        await exchange_code(xero.settings, xero.http, code, BACK, other)


async def test_a_good_token_is_used_without_a_call(xero: World) -> None:
    tokens = xero.tokens()
    first = await tokens.access_token()
    assert await tokens.access_token() == first
    assert xero.requests("POST", TOKEN) == 0


@pytest.mark.parametrize(("minutes", "refreshes"), [(26, 0), (28.1, 1), (31, 1)])
async def test_a_token_is_refreshed_two_to_three_minutes_before_it_expires(
    xero: World, minutes: float, refreshes: int
) -> None:
    xero.clock.advance(minutes * 60)
    await xero.tokens().access_token()
    assert xero.requests("POST", TOKEN) == refreshes


async def test_a_refresh_rotates_both_tokens_and_keeps_them(xero: World) -> None:
    before = xero.store.kept[TOKEN_SET]
    expired(xero)
    access = await xero.tokens().access_token()
    after = xero.store.kept[TOKEN_SET]
    assert after.version == before.version + 1
    assert after.tokens.access_token.get_secret_value() == access
    assert after.tokens.refresh_token != before.tokens.refresh_token


async def test_twenty_callers_share_one_refresh(xero: World) -> None:
    expired(xero)
    tokens = xero.tokens()
    assert len(set(await asyncio.gather(*(tokens.access_token() for _ in range(20))))) == 1
    assert xero.requests("POST", TOKEN) == 1


async def test_twenty_refused_callers_share_one_renewal(xero: World) -> None:
    tokens = xero.tokens()
    refused = await tokens.access_token()
    renewed = await asyncio.gather(*(tokens.renew(after=refused) for _ in range(20)))
    assert len(set(renewed)) == 1
    assert renewed[0] != refused
    assert xero.requests("POST", TOKEN) == 1


async def test_a_process_takes_over_what_another_has_refreshed(xero: World) -> None:
    slow = xero.tokens()
    await slow.access_token()
    expired(xero)
    fresh = await xero.tokens().access_token()
    assert await slow.access_token() == fresh
    assert xero.requests("POST", TOKEN) == 1


async def test_renewing_takes_over_what_another_process_has_refreshed(xero: World) -> None:
    slow = xero.tokens()
    old = await slow.access_token()
    other = xero.tokens()
    fresh = await other.renew(after=await other.access_token())
    assert await slow.renew(after=old) == fresh
    assert xero.requests("POST", TOKEN) == 1


@pytest.mark.parametrize("second_use", ["new", "same", "invalid"])
async def test_processes_that_refresh_at_the_same_moment_all_go_on(second_use: str) -> None:
    async with xero_world(switches=Switches(second_refresh_in_grace=second_use)) as xero:  # type: ignore[arg-type]
        expired(xero)
        xero.fault("slow", path=TOKEN, seconds=0.05, times=-1)
        used = await asyncio.gather(*(xero.tokens().access_token() for _ in range(4)))
        for access in used:
            await list_tenants(xero.settings, xero.http, access)
        expired(xero)
        await xero.tokens().access_token()


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_a_lost_answer_to_a_refresh_is_asked_for_again(xero: World, fault: str) -> None:
    expired(xero)
    xero.fault(fault, path=TOKEN)
    access = await xero.tokens().access_token()
    assert await list_tenants(xero.settings, xero.http, access)
    assert xero.requests("POST", TOKEN) == 2


async def test_the_identity_server_being_away_is_no_reason_to_reconnect(xero: World) -> None:
    expired(xero)
    xero.fault("status", path=TOKEN, status=503, body="away", times=-1)
    with pytest.raises(RemoteError, match="is away") as caught:
        await xero.tokens().access_token()
    assert not isinstance(caught.value, AuthError)
    assert not caught.value.permanent
    told(caught.value, xero)


class BehindOurBack(KeptTokens):
    """A store in which another process keeps a fresh token set right after our first look."""

    def __init__(self, first: StoredTokens, then: StoredTokens) -> None:
        super().__init__()
        self.kept[TOKEN_SET] = first
        self._then: StoredTokens | None = then

    async def load(self, token_set_id: str) -> StoredTokens | None:
        seen = await super().load(token_set_id)
        if self._then:
            self.kept[TOKEN_SET], self._then = self._then, None
        return seen


async def test_a_refresh_token_another_process_has_used_up_is_looked_up_once_more(xero: World) -> None:
    expired(xero)
    dead = StoredTokens(version=1, tokens=token_set(xero, "used-up", minutes=-1))
    fresh = StoredTokens(version=2, tokens=token_set(xero, "unused", minutes=30))
    store = BehindOurBack(dead, fresh)
    tokens = Tokens(xero.settings, store, xero.http, TOKEN_SET, xero.clock)
    assert await tokens.access_token() == fresh.tokens.access_token.get_secret_value()


def token_set(xero: World, refresh: str | None, minutes: float) -> TokenSet:
    return TokenSet(
        access_token=SecretStr(f"access-{refresh}"),
        refresh_token=SecretStr(refresh) if refresh else None,
        expires_at=xero.clock() + timedelta(minutes=minutes),
    )


async def test_a_refresh_lost_to_a_slower_process_waits_for_what_that_one_keeps() -> None:
    async with xero_world(switches=Switches(second_refresh_in_grace="invalid")) as xero:
        expired(xero)
        held = xero.store.kept[TOKEN_SET]
        assert held.tokens.refresh_token
        fresh = await by_refresh(xero.settings, xero.http, held.tokens.refresh_token, xero.clock)
        tokens = Tokens(xero.settings, xero.store, xero.http, TOKEN_SET, xero.clock, race_pauses=(0, 0.3))
        waiting = asyncio.create_task(tokens.access_token())
        while xero.requests("POST", TOKEN) < 2:  # noqa: ASYNC110 - counted by the server
            await asyncio.sleep(0.01)
        await xero.store.save(TOKEN_SET, fresh, 1)
        assert await waiting == fresh.access_token.get_secret_value()


async def test_a_dead_sign_in_says_to_connect_again(xero: World) -> None:
    xero.clock.advance(timedelta(days=61).total_seconds())
    with pytest.raises(AuthError, match="milepost connection connect") as caught:
        await xero.tokens().access_token()
    assert caught.value.state == "token_expired"
    told(caught.value, xero)


async def test_a_connection_nobody_signed_in_to_is_pending(xero: World) -> None:
    xero.store.kept.clear()
    with pytest.raises(AuthError, match="nobody has signed in") as caught:
        await xero.tokens().access_token()
    assert caught.value.state == "pending"


async def test_a_sign_in_without_offline_access_says_so(xero: World) -> None:
    xero.store.kept[TOKEN_SET] = StoredTokens(version=1, tokens=token_set(xero, None, minutes=-1))
    with pytest.raises(AuthError, match="offline_access"):
        await xero.tokens().access_token()


@pytest.mark.parametrize(("field", "fix"), [("client_secret", "client_secret"), ("client_id", "client_id")])
async def test_a_wrong_client_id_or_secret_is_named(xero: World, field: str, fix: str) -> None:
    expired(xero)
    xero.settings = xero.settings.model_copy(update={field: SecretStr("wrong") if field == "client_secret" else "wrong"})
    with pytest.raises(AuthError, match=fix) as caught:
        await xero.tokens().access_token()
    assert caught.value.state == "error"
    told(caught.value, xero)


async def test_a_custom_connection_needs_no_consent() -> None:
    async with xero_world(is_custom=True) as xero:
        tokens = xero.tokens()
        access = await tokens.access_token()
        assert "openid" not in xero.store.kept[TOKEN_SET].tokens.scope
        assert xero.store.kept[TOKEN_SET].tokens.refresh_token is None
        (tenant,) = await list_tenants(xero.settings, xero.http, access)
        assert tenant.tenant_id == xero.org.tenant_id
        expired(xero)
        assert await tokens.access_token() != access
        assert xero.store.kept[TOKEN_SET].version == 2


async def test_an_app_of_the_wrong_kind_is_told_to_look_at_its_grant(xero: World) -> None:
    xero.settings = xero.settings.model_copy(update={"grant": "client_credentials"})
    xero.store.kept.clear()
    with pytest.raises(AuthError, match="grant"):
        await xero.tokens().access_token()


async def test_disconnecting_removes_the_organisation_and_may_be_repeated(xero: World) -> None:
    access = await xero.tokens().access_token()
    (tenant,) = await list_tenants(xero.settings, xero.http, access)
    await delete_connection(xero.settings, xero.http, access, tenant.id)
    assert await list_tenants(xero.settings, xero.http, access) == []
    await delete_connection(xero.settings, xero.http, access, tenant.id)


async def test_the_connections_of_one_consent_can_be_told_apart(xero: World) -> None:
    access = await xero.tokens().access_token()
    unknown = "00000000-0000-4000-8000-000000000000"
    assert await list_tenants(xero.settings, xero.http, access, unknown) == []


async def test_revoking_ends_the_sign_in(xero: World) -> None:
    kept = xero.store.kept[TOKEN_SET].tokens
    assert kept.refresh_token
    await revoke(xero.settings, xero.http, kept.refresh_token)
    with pytest.raises(AuthError) as caught:
        await list_tenants(xero.settings, xero.http, kept.access_token.get_secret_value())
    assert caught.value.state == "token_expired"
    expired(xero)
    with pytest.raises(AuthError, match="revoked"):
        await xero.tokens().access_token()


async def test_an_unreachable_identity_server_is_a_passing_trouble(xero: World) -> None:
    expired(xero)
    xero.settings = xero.settings.model_copy(update={"identity_url": "http://127.0.0.1:1", "api_url": "http://127.0.0.1:1"})
    with pytest.raises(RemoteError, match="ConnectError") as caught:
        await xero.tokens().access_token()
    assert not caught.value.permanent
    with pytest.raises(RemoteError, match="ConnectError"):
        await list_tenants(xero.settings, xero.http, "some-token")


ONE = Tenant(id="1", tenant_id="aaaa", name="Acme Plumbing")
TWO = Tenant(id="2", tenant_id="bbbb", name="Acme Roofing")


@pytest.mark.parametrize(
    ("tenants", "wanted", "chosen"),
    [([ONE], None, ONE), ([ONE, TWO], "acme roofing", TWO), ([ONE, TWO], "AAAA", ONE)],
)
def test_the_organisation_is_chosen_by_name_or_id_or_alone(
    tenants: list[Tenant], wanted: str | None, chosen: Tenant
) -> None:
    assert choose_tenant(tenants, wanted) == chosen


@pytest.mark.parametrize(
    ("tenants", "wanted"), [([], None), ([ONE, TWO], None), ([ONE], "Acme"), ([ONE, ONE], "Acme Plumbing")]
)
def test_an_unclear_choice_of_organisation_names_what_there_is(tenants: list[Tenant], wanted: str | None) -> None:
    with pytest.raises(ConfigError, match=r"xero\.tenant") as caught:
        choose_tenant(tenants, wanted)
    assert all(tenant.name in str(caught.value) for tenant in tenants)


async def test_every_scope_asked_for_has_a_reason(xero: World) -> None:
    url = authorize_url(xero.settings, BACK, "state-1")
    asked = parse_qs(urlsplit(url).query)["scope"][0].split()
    assert [scope for scope in asked if SCOPES[scope]] == asked


def test_tokens_never_show_their_secrets() -> None:
    tokens = TokenSet.model_validate(
        {"access_token": "eyJ.secret", "refresh_token": "r-secret", "expires_at": "2026-11-20T00:00:00Z"}
    )
    assert "secret" not in f"{tokens} {tokens!r} {tokens.model_dump()} {tokens.model_dump_json()}"
