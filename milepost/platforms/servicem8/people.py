"""ServiceM8's companies and contacts as the customer and the people of a job."""

import re
from collections.abc import Mapping, Sequence

from milepost.jobs import Address, Customer, Person
from milepost.platforms.servicem8.records import (
    CompanyContactRecord,
    CompanyRecord,
    ContactRecord,
    JobContactRecord,
    JobRecord,
)

_ROLES = {
    "job": "job",
    "job contact": "job",
    "billing": "billing",
    "billing contact": "billing",
    "property manager": "manager",
}
_TERMS = re.compile(r"(?:net\s*)?(\d{1,3})\s*(?:days?)?(?:\s*net)?", re.IGNORECASE)
_AT_ONCE = frozenset({"cod", "cash on delivery", "due on receipt", "on receipt", "immediate"})
_LONGEST_TERMS, _LONGEST_LINE = 40, 200
"""Characters: what is longer is no such thing, and would take the patterns long."""
_TOWN = re.compile(r"(?P<city>.+?),?\s+(?P<region>[A-Z]{2,3})\s+(?P<postcode>\d{4,5})")


def customer_of(
    company: CompanyRecord,
    contacts: Sequence[CompanyContactRecord],
    job_contacts: Sequence[JobContactRecord],
    job: JobRecord,
    badges: Mapping[str, str],
) -> Customer:
    """Who pays. The e-mail is the company's billing contact's, else its primary contact's, else the job's billing one."""
    ranked = [*sorted(contacts, key=_company_rank), *sorted(job_contacts, key=_job_rank)]
    first = ranked[0] if ranked else None
    return Customer(
        id=company.uuid,
        name=company.name.strip(),
        is_company=not company.is_individual,
        first_name=first.first.strip() if first else "",
        last_name=first.last.strip() if first else "",
        email=next((email for c in ranked if (email := c.email.strip())), None),
        phones=_phones(ranked[:1]),
        tax_number=company.abn_number.strip() or None,
        billing_address=_billing_address(company, job),
        terms_days=terms_days(company.payment_terms),
        parent_id=company.parent_company_uuid or None,
        tags=tuple(badges[uuid] for uuid in company.badges if uuid in badges),
    )


def people_of(contacts: Sequence[ContactRecord]) -> tuple[Person, ...]:
    """Those to reach about the job; a contact without name, e-mail and phone is nobody."""
    people = (_person(contact) for contact in contacts)
    return tuple(person for person in people if person.name or person.email or person.phone)


def _person(contact: ContactRecord) -> Person:
    return Person(
        role=role_of(contact),
        name=f"{contact.first} {contact.last}".strip(),
        email=contact.email.strip() or None,
        phone=(contact.mobile or contact.phone).strip() or None,
    )


def role_of(contact: ContactRecord) -> str:
    """job, billing or manager; what ServiceM8 does not name is a contact of the job."""
    return _ROLES.get(contact.type.strip().lower(), "job")


def terms_days(text: str) -> int | None:
    """The days of terms such as "14 days", "Net 30" or "COD"; None for words that name no number of days."""
    plain = text.strip().lower()
    if plain in _AT_ONCE:
        return 0
    found = _TERMS.fullmatch(plain) if len(plain) <= _LONGEST_TERMS else None
    return int(found[1]) if found else None


def address_of(text: str) -> Address | None:
    """An address that people typed, line by line; a last line such as "Albany WA 6330" is taken apart."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    town = _TOWN.fullmatch(lines[-1]) if len(lines) > 1 and len(lines[-1]) <= _LONGEST_LINE else None
    street = lines[:-1] if town else lines
    parts = town.groupdict() if town else {}
    return Address(line1=street[0], line2=", ".join(street[1:]), **parts)


def _billing_address(company: CompanyRecord, job: JobRecord) -> Address | None:
    structured = Address(
        line1=company.address_street,
        city=company.address_city,
        region=company.address_state,
        postcode=company.address_postcode,
        country=company.address_country,
    )
    is_elsewhere = company.billing_address.strip() not in ("", company.address.strip())
    if is_elsewhere:
        return address_of(company.billing_address)
    if structured != Address():
        return structured
    return address_of(company.billing_address or company.address or job.billing_address)


def _company_rank(contact: CompanyContactRecord) -> tuple[bool, bool]:
    return (role_of(contact) != "billing", not contact.is_primary_contact)


def _job_rank(contact: JobContactRecord) -> bool:
    return role_of(contact) != "billing"


def _phones(contacts: Sequence[ContactRecord]) -> tuple[str, ...]:
    given = [number.strip() for c in contacts for number in (c.phone, c.mobile)]
    return tuple(dict.fromkeys(filter(None, given)))
