"""ServiceM8's records as it sends them, as far as they are read.

Reference: ServiceM8 OpenAPI 1.0, components.schemas; `schema` names the part.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from milepost.platforms.servicem8.settings import Status
from milepost.platforms.servicem8.values import Amount, Day, Flag, LocalStamp, Text, Uuids, as_text

CUSTOM_FIELD = "customfield_"


class ServiceM8Record(BaseModel):
    """What every record has. `kind` is its name in paths, `schema` its name in the OpenAPI description."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
    kind: ClassVar[str]
    schema_name: ClassVar[str]

    uuid: str
    active: Flag = True


class VendorRecord(ServiceM8Record):
    """The account."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listVendors
    kind = "vendor"
    schema_name = "Vendor"
    name: Text = ""
    timezone_name: Text = ""
    currency: Text = ""


class JobRecord(ServiceM8Record):
    """A job. `total_invoice_amount` and `generated_job_id` are ServiceM8's own; `payment_*` fields are dead."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listJobs
    kind = "job"
    schema_name = "Job"
    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
    edit_date: LocalStamp = None
    generated_job_id: Text = ""
    date: Day = None
    company_uuid: Text = ""
    status: Status
    job_address: Text = ""
    billing_address: Text = ""
    geo_is_valid: Flag = False
    geo_number: Text = ""
    geo_street: Text = ""
    geo_city: Text = ""
    geo_state: Text = ""
    geo_postcode: Text = ""
    geo_country: Text = ""
    job_description: Text = ""
    work_done_description: Text = ""
    category_uuid: Text = ""
    queue_uuid: Text = ""
    badges: Uuids = ()
    purchase_order_number: Text = ""
    total_invoice_amount: Amount = None
    quote_date: LocalStamp = None
    quote_sent: Flag = False
    work_order_date: LocalStamp = None
    completion_date: LocalStamp = None
    payment_processed: Flag = False
    payment_processed_stamp: LocalStamp = None

    @property
    def custom_fields(self) -> dict[str, str]:
        """The account's own fields without their prefix; empty ones are left out."""
        extra = self.model_extra or {}
        named = {k.removeprefix(CUSTOM_FIELD): as_text(v) for k, v in extra.items() if k.startswith(CUSTOM_FIELD)}
        return {name: value for name, value in named.items() if isinstance(value, str) and value}


class JobMaterialRecord(ServiceM8Record):
    """A line of a job. `price` and `cost` are unit values before tax; `displayed_amount` is what people see."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listJobMaterials
    kind = "jobmaterial"
    schema_name = "JobMaterial"
    job_uuid: Text = ""
    material_uuid: Text = ""
    name: Text = ""
    quantity: Amount = None
    price: Amount = None
    displayed_amount: Amount = None
    displayed_amount_is_tax_inclusive: Flag = False
    tax_rate_uuid: Text = ""
    cost: Amount = None
    sort_order: Amount = None
    job_material_bundle_uuid: Text = ""


class JobMaterialBundleRecord(ServiceM8Record):
    """A group of lines shown as one. Its price fields are not in the description, and tolerated where they come."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listJobMaterialBundles
    kind = "jobmaterialbundle"
    schema_name = "JobMaterialBundle"
    job_uuid: Text = ""
    item_number: Text = ""
    name: Text = ""
    quantity: Amount = None
    sort_order: Amount = None
    price: Amount = None
    tax_rate_uuid: Text = ""


class JobActivityRecord(ServiceM8Record):
    """A booking or a recorded visit: evidence of time, never billed."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listJobActivities
    kind = "jobactivity"
    schema_name = "JobActivity"
    job_uuid: Text = ""
    start_date: LocalStamp = None
    end_date: LocalStamp = None
    activity_was_scheduled: Flag = False
    activity_was_recorded: Flag = False


class JobPaymentRecord(ServiceM8Record):
    """Money received for a job."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listJobPayments
    kind = "jobpayment"
    schema_name = "JobPayment"
    job_uuid: Text = ""
    timestamp: LocalStamp = None
    amount: Amount = None
    method: Text = ""
    note: Text = ""
    is_deposit: Flag = False


class ContactRecord(ServiceM8Record):
    """A person of a job or a company; `type` is JOB, BILLING or Property Manager."""

    first: Text = ""
    last: Text = ""
    phone: Text = ""
    mobile: Text = ""
    email: Text = ""
    type: Text = ""


class JobContactRecord(ContactRecord):
    """A person to reach about one job."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listJobContacts
    kind = "jobcontact"
    schema_name = "JobContact"
    job_uuid: Text = ""


class CompanyContactRecord(ContactRecord):
    """A person of a company."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listCompanyContacts
    kind = "companycontact"
    schema_name = "CompanyContact"
    company_uuid: Text = ""
    is_primary_contact: Flag = False


class CompanyRecord(ServiceM8Record):
    """A customer, company or person."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listClients
    kind = "company"
    schema_name = "Company"
    name: Text = ""
    abn_number: Text = ""
    address: Text = ""
    billing_address: Text = ""
    address_street: Text = ""
    address_city: Text = ""
    address_state: Text = ""
    address_postcode: Text = ""
    address_country: Text = ""
    is_individual: Flag = False
    parent_company_uuid: Text = ""
    badges: Uuids = ()
    payment_terms: Text = ""


class TaxRateRecord(ServiceM8Record):
    """A tax rate; `amount` in percent."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listTaxRates
    kind = "taxrate"
    schema_name = "TaxRate"
    name: Text = ""
    amount: Amount = None


class MaterialRecord(ServiceM8Record):
    """An entry of the price list: where a line's item code stands."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listMaterials
    kind = "material"
    schema_name = "Material"
    name: Text = ""
    item_number: Text = ""


class StaffRecord(ServiceM8Record):
    """A member of staff, for the material that stands for their labour rate."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listStaffMembers
    kind = "staff"
    schema_name = "Staff"
    labour_material_uuid: Text = ""


class NamedRecord(ServiceM8Record):
    """Anything of which only the name is read."""

    kind = "named"
    schema_name = ""
    name: Text = ""


class CategoryRecord(NamedRecord):
    """A job category."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listCategories
    kind = "category"
    schema_name = "Category"


class QueueRecord(NamedRecord):
    """A job queue."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listJobQueues
    kind = "queue"
    schema_name = "Queue"


class BadgeRecord(NamedRecord):
    """A badge of a job or company."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listBadges
    kind = "badge"
    schema_name = "Badge"


class NoteRecord(ServiceM8Record):
    """A note in a job's diary."""

    # Reference: ServiceM8 OpenAPI 1.0, operation listNotes
    kind = "note"
    schema_name = "Note"
    related_object: Text = ""
    related_object_uuid: Text = ""
    note: Text = ""


RECORDS: tuple[type[ServiceM8Record], ...] = (
    VendorRecord,
    JobRecord,
    JobMaterialRecord,
    JobMaterialBundleRecord,
    JobActivityRecord,
    JobPaymentRecord,
    JobContactRecord,
    CompanyContactRecord,
    CompanyRecord,
    TaxRateRecord,
    MaterialRecord,
    StaffRecord,
    CategoryRecord,
    QueueRecord,
    BadgeRecord,
    NoteRecord,
)
UNDOCUMENTED = {"jobmaterialbundle": frozenset({"price", "tax_rate_uuid"})}
"""What is read though no description names it, by kind."""

R = TypeVar("R", bound=ServiceM8Record)


class BadRecord(ValueError):
    """A record that is not as described. `where` names it and the field, `why` the mismatch, neither any value."""

    def __init__(self, where: str, why: str) -> None:
        self.where = where
        self.why = why
        super().__init__(f"{where}: {why}")


def parse(model: type[R], row: Mapping[str, Any]) -> R:
    """The record of a row. Raises BadRecord."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        why = first["msg"].removeprefix("Value error, ")
        came = type(row.get(field)).__name__ if field in row else "nothing"
        raise BadRecord(f"{model.kind} {key_of(row)} > {field}", f"{why}; came as {came}") from error


def key_of(row: Mapping[str, Any]) -> str:
    """The record's uuid for messages."""
    key = row.get("uuid")
    return key if isinstance(key, str) and re.fullmatch(r"[\w-]{1,40}", key) else "?"
