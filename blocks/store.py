"""Connections kept in Prefect as blocks: saved, loaded, listed and removed, always with the blocks they nest.

A connection `acme` is the block `acme` and its parts `acme-platform`, `acme-xero`, `acme-slack` and `acme-email`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from uuid import UUID

import httpx
from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import BlockDocument
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from blocks.connection import PLATFORM_BLOCKS, Connection
from blocks.email import EmailAlerts
from blocks.slack import SlackAlerts
from blocks.xero import XeroApp
from milepost.connection import Connection as Settings
from milepost.errors import ConfigError, RemoteError, UnknownName
from milepost.rules.problems import did_you_mean

_PARTS: dict[str, tuple[type[Block], ...]] = {
    "platform": tuple(PLATFORM_BLOCKS.values()),
    "xero": (XeroApp,),
    "slack": (SlackAlerts,),
    "email": (EmailAlerts,),
}


async def save_connection(settings: Settings, *, overwrite: bool = True) -> None:
    """Create the connection's blocks, or bring those that exist up to date. Raises ConfigError when it may not."""
    async with _prefect("saving a connection") as client:
        if not overwrite and settings.name in await _names(client):
            raise ConfigError(f"There is a connection '{settings.name}' already. Choose another name, or overwrite it.")
        block = Connection.from_settings(settings)
        for part, nested in _nested(block).items():
            await nested.asave(f"{settings.name}-{part}", overwrite=True, client=client)
        await block.asave(settings.name, overwrite=True, client=client)
        await _remove_unused_parts(client, settings.name)


async def load_connection(name: str) -> Settings:
    """The connection of this name. Raises UnknownName with the nearest one, ConfigError when its blocks are incomplete."""
    async with _prefect("loading a connection") as client:
        document = await _document(client, Connection, name)
        if document is None:
            raise _unknown(name, await _names(client))
        missing = _missing_parts(document)
        if missing:
            raise ConfigError(
                f"Connection '{name}' has lost its block for {' and '.join(missing)}. "
                "Choose one in Prefect (Blocks), or add the connection again: milepost connection add --from FILE.yaml"
            )
        return _loaded(document, name).to_settings(name)


async def list_connections() -> list[str]:
    """The names of all connections, in order."""
    async with _prefect("listing connections") as client:
        return await _names(client)


async def remove_connection(name: str) -> None:
    """Remove the connection and its parts, but for parts that another connection uses. Raises UnknownName."""
    async with _prefect("removing a connection") as client:
        document = await _document(client, Connection, name)
        if document is None:
            raise _unknown(name, await _names(client))
        await client.delete_block_document(document.id)
        await _remove_unused_parts(client, name)


@asynccontextmanager
async def _prefect(doing: str) -> AsyncIterator[PrefectClient]:
    """A client of Prefect's API, whose failures become RemoteError."""
    fix = "Start Prefect (milepost up; for the demo, make demo), or set PREFECT_API_URL to where it is."
    try:
        async with get_client() as client:
            yield client
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        why = "its API refused" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "its API is in trouble"
        fix = "Check PREFECT_API_URL and PREFECT_API_AUTH_STRING." if status < HTTPStatus.INTERNAL_SERVER_ERROR else fix
        permanent = status < HTTPStatus.INTERNAL_SERVER_ERROR
        # Without its cause: Prefect's error repeats the request's body, secrets and all.
        raise RemoteError("Prefect", doing, why, permanent=permanent, fix=fix, status=status) from None
    except httpx.TransportError as error:
        raise RemoteError("Prefect", doing, "its API was not reached", permanent=False, fix=fix) from error


def _nested(block: Connection) -> dict[str, Block]:
    """The nested blocks that the connection has, by their part of the name."""
    parts = {part: getattr(block, part) for part in _PARTS}
    return {part: nested for part, nested in parts.items() if nested is not None}


async def _documents(client: PrefectClient) -> list[BlockDocument]:
    """The documents of all connections, without secrets; this call of Prefect's has no pages."""
    try:
        return await client.read_block_documents_by_type(Connection.get_block_type_slug(), include_secrets=False)
    except PrefectHTTPStatusError as error:
        if error.response.status_code == HTTPStatus.NOT_FOUND:  # no connection was ever saved
            return []
        raise


async def _names(client: PrefectClient) -> list[str]:
    return sorted(document.name for document in await _documents(client) if document.name)


async def _document(client: PrefectClient, block: type[Block], name: str) -> BlockDocument | None:
    try:
        return await client.read_block_document_by_name(name, block.get_block_type_slug())
    except ObjectNotFound:
        return None


def _loaded(document: BlockDocument, name: str) -> Connection:
    try:
        return Connection._load_from_block_document(document)  # noqa: SLF001 (aload would read the document again)
    except RuntimeError as error:
        raise ConfigError(
            f"The blocks of connection '{name}' do not fit this version of Milepost. "
            "Add the connection again: milepost connection add --from FILE.yaml"
        ) from error


def _missing_parts(document: BlockDocument) -> list[str]:
    """The parts a connection cannot do without whose blocks were deleted in Prefect."""
    return [part for part in ("platform", "xero") if part not in document.block_document_references]


async def _remove_unused_parts(client: PrefectClient, name: str) -> None:
    """Delete blocks named as parts of this connection that no connection nests any more."""
    used = {used for document in await _documents(client) for used in _references(document)}
    for part, blocks in _PARTS.items():
        for block in blocks:
            document = await _document(client, block, f"{name}-{part}")
            if document is not None and document.id not in used:
                await client.delete_block_document(document.id)


def _references(document: BlockDocument) -> list[UUID]:
    return [UUID(str(part["block_document"]["id"])) for part in document.block_document_references.values()]


def _unknown(name: str, names: Sequence[str]) -> UnknownName:
    add = "milepost connection add --from FILE.yaml"
    if not names:
        return UnknownName(
            f"There is no connection '{name}'. Connections are kept in Prefect, and the one that was asked has none: start "
            f"yours (milepost up; for the demo, make demo), or set PREFECT_API_URL to where it is, or add one with: {add}"
        )
    guess = did_you_mean(name, names) or "."
    return UnknownName(f"There is no connection '{name}'{guess} There are: {', '.join(names)}. Add one with: {add}")
