"""Who published a version of a rule book."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Of versions published before, nobody knows."""
    op.add_column("book_versions", sa.Column("published_by", sa.String(100), nullable=True))


def downgrade() -> None:
    """A ledger is restored from a backup, never taken back."""
    raise NotImplementedError("restore the ledger from a backup instead")
