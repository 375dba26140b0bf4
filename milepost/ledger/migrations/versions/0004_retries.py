"""The retry ladder: how far failed work has climbed it; and who said that a billing is handled by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """What failed before begins the ladder at its foot."""
    op.add_column("billings", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("billings", sa.Column("by_hand", sa.String(100), nullable=True))
    op.add_column("unread_jobs", sa.Column("fix", sa.String(), nullable=False, server_default=""))
    op.add_column("unread_jobs", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("unread_jobs", sa.Column("next_attempt_at", sa.DateTime(), nullable=True))
    op.add_column("unread_jobs", sa.Column("given_up", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """A ledger is restored from a backup, never taken back."""
    raise NotImplementedError("restore the ledger from a backup instead")
