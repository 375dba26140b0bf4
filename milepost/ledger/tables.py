"""The ledger's tables, as SQLAlchemy Core; migrations in `migrations/` make exactly these."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from milepost.ledger.columns import Moment, Money, Words, metadata
from milepost.ledger.event_tables import events, hook_secrets

__all__ = ["events", "hook_secrets", "metadata"]

connections = Table(
    "connections",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("platform_kind", String(40), nullable=False),
    Column("rule_book", String(100), nullable=False),
    Column("status", String(20), nullable=False),  # pending connected token_expired error disconnected
    Column("status_why", Words(), nullable=False, default=""),
    Column("tenant_id", String(40)),
    Column("tenant_name", Words(300)),
    Column("xero_connection_id", String(40)),
    Column("token_set", String(200)),
    Column("poll_cursor", Text),
    Column("live_from", Date),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

token_sets = Table(
    "token_sets",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    Column("id", String(300), primary_key=True),
    Column("client_id", Words(200), nullable=False),
    Column("tenant_id", String(40), nullable=False),
    Column("per_day", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("ix_budgets_tenant_id", "tenant_id"),
)

leases = Table(
    "leases",
    metadata,
    Column("key", String(300), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("holding", String(32), nullable=False),
    Column("until", Moment, nullable=False),
    Column("taken_at", Moment, nullable=False),
)

charts = Table(
    "charts",
    metadata,
    Column("tenant_id", String(40), primary_key=True),
    Column("snapshot", Text, nullable=False),
    Column("fetched_at", Moment, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("tenant_id", String(40), primary_key=True),
    Column("contact_id", String(40), primary_key=True),
    Column("name", Words(500), nullable=False),
    Column("name_key", Words(500), nullable=False),
    Column("email_key", Words(300)),
    Column("contact_number", Words(60)),
    Column("account_number", Words(60)),
    Column("tax_number_key", Words(60)),
    Column("status", String(20), nullable=False),
    Column("merged_to", String(40)),
    Column("updated_at", Moment),
    Index("ix_contacts_tenant_id_name_key", "tenant_id", "name_key"),
    Index("ix_contacts_tenant_id_email_key", "tenant_id", "email_key"),
    Index("ix_contacts_tenant_id_contact_number", "tenant_id", "contact_number"),
    Index("ix_contacts_tenant_id_account_number", "tenant_id", "account_number"),
)

contact_mirrors = Table(
    "contact_mirrors",
    metadata,
    Column("tenant_id", String(40), primary_key=True),
    Column("modified_since", Moment),
    Column("refreshed_at", Moment, nullable=False),
)

customer_links = Table(
    "customer_links",
    metadata,
    Column("connection", String(40), primary_key=True),
    Column("customer_id", Words(), primary_key=True),
    Column("tenant_id", String(40), nullable=False),
    Column("contact_id", String(40), nullable=False),
    Column("matched_by", String(40), nullable=False),
    Column("linked_at", Moment, nullable=False),
    Index("ix_customer_links_tenant_id_contact_id", "tenant_id", "contact_id"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("connection", String(40), primary_key=True),
    Column("job_id", Words(), primary_key=True),
    Column("number", Words(200), nullable=False),
    Column("raw_status", Words(200), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("marker", Words(), nullable=False, default=""),
    Column("completed_on", Date),
    Column("customer_id", Words()),
    Column("snapshot", Text, nullable=False),
    Column("fetched_at", Moment, nullable=False),
    Column("decided_fingerprint", String(64)),  # the fingerprint that a run last decided on; another one waits
)

unread_jobs = Table(
    "unread_jobs",
    metadata,
    Column("connection", String(40), primary_key=True),
    Column("job_id", Words(), primary_key=True),
    Column("why", Words(), nullable=False),
    Column("since", Moment, nullable=False),
    Column("fix", Words(), nullable=False, default=""),
    Column("failures", Integer, nullable=False, default=0),
    Column("next_attempt_at", Moment),  # null: read by every poll, as the trouble is in the job
    Column("given_up", Boolean, nullable=False, default=False),
)

billings = Table(
    "billings",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("connection", String(40), nullable=False),
    Column("job_id", Words(), nullable=False),
    Column("milestone", String(8), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("job_number", Words(200), nullable=False),
    Column("customer_id", Words()),
    Column("status", String(10), nullable=False),  # planned held sending done failed skipped
    Column("decision", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("book", String(100), nullable=False),
    Column("book_version", Integer, nullable=False),
    Column("book_sha256", String(64), nullable=False, default=""),
    Column("tenant_id", String(40)),
    Column("contact_id", String(40)),
    Column("request_id", String(36)),
    Column("request_place", Integer),
    Column("line_amount_types", String(10)),
    Column("currency", String(3)),
    Column("sub_total", Money),
    Column("total_tax", Money),
    Column("total", Money),
    Column("invoice_id", String(40)),
    Column("invoice_number", Words(255)),
    Column("invoice_status", String(20)),
    Column("invoice_total", Money),
    Column("invoice_tax", Money),
    Column("trouble_code", Words(60)),
    Column("trouble_why", Words()),
    Column("trouble_fix", Words()),
    Column("attempts", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),  # rungs of the retry ladder that are used
    Column("next_attempt_at", Moment),
    Column("by_hand", Words(100)),  # who said that a person has billed it
    Column("run_id", String(40)),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("done_at", Moment),
    Column("written_back_at", Moment),
    Column("history_noted_at", Moment),
    UniqueConstraint("connection", "job_id", "milestone", "sequence"),
    Index("ix_billings_connection_status", "connection", "status"),
    Index("ix_billings_request_id", "request_id"),
)

sightings = Table(
    "sightings",
    metadata,
    Column("tenant_id", String(40), primary_key=True),
    Column("invoice_id", String(40), primary_key=True),
    Column("billing_id", String(36), nullable=False),
    Column("contact_id", String(40)),
    Column("number", Words(255)),
    Column("status", String(20)),
    Column("total", Money),
    Column("total_tax", Money),
    Column("seen_at", Moment, nullable=False),
    Index("ix_sightings_tenant_id_billing_id", "tenant_id", "billing_id"),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("connection", String(40), primary_key=True),
    Column("tenant_id", String(40), primary_key=True),
    Column("swept_until", Moment, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("connection", String(40), nullable=False),
    Column("tenant_id", String(40), nullable=False),
    Column("operation", String(40), nullable=False),  # create-invoices create-contacts restore-contact
    Column("method", String(6), nullable=False),
    Column("path", String(300), nullable=False),
    Column("body", Text, nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("status", String(10), nullable=False),  # sending settled
    Column("owner", String(200), nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("first_sent_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, default=1),
    Column("http_status", Integer),
    Column("correlation_id", Words(80)),
    Column("settled_at", Moment),
    Column("run_id", String(40)),
    Index("ix_requests_connection_status", "connection", "status"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("connection", String(40), nullable=False),
    Column("trigger", String(20), nullable=False),
    Column("flow_run_id", String(40)),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("counts", Text, nullable=False, default="{}"),
    Index("ix_runs_connection_started_at", "connection", "started_at"),
)

log = Table(
    "log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("connection", String(40), nullable=False),
    Column("run_id", String(40)),
    Column("system", String(20), nullable=False),  # xero platform slack email ledger
    Column("operation", Words(80), nullable=False),
    Column("entity", Words(40), nullable=False, default=""),
    Column("entity_id", Words(200), nullable=False, default=""),
    Column("status", String(20), nullable=False),
    Column("http_status", Integer),
    Column("duration_ms", Integer),
    Column("bytes_in", Integer),
    Column("correlation_id", Words(80)),
    Column("detail", Words(), nullable=False, default=""),
    Index("ix_log_connection_at", "connection", "at"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("connection", String(40), nullable=False),
    Column("channel", String(10), nullable=False),  # slack email
    Column("subject", Words(), nullable=False),  # a billing's id, `run:<id>`, `job:<id>`, `connection`
    Column("trouble", String(64), nullable=False),  # what is wrong, hashed: the same trouble is told once
    Column("status", String(20), nullable=False),  # pending sent resolving resolved
    Column("open", Boolean),  # true while it stands, null once resolved: unique only while open
    Column("payload", Text, nullable=False),
    Column("message_ref", String(60)),
    Column("thread_ref", String(60)),
    Column("run_id", String(40)),
    Column("attempts", Integer, nullable=False, default=0),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("resolved_at", Moment),
    UniqueConstraint("connection", "channel", "subject", "trouble", "open"),
    Index("ix_alerts_connection_status", "connection", "status"),
)

book_versions = Table(
    "book_versions",
    metadata,
    Column("book", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("published_at", Moment, nullable=False),
    Column("published_by", Words(100)),
)

revisions = Table(
    "revisions",
    metadata,
    Column("request_id", String(36), primary_key=True),
    Column("billing_id", String(36), primary_key=True),
    Column("connection", String(40), nullable=False),
    Column("job_id", Words(), nullable=False),
    Column("milestone", String(8), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", String(10), nullable=False),  # update void
    Column("status", String(10), nullable=False),  # sending done undone
    Column("place", Integer, nullable=False),
    Column("decision", Text, nullable=False),  # what the invoice becomes
    Column("replaced", Text, nullable=False),  # what it was
    Column("contact_id", String(40)),
    Column("sent_at", Moment, nullable=False),
    Column("settled_at", Moment),
    Index("ix_revisions_connection_job_id", "connection", "job_id"),
)

awaited_changes = Table(
    "awaited_changes",
    metadata,
    Column("billing_id", String(36), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("since", Moment, nullable=False),
)
