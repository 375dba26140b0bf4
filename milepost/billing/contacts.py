"""The contact of every customer of a run: each climbs the ladder; those who come to one contact are told apart.

Gathered before decide: the steps look contacts up in the mirror, this decides. New contacts get names of their own.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from milepost.billing.decision import ContactDraft, ExistingContact, NewContact, Resolution, Undecided
from milepost.billing.ladder import (
    LONGEST_NUMBER,
    WEAK,
    Directory,
    Keys,
    KnownContact,
    active,
    contact_number,
    digest,
    resolve_contact,
    step_words,
)
from milepost.jobs import Customer, Person
from milepost.rules.model import ContactSettings

__all__ = ["Directory", "Keys", "KnownContact", "contact_number", "resolve_contact", "resolve_contacts"]

_LONGEST_NAME = 255
_BY_KEY, _BY_NAME, _BY_EMAIL = 2, 1, 0

Wanted = tuple[Customer, Keys, Person | None]
"""A customer, its keys, and whom the job wants the bill sent to, where it names one."""

Found = dict[str, Resolution | None]


def resolve_contacts(customers: Sequence[Wanted], settings: ContactSettings, directory: Directory) -> dict[str, Resolution]:
    """The contact of each customer, by customer id. New contacts get names that differ from all others, and each other.

    The order of the customers does not matter: who is known by a link or a number comes before whom a name points to,
    and that one before whom only an e-mail points to, which many may share.
    """
    ordered = sorted(customers, key=lambda c: c[0].id)
    found = _undisputed(ordered, settings, directory)
    resolutions: dict[str, Resolution] = {}
    taken: set[str] = set()
    for customer, keys, billing in ordered:
        resolution = found[customer.id]
        if resolution is None:
            name = _free_name(customer, keys, taken, directory)
            taken |= {keys.name, name.casefold()}
            resolution = NewContact(customer_id=customer.id, draft=_new(customer, billing, name))
        resolutions[customer.id] = resolution
    return resolutions


def _undisputed(customers: Sequence[Wanted], settings: ContactSettings, directory: Directory) -> Found:
    """Everyone's place on the ladder; whose contact has a better claimant looks again, and equals are for a person."""
    found: Found = {c.id: resolve_contact(c, keys, settings, directory) for c, keys, _ in customers}
    again = _losers(customers, found, directory)
    if not again:
        return _without_equals(customers, found, directory)
    owners = {i: set(ids) for i, ids in directory.linked.items()}
    for resolution in (r for i, r in found.items() if i not in again):
        if isinstance(resolution, ExistingContact):
            owners.setdefault(resolution.contact_id, set()).add(resolution.customer_id)
    settled = replace(directory, linked=owners)
    found |= {c.id: resolve_contact(c, keys, settings, settled) for c, keys, _ in customers if c.id in again}
    return _without_equals(customers, found, directory)


def _claims(customers: Sequence[Wanted], found: Found, directory: Directory) -> Mapping[str, dict[str, int]]:
    """By contact: how sure each of its claimants is."""
    claims: dict[str, dict[str, int]] = defaultdict(dict)
    for customer, keys, _ in customers:
        resolution = found[customer.id]
        if isinstance(resolution, ExistingContact):
            claims[resolution.contact_id][customer.id] = _sureness(resolution, keys, directory)
    return claims


def _sureness(resolution: ExistingContact, keys: Keys, directory: Directory) -> int:
    if resolution.matched_by not in WEAK:
        return _BY_KEY
    same_name = directory.by_name.get(keys.name, ())
    return _BY_NAME if any(c.contact_id == resolution.contact_id for c in same_name) else _BY_EMAIL


def _losers(customers: Sequence[Wanted], found: Found, directory: Directory) -> set[str]:
    claims = _claims(customers, found, directory).values()
    return {i for claimants in claims for i, sure in claimants.items() if sure < max(claimants.values())}


def _without_equals(customers: Sequence[Wanted], found: Found, directory: Directory) -> Found:
    """Several may share a contact by its number, as the records of one customer do; by a name or an e-mail none may."""
    claims = _claims(customers, found, directory)
    for customer, _, _ in customers:
        resolution = found[customer.id]
        if not isinstance(resolution, ExistingContact) or resolution.matched_by not in WEAK:
            continue
        if len(claims[resolution.contact_id]) > 1:
            found[customer.id] = _contested(customer, resolution.matched_by)
    return found


def _contested(customer: Customer, step: str) -> Undecided:
    return Undecided(
        customer_id=customer.id,
        why=f"Several customers of the platform have the {step_words(step)} of one contact in Xero.",
        fix=f"Set the account number of this customer's contact in Xero to {customer.number or customer.id}, "
        "or give the customers different names and e-mail addresses on the platform.",
    )


def _free_name(customer: Customer, keys: Keys, taken: set[str], directory: Directory) -> str:
    """The customer's name, with as much of a number behind it as makes it differ from every other that is known."""
    occupied = keys.name in taken or bool(active(directory.by_name.get(keys.name, ())))
    told = [(customer.number or "")[:LONGEST_NUMBER], customer.id[:8], digest(customer.id, 8), digest(customer.id, 32)]
    suffixes = [*([] if occupied else [""]), *(f" ({one.strip()})" for one in told if one.strip())]
    names = [customer.name.strip()[: _LONGEST_NAME - len(suffix)].strip() + suffix for suffix in suffixes]
    return next((name for name in names if name.casefold() not in taken), names[-1])


def _new(customer: Customer, billing: Person | None, name: str) -> ContactDraft:
    email = billing.email if billing and billing.email else customer.email
    return ContactDraft(
        number=contact_number(customer),
        name=name,
        first_name=customer.first_name,
        last_name=customer.last_name,
        email=email,
        phone=customer.phones[0] if customer.phones else (billing.phone if billing else None),
        tax_number=customer.tax_number,
        company_number=customer.company_number,
        address=customer.billing_address,
    )
