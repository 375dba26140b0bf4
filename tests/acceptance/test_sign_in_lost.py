"""A sign-in to Xero that dies: the connection says so, one alert tells of it, work waits, and signing in again bills it."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from flows.keep_alive import keep_tokens_alive
from milepost.ledger import alerts, connections
from milepost.ledger.connections import ConnectionRow, ConnectionStatus
from milepost.xero.grants import TokenSet
from sandbox.faults import Fault
from sandbox.server import Sandbox
from sandbox.xero.settings import demo_app
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

LINES = [("Labour", "2", "95.00")]
APP = demo_app()
TOKEN = "/connect/token"


@pytest.fixture
def signed_in(business: Businesses, flow_world: Sandbox) -> Any:
    """Makes a business that a person signed in for, to all of the sandbox's organisations."""
    flow_world.xero.state.settings.apps += (APP,)

    async def make(kind: str = "kauri") -> Business:
        app = {"grant": "authorization_code", "client_id": APP.client_id, "client_secret": APP.client_secret}
        made = await business(kind, xero=app)
        tenant = made.settings.xero.model_copy(update={"tenant": made.org.name})
        made.settings = made.settings.model_copy(update={"xero": tenant})
        await sign_in(made)
        return made

    return make


async def sign_in(made: Business) -> None:
    """What a finished consent ends in."""
    answer = made.sandbox.xero.state.connect(APP.client_id, "nz", "uk")
    tokens = TokenSet(
        access_token=SecretStr(answer["access_token"]),
        refresh_token=SecretStr(answer["refresh_token"]),
        expires_at=datetime.now(UTC) + timedelta(seconds=answer["expires_in"]),
        scope=answer["scope"],
    )
    async with made.workspace() as workspace:
        await workspace.use_sign_in(tokens)
        await workspace.find_tenant()


async def row_of(made: Business) -> ConnectionRow:
    async with made.ledger() as db, db.read() as c:
        return await connections.get_connection(c, made.name)


async def open_alerts(made: Business) -> list[str]:
    async with made.ledger() as db, db.read() as c:
        return [row.subject for row in await alerts.open_alerts(c, made.name)]


def end_the_sign_in(made: Business) -> None:
    """Every token is dead, as after 60 days without use, or when it was revoked."""
    made.sandbox.xero.state.tokens.access.clear()
    made.sandbox.xero.state.tokens.refresh.clear()


def disconnect_in_xero(made: Business) -> None:
    """The customer takes the app off its list."""
    made.sandbox.xero.state.disconnect(made.kind.organisation)


def end_it_amid_the_invoices(made: Business) -> None:
    """Everything is read and every contact there, when the invoices are refused and so is a new token."""
    refused = Fault("status", method="PUT", path="*/Invoices", status=401, body=json.dumps({"Detail": "TokenExpired"}))
    dead = Fault("status", path=TOKEN, status=400, body=json.dumps({"error": "invalid_grant"}))
    for fault in (refused, dead):
        fault.headers = {"content-type": "application/json"}
        made.sandbox.xero.faults.add(fault)


@pytest.mark.parametrize(
    ("lost", "status"),
    [
        (end_the_sign_in, ConnectionStatus.TOKEN_EXPIRED),
        (disconnect_in_xero, ConnectionStatus.DISCONNECTED),
        (end_it_amid_the_invoices, ConnectionStatus.TOKEN_EXPIRED),
    ],
)
async def test_work_waits_for_a_sign_in_that_is_lost_and_nothing_is_marked_failed(
    signed_in: Any, lost: Any, status: ConnectionStatus
) -> None:
    plumber = await signed_in()
    for number in ("1482", "1483"):
        plumber.job(number=number, lines=LINES)
    lost(plumber)
    await plumber.poll()
    assert (await row_of(plumber)).status is status
    assert "milepost connection connect" in (await row_of(plumber)).status_why
    assert Counter(row.status for row in await plumber.rows() if row.status != "planned") == {}
    assert plumber.invoices == []
    assert await open_alerts(plumber) == ["connection"]
    told = len(plumber.slack)

    asked = len(plumber.sandbox.xero.log.entries)
    run = await plumber.poll()  # by hand, or one that was on its way
    if run.stopped_by is None:  # the fault amid the invoices is over by now
        assert run.counts["done"] == 2
        return
    assert len(plumber.slack) == told
    assert [entry.path for entry in plumber.sandbox.xero.log.entries[asked:]].count(TOKEN) <= 1

    await sign_in(plumber)
    await plumber.poll()
    assert sorted(invoice.reference or "" for invoice in plumber.invoices) == ["1482", "1483"]
    assert await open_alerts(plumber) == []


async def test_one_sign_in_serves_all_organisations_of_its_user(signed_in: Any) -> None:
    plumber, builder = await signed_in("kauri"), await signed_in("albion")
    assert (await row_of(plumber)).token_set == (await row_of(builder)).token_set
    plumber.job(number="1482", lines=LINES)
    builder.job(ref="AFO-1", items=[("Oak stair", "1", "1000.00")])
    plumber.sandbox.xero.state.expire_tokens()
    for made in (plumber, builder):
        assert (await made.poll()).counts["done"] == 1
    asked = [entry for entry in plumber.sandbox.xero.log.entries if entry.path == TOKEN]
    assert len(asked) == 1


async def test_the_first_of_the_month_renews_each_sign_in_once(signed_in: Any, business: Businesses) -> None:
    plumber, _, custom = await signed_in("kauri"), await signed_in("albion"), await business("southern")
    before = dict(plumber.sandbox.xero.state.tokens.refresh)
    state = await keep_tokens_alive(return_state=True)
    assert (state.is_completed(), state.message) == (True, "1 sign-ins renewed")
    after = plumber.sandbox.xero.state.tokens.refresh
    assert len(after) == len(before) + 1
    assert (await row_of(custom)).status is ConnectionStatus.PENDING


async def test_a_sign_in_found_dead_on_the_first_of_the_month_is_told_to_all_who_use_it_once(signed_in: Any) -> None:
    plumber, builder = await signed_in("kauri"), await signed_in("albion")
    end_the_sign_in(plumber)
    state = await keep_tokens_alive(return_state=True)
    assert state.name == "NeedsPerson"
    assert plumber.name in str(state.message)
    assert [(await row_of(made)).status for made in (plumber, builder)] == [ConnectionStatus.TOKEN_EXPIRED] * 2
    told = len(plumber.slack)
    assert told >= 2
    plumber.job(number="1482", lines=LINES)
    assert (await keep_tokens_alive(return_state=True)).is_completed()
    await plumber.poll()
    assert len(plumber.slack) == told
    assert await plumber.rows() == []


async def test_an_identity_server_that_is_away_on_the_first_of_the_month_asks_for_nobody(signed_in: Any) -> None:
    plumber = await signed_in()
    plumber.sandbox.xero.faults.add(Fault("status", path=TOKEN, status=503, times=-1))
    state = await keep_tokens_alive(return_state=True)
    assert state.name == "StillAway"
    assert (await row_of(plumber)).status is ConnectionStatus.CONNECTED
    assert plumber.slack == []
