"""Fieldbook's records as they are kept: customers, jobs and items; money is Decimal, moments are UTC."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

STATES = ("quoted", "accepted", "scheduled", "in_progress", "done", "invoiced", "cancelled")
ITEM_KINDS = ("labour", "material", "subcontract", "expense", "fee", "discount", "note")
_NAMESPACE = uuid.UUID("0d4c3a52-7d1e-5f0b-8a55-6c1f2e9b7a10")


@dataclass(frozen=True)
class Item:
    """A line of a job. `rate` is per unit, with tax where prices are gross; None was never filled in."""

    text: str
    qty: Decimal | None = Decimal(1)
    rate: Decimal | None = None
    kind: str = "material"
    sku: str = ""
    tax_code: str = "STD"
    tax_rate: Decimal = Decimal(20)
    discount_percent: Decimal | None = None
    unit: str = "ea"
    cost: Decimal | None = None
    supplier: str = ""

    @property
    def total(self) -> Decimal:
        """To the cent, after discount, on the basis the job is priced in."""
        amount = (self.qty or Decimal(0)) * (self.rate or Decimal(0))
        return (amount * (1 - (self.discount_percent or Decimal(0)) / 100)).quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Customer:
    """A client. `key` makes its id: two customers of the same name need two keys."""

    name: str
    email: str = ""
    first: str = ""
    last: str = ""
    phone: str = ""
    accounts_ref: str = ""
    is_person: bool = False
    tax_number: str = ""
    street: str = "4 Wharf Road"
    town: str = "Bristol"
    region: str = ""
    postcode: str = "BS1 4RN"
    country: str = "United Kingdom"
    terms_days: int | None = None
    key: str = ""
    id: str = ""


@dataclass(frozen=True)
class Receipt:
    """Money taken from the client."""

    amount: Decimal
    method: str = "bank"
    is_deposit: bool = False
    paid_at: datetime | None = None


@dataclass
class Job:
    """A job as Fieldbook keeps it; `site` and `extra` are free maps of text."""

    id: str
    ref: str
    state: str
    customer: str
    items: list[Item] = field(default_factory=list)
    title: str = ""
    scope: str = ""
    order_no: str = ""
    category: str = ""
    tags: Sequence[str] = ()
    site: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    raised_at: datetime | None = None
    started_at: datetime | None = None
    done_at: datetime | None = None
    updated_at: datetime | None = None
    quoted_total: Decimal | None = None
    receipts: list[Receipt] = field(default_factory=list)
    billed: bool = False
    invoice_no: str = ""
    invoice_url: str = ""


@dataclass(frozen=True)
class Note:
    """A note on a job's diary."""

    id: str
    job: str
    text: str
    written_at: datetime


def stable_id(prefix: str, *parts: str) -> str:
    """The same id for the same parts in every run, such as job_3f0c9a…"""
    return f"{prefix}_{uuid.uuid5(_NAMESPACE, '/'.join(parts)).hex[:16]}"
