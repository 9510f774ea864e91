"""Alembic's way in: runs the migrations on the connection that it is handed. Imported as a module it does nothing."""

from alembic import context


def migrate() -> None:
    """Run what is asked for within the caller's transaction, all of it or nothing."""
    context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic loads this file
    migrate()
