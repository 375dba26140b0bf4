"""Contacts as Xero writes them: in full, in a list, in a summary, and inside a document."""

from typing import Any

from sandbox.xero import wire
from sandbox.xero.documents import Contact

_ADDRESS_KEYS = ("City", "Region", "PostalCode", "Country", "AttentionTo")
_EMPTY_ADDRESSES = {kind: dict.fromkeys(_ADDRESS_KEYS, "") for kind in ("STREET", "POBOX")}
_PHONE_KEYS = ("PhoneNumber", "PhoneAreaCode", "PhoneCountryCode")
_EMPTY_PHONES = {kind: dict.fromkeys(_PHONE_KEYS, "") for kind in ("DEFAULT", "DDI", "FAX", "MOBILE")}
_ONLY_IN_FULL = ("ContactPersons", "MergedToContactID", "PaymentTerms", "HasAttachments")
_NOT_IN_SUMMARY = ("Addresses", "Phones", "ContactGroups")


def contact_to_wire(contact: Contact) -> dict[str, Any]:
    """A contact by id, on a page, or just written."""
    return {
        "ContactID": contact.id,
        **({"MergedToContactID": contact.merged_to} if contact.merged_to else {}),
        "ContactStatus": contact.status,
        "FirstName": "",
        "LastName": "",
        "EmailAddress": "",
        "BankAccountDetails": "",
        **contact.fields,
        "Addresses": _by_type(contact.addresses, "AddressType", _EMPTY_ADDRESSES),
        "Phones": _by_type(contact.phones, "PhoneType", _EMPTY_PHONES),
        "UpdatedDateUTC": wire.stamp(contact.updated),
        "ContactGroups": [],
        "IsSupplier": contact.is_supplier,
        "IsCustomer": contact.is_customer,
        "SalesTrackingCategories": [],
        "PurchasesTrackingCategories": [],
        **({"PaymentTerms": contact.payment_terms} if contact.payment_terms else {}),
        "ContactPersons": [dict(person) for person in contact.persons],
        "HasAttachments": False,
        "HasValidationErrors": False,
    }


def contact_in_unpaged_list(contact: Contact) -> dict[str, Any]:
    """An unpaged list leaves out what only pages and single contacts show."""
    full = contact_to_wire(contact)
    return {key: value for key, value in full.items() if key not in _ONLY_IN_FULL}


def contact_summary(contact: Contact) -> dict[str, Any]:
    lean = contact_in_unpaged_list(contact)
    return {key: value for key, value in lean.items() if key not in _NOT_IN_SUMMARY}


def contact_in_document(contact: Contact) -> dict[str, Any]:
    return {
        "ContactID": contact.id,
        "Name": contact.name,
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def _by_type(entries: tuple[dict[str, str], ...], key: str, empty: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    filled = {entry[key]: entry for entry in entries}
    kinds = [*empty, *(kind for kind in filled if kind not in empty)]
    return [{key: kind, **empty.get(kind, {}), **filled.get(kind, {})} for kind in kinds]
