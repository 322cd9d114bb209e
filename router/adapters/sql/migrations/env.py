"""Run by alembic. The connection, its transaction and the lock are the caller's (`router/adapters/sql/upgrade.py`)."""

from alembic import context

from router.adapters.sql.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
