"""What a test takes the Xero organisation to be, and the chart that follows from it and from the accounts of the book."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from milepost.chart import (
    Account,
    BrandingTheme,
    Chart,
    Item,
    Organisation,
    TaxRate,
    TrackingCategory,
    TrackingOption,
)
from milepost.rules.fields import IsoDate, Section
from milepost.rules.model import RuleBook

_CLASSES = {"income": ("REVENUE", "REVENUE"), "liability": ("CURRLIAB", "LIABILITY"), "asset": ("CURRENT", "ASSET"),
            "expense": ("EXPENSE", "EXPENSE"), "bank": ("BANK", "ASSET")}  # fmt: skip
"""Xero's Type and Class of an account, by the plain word."""


class AccountGiven(Section):
    """An account of the chart."""

    name: str = ""
    type: Literal["income", "liability", "asset", "expense", "bank"] = Field("income", description="what sort of account")
    tax: str | None = Field(None, description="its own tax type; left out, the first of `taxes`")
    archived: bool = False


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class OrganisationGiven(Section):
    """The Xero organisation. Left out, every account that the book names is an active one; so are items and designs."""

    name: str = "The organisation"
    currency: str = Field("NZD", pattern=r"^[A-Z]{3}$", description="its base currency")
    currencies: tuple[str, ...] = Field((), description="others that it is subscribed to")
    taxes: dict[str, Decimal] = Field(
        default_factory=dict, description="tax type: percent; accounts that say no tax of their own have the first"
    )
    accounts: dict[
        str, Annotated[AccountGiven | None, BeforeValidator(_named, json_schema_input_type=str | AccountGiven | None)]
    ] = Field(
        default_factory=dict,
        description="account code: its name, or a section: name, type, tax, archived; null for one that is not there",
    )
    items: tuple[str, ...] | None = Field(
        None, description="codes of the price list; left out, the codes of the job's lines"
    )
    tracking: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="tracking category: its options")
    branding: tuple[str, ...] | None = Field(None, description="invoice designs; left out, those that the book names")
    locked_until: IsoDate | None = Field(None, description="the lock date")


def chart_of(given: OrganisationGiven, book: RuleBook, item_codes: tuple[str, ...] = ()) -> Chart:
    """The chart that a book is tested against."""
    first_tax = next(iter(given.taxes), None)
    accounts = {code: AccountGiven(type=kind) for code, kind in accounts_named(book).items()} | given.accounts
    return Chart(
        organisation=Organisation(
            organisation_id="test", name=given.name, base_currency=given.currency, period_lock_date=given.locked_until
        ),
        accounts=tuple(_account(code, one, first_tax) for code, one in accounts.items() if one),
        tax_rates=tuple(TaxRate(tax_type=name, name=name, effective_rate=rate) for name, rate in given.taxes.items()),
        items=tuple(Item(code=code, item_id=code) for code in (item_codes if given.items is None else given.items)),
        tracking=tuple(_category(name, options) for name, options in given.tracking.items()),
        branding=tuple(
            BrandingTheme(theme_id=name, name=name)
            for name in (designs_named(book) if given.branding is None else given.branding)
        ),
        currencies=(given.currency, *given.currencies),
    )


def accounts_named(book: RuleBook) -> dict[str, Literal["income", "liability"]]:
    """Every account that the book names; those of stages, retention and deposits hold what is owed."""
    owed = [code for m in book.milestones for code in (m.account, m.retention.account if m.retention else None)]
    owed.append(book.payments.deposit_account)
    earned = [rule.then.account for rule in book.lines] + [book.fallback.account if book.fallback else None]
    found: dict[str, Literal["income", "liability"]] = {code: "liability" for code in owed if code}
    return found | {code: "income" for code in earned if code}


def designs_named(book: RuleBook) -> tuple[str, ...]:
    named = [book.invoice.branding_theme, *(m.invoice.branding_theme for m in book.milestones)]
    return tuple(dict.fromkeys(name for name in named if name))


def _account(code: str, given: AccountGiven, first_tax: str | None) -> Account:
    kind, klass = _CLASSES[given.type]
    return Account(
        code=code,
        account_id=code,
        name=given.name or f"account {code}",
        type=kind,
        klass=klass,
        status="ARCHIVED" if given.archived else "ACTIVE",
        tax_type=given.tax or first_tax,
    )


def _category(name: str, options: tuple[str, ...]) -> TrackingCategory:
    return TrackingCategory(
        category_id=name, name=name, options=tuple(TrackingOption(option_id=option, name=option) for option in options)
    )
