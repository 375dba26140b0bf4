"""One organisation (tenant) of the sandbox: its set-up, its documents, and what a test may change in it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.xero import wire
from sandbox.xero.chart import Account, BrandingTheme, Item, TaxRate, TrackingCategory, User
from sandbox.xero.documents import (
    Allocation,
    BankTransaction,
    Contact,
    Credit,
    HistoryRecord,
    Invoice,
    Payment,
)
from sandbox.xero.store import Store

_NAMESPACE = uuid.UUID("6f0d6f0e-6e3c-5b86-9c53-2f1a1f0f7c11")


def stable_id(*parts: str) -> str:
    """The same GUID in every sandbox, so that tests can name what organisations are set up with."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


def _contacts() -> Store[Contact]:
    return Store(
        name=lambda c: c.name_key,
        number=lambda c: c.fields.get("ContactNumber"),
        email=lambda c: c.email.casefold(),
    )


def _invoices() -> Store[Invoice]:
    return Store(number=lambda i: i.number, contact=lambda i: i.contact_id)


def _payments() -> Store[Payment]:
    return Store(invoice=lambda p: p.invoice_id, credit=lambda p: p.credit_id)


def _allocations() -> Store[Allocation]:
    return Store(invoice=lambda a: a.invoice_id, credit=lambda a: a.credit_id)


@dataclass
class Organisation:
    """An organisation. Plain fields may be set by a test at any time, such as the lock dates or `user_role`.

    `currencies` maps each subscribed currency to its day rate against the base currency. `email_limit` is the
    number of e-mails a day: 1,000 for paying organisations, 20 on trial, 0 for a demo company.
    """

    key: str
    name: str
    country: str
    version: str
    base_currency: str
    timezone: str
    zone: str
    short_code: str
    created: datetime
    no_tax_type: str = "NONE"
    plan: str = "PREMIUM"
    is_demo_company: bool = False
    tax_number: str = ""
    period_lock_date: date | None = None
    end_of_year_lock_date: date | None = None
    user_role: str = "STANDARD"
    email_limit: int = 1000
    denied_actions: frozenset[str] = frozenset()
    currencies: dict[str, Decimal] = field(default_factory=dict)
    accounts: Store[Account] = field(default_factory=lambda: Store(code=lambda a: a.code))
    tax_rates: dict[str, TaxRate] = field(default_factory=dict)
    items: Store[Item] = field(default_factory=lambda: Store(code=lambda i: i.code))
    tracking: Store[TrackingCategory] = field(default_factory=lambda: Store(name=lambda c: c.name.casefold()))
    themes: list[BrandingTheme] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    contacts: Store[Contact] = field(default_factory=_contacts)
    invoices: Store[Invoice] = field(default_factory=_invoices)
    payments: Store[Payment] = field(default_factory=_payments)
    credits: Store[Credit] = field(default_factory=lambda: Store(number=lambda c: c.number))
    allocations: Store[Allocation] = field(default_factory=_allocations)
    bank_transactions: Store[BankTransaction] = field(default_factory=Store)
    history: dict[str, list[HistoryRecord]] = field(default_factory=dict)
    emails: list[tuple[datetime, str]] = field(default_factory=list)
    next_numbers: dict[str, int] = field(default_factory=dict)

    @property
    def tenant_id(self) -> str:
        return stable_id(self.key, "tenant")

    def today(self, now: datetime) -> date:
        return now.astimezone(ZoneInfo(self.zone)).date()

    def account(self, code: str) -> Account | None:
        return next(iter(self.accounts.find("code", code)), None)

    def contact_named(self, name_key: str, status: str) -> Contact | None:
        return next((c for c in self.contacts.find("name", name_key) if c.status == status), None)

    def next_number(self, prefix: str, taken: Store[Any]) -> str:
        """The next free number such as INV-0001; numbers given by hand are stepped over."""
        while True:
            self.next_numbers[prefix] = self.next_numbers.get(prefix, 0) + 1
            number = f"{prefix}-{self.next_numbers[prefix]:04d}"
            if not taken.find("number", number):
                return number

    def note(self, document_id: str, changes: str, details: str, at: datetime, user: str) -> HistoryRecord:
        record = HistoryRecord(changes, details, user, at)
        self.history.setdefault(document_id, []).append(record)
        return record

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All documents saved inside the block, or none when it raises."""
        stores: list[Store[Any]] = [
            self.contacts,
            self.invoices,
            self.payments,
            self.credits,
            self.allocations,
            self.bank_transactions,
        ]
        numbers = dict(self.next_numbers)
        for store in stores:
            store.begin()
        try:
            yield
        except BaseException:
            for store in stores:
                store.rollback()
            self.next_numbers = numbers
            raise
        for store in stores:
            store.commit()

    def merge_contacts(self, loser_id: str, winner_id: str, now: datetime) -> None:
        """What the Merge button does: the loser is archived, points to the winner, and its documents move."""
        loser, winner = self.contacts.get(loser_id), self.contacts.get(winner_id)
        if loser is None or winner is None:
            raise KeyError("both contacts of a merge must exist")
        self.contacts.save(replace(loser, status="ARCHIVED", merged_to=winner.id, updated=now))
        for invoice in self.invoices.find("contact", loser.id):
            self.invoices.save(replace(invoice, contact_id=winner.id, updated=now))

    def archive_contact(self, contact_id: str, now: datetime) -> None:
        contact = self.contacts.get(contact_id)
        if contact is None:
            raise KeyError("the contact to archive does not exist")
        self.contacts.save(replace(contact, status="ARCHIVED", updated=now))

    def archive_account(self, code: str, now: datetime) -> None:
        account = self.account(code)
        if account is None:
            raise KeyError("the account to archive does not exist")
        self.accounts.save(replace(account, status="ARCHIVED", updated=now))

    def to_wire(self) -> dict[str, Any]:
        locks = {"PeriodLockDate": self.period_lock_date, "EndOfYearLockDate": self.end_of_year_lock_date}
        return {
            "OrganisationID": self.tenant_id,
            "Name": self.name,
            "LegalName": self.name,
            "PaysTax": True,
            "Version": self.version,
            "OrganisationType": "COMPANY",
            "OrganisationEntityType": "COMPANY",
            "BaseCurrency": self.base_currency,
            "CountryCode": self.country,
            "IsDemoCompany": self.is_demo_company,
            "OrganisationStatus": "ACTIVE",
            **({"TaxNumber": self.tax_number} if self.tax_number else {}),
            "FinancialYearEndDay": 31,
            "FinancialYearEndMonth": 3,
            "SalesTaxBasis": "ACCRUALS",
            "SalesTaxPeriod": "TWOMONTHS",
            "DefaultSalesTax": "Tax Exclusive",
            "DefaultPurchasesTax": "Tax Exclusive",
            **{name: wire.document_date(day) for name, day in locks.items() if day},
            "CreatedDateUTC": f"/Date({wire.milliseconds(self.created)})/",
            "Timezone": self.timezone,
            "ShortCode": self.short_code,
            "Edition": "BUSINESS",
            "Class": self.plan,
            "Addresses": [],
            "Phones": [],
            "ExternalLinks": [],
            "PaymentTerms": {},
        }
