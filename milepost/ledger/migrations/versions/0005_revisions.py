"""Changes of invoices that were made: each update and voiding, frozen before it is sent; and changes that settle first."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Nothing that was billed before was changed by us."""
    op.create_table(
        "revisions",
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("billing_id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("milestone", sa.String(length=8), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("replaced", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.String(length=40), nullable=True),
        sa.Column("sent_at", sa.DateTime(), nullable=False),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", "billing_id", name=op.f("pk_revisions")),
    )
    op.create_index("ix_revisions_connection_job_id", "revisions", ["connection", "job_id"], unique=False)
    op.create_table(
        "awaited_changes",
        sa.Column("billing_id", sa.String(length=36), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("billing_id", name=op.f("pk_awaited_changes")),
    )


def downgrade() -> None:
    """A ledger is restored from a backup, never taken back."""
    raise NotImplementedError("restore the ledger from a backup instead")
