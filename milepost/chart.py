"""The Chart: the organisation's accounts, tax rates, items, tracking, currencies and lock dates, as plain values.

Read by `milepost.xero.chart`, kept by the ledger, and given to the pure `decide`.
"""

from datetime import date
from decimal import Decimal
from functools import cached_property

from milepost.jobs import Record


class Account(Record):
    """An account of the chart. `type` and `klass` are Xero's Type and Class words."""

    code: str | None
    account_id: str
    name: str
    type: str
    klass: str | None = None
    status: str = "ACTIVE"
    tax_type: str | None = None
    system_account: str | None = None
    enable_payments: bool = False


class TaxRate(Record):
    """A tax rate; `effective_rate` in percent."""

    tax_type: str
    name: str
    effective_rate: Decimal
    status: str = "ACTIVE"
    can_apply_to_revenue: bool = True
    can_apply_to_liabilities: bool = True
    can_apply_to_assets: bool = True
    can_apply_to_expenses: bool = True
    can_apply_to_equity: bool = True

    def goes_with(self, account: "Account") -> bool:
        """Whether Xero lets the rate stand with an account of this class (OpenAPI text of TaxRate)."""
        by_class = {
            "LIABILITY": self.can_apply_to_liabilities,
            "ASSET": self.can_apply_to_assets,
            "EXPENSE": self.can_apply_to_expenses,
            "EQUITY": self.can_apply_to_equity,
        }
        return by_class.get(account.klass or "", self.can_apply_to_revenue)


class Item(Record):
    """An item of the price list, with the account and tax its sales side names."""

    code: str
    item_id: str
    name: str = ""
    is_sold: bool = True
    sales_account: str | None = None
    sales_tax_type: str | None = None
    sales_unit_price: Decimal | None = None


class TrackingOption(Record):
    """One option of a tracking category."""

    option_id: str
    name: str
    status: str = "ACTIVE"


class TrackingCategory(Record):
    """A tracking category; at most two are active in an organisation."""

    category_id: str
    name: str
    status: str = "ACTIVE"
    options: tuple[TrackingOption, ...] = ()


class BrandingTheme(Record):
    """An invoice design."""

    theme_id: str
    name: str


class Organisation(Record):
    """The Xero organisation. `timezone` is Xero's own word (e.g. NEWZEALANDSTANDARDTIME)."""

    organisation_id: str
    name: str
    short_code: str | None = None
    base_currency: str
    country: str | None = None
    timezone: str | None = None
    period_lock_date: date | None = None
    end_of_year_lock_date: date | None = None
    is_demo: bool = False
    pays_tax: bool = True


class Chart(Record):
    """All that coding is checked against. Codes and names are looked up as Xero does: codes exactly, names caseless."""

    organisation: Organisation
    accounts: tuple[Account, ...] = ()
    tax_rates: tuple[TaxRate, ...] = ()
    items: tuple[Item, ...] = ()
    tracking: tuple[TrackingCategory, ...] = ()
    branding: tuple[BrandingTheme, ...] = ()
    currencies: tuple[str, ...] = ()

    @cached_property
    def _accounts(self) -> dict[str | None, Account]:
        return {account.code: account for account in reversed(self.accounts)}

    @cached_property
    def _tax_rates(self) -> dict[str, TaxRate]:
        return {rate.tax_type: rate for rate in reversed(self.tax_rates)}

    def account(self, code: str) -> Account | None:
        """The account with this code."""
        return self._accounts.get(code)

    def tax_rate(self, tax_type: str) -> TaxRate | None:
        """The rate of a tax type."""
        return self._tax_rates.get(tax_type)

    def item(self, code: str) -> Item | None:
        """The item with this code."""
        return next((i for i in self.items if i.code == code), None)

    def tracking_category(self, name: str) -> TrackingCategory | None:
        """The active category of this name, caseless."""
        return next((c for c in self.tracking if c.name.casefold() == name.casefold() and c.status == "ACTIVE"), None)

    def theme(self, name: str) -> BrandingTheme | None:
        """The branding theme of this name, caseless."""
        return next((b for b in self.branding if b.name.casefold() == name.casefold()), None)

    def locked_until(self) -> date | None:
        """The later lock date: nothing may be dated on or before it."""
        organisation = self.organisation
        return max(
            (d for d in (organisation.period_lock_date, organisation.end_of_year_lock_date) if d),
            default=None,
        )
