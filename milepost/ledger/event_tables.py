"""The ledger's tables of what came in by webhook; migrations in `migrations/` make exactly these."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from milepost.ledger.columns import Moment, Words, metadata

events = Table(
    "events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("source", String(10), nullable=False),  # platform xero
    Column("connection", String(40), nullable=False, default=""),  # of a platform's event
    Column("tenant_id", String(40), nullable=False, default=""),  # of one of Xero's
    Column("kind", String(20), nullable=False),  # job INVOICE CONTACT ...
    Column("subject", Words(), nullable=False),  # the job's id, the invoice's
    Column("mark", String(64), nullable=False),  # what tells this event from the next of the same subject
    Column("received_at", Moment, nullable=False),
    Column("status", String(10), nullable=False),  # waiting working done
    Column("owner", String(200)),
    Column("due_at", Moment, nullable=False),  # while working: when it is taken from an owner that cannot be seen
    Column("attempts", Integer, nullable=False, default=0),
    Column("done_at", Moment),
    Index("ix_events_status_due_at", "status", "due_at"),
    Index("ix_events_mark", "mark"),
)

hook_secrets = Table(
    "hook_secrets",
    metadata,
    Column("connection", String(40), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", Moment, nullable=False),
)
