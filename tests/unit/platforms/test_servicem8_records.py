"""ServiceM8's records are read strictly: unknown is None, never 0, and what does not fit says where."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from milepost.platforms.servicem8.records import (
    BadRecord,
    CompanyRecord,
    JobActivityRecord,
    JobMaterialRecord,
    JobRecord,
    parse,
)

JOB = {"uuid": "u", "status": "Completed"}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("95.0000", Decimal("95.0000")),
        (95, Decimal(95)),
        (Decimal("95.5"), Decimal("95.5")),
        ("-50", Decimal(-50)),
        ("0.0000", Decimal("0.0000")),
        ("", None),
        (" ", None),
        (None, None),
    ],
)
def test_money_is_decimal_and_an_empty_price_is_unknown(sent: object, read: Decimal | None) -> None:
    assert parse(JobMaterialRecord, {"uuid": "u", "price": sent}).price == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [(1, True), ("1", True), (True, True), ("true", True), (0, False), ("0", False), ("", False), (None, False)],
)
def test_flags_come_as_numbers_texts_or_nothing(sent: object, read: bool) -> None:
    assert parse(JobRecord, {**JOB, "payment_processed": sent}).payment_processed is read


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-11-18 16:40:00", datetime.fromisoformat("2026-11-18 16:40:00")),
        ("0000-00-00 00:00:00", None),
        ("0000-00-00", None),
        ("", None),
        (None, None),
    ],
)
def test_a_zero_stamp_is_no_time(sent: object, read: datetime | None) -> None:
    assert parse(JobRecord, {**JOB, "completion_date": sent}).completion_date == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [("2026-11-12", date(2026, 11, 12)), ("2026-11-12 00:00:00", date(2026, 11, 12)), ("0000-00-00", None), ("", None)],
)
def test_a_zero_day_is_no_day(sent: str, read: date | None) -> None:
    assert parse(JobRecord, {**JOB, "date": sent}).date == read


@pytest.mark.parametrize(("sent", "read"), [('["a","b"]', ("a", "b")), ("[]", ()), ("", ()), (None, ()), (["a"], ("a",))])
def test_badges_are_a_list_inside_a_text(sent: object, read: tuple[str, ...]) -> None:
    assert parse(CompanyRecord, {"uuid": "u", "badges": sent}).badges == read


def test_custom_fields_lose_their_prefix_and_empty_ones_are_left_out() -> None:
    job = parse(JobRecord, {**JOB, "customfield_cost_centre": "Plumbing", "customfield_po": "", "other": "x"})
    assert job.custom_fields == {"cost_centre": "Plumbing"}


@pytest.mark.parametrize(
    ("model", "row", "where", "why"),
    [
        (JobMaterialRecord, {"uuid": "m1", "price": "ten"}, "jobmaterial m1 > price", "valid decimal"),
        (JobMaterialRecord, {"uuid": "m1", "quantity": "NaN"}, "jobmaterial m1 > quantity", "finite"),
        (JobRecord, {"uuid": "j1", "status": "Paused"}, "job j1 > status", "'Work Order'"),
        (JobRecord, {"uuid": "j1"}, "job j1 > status", "came as nothing"),
        (JobActivityRecord, {"uuid": "a1", "start_date": "18/11/2026"}, "jobactivity a1 > start_date", "such as 2026"),
        (JobActivityRecord, {"uuid": "a1", "start_date": "2026-02-30 10:00:00"}, "jobactivity a1 > start_date", "range"),
        (CompanyRecord, {"uuid": "c1", "badges": "[broken"}, "company c1 > badges", "delimiter|Expecting"),
    ],
)
def test_what_does_not_fit_names_record_and_field_but_never_the_value(
    model: type[JobRecord], row: dict[str, object], where: str, why: str
) -> None:
    with pytest.raises(BadRecord, match=why) as caught:
        parse(model, row)
    assert caught.value.where == where
    assert not any(str(value) in str(caught.value) for key, value in row.items() if key != "uuid")
