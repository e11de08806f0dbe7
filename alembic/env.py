"""Runs the migrations as the owner: one at a time, with short lock waits so that a busy table is never frozen."""

import os

import sqlalchemy as sa
from alembic import context
from sqlalchemy.engine import Connection, make_url

from app.db import file_tables, ledger_tables, sync_tables, tables
from app.db.base import Table

REGISTERED = (file_tables, ledger_tables, sync_tables, tables)  # importing them puts their tables into Table.metadata

LOCK_TIMEOUT = "4s"
STATEMENT_TIMEOUT = "60s"


def _url() -> str:
    url = context.config.get_main_option("sqlalchemy.url") or os.environ.get(
        "MIGRATION_DATABASE_URL", os.environ.get("DATABASE_URL", "")
    )
    if not url:
        raise SystemExit("Set MIGRATION_DATABASE_URL (or DATABASE_URL), or run `tieout migrate`.")
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "schema" or name is None


def run(connection: Connection) -> None:
    """Apply what is missing in one transaction, while holding the migrators' lock."""
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    connection.exec_driver_sql(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('tieout-migrations'))")
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        compare_server_default=False,
        include_name=_ours,
    )
    context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations run online only: row-level security and roles depend on the server.")

engine = sa.create_engine(_url(), poolclass=sa.pool.NullPool)
with engine.begin() as _connection:
    run(_connection)
