"""The chart read from a local Xero."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import pytest

from milepost.errors import AuthError
from milepost.xero.chart import read_chart
from sandbox.xero.settings import ALL_SCOPES
from sandbox.xero.tenant import stable_id
from tests.integration.xero_world import World, xero_world


@pytest.fixture
async def xero() -> AsyncIterator[World]:
    async with xero_world() as world:
        yield world


async def test_the_chart_is_read_whole_in_seven_calls(xero: World) -> None:
    async with xero.client() as client:
        chart = await read_chart(client)
    assert len(xero.calls) == 7
    assert chart.organisation.name == "Kauri Plumbing Demo"
    assert chart.organisation.short_code == "!kauri"
    assert chart.organisation.base_currency == "NZD"
    assert chart.organisation.timezone == "NEWZEALANDSTANDARDTIME"
    assert set(chart.currencies) == {"NZD", "AUD", "USD"}
    assert chart.theme("deposit request")


async def test_accounts_keep_what_coding_must_know(xero: World) -> None:
    async with xero.client() as client:
        chart = await read_chart(client)
    sales, archived, debtors, bank = (chart.account(code) for code in ("200", "240", "610", "090"))
    assert sales
    assert (sales.type, sales.klass, sales.tax_type, sales.status) == ("REVENUE", "REVENUE", "OUTPUT2", "ACTIVE")
    assert archived
    assert archived.status == "ARCHIVED"
    assert debtors
    assert debtors.system_account == "DEBTORS"
    assert bank
    assert bank.type == "BANK"


async def test_rates_items_and_tracking_are_exact(xero: World) -> None:
    async with xero.client() as client:
        chart = await read_chart(client)
    rate, item, category = chart.tax_rate("OUTPUT2"), chart.item("LAB"), chart.tracking_category("region")
    assert rate
    assert rate.effective_rate == Decimal(15)
    assert item
    assert (item.sales_account, item.sales_unit_price) == ("200", Decimal("95.00"))
    assert category
    assert {option.name: option.status for option in category.options}["Northland"] == "ARCHIVED"
    assert category.category_id == stable_id("nz", "tracking", "Region")


async def test_lock_dates_are_the_dates_xero_shows(xero: World) -> None:
    xero.org.period_lock_date, xero.org.end_of_year_lock_date = date(2026, 9, 30), date(2026, 3, 31)
    async with xero.client() as client:
        chart = await read_chart(client)
    assert chart.organisation.period_lock_date == date(2026, 9, 30)
    assert chart.organisation.end_of_year_lock_date == date(2026, 3, 31)
    assert chart.locked_until() == date(2026, 9, 30)


async def test_a_sign_in_without_settings_names_the_scope(xero: World) -> None:
    xero.sign_in(scopes=ALL_SCOPES - {"accounting.settings", "accounting.settings.read"})
    async with xero.client() as client:
        with pytest.raises(AuthError, match=r"accounting\.settings\.read"):
            await read_chart(client)
