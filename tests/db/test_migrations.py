"""The schema: built by Alembic from empty, equal to the tables, and reversible."""

from collections.abc import Iterator

import psycopg
import pytest
from alembic import command

from app.db.migrating import config_for, upgrade
from tests.support.postgres import TestServer


@pytest.fixture
def fresh(server: TestServer) -> Iterator[str]:
    server.create("tieout_migrations")
    yield server.owner_url("tieout_migrations")
    server.drop("tieout_migrations")


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {row[0] for row in rows} - {"alembic_version"}


def test_up_from_empty_equals_the_tables_and_goes_down_again(fresh: str) -> None:
    upgrade(fresh, "tieout_login")
    assert "invoices" in tables(fresh)
    command.check(config_for(fresh))
    command.downgrade(config_for(fresh), "base")
    assert tables(fresh) == set()
    upgrade(fresh, "tieout_login")
    assert "invoices" in tables(fresh)


def test_every_table_of_a_firm_is_walled(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        unwalled = connection.execute(
            """
            SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'firm_id'
            WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
              AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                       AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'firm'))
            """
        ).fetchall()
        walled = connection.execute("SELECT count(DISTINCT polrelid) FROM pg_policy WHERE polname = 'firm'").fetchone()
    assert unwalled == []
    assert walled is not None
    assert walled[0] >= 25


def test_the_firms_role_cannot_read_grants(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE tieout_app")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT sealed_refresh FROM grants")


def test_the_owner_is_no_superuser(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == (False, False)
