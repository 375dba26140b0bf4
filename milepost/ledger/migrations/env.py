"""Alembic's environment: it migrates the one connection it is given, inside that connection's transaction."""

from alembic import context

from milepost.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
