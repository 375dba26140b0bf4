"""What an organisation is set up with: accounts, tax rates, items, tracking, themes; and their wire form."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sandbox.xero import wire

CLASS_OF_TYPE = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "FIXED": "ASSET",
    "INVENTORY": "ASSET",
    "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET",
    "CURRLIAB": "LIABILITY",
    "LIABILITY": "LIABILITY",
    "TERMLIAB": "LIABILITY",
    "PAYG": "LIABILITY",
    "EQUITY": "EQUITY",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
    "OTHERINCOME": "REVENUE",
    "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE",
    "OVERHEADS": "EXPENSE",
    "DEPRECIATN": "EXPENSE",
}

_REPORT_TYPES = {
    "OUTPUT2": "OUTPUT",
    "RROUTPUT": "OUTPUT",
    "INPUT2": "INPUT",
    "ZERORATED": "ZERORATEDOUTPUT",
}


@dataclass(frozen=True)
class Account:
    """An account of the chart; a bank account may have no code."""

    id: str
    code: str
    name: str
    type: str
    tax_type: str
    updated: datetime
    status: Literal["ACTIVE", "ARCHIVED"] = "ACTIVE"
    system_account: str = ""
    enable_payments: bool = False
    bank_account_number: str = ""
    currency: str = ""

    @property
    def account_class(self) -> str:
        return CLASS_OF_TYPE[self.type]

    @property
    def takes_payments(self) -> bool:
        return self.status == "ACTIVE" and (self.type == "BANK" or self.enable_payments)

    @property
    def takes_lines(self) -> bool:
        return self.type != "BANK" and self.system_account in ("", "ROUNDING")

    def to_wire(self) -> dict[str, Any]:
        bank = {"BankAccountNumber": self.bank_account_number, "BankAccountType": "BANK"}
        return {
            "AccountID": self.id,
            "Code": self.code,
            "Name": self.name,
            "Status": self.status,
            "Type": self.type,
            "TaxType": self.tax_type,
            "Class": self.account_class,
            **({"SystemAccount": self.system_account} if self.system_account else {}),
            "EnablePaymentsToAccount": self.enable_payments,
            "ShowInExpenseClaims": False,
            **({**bank, "CurrencyCode": self.currency} if self.type == "BANK" else {"BankAccountType": ""}),
            "ReportingCode": self.account_class[:3],
            "ReportingCodeName": self.account_class.title(),
            "HasAttachments": False,
            "UpdatedDateUTC": wire.stamp(self.updated),
            "AddToWatchlist": False,
        }


@dataclass(frozen=True)
class TaxRate:
    """A tax rate; `applies_to` holds account classes in capitals."""

    tax_type: str
    name: str
    percent: Decimal
    applies_to: frozenset[str]
    status: Literal["ACTIVE", "ARCHIVED", "DELETED"] = "ACTIVE"

    def to_wire(self) -> dict[str, Any]:
        component = {"Name": self.name, "Rate": wire.number(self.percent, 4), "IsCompound": False}
        return {
            "Name": self.name,
            "TaxType": self.tax_type,
            "ReportTaxType": _REPORT_TYPES.get(self.tax_type, self.tax_type),
            "CanApplyToAssets": "ASSET" in self.applies_to,
            "CanApplyToEquity": "EQUITY" in self.applies_to,
            "CanApplyToExpenses": "EXPENSE" in self.applies_to,
            "CanApplyToLiabilities": "LIABILITY" in self.applies_to,
            "CanApplyToRevenue": "REVENUE" in self.applies_to,
            "DisplayTaxRate": wire.number(self.percent, 4),
            "EffectiveRate": wire.number(self.percent, 4),
            "Status": self.status,
            "TaxComponents": [{**component, "IsNonRecoverable": False}],
        }


@dataclass(frozen=True)
class Item:
    """A price list item, sold only."""

    id: str
    code: str
    name: str
    description: str
    price: Decimal
    account_code: str
    tax_type: str
    updated: datetime

    def to_wire(self, places: int) -> dict[str, Any]:
        sales = {
            "UnitPrice": wire.number(self.price, places),
            "AccountCode": self.account_code,
            "TaxType": self.tax_type,
        }
        return {
            "ItemID": self.id,
            "Code": self.code,
            "Name": self.name,
            "Description": self.description,
            "PurchaseDetails": {},
            "SalesDetails": sales,
            "IsTrackedAsInventory": False,
            "IsSold": True,
            "IsPurchased": False,
            "UpdatedDateUTC": wire.stamp(self.updated),
        }


@dataclass(frozen=True)
class TrackingOption:
    """One value of a tracking category."""

    id: str
    name: str
    status: Literal["ACTIVE", "ARCHIVED"] = "ACTIVE"


@dataclass(frozen=True)
class TrackingCategory:
    """A tracking category and its options."""

    id: str
    name: str
    options: tuple[TrackingOption, ...]
    status: Literal["ACTIVE", "ARCHIVED"] = "ACTIVE"

    def to_wire(self, *, with_archived: bool) -> dict[str, Any]:
        options = [o for o in self.options if with_archived or o.status == "ACTIVE"]
        return {
            "Name": self.name,
            "Status": self.status,
            "TrackingCategoryID": self.id,
            "Options": [
                {"TrackingOptionID": o.id, "Name": o.name, "Status": o.status, "HasValidationErrors": False} for o in options
            ],
        }


@dataclass(frozen=True)
class BrandingTheme:
    """A look for invoices; the first in order is the default."""

    id: str
    name: str
    sort_order: int
    created: datetime

    def to_wire(self) -> dict[str, Any]:
        return {
            "BrandingThemeID": self.id,
            "Name": self.name,
            "SortOrder": self.sort_order,
            "CreatedDateUTC": wire.stamp(self.created),
            "Type": "INVOICE",
        }


@dataclass(frozen=True)
class User:
    """A person with access to the organisation."""

    id: str
    email: str
    first_name: str
    last_name: str
    role: str
    updated: datetime

    def to_wire(self) -> dict[str, Any]:
        return {
            "UserID": self.id,
            "EmailAddress": self.email,
            "FirstName": self.first_name,
            "LastName": self.last_name,
            "UpdatedDateUTC": wire.stamp(self.updated),
            "IsSubscriber": True,
            "OrganisationRole": self.role,
        }
