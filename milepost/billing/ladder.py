"""Which contact in Xero is one customer: the match ladder, pure. Never a name alone where something speaks against it.

Each rung answers with one contact, with nothing, or with several, which a person must tell apart.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from milepost.billing.decision import ExistingContact, Resolution, Undecided
from milepost.jobs import Customer
from milepost.rules.model import ContactSettings, MatchStep

LONGEST_NUMBER = 50
_LONGEST_CHAIN = 10
_UNTIDY = re.compile(r"[<>\x00-\x1f\x7f-\x9f\u2028\u2029]|^\s|\s$|\s\s|[^\S ]")
"""What Xero does not keep in a name or number: brackets, control characters, outer and doubled spaces."""


WEAK = ("email", "name")


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
    """The ContactNumber that makes a customer's contact unique: the platform's id.

    Hashed where Xero's 50 places end, or where Xero would tidy it, so that it is found again as it was written.
    """
    if len(customer.id) <= LONGEST_NUMBER and not _UNTIDY.search(customer.id):
        return customer.id
    return digest(customer.id, LONGEST_NUMBER)


def digest(text: str, length: int) -> str:
    """The first characters of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def resolve_contact(customer: Customer, keys: Keys, settings: ContactSettings, directory: Directory) -> Resolution | None:
    """Climb the ladder; None when no contact is this customer and one is to be created."""
    if not customer.id.strip() or not customer.name.strip():
        return Undecided(
            customer_id=customer.id,
            why="The job's customer has no name." if customer.id.strip() else "The job's customer has no id.",
            fix="Give the customer a name on the platform, then run again.",
        )
    for step in settings.match:
        rung = list(_rung(step, customer, keys, directory))
        found = _distinct(_alive(rung, directory))
        if step in WEAK:
            found = _plausible(step, customer, keys, found, directory)
        elif rung and not found:
            return _gone(customer, step)
        if step == "account_number":
            found = active(found) or found
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
        return next((found for key in keys.numbers if (found := _numbered(key, customer, directory))), [])
    if step == "account_number":
        return list(_account_numbered(customer, keys, directory))
    if step == "email":
        return directory.by_email.get(keys.email, ()) if keys.email else ()
    return directory.by_name.get(keys.name, ()) if keys.name else ()


def _numbered(number: str, customer: Customer, directory: Directory) -> list[KnownContact]:
    """The contact of a number, unless the number is the id of another customer, for whom the contact was made."""
    found = directory.by_number.get(number, [])
    if number in (customer.id, contact_number(customer)):
        return found
    return [contact for contact in found if number not in _others(contact, customer, directory)]


def _account_numbered(customer: Customer, keys: Keys, directory: Directory) -> Iterator[KnownContact]:
    """By the customer's own number, which records of one customer may share; by the platform's id only where the contact
    is nobody else's, since the accountant may use the same figure for another."""
    for number in keys.account_numbers:
        for contact in directory.by_account_number.get(number, ()):
            if number == customer.number or not _others(contact, customer, directory):
                yield contact


def _others(contact: KnownContact, customer: Customer, directory: Directory) -> set[str]:
    return directory.linked.get(contact.contact_id, set()) - {customer.id}


def _alive(contacts: Iterable[KnownContact], directory: Directory) -> list[KnownContact]:
    """Each contact, or the one it was merged into; those that asked to be forgotten, or lead nowhere, are nobody's."""
    followed = (_follow(contact, directory) for contact in contacts)
    return [contact for contact in followed if contact.status in ("ACTIVE", "ARCHIVED") and not contact.merged_to]


def _follow(contact: KnownContact, directory: Directory) -> KnownContact:
    for _ in range(_LONGEST_CHAIN):
        into = directory.by_id.get(contact.merged_to or "")
        if into is None:
            return contact
        contact = into
    return contact


def _distinct(contacts: Iterable[KnownContact]) -> list[KnownContact]:
    return list({contact.contact_id: contact for contact in contacts}.values())


def active(contacts: Iterable[KnownContact]) -> list[KnownContact]:
    return [contact for contact in contacts if contact.status == "ACTIVE"]


def _plausible(
    step: MatchStep, customer: Customer, keys: Keys, found: list[KnownContact], directory: Directory
) -> list[KnownContact]:
    """Those an e-mail or a name may stand for: active ones first, none that is someone else's.

    One e-mail may serve many (a property manager), so several are told apart by name.
    """
    free = [c for c in found if not _others(c, customer, directory)]
    likely = [c for c in free if not _contradicts(step, customer, keys, c)]
    likely = active(likely) or likely
    if step == "email" and len(likely) > 1:
        named = {c.contact_id for c in directory.by_name.get(keys.name, ())}
        likely = [c for c in likely if c.contact_id in named] or likely
    return likely


def _contradicts(step: MatchStep, customer: Customer, keys: Keys, contact: KnownContact) -> bool:
    """Two of the same e-mail or name are not the same when their tax numbers differ, or, for people of the same name,
    their e-mails do."""
    ours, theirs = _digits(customer.tax_number), _digits(contact.tax_number)
    if ours and theirs:
        return ours != theirs
    emails_differ = bool(keys.email and contact.email and contact.email.strip().casefold() != keys.email)
    return step == "name" and emails_differ and customer.is_company is not True


def _digits(text: str | None) -> str:
    return "".join(c for c in text or "" if c.isalnum()).casefold()


def _existing(customer: Customer, step: MatchStep, contact: KnownContact, settings: ContactSettings) -> Resolution:
    archived = contact.status == "ARCHIVED"
    if archived and settings.on_archived == "hold":
        return Undecided(
            customer_id=customer.id,
            why=f"The customer's contact in Xero (found by {step_words(step)}) is archived.",
            fix="Restore the contact in Xero, or set 'contacts: on_archived: restore' in the rule book.",
        )
    return ExistingContact(customer_id=customer.id, contact_id=contact.contact_id, matched_by=step, restore=archived)


def _several(customer: Customer, step: MatchStep, found: Sequence[KnownContact]) -> Undecided:
    return Undecided(
        customer_id=customer.id,
        why=f"{len(found)} contacts in Xero have the customer's {step_words(step)}.",
        fix=f"Set the ContactNumber or account number of the right one to {customer.number or customer.id}, "
        "or merge the contacts in Xero.",
    )


def _gone(customer: Customer, step: MatchStep) -> Undecided:
    return Undecided(
        customer_id=customer.id,
        why=f"The customer's contact in Xero (found by {step_words(step)}) was merged into one that is not to be found, "
        "or its data was erased.",
        fix=f"Set the account number of the contact that is to be billed to {customer.number or customer.id}, "
        "and take the number away from the other.",
    )


def step_words(step: str) -> str:
    return {"email": "e-mail address"}.get(step, step.replace("_", " "))
