"""The first schema: connections, what is mirrored of Xero, jobs, billings and their requests, runs, log, alerts, books."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make every table of the first release."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("trouble", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("message_ref", sa.String(length=60), nullable=True),
        sa.Column("thread_ref", sa.String(length=60), nullable=True),
        sa.Column("run_id", sa.String(length=40), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint(
            "connection",
            "channel",
            "subject",
            "trouble",
            "open",
            name=op.f("uq_alerts_connection_channel_subject_trouble_open"),
        ),
    )
    op.create_index("ix_alerts_connection_status", "alerts", ["connection", "status"], unique=False)
    op.create_table(
        "billings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("milestone", sa.String(length=8), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("job_number", sa.String(200), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("book", sa.String(length=100), nullable=False),
        sa.Column("book_version", sa.Integer(), nullable=False),
        sa.Column("book_sha256", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=True),
        sa.Column("contact_id", sa.String(length=40), nullable=True),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("request_place", sa.Integer(), nullable=True),
        sa.Column("line_amount_types", sa.String(length=10), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("sub_total", sa.String(40), nullable=True),
        sa.Column("total_tax", sa.String(40), nullable=True),
        sa.Column("total", sa.String(40), nullable=True),
        sa.Column("invoice_id", sa.String(length=40), nullable=True),
        sa.Column("invoice_number", sa.String(255), nullable=True),
        sa.Column("invoice_status", sa.String(length=20), nullable=True),
        sa.Column("invoice_total", sa.String(40), nullable=True),
        sa.Column("invoice_tax", sa.String(40), nullable=True),
        sa.Column("trouble_code", sa.String(60), nullable=True),
        sa.Column("trouble_why", sa.String(), nullable=True),
        sa.Column("trouble_fix", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(), nullable=True),
        sa.Column("run_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.Column("written_back_at", sa.DateTime(), nullable=True),
        sa.Column("history_noted_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billings")),
        sa.UniqueConstraint(
            "connection", "job_id", "milestone", "sequence", name=op.f("uq_billings_connection_job_id_milestone_sequence")
        ),
    )
    op.create_index("ix_billings_connection_status", "billings", ["connection", "status"], unique=False)
    op.create_index("ix_billings_request_id", "billings", ["request_id"], unique=False)
    op.create_table(
        "book_versions",
        sa.Column("book", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("book", "version", name=op.f("pk_book_versions")),
    )
    op.create_table(
        "charts",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_charts")),
    )
    op.create_table(
        "connections",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("platform_kind", sa.String(length=40), nullable=False),
        sa.Column("rule_book", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("status_why", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=True),
        sa.Column("tenant_name", sa.String(300), nullable=True),
        sa.Column("xero_connection_id", sa.String(length=40), nullable=True),
        sa.Column("token_set", sa.String(length=200), nullable=True),
        sa.Column("poll_cursor", sa.Text(), nullable=True),
        sa.Column("live_from", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_connections")),
    )
    op.create_table(
        "contact_mirrors",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("modified_since", sa.DateTime(), nullable=True),
        sa.Column("refreshed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_contact_mirrors")),
    )
    op.create_table(
        "contacts",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("contact_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("name_key", sa.String(500), nullable=False),
        sa.Column("email_key", sa.String(300), nullable=True),
        sa.Column("contact_number", sa.String(60), nullable=True),
        sa.Column("account_number", sa.String(60), nullable=True),
        sa.Column("tax_number_key", sa.String(60), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("merged_to", sa.String(length=40), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "contact_id", name=op.f("pk_contacts")),
    )
    op.create_index("ix_contacts_tenant_id_account_number", "contacts", ["tenant_id", "account_number"], unique=False)
    op.create_index("ix_contacts_tenant_id_contact_number", "contacts", ["tenant_id", "contact_number"], unique=False)
    op.create_index("ix_contacts_tenant_id_email_key", "contacts", ["tenant_id", "email_key"], unique=False)
    op.create_index("ix_contacts_tenant_id_name_key", "contacts", ["tenant_id", "name_key"], unique=False)
    op.create_table(
        "customer_links",
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("contact_id", sa.String(length=40), nullable=False),
        sa.Column("matched_by", sa.String(length=40), nullable=False),
        sa.Column("linked_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "customer_id", name=op.f("pk_customer_links")),
    )
    op.create_index("ix_customer_links_tenant_id_contact_id", "customer_links", ["tenant_id", "contact_id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(200), nullable=False),
        sa.Column("raw_status", sa.String(200), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("marker", sa.String(), nullable=False),
        sa.Column("completed_on", sa.Date(), nullable=True),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(), nullable=False),
        sa.Column("decided_fingerprint", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("connection", "job_id", name=op.f("pk_jobs")),
    )
    op.create_table(
        "log",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=True),
        sa.Column("system", sa.String(length=20), nullable=False),
        sa.Column("operation", sa.String(80), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.String(200), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("bytes_in", sa.Integer(), nullable=True),
        sa.Column("correlation_id", sa.String(80), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log")),
    )
    op.create_index("ix_log_connection_at", "log", ["connection", "at"], unique=False)
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("operation", sa.String(length=40), nullable=False),
        sa.Column("method", sa.String(length=6), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("lease_until", sa.DateTime(), nullable=False),
        sa.Column("first_sent_at", sa.DateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("correlation_id", sa.String(80), nullable=True),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("run_id", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index("ix_requests_connection_status", "requests", ["connection", "status"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("trigger", sa.String(length=20), nullable=False),
        sa.Column("flow_run_id", sa.String(length=40), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_connection_started_at", "runs", ["connection", "started_at"], unique=False)
    op.create_table(
        "sightings",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("invoice_id", sa.String(length=40), nullable=False),
        sa.Column("billing_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=40), nullable=True),
        sa.Column("number", sa.String(255), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=True),
        sa.Column("total", sa.String(length=40), nullable=True),
        sa.Column("total_tax", sa.String(length=40), nullable=True),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "invoice_id", name=op.f("pk_sightings")),
    )
    op.create_index("ix_sightings_tenant_id_billing_id", "sightings", ["tenant_id", "billing_id"], unique=False)
    op.create_table(
        "sweeps",
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("swept_until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "tenant_id", name=op.f("pk_sweeps")),
    )
    op.create_table(
        "token_sets",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_sets")),
    )
    op.create_table(
        "unread_jobs",
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "job_id", name=op.f("pk_unread_jobs")),
    )


def downgrade() -> None:
    """There is nothing before it: a ledger is restored from a backup, never taken back."""
    raise NotImplementedError("restore the ledger from a backup instead")
