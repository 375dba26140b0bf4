"""What a test or a seed says of a customer, a line, a payment and a job, before it becomes ServiceM8's records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Line:
    """A line of a job: `price` is per unit, before tax unless `inclusive`; None is a price nobody filled in.

    `labour` makes it a labour rate; unsaid, a name that begins with "Labour" is one. `tax` names a rate,
    the account's default when empty; `bundle` groups lines under one heading.
    """

    name: str
    quantity: str = "1"
    price: str | None = None
    code: str = ""
    tax: str = ""
    labour: bool | None = None
    inclusive: bool = False
    bundle: str = ""
    cost: str = ""


@dataclass(frozen=True)
class Customer:
    """A client. `key` makes its uuid: two customers of the same name need two keys."""

    name: str
    email: str = ""
    first: str = ""
    last: str = ""
    phone: str = ""
    street: str = "12 Kauri Street"
    city: str = "Whangarei"
    region: str = "Northland"
    postcode: str = "0110"
    country: str = "New Zealand"
    is_individual: bool = False
    tax_number: str = ""
    terms: str = ""
    key: str = ""


@dataclass(frozen=True)
class Payment:
    """Money received on the job, in the account's local time when `paid` is given."""

    amount: str
    method: str = "Credit Card"
    is_deposit: bool = False
    paid: str = ""


@dataclass(frozen=True)
class Activity:
    """Time on the job's schedule, in the account's local time; recorded unless it was only planned."""

    start: str
    end: str
    is_recorded: bool = True


@dataclass(frozen=True)
class JobText:
    """What a job says besides its customer and lines; stamps are in the account's own time."""

    title: str = ""
    work_done: str = ""
    purchase_order: str = ""
    category: str = ""
    completed: str = ""
    billing_email: str = ""
    processed: bool = False
    payments: Sequence[Payment | Mapping[str, Any]] = ()
    activities: Sequence[Activity | Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


LineLike = Line | Mapping[str, Any] | Sequence[str | None]
CustomerLike = Customer | Mapping[str, Any] | str


def as_customer(who: CustomerLike) -> Customer:
    if isinstance(who, Customer):
        return who
    return Customer(who) if isinstance(who, str) else Customer(**who)


def as_line(line: LineLike) -> Line:
    """A tuple is name, quantity, price and item code, as far as given."""
    if isinstance(line, Line):
        return line
    if isinstance(line, Mapping):
        return Line(**line)
    return Line(**dict(zip([f.name for f in fields(Line)][:4], line, strict=False)))  # type: ignore[arg-type]
