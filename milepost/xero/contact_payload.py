"""A contact to be created, in Xero's shape and within its limits.

Reference: Xero developer docs, "Contacts": lengths, and names without angle brackets and doubled or outer spaces.
"""

import re
from typing import Any

from milepost.billing.decision import ContactDraft
from milepost.jobs import Address
from milepost.xero.contact_keys import is_email

_UNWANTED = re.compile(r"[<>\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NOT_LETTERS = re.compile(r"[^\w .'-]|[\d_]")


def contact_payload(draft: ContactDraft) -> dict[str, Any]:
    """The contact; what is empty or invalid is left out, so that one bad e-mail address does not cost the contact.

    Its number is sent as it is: `billing.ladder.contact_number` made it to be found again just so.
    """
    email = (draft.email or "").strip()
    fields = {
        "Name": _clean(draft.name, 255) or draft.number,
        "ContactNumber": draft.number,
        "FirstName": _clean(draft.first_name, 255),
        "LastName": _clean(draft.last_name, 255),
        "EmailAddress": email if is_email(email) else "",
        "TaxNumber": _clean(draft.tax_number, 50),
        "CompanyNumber": _clean(draft.company_number, 50),
        "Phones": _phones(draft.phone),
        "Addresses": _addresses(draft.address),
    }
    return {key: value for key, value in fields.items() if value}


def _clean(text: str | None, length: int) -> str:
    return " ".join(_UNWANTED.sub(" ", text or "").split())[:length].rstrip()


def _phones(phone: str | None) -> list[dict[str, str]]:
    number = _clean(phone, 50)
    return [{"PhoneType": "DEFAULT", "PhoneNumber": number}] if number else []


def _addresses(address: Address | None) -> list[dict[str, str]]:
    """The address as POBOX, the type that Xero prints on invoices."""
    if address is None:
        return []
    fields = {
        "AddressLine1": _clean(address.line1, 500),
        "AddressLine2": _clean(address.line2, 500),
        "City": _clean(address.city, 255),
        "Region": _clean(address.region, 255),
        "PostalCode": _clean(address.postcode, 50),
        "Country": _clean(_NOT_LETTERS.sub(" ", address.country), 50).strip(" .'-"),
    }
    given = {key: value for key, value in fields.items() if value}
    return [{"AddressType": "POBOX", **given}] if given else []
