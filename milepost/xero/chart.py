"""Reads the organisation's chart: what every line is checked against. Seven calls, at once; the ledger keeps the result."""

import asyncio

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
from milepost.errors import RemoteError
from milepost.xero import wire
from milepost.xero.client import XeroClient
from milepost.xero.paging import Row
from milepost.xero.refusals import SYSTEM

_PARAMS = {"Items": {"unitdp": "4"}, "TrackingCategories": {"includeArchived": "true"}}


async def read_chart(client: XeroClient) -> Chart:
    """The whole chart, with archived accounts and tracking options, so that a fix can name what was archived."""
    organisations, accounts, rates, items, tracking, themes, currencies = await asyncio.gather(
        _rows(client, "Organisation", collection="Organisations"),
        _rows(client, "Accounts"),
        _rows(client, "TaxRates"),
        _rows(client, "Items"),
        _rows(client, "TrackingCategories"),
        _rows(client, "BrandingThemes"),
        _rows(client, "Currencies"),
    )
    if not organisations:
        raise RemoteError(SYSTEM, "GET Organisation", "its answer names no organisation", permanent=False)
    return Chart(
        organisation=_organisation(organisations[0]),
        accounts=tuple(map(_account, accounts)),
        tax_rates=tuple(map(_tax_rate, rates)),
        items=tuple(map(_item, items)),
        tracking=tuple(map(_category, tracking)),
        branding=tuple(BrandingTheme(theme_id=_text(row, "brandingthemeid"), name=_text(row, "name")) for row in themes),
        currencies=tuple(_text(row, "code") for row in currencies),
    )


async def _rows(client: XeroClient, path: str, collection: str = "") -> list[Row]:
    return wire.elements(await client.get(path, _PARAMS.get(path)), collection or path)


def _organisation(row: Row) -> Organisation:
    return Organisation(
        organisation_id=_text(row, "organisationid"),
        name=_text(row, "name"),
        short_code=wire.text(row.get("shortcode")),
        base_currency=_text(row, "basecurrency"),
        country=wire.text(row.get("countrycode")),
        timezone=wire.text(row.get("timezone")),
        period_lock_date=wire.xero_date(row.get("periodlockdate")),
        end_of_year_lock_date=wire.xero_date(row.get("endofyearlockdate")),
        is_demo=row.get("isdemocompany") is True,
        pays_tax=row.get("paystax") is not False,
    )


def _account(row: Row) -> Account:
    return Account(
        code=wire.text(row.get("code")),
        account_id=_text(row, "accountid"),
        name=_text(row, "name"),
        type=_text(row, "type"),
        klass=wire.text(row.get("class")),
        status=_text(row, "status") or "ACTIVE",
        tax_type=wire.text(row.get("taxtype")),
        system_account=wire.text(row.get("systemaccount")),
        enable_payments=row.get("enablepaymentstoaccount") is True,
    )


def _tax_rate(row: Row) -> TaxRate:
    return TaxRate(
        tax_type=_text(row, "taxtype"),
        name=_text(row, "name"),
        effective_rate=wire.amount(row.get("effectiverate")) or wire.NOTHING,
        status=_text(row, "status") or "ACTIVE",
        can_apply_to_revenue=row.get("canapplytorevenue") is not False,
        can_apply_to_liabilities=row.get("canapplytoliabilities") is not False,
        can_apply_to_assets=row.get("canapplytoassets") is not False,
        can_apply_to_expenses=row.get("canapplytoexpenses") is not False,
        can_apply_to_equity=row.get("canapplytoequity") is not False,
    )


def _item(row: Row) -> Item:
    sales = wire.lower_keys(row.get("salesdetails"))
    return Item(
        code=_text(row, "code"),
        item_id=_text(row, "itemid"),
        name=_text(row, "name"),
        is_sold=row.get("issold") is not False,
        sales_account=wire.text(sales.get("accountcode")),
        sales_tax_type=wire.text(sales.get("taxtype")),
        sales_unit_price=wire.amount(sales.get("unitprice")),
    )


def _category(row: Row) -> TrackingCategory:
    return TrackingCategory(
        category_id=_text(row, "trackingcategoryid"),
        name=_text(row, "name"),
        status=_text(row, "status") or "ACTIVE",
        options=tuple(map(_option, wire.elements(row, "options"))),
    )


def _option(row: Row) -> TrackingOption:
    return TrackingOption(
        option_id=_text(row, "trackingoptionid"), name=_text(row, "name"), status=_text(row, "status") or "ACTIVE"
    )


def _text(row: Row, key: str) -> str:
    return wire.text(row.get(key)) or ""
