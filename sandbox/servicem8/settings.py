"""How the simulated ServiceM8 behaves; what nobody has proven about the real one is a switch here."""

from dataclasses import dataclass, field
from typing import Literal

ALL_SCOPES = (
    "vendor read_jobs manage_jobs create_jobs read_customers manage_customers read_customer_contacts"
    " manage_customer_contacts read_job_contacts manage_job_contacts read_job_materials manage_job_materials"
    " read_inventory manage_inventory read_schedule manage_schedule read_staff manage_staff read_job_notes"
    " publish_job_notes read_attachments manage_attachments read_job_categories manage_job_categories"
    " read_job_payments manage_job_payments read_tax_rates manage_tax_rates"
)


@dataclass
class ServiceM8Settings:
    """Real limits are on; from `total_is_tax_inclusive` on, unproven behaviours at the likelier value."""

    limits: bool = True
    per_minute: int = 180
    per_day: int = 20_000
    page_size: int = 5000
    clients: dict[str, str] = field(default_factory=lambda: {"servicem8-app": "servicem8-secret"})
    authorising_account: str = ""  # the account that consents; the first one when empty
    access_seconds: int = 3600
    total_is_tax_inclusive: bool = True  # job.total_invoice_amount
    lines_touch_job: bool = True  # a changed jobmaterial moves the job's edit_date
    webhook_body: Literal["json", "form", "jwt"] = "json"
    app_secret: str = "servicem8-app-secret"  # noqa: S105 - signs the "jwt" webhook bodies of a sandbox
