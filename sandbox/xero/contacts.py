"""Contacts: who an element means, what is refused, and how a contact is created, changed and archived."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.xero import texts
from sandbox.xero.call import Batch, Call, Element, Refusal
from sandbox.xero.contact_wire import contact_to_wire
from sandbox.xero.documents import Contact, name_key

_SHORT, _LONG = 50, 255
LIMITS = {
    "Name": _LONG,
    "FirstName": _LONG,
    "LastName": _LONG,
    "ContactNumber": _SHORT,
    "AccountNumber": _SHORT,
    "CompanyNumber": _SHORT,
    "EmailAddress": _LONG,
    "TaxNumber": _SHORT,
    "TaxNumberType": _SHORT,
    "BankAccountDetails": _LONG,
    "AccountsReceivableTaxType": _SHORT,
    "AccountsPayableTaxType": _SHORT,
    "SalesDefaultLineAmountType": _SHORT,
    "PurchasesDefaultLineAmountType": _SHORT,
    "SalesDefaultAccountCode": _SHORT,
    "PurchasesDefaultAccountCode": _SHORT,
    "DefaultCurrency": _SHORT,
}
_ADDRESS_LIMITS = {
    **{f"AddressLine{n}": 500 for n in range(1, 5)},
    "City": _LONG,
    "Region": _LONG,
    "AttentionTo": _LONG,
    "PostalCode": _SHORT,
    "Country": _SHORT,
}
_PHONE_LIMITS = {"PhoneNumber": _SHORT, "PhoneAreaCode": 10, "PhoneCountryCode": 20}
_EMAIL = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_COUNTRY = re.compile(r"[^\W\d_]+([ .'-]+[^\W\d_]+)*[.]?")
_PEOPLE_LIMIT = 5


def save_contact(call: Call, element: Element) -> Element:
    """Create (PUT), or create or change (POST), one contact; raises Refusal."""
    found = None if call.method == "PUT" else _identified(call, element)
    return contact_to_wire(call.org.contacts.save(_checked(call, element, found)))


BATCH = Batch("Contacts", "ContactID", "HasValidationErrors", save_contact)


def contact_for_document(call: Call, element: Any) -> Contact:
    """The contact a document names, not yet saved when it is new; raises Refusal.

    More than an identifier in the element changes the contact as well, as it does in Xero.
    """
    if not isinstance(element, dict) or not element:
        raise Refusal(texts.CONTACT_MISSING)
    found = _identified(call, element)
    if found is None and (name := element.get("Name")):
        archived = call.org.contact_named(name_key(str(name)), "ARCHIVED")
        found = archived if call.switches.archived_name_on_invoice == "error" else None
    if found is not None and found.status != "ACTIVE":
        raise Refusal(texts.ARCHIVED_CONTACT)
    if found is not None and not set(element) - {"ContactID", "ContactNumber", "Name", "HasValidationErrors"}:
        return found
    return _checked(call, {"ContactPersons": [], **element}, found)


def _identified(call: Call, element: Element) -> Contact | None:
    """The contact an element means, in Xero's order: ContactID, ContactNumber, an active contact's name."""
    contacts = call.org.contacts
    if id_ := element.get("ContactID"):
        if (by_id := contacts.get(id_)) is None:
            raise Refusal(texts.CONTACT_UNKNOWN)
        return by_id
    if numbered := contacts.find("number", str(element.get("ContactNumber") or "")):
        return numbered[0]
    name = element.get("Name")
    return call.org.contact_named(name_key(str(name)), "ACTIVE") if name else None


def _checked(call: Call, element: Element, found: Contact | None) -> Contact:
    """The contact as it will be; raises Refusal with every message that applies."""
    fields = {key: str(element[key]) for key in LIMITS if element.get(key) is not None}
    if found is None and not fields.get("Name"):
        raise Refusal(texts.CONTACT_UNIDENTIFIED)
    if fields.get("Name") == "":
        del fields["Name"]
    if "Name" in fields and call.switches.contact_name_spaces == "trim":
        fields["Name"] = " ".join(fields["Name"].split())
    base = found or Contact(str(uuid.uuid4()), {}, call.now)
    contact = replace(
        base,
        fields={key: value for key, value in {**base.fields, **fields}.items() if value},
        updated=call.now,
        status=_status(call, element, base),
        addresses=_merged(base.addresses, element.get("Addresses"), "AddressType", _ADDRESS_LIMITS),
        phones=_merged(base.phones, element.get("Phones"), "PhoneType", _PHONE_LIMITS),
        persons=_people(element, base),
        payment_terms=element.get("PaymentTerms") or base.payment_terms,
    )
    if errors := [*_field_errors(call, contact), *_clashes(call, contact, found)]:
        raise Refusal(*errors)
    return contact


def _status(call: Call, element: Element, base: Contact) -> Any:
    wanted = element.get("ContactStatus") or base.status
    if wanted not in ("ACTIVE", "ARCHIVED"):
        raise Refusal(texts.contact_status(wanted))
    if base.status == "ARCHIVED" and wanted == "ACTIVE" and not call.switches.unarchive_by_api:
        raise Refusal(texts.contact_status(wanted))
    return wanted


def _merged(
    old: tuple[dict[str, str], ...], sent: Any, type_key: str, limits: Mapping[str, int]
) -> tuple[dict[str, str], ...]:
    """Addresses or phones by type: a type that is sent replaces the old one."""
    by_type = {entry[type_key]: entry for entry in old}
    for entry in sent or ():
        kept = {key: str(entry[key]) for key in limits if entry.get(key) is not None}
        by_type[entry.get(type_key)] = {type_key: entry.get(type_key), **kept}
    return tuple(by_type.values())


def _people(element: Element, base: Contact) -> tuple[dict[str, Any], ...]:
    sent = element.get("ContactPersons")
    if sent is None:
        return base.persons
    keys = ("FirstName", "LastName", "EmailAddress")
    return tuple(
        {
            **{key: person.get(key) or "" for key in keys},
            "IncludeInEmails": bool(person.get("IncludeInEmails")),
        }
        for person in sent
    )


def _field_errors(call: Call, contact: Contact) -> list[str]:
    errors = [texts.too_long(key, n) for key, n in LIMITS.items() if len(contact.fields.get(key, "")) > n]
    if set(contact.name) & set("<>"):
        errors.append(texts.CONTACT_NAME_CHARACTERS)
    if contact.name != " ".join(contact.name.split()):
        errors.append(texts.CONTACT_NAME_SPACES)
    currency = contact.fields.get("DefaultCurrency")
    if currency and currency not in call.org.currencies:
        errors.append(texts.currency_unknown(currency))
    return [*errors, *_email_errors(contact), *_address_errors(contact)]


def _email_errors(contact: Contact) -> list[str]:
    addresses = [contact.email, *(person["EmailAddress"] for person in contact.persons)]
    errors = [texts.EMAIL_INVALID] if any(a and not _EMAIL.fullmatch(a) for a in addresses) else []
    if contact.persons and not contact.email:
        errors.append(texts.PEOPLE_WITHOUT_EMAIL)
    if len(contact.persons) > _PEOPLE_LIMIT:
        errors.append(texts.CONTACT_PEOPLE)
    return errors


def _address_errors(contact: Contact) -> list[str]:
    limits = {**_ADDRESS_LIMITS, **_PHONE_LIMITS}
    entries = [*contact.addresses, *contact.phones]
    errors = [
        texts.too_long(key, limits[key])
        for entry in entries
        for key, value in entry.items()
        if key in limits and len(value) > limits[key]
    ]
    countries = [address.get("Country", "") for address in contact.addresses]
    if any(country and not _COUNTRY.fullmatch(country) for country in countries):
        errors.append(texts.COUNTRY_LETTERS)
    return errors


def _clashes(call: Call, contact: Contact, found: Contact | None) -> list[str]:
    """Names are unique among active contacts, contact numbers among all."""
    errors = []
    holder = call.org.contact_named(contact.name_key, "ACTIVE")
    if contact.status == "ACTIVE" and holder is not None and holder.id != contact.id:
        renamed = found is not None and found.name_key != contact.name_key
        old = found.name if found else ""
        errors.append(texts.rename_taken(old, contact.name) if renamed else texts.name_taken(contact.name))
    number = contact.fields.get("ContactNumber", "")
    if any(other.id != contact.id for other in call.org.contacts.find("number", number)):
        errors.append(texts.CONTACT_NUMBER_TAKEN)
    return errors
