"""What each ServiceM8 object holds when nothing is set, and the scope that reads or writes it.

Source: ServiceM8's OpenAPI description, objects and "OAuth Scope" notes. Flags are 0/1, money is text.
"""

import uuid
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
EMPTY_STAMP = "0000-00-00 00:00:00"
STATUSES = ("Quote", "Work Order", "Unsuccessful", "Completed")
_NAMESPACE = uuid.UUID("5d1f0f3c-6a53-5a3e-9c0b-3f5f6a1b2c4d")


@dataclass(frozen=True)
class Scopes:
    """The OAuth scope for each thing that can be done to an object; None where it cannot be done."""

    read: str
    create: str | None
    change: str | None


SCOPES = {
    "vendor": Scopes("vendor", None, None),
    "job": Scopes("read_jobs", "create_jobs", "manage_jobs"),
    "jobmaterial": Scopes("read_job_materials", "manage_job_materials", "manage_job_materials"),
    "jobmaterialbundle": Scopes("read_job_materials", "manage_job_materials", "manage_job_materials"),
    "jobactivity": Scopes("read_schedule", "manage_schedule", "manage_schedule"),
    "jobpayment": Scopes("read_job_payments", "manage_job_payments", "manage_job_payments"),
    "jobcontact": Scopes("read_job_contacts", "manage_job_contacts", "manage_job_contacts"),
    "company": Scopes("read_customers", "manage_customers", "manage_customers"),
    "companycontact": Scopes("read_customer_contacts", "manage_customer_contacts", "manage_customer_contacts"),
    "taxrate": Scopes("read_tax_rates", "manage_tax_rates", "manage_tax_rates"),
    "staff": Scopes("read_staff", "manage_staff", "manage_staff"),
    "category": Scopes("read_job_categories", "manage_job_categories", "manage_job_categories"),
    "material": Scopes("read_inventory", "manage_inventory", "manage_inventory"),
    "note": Scopes("read_job_notes", "publish_job_notes", None),
    "attachment": Scopes("read_attachments", "manage_attachments", None),
}
REQUIRED = {
    "job": ("status",),
    "jobmaterial": ("quantity",),
    "company": ("name",),
    "taxrate": ("name",),
    "staff": ("first", "last", "email"),
    "category": ("name",),
    "material": ("name",),
}
READ_ONLY = {
    "job": frozenset(
        [
            "edit_date",
            "generated_job_id",
            "total_invoice_amount",
            "payment_processed_stamp",
            "payment_received_stamp",
            "invoice_sent_stamp",
            "quote_sent_stamp",
            "completion_actioned_by_uuid",
            "lat",
            "lng",
            "geo_country",
            "geo_postcode",
            "geo_state",
            "geo_city",
            "geo_street",
            "geo_number",
            "job_is_scheduled_until_stamp",
        ]
    ),
    "jobpayment": frozenset({"edit_date", "is_deposit"}),
    "company": frozenset({"edit_date", "is_individual"}),
}
_TEXT = {
    "vendor": "name abn_number business_number website email email_accounts billing_address"
    " default_region currency timezone_name invoice_terms job_default_status",
    "job": "created_by_staff_uuid date company_uuid billing_address status category_uuid"
    " purchase_order_number geo_country geo_postcode geo_state geo_city geo_street"
    " geo_number queue_uuid queue_assigned_staff_uuid job_address job_description"
    " work_done_description generated_job_id completion_actioned_by_uuid",
    "jobmaterial": "job_uuid material_uuid name quantity price displayed_amount"
    " displayed_amount_is_tax_inclusive tax_rate_uuid sort_order cost displayed_cost"
    " job_material_bundle_uuid",
    "jobmaterialbundle": "job_uuid item_number name quantity material_bundle_uuid",
    "jobactivity": "job_uuid staff_uuid activity_was_scheduled activity_was_recorded"
    " activity_was_automated has_been_opened material_uuid",
    "jobpayment": "job_uuid actioned_by_uuid amount method note attachment_uuid",
    "jobcontact": "job_uuid first last phone mobile email type",
    "company": "name abn_number website address billing_address address_street address_city"
    " address_state address_postcode address_country fax_number parent_company_uuid"
    " tax_rate_uuid billing_attention payment_terms",
    "companycontact": "company_uuid first last phone mobile email type is_primary_contact",
    "taxrate": "name amount",
    "staff": "first last email mobile job_title color status_message security_role_uuid labour_material_uuid",
    "category": "name colour",
    "material": "name item_number price cost barcode item_description use_description_for_invoicing tax_rate_uuid",
    "note": "related_object related_object_uuid note action_required action_completed_by_staff_uuid edit_by_staff_uuid",
    "attachment": "related_object related_object_uuid attachment_name file_type attachment_source"
    " tags photo_width photo_height extracted_info is_favourite created_by_staff_uuid"
    " metadata",
}
_STAMPS = {
    "job": "payment_date invoice_sent_stamp ready_to_invoice_stamp queue_expiry_date"
    " quote_date quote_sent_stamp work_order_date payment_processed_stamp"
    " payment_received_stamp completion_date unsuccessful_date"
    " job_is_scheduled_until_stamp",
    "jobactivity": "start_date end_date has_been_opened_timestamp",
    "jobpayment": "timestamp",
    "note": "create_date",
    "attachment": "timestamp",
}
_OTHER: dict[str, Row] = {
    "job": {
        "geo_is_valid": 0,
        "invoice_sent": 0,
        "quote_sent": 0,
        "payment_processed": 0,
        "payment_received": 0,
        "ready_to_invoice": "",
        "badges": "[]",
        "payment_amount": "",
        "payment_method": "",
        "payment_note": "",
        "payment_actioned_by_uuid": "",
        "lat": 0,
        "lng": 0,
    },
    "jobmaterialbundle": {"sort_order": 0},
    "jobactivity": {"travel_time_in_seconds": 0, "travel_distance_in_meters": 0},
    "jobpayment": {"is_deposit": 0},
    "company": {"is_individual": 0, "badges": "[]"},
    "taxrate": {"is_default_tax_rate": 0},
    "staff": {"lat": 0, "lng": 0, "hide_from_schedule": 0},
    "material": {"quantity_in_stock": 0, "price_includes_taxes": 0, "item_is_inventoried": 0},
    "attachment": {"lat": 0, "lng": 0},
}


def blank(kind: str) -> Row:
    """A new record of this kind with every documented field at its empty value."""
    row: Row = {"uuid": "", "active": 1, "edit_date": EMPTY_STAMP}
    row.update(dict.fromkeys(_TEXT[kind].split(), ""))
    row.update(dict.fromkeys(_STAMPS.get(kind, "").split(), EMPTY_STAMP))
    row.update(_OTHER.get(kind, {}))
    return row


def stable_uuid(*parts: str) -> str:
    """The same uuid for the same parts in every run, so that tests can name a record."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))
