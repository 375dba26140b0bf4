"""Which contact in Xero is a job's customer: the match ladder, pure. Never a name alone where something speaks against it.

Gathered before decide: the steps look contacts up in the mirror, this decides. Each rung answers with one contact, with
nothing, or with several, which a person must tell apart.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from milepost.billing.decision import ContactDraft, ExistingContact, NewContact, Resolution, Undecided
from milepost.jobs import Customer, Person
from milepost.rules.model import ContactSettings, MatchStep

_LONGEST_NUMBER = 50
_LONGEST_NAME = 255
_LONGEST_CHAIN = 10


class KnownContact(Protocol):
    """A contact as the mirror of Xero's knows it."""

    @property
    def contact_id(self) -> str:
        """Xero's ContactID."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def email(self) -> str | None:
        """Its main e-mail address."""

    @property
    def tax_number(self) -> str | None:
        """Its tax number."""

    @property
    def status(self) -> str:
        """ACTIVE, ARCHIVED or GDPRREQUEST."""

    @property
    def merged_to(self) -> str | None:
        """The contact it was merged into."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A customer's values in the form they are compared in."""

    numbers: tuple[str, ...]
    account_numbers: tuple[str, ...]
    email: str | None
    name: str


@dataclass(slots=True)
class Directory:
    """The contacts that may matter, by each key, and who they are linked to already (contact id -> customer ids)."""

    by_id: dict[str, KnownContact] = field(default_factory=dict)
    by_number: dict[str, list[KnownContact]] = field(default_factory=dict)
    by_account_number: dict[str, list[KnownContact]] = field(default_factory=dict)
    by_email: dict[str, list[KnownContact]] = field(default_factory=dict)
    by_name: dict[str, list[KnownContact]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    linked: dict[str, set[str]] = field(default_factory=dict)


def contact_number(customer: Customer) -> str:
    """The ContactNumber that makes a customer's contact unique: the platform's id, hashed where Xero's 50 places end."""
    if len(customer.id) <= _LONGEST_NUMBER:
        return customer.id
    return hashlib.sha256(customer.id.encode()).hexdigest()[:_LONGEST_NUMBER]


def resolve_contacts(
    customers: Sequence[tuple[Customer, Keys, Person | None]], settings: ContactSettings, directory: Directory
) -> dict[str, Resolution]:
    """The contact of each customer, by customer id. New contacts get names that differ from all others, and each other.

    The person is whom the job wants the bill sent to, where it names one.
    """
    resolutions: dict[str, Resolution] = {}
    taken: set[str] = set()
    for customer, keys, billing in sorted(customers, key=lambda c: c[0].id):
        resolution = resolve_contact(customer, keys, settings, directory)
        if resolution is None:
            occupied = keys.name in taken or bool(_active(directory.by_name.get(keys.name, ())))
            taken.add(keys.name)
            resolution = NewContact(customer_id=customer.id, draft=_new(customer, billing, distinct=occupied))
        resolutions[customer.id] = resolution
    return resolutions


def resolve_contact(customer: Customer, keys: Keys, settings: ContactSettings, directory: Directory) -> Resolution | None:
    """Climb the ladder; None when no contact is this customer and one is to be created."""
    for step in settings.match:
        found = _distinct(_alive(_rung(step, customer, keys, directory), directory))
        if step in ("email", "name"):
            found = _plausible(step, customer, keys, found, directory)
        if len(found) > 1:
            return _several(customer, step, found)
        if found:
            return _existing(customer, step, found[0], settings)
    return None


def _rung(step: MatchStep, customer: Customer, keys: Keys, directory: Directory) -> Iterable[KnownContact]:
    if step == "link":
        linked = (directory.links.get(customer.id), customer.external_ref)
        return [directory.by_id[i] for i in linked if i and i in directory.by_id][:1]
    if step == "contact_number":
        return _listed(directory.by_number, keys.numbers)
    if step == "account_number":
        return _listed(directory.by_account_number, keys.account_numbers)
    if step == "email":
        return directory.by_email.get(keys.email, ()) if keys.email else ()
    return directory.by_name.get(keys.name, ())


def _listed(index: Mapping[str, list[KnownContact]], keys: Iterable[str]) -> list[KnownContact]:
    return [contact for key in keys for contact in index.get(key, ())]


def _alive(contacts: Iterable[KnownContact], directory: Directory) -> list[KnownContact]:
    """Each contact, or the one it was merged into; contacts that asked to be forgotten are nobody's."""
    followed = (_follow(contact, directory) for contact in contacts)
    return [contact for contact in followed if contact.status in ("ACTIVE", "ARCHIVED")]


def _follow(contact: KnownContact, directory: Directory) -> KnownContact:
    for _ in range(_LONGEST_CHAIN):
        into = directory.by_id.get(contact.merged_to or "")
        if into is None:
            return contact
        contact = into
    return contact


def _distinct(contacts: Iterable[KnownContact]) -> list[KnownContact]:
    return list({contact.contact_id: contact for contact in contacts}.values())


def _active(contacts: Iterable[KnownContact]) -> list[KnownContact]:
    return [contact for contact in contacts if contact.status == "ACTIVE"]


def _plausible(
    step: MatchStep, customer: Customer, keys: Keys, found: list[KnownContact], directory: Directory
) -> list[KnownContact]:
    """Those an e-mail or a name may stand for: active ones first, none that is someone else's.

    One e-mail may serve many (a property manager), so several are told apart by name.
    """
    free = [c for c in found if not directory.linked.get(c.contact_id, set()) - {customer.id}]
    likely = [c for c in free if step == "email" or not _contradicts(customer, keys, c)]
    likely = _active(likely) or likely
    if step == "email" and len(likely) > 1:
        named = {c.contact_id for c in directory.by_name.get(keys.name, ())}
        likely = [c for c in likely if c.contact_id in named] or likely
    return likely


def _contradicts(customer: Customer, keys: Keys, contact: KnownContact) -> bool:
    """Two of the same name are not the same when their tax numbers differ, or, for people, their e-mails do."""
    ours, theirs = _digits(customer.tax_number), _digits(contact.tax_number)
    if ours and theirs:
        return ours != theirs
    emails_differ = bool(keys.email and contact.email and contact.email.strip().casefold() != keys.email)
    return emails_differ and customer.is_company is not True


def _digits(text: str | None) -> str:
    return "".join(c for c in text or "" if c.isalnum()).casefold()


def _existing(customer: Customer, step: MatchStep, contact: KnownContact, settings: ContactSettings) -> Resolution:
    archived = contact.status == "ARCHIVED"
    if archived and settings.on_archived == "hold":
        return Undecided(
            customer_id=customer.id,
            why=f"The customer's contact in Xero (found by {_words(step)}) is archived.",
            fix="Restore the contact in Xero, or set 'contacts: on_archived: restore' in the rule book.",
        )
    return ExistingContact(customer_id=customer.id, contact_id=contact.contact_id, matched_by=step, restore=archived)


def _several(customer: Customer, step: MatchStep, found: Sequence[KnownContact]) -> Undecided:
    return Undecided(
        customer_id=customer.id,
        why=f"{len(found)} contacts in Xero have the customer's {_words(step)}.",
        fix=f"Set the ContactNumber or account number of the right one to {customer.number or customer.id}, "
        "or merge the contacts in Xero.",
    )


def _words(step: MatchStep) -> str:
    return {"email": "e-mail address"}.get(step, step.replace("_", " "))


def _new(customer: Customer, billing: Person | None, *, distinct: bool) -> ContactDraft:
    suffix = f" ({customer.number or customer.id[:8]})" if distinct else ""
    email = billing.email if billing and billing.email else customer.email
    return ContactDraft(
        number=contact_number(customer),
        name=customer.name[: _LONGEST_NAME - len(suffix)].strip() + suffix,
        first_name=customer.first_name,
        last_name=customer.last_name,
        email=email,
        phone=customer.phones[0] if customer.phones else (billing.phone if billing else None),
        tax_number=customer.tax_number,
        company_number=customer.company_number,
        address=customer.billing_address,
    )
