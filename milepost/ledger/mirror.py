"""The mirror of Xero's contacts, kept by what changed since, and the links from customers to contacts.

It answers "who is this customer?" for a whole run in a handful of queries and without a call.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, RowMapping, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.ledger.bulk import chunks, insert_into, unique, upsert
from milepost.ledger.tables import contact_mirrors, contacts, customer_links
from milepost.xero.contact_keys import email_key, name_key
from milepost.xero.contacts import MirrorContact

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MirrorState:
    """How far the mirror has come: what to ask Xero from next time (None: everything), and when it was refreshed."""

    modified_since: datetime | None
    refreshed_at: datetime


async def save_contacts(c: AsyncConnection, tenant_id: str, changed: Sequence[MirrorContact]) -> None:
    """Bring contacts up to date. One that the mirror has from a later moment is left as it is."""
    latest: dict[str, MirrorContact] = {}
    for contact in changed:
        known = latest.get(contact.contact_id)
        if known is None or not _is_older(contact, known):
            latest[contact.contact_id] = contact
    coming = insert_into(c, contacts).excluded
    not_older = or_(
        contacts.c.updated_at.is_(None),
        coming.updated_at.is_(None),
        coming.updated_at >= contacts.c.updated_at,
    )
    rows = [_row(tenant_id, contact) for contact in latest.values()]
    await upsert(c, contacts, rows, only_where=not_older)


async def mirror_state(c: AsyncConnection, tenant_id: str) -> MirrorState | None:
    """How far the mirror of a tenant has come; None before its first refresh."""
    query = select(contact_mirrors).where(contact_mirrors.c.tenant_id == tenant_id)
    row = (await c.execute(query)).first()
    return MirrorState(row.modified_since, row.refreshed_at) if row else None


async def make_stale(c: AsyncConnection, tenant_id: str) -> None:
    """Contacts changed in Xero: the mirror serves nobody before it was refreshed by what changed."""
    mirrors = update(contact_mirrors).where(contact_mirrors.c.tenant_id == tenant_id)
    await c.execute(mirrors.values(refreshed_at=_LONG_AGO))


async def set_mirror_state(
    c: AsyncConnection, tenant_id: str, modified_since: datetime | None, refreshed_at: datetime
) -> None:
    """Record how far the mirror has come; in the transaction that saved the last of its contacts."""
    row = {"tenant_id": tenant_id, "modified_since": modified_since, "refreshed_at": refreshed_at}
    await upsert(c, contact_mirrors, [row])


async def candidates(
    c: AsyncConnection,
    tenant_id: str,
    *,
    ids: Iterable[str] = (),
    numbers: Iterable[str] = (),
    account_numbers: Iterable[str] = (),
    email_keys: Iterable[str] = (),
    name_keys: Iterable[str] = (),
) -> list[MirrorContact]:
    """Every contact that has one of these ids, numbers or keys, archived ones too; each once, by id.

    Of the e-mail and the tax number the mirror keeps only the key, so that is what comes back.
    """
    wanted: list[tuple[Column[Any], Iterable[str]]] = [
        (contacts.c.contact_id, ids),
        (contacts.c.contact_number, numbers),
        (contacts.c.account_number, account_numbers),
        (contacts.c.email_key, email_keys),
        (contacts.c.name_key, name_keys),
    ]
    found: dict[str, MirrorContact] = {}
    for column, values in wanted:
        for some in chunks(unique(list(values))):
            query = select(contacts).where(contacts.c.tenant_id == tenant_id, column.in_(some))
            for row in (await c.execute(query)).mappings():
                found.setdefault(row["contact_id"], _contact(row))
    return [found[contact_id] for contact_id in sorted(found)]


async def links(
    c: AsyncConnection, connection: str, customer_ids: Sequence[str], tenant_id: str | None = None
) -> dict[str, str]:
    """The contacts that customers are known to be, by customer id; with `tenant_id`, only those of that organisation."""
    found: dict[str, str] = {}
    for some in chunks(unique(customer_ids)):
        query = select(customer_links.c.customer_id, customer_links.c.contact_id).where(
            customer_links.c.connection == connection, customer_links.c.customer_id.in_(some)
        )
        if tenant_id is not None:
            query = query.where(customer_links.c.tenant_id == tenant_id)
        found.update((await c.execute(query)).tuples().all())
    return found


async def linked_customers(
    c: AsyncConnection, tenant_id: str, contact_ids: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """Who is known to be each contact, as (connection, customer id), by contact id."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    columns = (customer_links.c.contact_id, customer_links.c.connection, customer_links.c.customer_id)
    for some in chunks(unique(contact_ids)):
        query = select(*columns).where(customer_links.c.tenant_id == tenant_id, customer_links.c.contact_id.in_(some))
        for contact_id, connection, customer_id in await c.execute(query.order_by(*columns)):
            found[contact_id].append((connection, customer_id))
    return dict(found)


async def save_links(
    c: AsyncConnection,
    connection: str,
    tenant_id: str,
    linked: Sequence[tuple[str, str, str]],
    now: datetime,
) -> None:
    """Record who is who, as (customer id, contact id, matched by); a customer's new link replaces its old one."""
    rows = {
        customer_id: {
            "connection": connection,
            "customer_id": customer_id,
            "tenant_id": tenant_id,
            "contact_id": contact_id,
            "matched_by": matched_by,
            "linked_at": now,
        }
        for customer_id, contact_id, matched_by in linked
    }
    await upsert(c, customer_links, list(rows.values()))


def _is_older(contact: MirrorContact, than: MirrorContact) -> bool:
    return bool(contact.updated_at and than.updated_at and contact.updated_at < than.updated_at)


def _row(tenant_id: str, contact: MirrorContact) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "contact_id": contact.contact_id,
        "name": contact.name,
        "name_key": name_key(contact.name),
        "email_key": email_key(contact.email),
        "contact_number": contact.contact_number,
        "account_number": contact.account_number,
        "tax_number_key": _tax_number_key(contact.tax_number),
        "status": contact.status,
        "merged_to": contact.merged_to,
        "updated_at": contact.updated_at,
    }


def _tax_number_key(tax_number: str | None) -> str | None:
    """The letters and digits alone: people write the same number with spaces, dots and dashes, or without."""
    return "".join(char for char in tax_number or "" if char.isalnum()).upper() or None


def _contact(row: RowMapping) -> MirrorContact:
    return MirrorContact(
        contact_id=row["contact_id"],
        name=row["name"],
        email=row["email_key"],
        contact_number=row["contact_number"],
        account_number=row["account_number"],
        tax_number=row["tax_number_key"],
        status=row["status"],
        merged_to=row["merged_to"],
        updated_at=row["updated_at"],
    )
