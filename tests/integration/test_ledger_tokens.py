"""Tokens in the ledger: sealed, and never overwritten by a process that read an older version."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from milepost.errors import ConfigError
from milepost.ledger.database import Database, open_database
from milepost.ledger.sealer import Sealer
from milepost.ledger.tokens import LedgerTokenStore
from milepost.xero.oauth import TokenSet, TokenStore
from tests.ledger_values import NOW, installed

pytest_plugins = ["tests.ledger_fixtures"]


def tokens(name: str, *, refreshable: bool = True) -> TokenSet:
    return TokenSet(
        access_token=SecretStr(f"access-{name}"),
        refresh_token=SecretStr(f"refresh-{name}") if refreshable else None,
        expires_at=NOW + timedelta(minutes=30),
        scope="accounting.contacts offline_access",
    )


@pytest.mark.parametrize("refreshable", [True, False])
async def test_tokens_come_back_as_they_were_kept(ledger: Database, refreshable: bool) -> None:
    store: TokenStore = LedgerTokenStore(ledger)
    assert await store.load("set-1") is None
    assert await store.save("set-1", tokens("a", refreshable=refreshable), None)
    kept = await store.load("set-1")
    assert kept is not None
    assert (kept.version, kept.tokens) == (1, tokens("a", refreshable=refreshable))


async def test_only_one_who_knows_the_newest_version_replaces_it(ledger: Database) -> None:
    store = LedgerTokenStore(ledger)
    assert await store.save("set-1", tokens("a"), None)
    assert not await store.save("set-1", tokens("b"), None), "one is kept already"
    assert await store.save("set-1", tokens("c"), 1)
    assert not await store.save("set-1", tokens("d"), 1), "another process was first"
    assert not await store.save("unknown", tokens("e"), 1)
    kept = await store.load("set-1")
    assert kept is not None
    assert (kept.version, kept.tokens) == (2, tokens("c"))


async def test_of_many_that_refresh_at_once_one_is_kept(ledger: Database) -> None:
    store = LedgerTokenStore(ledger)
    await store.save("set-1", tokens("a"), None)
    kept = await asyncio.gather(*(store.save("set-1", tokens(str(n)), 1) for n in range(8)))
    assert sorted(kept) == [False] * 7 + [True]


async def test_the_database_holds_no_token_in_the_clear(tmp_path: Path) -> None:
    async with open_database(installed(tmp_path)) as db:
        await LedgerTokenStore(db).save("set-1", tokens("visible"), None)
        async with db.read() as c:
            sealed = (await c.execute(text("SELECT sealed FROM token_sets"))).scalar_one()
    assert b"visible" not in sealed
    assert b"refresh-visible" not in (tmp_path / "ledger.db").read_bytes()


async def test_tokens_sealed_with_another_key_are_refused_with_the_fix(ledger: Database) -> None:
    await LedgerTokenStore(ledger).save("set-1", tokens("a"), None)
    ledger.sealer = Sealer(Fernet.generate_key())
    with pytest.raises(ConfigError, match="MILEPOST_SECRET_KEY"):
        await LedgerTokenStore(ledger).load("set-1")


async def test_forgotten_tokens_are_gone(ledger: Database) -> None:
    store = LedgerTokenStore(ledger)
    await store.save("set-1", tokens("a"), None)
    await store.forget("set-1")
    assert await store.load("set-1") is None
