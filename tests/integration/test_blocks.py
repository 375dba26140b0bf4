from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import BlockDocument
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from blocks.connection import Connection as ConnectionBlock
from blocks.servicem8 import ServiceM8Account
from blocks.store import list_connections, load_connection, remove_connection, save_connection
from blocks.xero import XeroApp
from milepost.connection import Connection
from milepost.errors import ConfigError, RemoteError, UnknownName

pytest_plugins = ["tests.prefect_fixtures"]
pytestmark = pytest.mark.usefixtures("prefect_api")

PLATFORMS: dict[str, dict[str, Any]] = {
    "servicem8": {"kind": "servicem8", "api_key": "s3cret-sm8"},
    "declared": {"kind": "declared", "file": "/srv/fieldbook.yaml", "secrets": {"token": "s3cret-declared"}},
    "csv": {"kind": "csv", "jobs": "/srv/jobs.csv", "columns": {"job": {"number": "Ref"}}},
}


def connection(name: str, platform: str = "servicem8", **changes: Any) -> Connection:
    """A connection with every secret there is."""
    values: dict[str, Any] = {
        "name": name,
        "platform": PLATFORMS[platform],
        "xero": {"client_id": "id", "client_secret": "s3cret-xero", "webhook_key": "s3cret-hook", "tenant": "Acme"},
        "rule_book": "acme",
        "alerts": {
            "slack": {"token": "s3cret-slack", "channel": "#billing"},
            "email": {
                "host": "mail.example.com",
                "sender": "a@example.com",
                "to": ["b@example.com"],
                "password": "s3cret-mail",
            },
        },
    }
    return Connection.model_validate(values | changes)


@pytest_asyncio.fixture(loop_scope="session")
async def client(prefect_api: str) -> AsyncIterator[PrefectClient]:
    async with get_client() as opened:
        yield opened


async def all_documents(client: PrefectClient) -> list[BlockDocument]:
    """Every block there is: the server is the session's, and other tests leave theirs there."""
    documents: list[BlockDocument] = []
    while page := await client.read_block_documents(offset=len(documents), limit=200, include_secrets=False):
        documents += page
    return documents


async def names_of(client: PrefectClient, prefix: str) -> set[str]:
    """Every block document, of any type, whose name begins so."""
    documents = await all_documents(client)
    return {f"{d.block_type.slug}/{d.name}" for d in documents if d.block_type and str(d.name).startswith(prefix)}


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_connection_comes_back_as_it_was_saved(platform: str) -> None:
    saved = connection(f"round-{platform}", platform, rule_books_dir="/srv/books")
    await save_connection(saved)
    assert await load_connection(saved.name) == saved


async def test_a_connection_is_five_blocks_named_after_it(client: PrefectClient) -> None:
    await save_connection(connection("parts"))
    assert await names_of(client, "parts") == {
        "milepost-connection/parts",
        "milepost-servicem8-account/parts-platform",
        "milepost-xero-app/parts-xero",
        "milepost-slack-alerts/parts-slack",
        "milepost-email-alerts/parts-email",
    }


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_no_secret_is_shown_without_asking_for_it(client: PrefectClient, platform: str) -> None:
    name = f"veiled-{platform}"
    await save_connection(connection(name, platform))
    documents = await all_documents(client)
    shown = [document.model_dump_json() for document in documents if str(document.name).startswith(name)]
    assert len(shown) == 5
    assert "s3cret" not in "".join(shown)
    assert "********" in "".join(shown)


async def test_saving_again_changes_the_blocks_in_place(client: PrefectClient) -> None:
    await save_connection(connection("twice"))
    before = await client.read_block_document_by_name("twice", "milepost-connection")
    changed = connection("twice", rule_book="other", xero={"client_id": "new", "client_secret": "s3cret-new"})
    await save_connection(changed)
    after = await client.read_block_document_by_name("twice", "milepost-connection")
    assert before.id == after.id
    assert await load_connection("twice") == changed


async def test_saving_without_overwriting_refuses_a_name_that_is_taken() -> None:
    await save_connection(connection("taken"), overwrite=False)
    with pytest.raises(ConfigError, match="There is a connection 'taken' already"):
        await save_connection(connection("taken", rule_book="other"), overwrite=False)
    assert (await load_connection("taken")).rule_book == "acme"


async def test_parts_that_are_not_used_any_more_go(client: PrefectClient) -> None:
    await save_connection(connection("moved"))
    await save_connection(connection("moved", "csv", alerts={}))
    assert await names_of(client, "moved") == {
        "milepost-connection/moved",
        "milepost-csv-files/moved-platform",
        "milepost-xero-app/moved-xero",
    }
    assert await load_connection("moved") == connection("moved", "csv", alerts={})


async def test_a_removed_connection_takes_its_parts_along(client: PrefectClient) -> None:
    await save_connection(connection("gone"))
    await remove_connection("gone")
    assert await names_of(client, "gone") == set()
    with pytest.raises(UnknownName):
        await remove_connection("gone")


async def test_a_part_that_another_connection_uses_stays(client: PrefectClient) -> None:
    await save_connection(connection("lender"))
    lender: ConnectionBlock = await ConnectionBlock.aload("lender")
    borrower = ConnectionBlock(platform=lender.platform, xero=lender.xero, rule_book="acme")
    await borrower.asave("borrower")
    await remove_connection("lender")
    assert (await load_connection("borrower")).xero.client_secret.get_secret_value() == "s3cret-xero"
    await remove_connection("borrower")


async def test_connections_are_listed_in_order(client: PrefectClient) -> None:
    for name in ("list-b", "list-a"):
        await save_connection(connection(name))
    assert [name for name in await list_connections() if name.startswith("list-")] == ["list-a", "list-b"]


async def test_a_server_that_has_never_seen_a_connection_lists_none(client: PrefectClient) -> None:
    await save_connection(connection("first"))
    block_type = await client.read_block_type_by_slug("milepost-connection")
    await client.delete_block_type(block_type.id)
    assert await list_connections() == []
    with pytest.raises(UnknownName, match=r"There is no connection 'first'\. Connections are kept in Prefect"):
        await load_connection("first")


async def test_an_unknown_name_gets_the_nearest_one() -> None:
    await save_connection(connection("kauri"))
    with pytest.raises(UnknownName, match="There is no connection 'kuari'; did you mean 'kauri'"):
        await load_connection("kuari")


async def test_a_connection_made_by_hand_loads_under_its_block_name() -> None:
    platform = ServiceM8Account(api_key=SecretStr("s3cret"))
    await platform.asave("my-sm8")
    app = XeroApp(client_id="1", client_secret=SecretStr("s3cret"))
    await app.asave("my-app")
    await ConnectionBlock(platform=platform, xero=app, rule_book="acme").asave("by-hand")
    loaded = await load_connection("by-hand")
    assert (loaded.name, loaded.platform.kind, loaded.alerts.slack) == ("by-hand", "servicem8", None)


async def test_a_connection_whose_platform_block_was_deleted_says_so(client: PrefectClient) -> None:
    await save_connection(connection("broken"))
    part = await client.read_block_document_by_name("broken-platform", "milepost-servicem8-account")
    await client.delete_block_document(part.id)
    with pytest.raises(ConfigError, match=r"'broken' has lost its block for platform\. Choose one in Prefect"):
        await load_connection("broken")
    await save_connection(connection("broken"))
    assert (await load_connection("broken")).platform.kind == "servicem8"


async def test_a_block_with_values_that_do_not_fit_says_which(client: PrefectClient) -> None:
    await save_connection(connection("misfit"))
    await ServiceM8Account().asave("misfit-platform", overwrite=True)
    with pytest.raises(ConfigError, match=r"Block milepost-servicem8-account/misfit-platform cannot be used: .*'api_key'"):
        await load_connection("misfit")


async def test_prefect_away_is_a_clear_error() -> None:
    away = temporary_settings(updates={PREFECT_API_URL: "http://127.0.0.1:9/api"})
    with away, pytest.raises(RemoteError, match="Prefect: listing connections failed: its API was not reached") as caught:
        await list_connections()
    assert "milepost up" in str(caught.value)
