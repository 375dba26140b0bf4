"""One sign-in, several processes: it is refreshed once, and a process killed amid that loses nothing."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from milepost.errors import RemoteError
from milepost.ledger.database import Database, open_database
from milepost.ledger.leases import lease
from milepost.ledger.tokens import LedgerTokenStore
from milepost.settings import Installation
from milepost.xero.grants import user_of
from milepost.xero.oauth import Tokens, list_tenants
from sandbox.xero.settings import Switches
from tests.integration.xero_world import TOKEN_SET, World, xero_world
from tests.ledger_values import start_python

pytest_plugins = ["tests.ledger_fixtures"]

TOKEN = "/connect/token"
KILLED_BEFORE_IT_KEEPS_THEM = """
import asyncio, json, os, signal, sys
from datetime import datetime, timedelta
from pathlib import Path
import httpx
from pydantic import SecretStr
from sqlalchemy import event
from milepost.connection import XeroSettings
from milepost.ledger.database import open_database
from milepost.ledger.tokens import LedgerTokenStore
from milepost.settings import Installation
from milepost.xero.oauth import Tokens
print("ready", flush=True)
task = json.loads(input())

async def main():
    installed = Installation(Path(task["home"]), task["url"], task["key"].encode(), "http://127.0.0.1")
    secret = SecretStr(task["secret"])
    settings = XeroSettings(client_id=task["client"], client_secret=secret, api_url=task["xero"], identity_url=task["xero"])
    async with open_database(installed) as db, httpx.AsyncClient(trust_env=False) as http:
        def on_statement(connection, cursor, statement, *rest):
            if "UPDATE token_sets" in statement:
                os.kill(os.getpid(), signal.SIGKILL)
        event.listen(db.engine.sync_engine, "before_cursor_execute", on_statement)
        await Tokens(settings, LedgerTokenStore(db), http, task["tokens"]).keep_alive()

asyncio.run(main())
"""


@asynccontextmanager
async def signed_in(db: Database, second_use: str = "new") -> AsyncIterator[World]:
    """A sandbox whose user has signed in, the tokens being in the ledger."""
    async with xero_world(switches=Switches(second_refresh_in_grace=second_use)) as world:  # type: ignore[arg-type]
        await LedgerTokenStore(db).save(TOKEN_SET, world.store.kept[TOKEN_SET].tokens, None)
        yield world


def tokens(world: World, db: Database) -> Tokens:
    """Those of a process of its own."""
    return Tokens(world.settings, LedgerTokenStore(db), world.http, TOKEN_SET, world.clock, race_pauses=(0, 0.1))


async def test_processes_that_need_a_token_at_the_same_moment_refresh_it_once(installation: Installation) -> None:
    async with AsyncExitStack() as stack:
        ledgers = [await stack.enter_async_context(open_database(installation)) for _ in range(3)]
        world = await stack.enter_async_context(signed_in(ledgers[0], "invalid"))
        world.clock.advance(31 * 60)
        used = await asyncio.gather(*(tokens(world, db).access_token() for db in ledgers))
        assert len(set(used)) == 1
        assert world.requests("POST", TOKEN) == 1
        assert await list_tenants(world.settings, world.http, used[0])


@pytest.mark.parametrize("second_use", ["new", "same"])
async def test_a_process_killed_between_xeros_answer_and_our_commit_loses_no_sign_in(
    ledger: Database, installation: Installation, second_use: str
) -> None:
    async with signed_in(ledger, second_use) as world:
        process = start_python(KILLED_BEFORE_IT_KEEPS_THEM)
        task = {
            "home": str(installation.home),
            "url": installation.database_url,
            "key": installation.secret_key.decode(),
            "xero": world.url,
            "client": world.settings.client_id,
            "secret": world.settings.client_secret.get_secret_value(),
            "tokens": TOKEN_SET,
        }
        _, said = await asyncio.to_thread(process.communicate, json.dumps(task) + "\n")
        assert process.returncode == -signal.SIGKILL, said
        assert world.requests("POST", TOKEN) == 1
        kept = await LedgerTokenStore(ledger).load(TOKEN_SET)
        assert kept
        assert kept.version == 1

        world.clock.advance(timedelta(minutes=29).total_seconds())
        access = await tokens(world, ledger).access_token()  # its lease is free at once: it is seen to be gone
        assert await list_tenants(world.settings, world.http, access)
        world.clock.advance(timedelta(minutes=31).total_seconds())
        assert await list_tenants(world.settings, world.http, await tokens(world, ledger).access_token())


async def test_new_tokens_that_never_arrive_leave_the_old_ones_good(ledger: Database) -> None:
    async with signed_in(ledger) as world:
        store = LedgerTokenStore(ledger)
        kept = await store.load(TOKEN_SET)
        assert kept
        world.fault("drop_after", path=TOKEN, times=3)
        with pytest.raises(RemoteError):
            await tokens(world, ledger).keep_alive()
        assert await store.load(TOKEN_SET) == kept
        await tokens(world, ledger).keep_alive()
        newer = await store.load(TOKEN_SET)
        assert newer
        assert newer.version == 2


async def test_calls_that_meet_a_dead_sign_in_together_ask_xero_once(ledger: Database) -> None:
    async with signed_in(ledger) as world:
        world.clock.advance(timedelta(days=61).total_seconds())
        shared = tokens(world, ledger)
        told = await asyncio.gather(*(shared.access_token() for _ in range(6)), return_exceptions=True)
        assert {getattr(error, "state", None) for error in told} == {"token_expired"}
        assert world.requests("POST", TOKEN) == 1


async def test_a_token_set_that_another_holds_for_too_long_is_a_passing_trouble(ledger: Database) -> None:
    impatient = LedgerTokenStore(ledger, patience=timedelta())
    async with lease(ledger, f"tokens|{TOKEN_SET}", for_=timedelta(minutes=1)):
        with pytest.raises(RemoteError, match="tried again by itself") as caught:
            async with impatient.alone(TOKEN_SET):
                pytest.fail("two refresh")
    assert not caught.value.permanent


async def test_the_user_of_a_sign_in_is_read_from_its_token(ledger: Database) -> None:
    async with signed_in(ledger) as world:
        kept = world.store.kept[TOKEN_SET].tokens
        assert len(user_of(kept) or "") == 36
        for odd in ("", "no-jwt", "a.b.c", "a.bm9qc29u.c", "a.W10.c"):
            strange = kept.model_copy(update={"access_token": type(kept.access_token)(odd)})
            assert user_of(strange) is None
