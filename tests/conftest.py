"""Shared fixtures: a real PostgreSQL per process, a clean migrated database per test, settings for the simulators."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.crypto import generate_key
from app.db.session import Database
from app.settings import Settings
from tests.support.api import Api, open_api
from tests.support.postgres import TestServer, migrated, running_server
from tests.support.world import SIM, World, open_world

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    """The server of this test process, in a folder that the server's own user can reach."""
    directory = Path(tempfile.mkdtemp(prefix="tieout-test-"))
    directory.chmod(0o711)
    try:
        with running_server(directory) as running:
            yield running
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_name(server: TestServer) -> Iterator[str]:
    """One migrated database for the whole process; tests clean up behind themselves."""
    name = f"tieout_test_{WORKER}_{os.getpid()}"
    migrated(server, name)
    yield name
    server.drop(name)


@pytest.fixture(scope="session")
def _tables(server: TestServer, migrated_name: str) -> str:
    with psycopg.connect(server.owner_url(migrated_name)) as connection:
        rows = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('public', 'procrastinate') AND tablename <> 'alembic_version'"
        ).fetchall()
    return ", ".join(str(row[0]) for row in rows)


@pytest.fixture
def database_url(server: TestServer, migrated_name: str, _tables: str) -> Iterator[str]:
    """The service's address of an empty, migrated database."""
    yield server.login_url(migrated_name)
    with psycopg.connect(server.owner_url(migrated_name), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'idle in transaction' AND usename = 'tieout_owner'"
            " AND pid <> pg_backend_pid()"
        )
        connection.execute(f"TRUNCATE {_tables} RESTART IDENTITY CASCADE")


@pytest.fixture
def owner_url(server: TestServer, migrated_name: str, database_url: str) -> str:
    """The owner's address of the same database."""
    assert database_url
    return server.owner_url(migrated_name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The three pools over an empty database."""
    opened = Database(database_url, pool_size=5)
    yield opened
    await opened.dispose()


@pytest.fixture
def make_settings(database_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """Complete settings whose vendors are the simulators' addresses; overrides by name."""

    def build(**overrides: Any) -> Settings:
        sim = str(overrides.pop("sim_url", "http://127.0.0.1:8100"))
        given: dict[str, Any] = {
            "environment": "development",
            "data_dir": tmp_path,
            "database_url": database_url,
            "encryption_keys": f"k1:{generate_key()}",
            "secret_key": "tests-only-" + "0123456789abcdef" * 3,
            "key_environment": "test",
            "quickbooks_client_id": "sim-intuit-client",
            "quickbooks_client_secret": "sim-intuit-secret",
            "quickbooks_sandbox_url": f"{sim}/intuit",
            "quickbooks_authorize_url": f"{sim}/intuit/connect/oauth2",
            "quickbooks_token_url": f"{sim}/intuit/oauth2/v1/tokens/bearer",
            "quickbooks_revoke_url": f"{sim}/intuit/v2/oauth2/tokens/revoke",
            "quickbooks_webhook_verifier_tokens": "intuit-verifier-new,intuit-verifier-old",
            "xero_client_id": "sim-xero-client",
            "xero_client_secret": "sim-xero-secret",
            "xero_sandbox_url": f"{sim}/xero",
            "xero_authorize_url": f"{sim}/xero/identity/connect/authorize",
            "xero_token_url": f"{sim}/xero/connect/token",
            "xero_revoke_url": f"{sim}/xero/connect/revocation",
            "xero_webhook_keys": "xero-key-new,xero-key-old",
            "return_url_allowlist": "http://localhost:3000/integrations",
        }
        return Settings(**{**given, **overrides})

    return build


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """The usual ones."""
    return make_settings()


@pytest.fixture
async def world(make_settings: Callable[..., Settings]) -> AsyncIterator[World]:
    """Simulators, runtime and an empty database in one process."""
    async with open_world(make_settings(sim_url=SIM)) as opened:
        yield opened


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    """The application over simulators and an empty database."""
    async with open_api(world) as opened:
        yield opened
