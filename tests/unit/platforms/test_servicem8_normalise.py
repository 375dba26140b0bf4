"""ServiceM8's records of a job become the one Job that everything after it reads."""

from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from milepost.jobs import EXPORT_MARK, Job, Stage
from milepost.platforms.servicem8.lines import PriceList
from milepost.platforms.servicem8.normalise import AccountFacts, JobParts, normalise
from milepost.platforms.servicem8.records import BadRecord
from milepost.platforms.servicem8.settings import ServiceM8Settings

SETTINGS = ServiceM8Settings.model_validate({"api_key": "key", "job_url": "https://example.com/jobs/{number}?id={uuid}"})
ACCOUNT = AccountFacts(
    timezone="Australia/Perth",
    currency="AUD",
    prices=PriceList(
        materials={"hwu": {"uuid": "hwu", "item_number": "HWU250"}, "rate": {"uuid": "rate", "item_number": "LAB"}},
        tax_rates={"gst": {"uuid": "gst", "name": "GST on Income", "amount": "10"}},
        labour=frozenset({"rate"}),
    ),
    categories={"cat": "Plumbing"},
    queues={"q": "Workshop"},
    badges={"vip": "VIP", "war": "Warranty"},
)
JOB_ROW: dict[str, Any] = {
    "uuid": "6c0b1f0e-2f4e-4a6f-9a0b-23eb246cb2eb",
    "active": 1,
    "edit_date": "2026-11-18 16:42:10",
    "generated_job_id": "1482",
    "date": "2026-11-12",
    "company_uuid": "0a7b1f0e-2f4e-4a6f-9a0b-23eb246cb2eb",
    "status": "Completed",
    "job_address": "12 Kauri St\nAlbany WA 6330",
    "billing_address": "PO Box 9\nAlbany WA 6331",
    "geo_is_valid": 1,
    "geo_street": "Kauri St",
    "geo_number": "12",
    "geo_city": "Albany",
    "geo_state": "WA",
    "geo_postcode": "6330",
    "geo_country": "Australia",
    "lat": -35.02,
    "lng": 117.88,
    "job_description": "Replace hot water unit\nRing first.",
    "work_done_description": "Installed 250L unit, tested.",
    "category_uuid": "cat",
    "purchase_order_number": "PO-7781",
    "badges": '["war"]',
    "queue_uuid": "q",
    "total_invoice_amount": "1842.50",
    "quote_date": "2026-11-10 09:00:00",
    "quote_sent": 1,
    "work_order_date": "2026-11-12 08:00:00",
    "completion_date": "2026-11-18 16:40:00",
    "payment_processed": 0,
    "payment_processed_stamp": "0000-00-00 00:00:00",
    "customfield_cost_centre": "Plumbing",
}
PARTS = JobParts(
    job=JOB_ROW,
    company={
        "uuid": "0a7b1f0e-2f4e-4a6f-9a0b-23eb246cb2eb",
        "name": "Ngaio Cafe",
        "abn_number": "51824753556",
        "is_individual": 0,
        "payment_terms": "14 days",
        "badges": '["vip"]',
        "billing_address": "PO Box 9\nAlbany WA 6331",
    },
    company_contacts=[{"uuid": "cc1", "first": "Billie", "last": "Kahu", "email": "bills@example.com", "type": "BILLING"}],
    contacts=[
        {"uuid": "jc1", "first": "Jo", "last": "Low", "mobile": "0400 000 001", "type": "JOB"},
        {"uuid": "jc2", "first": "Gone", "type": "JOB", "active": 0},
    ],
    materials=[
        {
            "uuid": "l1",
            "material_uuid": "hwu",
            "name": "250L HWU",
            "quantity": "1.0000",
            "price": "1350.0000",
            "displayed_amount": "1485.00",
            "displayed_amount_is_tax_inclusive": "1",
            "tax_rate_uuid": "gst",
            "cost": "980.0000",
            "sort_order": "1",
        },
        {
            "uuid": "l2",
            "material_uuid": "rate",
            "name": "Fitting",
            "quantity": "2.5000",
            "price": "130.0000",
            "displayed_amount": "143.00",
            "displayed_amount_is_tax_inclusive": "1",
            "tax_rate_uuid": "gst",
            "sort_order": "2",
        },
        {"uuid": "l3", "name": "Struck out", "quantity": "1", "price": "99", "active": 0},
    ],
    payments=[
        {
            "uuid": "p1",
            "timestamp": "2026-11-12 23:30:00",
            "amount": "500.00",
            "method": "Stripe",
            "is_deposit": 1,
            "note": "ch_1",
        }
    ],
    activities=[
        {
            "uuid": "a1",
            "start_date": "2026-11-14 08:00:00",
            "end_date": "2026-11-14 09:00:00",
            "activity_was_scheduled": "1",
        },
        {"uuid": "a2", "start_date": "2026-11-18 13:00:00", "end_date": "2026-11-18 15:30:00", "activity_was_recorded": "1"},
    ],
)


def job(parts: JobParts = PARTS, account: AccountFacts = ACCOUNT, **fields: Any) -> Job:
    return normalise(replace(parts, job={**parts.job, **fields}), account, SETTINGS)


def test_a_completed_job_whole(snapshot: SnapshotAssertion) -> None:
    assert job().model_dump(mode="json", exclude_defaults=True) == snapshot


@pytest.mark.parametrize(
    ("status", "activities", "stage"),
    [
        ("Quote", (), Stage.QUOTE),
        ("Work Order", (), Stage.SCHEDULED),
        ("Work Order", PARTS.activities[:1], Stage.SCHEDULED),
        ("Work Order", PARTS.activities, Stage.IN_PROGRESS),
        ("Completed", (), Stage.COMPLETED),
        ("Unsuccessful", (), Stage.CANCELLED),
    ],
)
def test_the_stage_and_the_platforms_own_word(status: str, activities: Any, stage: Stage) -> None:
    found = job(replace(PARTS, activities=activities), status=status)
    assert (found.raw_status, found.stage) == (status, stage)


def test_the_completion_date_is_the_accounts_own_whatever_utc_says() -> None:
    late = job(account=replace(ACCOUNT, timezone="Pacific/Auckland"), completion_date="2026-11-30 23:59:00")
    assert str(late.completed_on) == "2026-11-30"
    assert str(late.dates.completed) == "2026-11-30 23:59:00+13:00"


@pytest.mark.parametrize("stamp", ["2026-04-05 02:30:00", "2026-09-27 02:30:00"])
def test_an_hour_that_comes_twice_or_never_still_has_its_date(stamp: str) -> None:
    found = job(account=replace(ACCOUNT, timezone="Pacific/Auckland"), completion_date=stamp)
    assert str(found.completed_on) == stamp[:10]


def test_a_reopened_job_is_not_complete() -> None:
    assert job(status="Work Order").dates.completed is None


def test_a_job_marked_as_exported_says_that_billing_may_double_it() -> None:
    found = job(payment_processed=1, payment_processed_stamp="2026-11-19 08:00:00")
    assert found.export_processed is True
    assert any(f"{EXPORT_MARK} on 2026-11-19 08:00" in text and "double" in text for text in found.warnings)
    assert job().export_processed is False


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"total_invoice_amount": "1900.00"}, "shows 1900.00 as the total"),
        ({"total_invoice_amount": "1842.51"}, None),
        ({"total_invoice_amount": "1675.00"}, None),
        ({"total_invoice_amount": ""}, None),
    ],
)
def test_a_total_that_the_lines_do_not_make_up_is_said(change: dict[str, Any], said: str | None) -> None:
    warnings = job(**change).warnings
    assert len(warnings) == (said is not None)
    assert all(said and said in text for text in warnings)


def test_recorded_time_is_evidence_and_said_only_where_no_line_bills_labour() -> None:
    materials = [PARTS.materials[0]]
    found = job(replace(PARTS, materials=materials), total_invoice_amount="1485.00")
    assert found.warnings == ("2.50 hours were recorded on this job, but it has no labour line",)
    assert [line.id for line in found.lines] == ["l1"]


def test_a_client_that_is_not_there_and_a_payment_without_an_amount_are_said() -> None:
    found = job(replace(PARTS, company=None, payments=[{"uuid": "p2", "amount": ""}]))
    assert (found.customer, found.payments) == (None, ())
    assert [text.split(" of this job")[0] for text in found.warnings] == ["the client", "a payment"]


def test_what_the_credentials_may_not_read_is_said_on_the_job() -> None:
    found = job(account=replace(ACCOUNT, unread=["payments (scope read_job_payments)"], warnings=["no zone"]))
    assert found.warnings == ("no zone", "ServiceM8 does not let these credentials read payments (scope read_job_payments)")


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({}, "Replace hot water unit"),
        ({"job_description": "\n "}, "Plumbing"),
        ({"job_description": "", "category_uuid": ""}, "Job 1482"),
        ({"job_description": "x" * 300}, "x" * 119 + "…"),
    ],
)
def test_the_title_is_the_first_line_of_the_description(fields: dict[str, Any], title: str) -> None:
    assert job(**fields).title == title


def test_an_address_that_was_not_geocoded_is_read_as_typed() -> None:
    site = job(geo_is_valid=0, geo_state="").site
    assert site
    assert site.address
    assert (site.address.line1, site.address.city, site.region) == ("12 Kauri St", "Albany", "")


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        ({"quote_sent": 0, "quote_date": "0000-00-00 00:00:00"}, "no quote"),
        ({"status": "Quote"}, None),
        ({}, "2026-11-12 08:00:00+08:00"),
    ],
)
def test_a_quote_is_accepted_when_it_becomes_a_work_order(fields: dict[str, Any], accepted: str | None) -> None:
    quote = job(**fields).quote
    said = "no quote" if quote is None else quote.accepted_at and str(quote.accepted_at)
    assert said == accepted


@pytest.mark.parametrize("part", ["materials", "payments", "contacts", "activities", "bundles", "company_contacts"])
def test_one_bad_record_of_any_kind_names_its_place(part: str) -> None:
    bad: dict[str, Any] = {"uuid": "bad", "quantity": "two", "amount": "five", "first": ["x"], "start_date": "soon"}
    changed: dict[str, Any] = {part: [bad]}
    with pytest.raises(BadRecord, match=r"bad > (quantity|amount|first|start_date)"):
        job(replace(PARTS, **changed))


def test_a_change_that_alters_no_invoice_keeps_the_fingerprint() -> None:
    assert job(edit_date="2026-11-19 10:00:00").fingerprint == job().fingerprint
    assert job(purchase_order_number="PO-1").fingerprint != job().fingerprint
