"""Cells as spreadsheets and accounting programs write them, and the columns that exports have."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from milepost.platforms.convert import Misfit
from milepost.platforms.csv.cells import cell_value, plain_number, rate_in, word_of
from milepost.platforms.csv.columns import JOB_FIELDS, JOB_HEADERS, LINE_FIELDS, LINE_HEADERS, ColumnTrouble, find_columns
from milepost.platforms.csv.settings import KINDS, STAGES, CsvSettings
from milepost.platforms.declared.targets import Target

ZONE = ZoneInfo("Pacific/Auckland")


def value(cell: str, kind: Any, order: Any = "day_first", *, decimal_comma: bool = False) -> Any:
    return cell_value(cell, Target(kind, ""), zone=ZONE, order=order, decimal_comma=decimal_comma)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,234.50", "1234.50"),
        ("$1,234.50", "1234.50"),
        ("-$60.00", "-60.00"),
        ("NZ$ 60", "60"),
        ("£0.99", "0.99"),
        ("(60.00)", "-60.00"),
        ("($60.00)", "-60.00"),
        ("15%", "15"),
        ("12.5 %", "12.5"),
    ],
)
def test_numbers_as_accountants_write_them(cell: str, number: str) -> None:
    assert value(cell, "decimal") == Decimal(number)


@pytest.mark.parametrize(
    ("cell", "number"), [("1.234,50", "1234.50"), ("€ 1 234,5", "1234.5"), ("0,99", "0.99"), ("", None)]
)
def test_numbers_with_a_decimal_comma(cell: str, number: str | None) -> None:
    assert value(cell, "decimal", decimal_comma=True) == (number and Decimal(number))


@pytest.mark.parametrize("cell", ["two", "1,23", "(-5)", "$", "5 h", "1.234,50", "=1+1"])
def test_what_is_no_number_is_a_misfit(cell: str) -> None:
    with pytest.raises(Misfit, match="expected a number"):
        value(cell, "decimal")


@settings(deadline=None)
@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_an_amount_comes_back_from_every_way_to_write_it(amount: Decimal) -> None:
    sign, plain = ("-" if amount < 0 else ""), abs(amount)
    for cell in (str(amount), f"{amount:,}", f"{sign}${plain:,}", f"({plain:,})" if amount < 0 else f" {plain} "):
        assert value(cell, "decimal") == amount
    assert plain_number(str(amount)) == str(amount)


@pytest.mark.parametrize(
    ("cell", "order", "moment"),
    [
        ("31/07/2026", "day_first", "2026-07-30T12:00"),
        ("03/04/2026", "day_first", "2026-04-02T11:00"),
        ("03/04/2026", "month_first", "2026-03-03T11:00"),
        ("3/4/26", "day_first", "2026-04-02T11:00"),
        ("31/07/2026 16:30", "day_first", "2026-07-31T04:30"),
        ("07/31/2026 4:30 PM", "month_first", "2026-07-31T04:30"),
        ("31 Jul 2026", "day_first", "2026-07-30T12:00"),
        ("31-Jul-2026", "day_first", "2026-07-30T12:00"),
        ("July 31, 2026", "month_first", "2026-07-30T12:00"),
        ("2026-07-31", "month_first", "2026-07-30T12:00"),
        ("2026-07-31T04:30:00Z", "day_first", "2026-07-31T04:30"),
    ],
)
def test_dates_are_read_in_the_order_that_is_set(cell: str, order: str, moment: str) -> None:
    assert value(cell, "moment", order) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "order"), [("07/31/2026", "day_first"), ("31/07/2026", "month_first"), ("soon", "day_first")]
)
def test_a_date_in_the_other_order_is_a_misfit(cell: str, order: str) -> None:
    with pytest.raises(Misfit, match="expected a date such as"):
        value(cell, "date", order)


@settings(deadline=None)
@given(st.text(max_size=20), st.sampled_from(["decimal", "whole", "boolean", "moment", "date", "texts", "text"]))
def test_any_cell_has_a_value_or_is_a_misfit(cell: str, kind: str) -> None:
    try:
        value(cell, kind)
    except Misfit as misfit:
        assert "expected" in str(misfit)  # noqa: PT017 - many texts are values


@pytest.mark.parametrize(("tax", "rate"), [
    ("15% GST on Income", "15"), ("VAT 17.5 %", "17.5"), ("20", "20"), ("GST Free", ""), ("", ""), ("No 5", ""),
])  # fmt: skip
def test_the_rate_in_the_name_of_a_tax(tax: str, rate: str) -> None:
    assert rate_in(tax) == rate


def test_words_are_known_regardless_of_case_and_own_words_go_first() -> None:
    assert word_of(" In  progress ", STAGES, {}, "stages") == "in_progress"
    assert word_of("Plant hire", KINDS, {"plant HIRE": KINDS["expense"]}, "kinds") == "expense"
    assert word_of("other", KINDS, {"Other": KINDS["material"]}, "kinds") == "material"
    with pytest.raises(Misfit, match=r"add it under 'stages'; did you mean 'completed'\?"):
        word_of("Complted", STAGES, {}, "stages")


def test_headers_are_found_however_they_are_written() -> None:
    found = find_columns(["JOB_number", " customer  name ", "Order No.", "Total (Excl. Tax)"], JOB_HEADERS, {})
    assert {name: column.position for name, column in found.items()} == {"number": 1, "customer_name": 2, "total_ex": 4}


def test_a_column_fills_one_field_only() -> None:
    found = find_columns(["Job", "Description", "Name"], LINE_HEADERS, {"description": "Name"})
    assert {name: column.header for name, column in found.items()} == {"job": "Job", "description": "Name"}


def test_an_own_header_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(ColumnTrouble, match=r"no column 'Auftrag' for 'number'; did you mean 'Auftrags-Nr'\?"):
        find_columns(["Auftrags-Nr", "Kunde"], JOB_HEADERS, {"number": "Auftrag"})


def test_every_known_header_is_of_a_field() -> None:
    assert set(JOB_HEADERS) <= set(JOB_FIELDS)
    assert set(LINE_HEADERS) <= set(LINE_FIELDS)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"columns": {"job": {"custmer_name": "X"}}}, "'custmer_name' is no field; did you mean 'customer_name'?"),
        ({"columns": {"line": {"qty": "X"}}}, "'qty' is no field"),
        ({"time_zone": "Auckland"}, "is no time zone"),
        ({"encoding": "utf-9"}, "'utf-9' is no encoding"),
        ({"delimiter": ";;"}, "at most 1 character"),
        ({"tabs": "yes"}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CsvSettings.model_validate({"jobs": "jobs.csv", **settings})
    assert why in str(caught.value)
