"""Alembic's environment: always run by `leadtrackr.db.migrate`, which hands over an open connection."""

from alembic import context

from leadtrackr.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
