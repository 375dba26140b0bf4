"""Contacts: what changed since (for the mirror), new ones in Xero's shape, and what became of each.

Reference: Xero developer docs, "Contacts". An invoice is never sent with a mere name: that would create a contact.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from milepost.billing.decision import ContactDraft
from milepost.errors import AnswerLost
from milepost.xero import wire
from milepost.xero.client import Answer, XeroClient
from milepost.xero.contact_keys import email_key, name_key
from milepost.xero.contact_payload import contact_payload
from milepost.xero.messages import says_name_taken, says_number_taken
from milepost.xero.paging import BATCH, Row, changed_rows
from milepost.xero.refusals import SYSTEM

_log = logging.getLogger(__name__)

__all__ = [
    "BATCH",
    "CONTACTS_PARAMS",
    "CONTACTS_PATH",
    "ContactOutcome",
    "MirrorContact",
    "changed_contacts",
    "contact_payload",
    "contacts_body",
    "email_key",
    "name_key",
    "read_contact_outcomes",
    "restore_body",
    "restore_contact",
]

CONTACTS_PATH = "Contacts"
CONTACTS_PARAMS = {"summarizeErrors": "false"}


@dataclass(frozen=True, slots=True)
class MirrorContact:
    """A contact as the mirror keeps it. Names and addresses stay out of its repr."""

    contact_id: str
    name: str = field(repr=False)
    email: str | None = field(default=None, repr=False)
    contact_number: str | None = None
    account_number: str | None = None
    tax_number: str | None = field(default=None, repr=False)
    status: str = "ACTIVE"
    merged_to: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ContactOutcome:
    """What became of one contact: its id, or Xero's messages. `number` is the draft's own number."""

    number: str
    contact_id: str | None
    messages: tuple[str, ...] = field(default=(), repr=False)
    name_taken: bool = False
    number_taken: bool = False


async def changed_contacts(client: XeroClient, modified_since: datetime | None) -> AsyncIterator[list[MirrorContact]]:
    """Contacts changed since, archived and merged ones too, in pages of up to 1,000; all of them without a moment.

    A contact may come again in a later page, changed once more; the later one holds.
    """
    params = {"includeArchived": "true"}
    async for rows in changed_rows(client, CONTACTS_PATH, "contactid", modified_since, params):
        yield [_mirrored(row) for row in rows if _has_id(row)]


def _has_id(row: Row) -> bool:
    """A contact without an id could be billed by nobody."""
    if wire.guid(row.get("contactid")):
        return True
    _log.warning("Xero gave a contact without an id")
    return False


def _mirrored(row: Row) -> MirrorContact:
    return MirrorContact(
        contact_id=str(row["contactid"]),
        name=str(row.get("name") or ""),
        email=wire.text(row.get("emailaddress")),
        contact_number=wire.text(row.get("contactnumber")),
        account_number=wire.text(row.get("accountnumber")),
        tax_number=wire.text(row.get("taxnumber")),
        status=str(row.get("contactstatus") or "ACTIVE"),
        merged_to=wire.guid(row.get("mergedtocontactid")),
        updated_at=wire.xero_moment(row.get("updateddateutc")),
    )


def contacts_body(drafts: Sequence[ContactDraft]) -> str:
    """The body to `PUT` new contacts with (PUT only creates; POST would change a contact of the same name)."""
    return wire.dumps({"Contacts": [contact_payload(draft) for draft in drafts]})


def read_contact_outcomes(answer: Answer, drafts: Sequence[ContactDraft]) -> list[ContactOutcome]:
    """One outcome a draft, in the drafts' order: matched by ContactNumber, else by place.

    Raises AnswerLost when an accepted answer does not speak of every draft.
    """
    rows = wire.elements(answer.data, CONTACTS_PATH)
    by_number = {str(row["contactnumber"]): row for row in rows if row.get("contactnumber")}
    in_place = rows if len(rows) == len(drafts) else [{} for _ in drafts]
    found = [by_number.get(draft.number) or _if_unnumbered(row) for draft, row in zip(drafts, in_place, strict=True)]
    if missing := sum(row is None or not _is_told(row) for row in found):
        why = f"its answer leaves out {missing} of {len(drafts)} contacts"
        raise AnswerLost(SYSTEM, "PUT Contacts", why, permanent=False, correlation_id=answer.correlation_id)
    return [_outcome(draft.number, row or {}) for draft, row in zip(drafts, found, strict=True)]


def _if_unnumbered(row: Row) -> Row | None:
    """A refused contact may be echoed without its number; one with another's number is not this draft's."""
    return row if row and not row.get("contactnumber") else None


def _is_told(row: Row) -> bool:
    """Whether the answer says what became of it: an id, or why not."""
    return wire.is_refused(row) or wire.guid(row.get("contactid")) is not None


def _outcome(number: str, row: Row) -> ContactOutcome:
    messages = wire.messages(row.get("validationerrors"))
    contact_id = None if wire.is_refused(row) else wire.guid(row.get("contactid"))
    if contact_id is None and not messages:
        messages = ("Xero refused the contact without saying why",)
    return ContactOutcome(
        number=number,
        contact_id=contact_id,
        messages=messages,
        name_taken=any(map(says_name_taken, messages)),
        number_taken=any(map(says_number_taken, messages)),
    )


def restore_body(contact_id: str) -> str:
    """The body to `POST` to un-archive a contact; whatever is not in it stays as it is."""
    return wire.dumps({"Contacts": [{"ContactID": contact_id, "ContactStatus": "ACTIVE"}]})


async def restore_contact(client: XeroClient, contact_id: str, key: str) -> ContactOutcome:
    """Un-archive a contact. Not all organisations may do that by the API, so a refusal is an outcome like any other."""
    answer = await client.send(
        "POST",
        CONTACTS_PATH,
        restore_body(contact_id),
        idempotency_key=key,
        params=CONTACTS_PARAMS,
        operation="restore-contact",
    )
    rows = wire.elements(answer.data, CONTACTS_PATH)
    outcome = _outcome(contact_id, rows[0] if rows else {})
    if outcome.contact_id and _status(rows[0]) != "ACTIVE":
        return ContactOutcome(contact_id, None, ("The contact is still archived",))
    return outcome


def _status(row: Row) -> Any:
    return row.get("contactstatus", "ACTIVE")
