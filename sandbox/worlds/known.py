"""Puts contacts into a simulated organisation, as if the business had kept its books there for years."""

from datetime import UTC, datetime

from sandbox.xero.documents import Contact
from sandbox.xero.tenant import Organisation, stable_id

_SINCE = datetime(2025, 7, 1, tzinfo=UTC)


def know(org: Organisation, name: str, *, email: str = "", number: str = "", archived: bool = False) -> Contact:
    """A contact that exists already; `number` is its ContactNumber. Its id is stable by name."""
    fields = {"Name": name, "EmailAddress": email, "ContactNumber": number}
    return org.contacts.save(
        Contact(
            stable_id(org.key, "contact", name),
            {key: value for key, value in fields.items() if value},
            _SINCE,
            status="ARCHIVED" if archived else "ACTIVE",
            is_customer=True,
        )
    )
